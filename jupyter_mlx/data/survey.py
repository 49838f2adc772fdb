"""What is in the work tree now: one walk, folder by folder, inner folders first.

What the stat cache knows is not read. A folder is let go of as soon as it is
finished, and its files are looked at some thousand at a time, so that of the
largest folder the names alone are in memory. What is done with the bytes that
are read, and with each folder, is a `Reader`'s.
"""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH118, PTH120

from __future__ import annotations

import os
import stat
import sys
import time
from typing import TYPE_CHECKING, TypeAlias

from jupyter_mlx.errors import AccessError, UsageError
from jupyter_mlx.store.base import SMALL_BYTES, FileChangedError

from . import ignore
from .folder import Folder
from .links import is_inner, stored_name
from .manifest import FILE, LINK, MOST_DEEP, PROGRAM, Entry, TooDeepError
from .marks import TOGETHER, Asked, Marks, changed
from .progress import SILENT
from .scan import DIGEST_AT, KIND_AT, KINDS, Row, is_settled, look_of, size_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from .ignore import Ignore
    from .progress import Progress
    from .reading import Reader
    from .scan import Look, StatCache

    Unread: TypeAlias = list[tuple[bytes, Look, int, int]]
    """Of each file that is to be read: name, look, size in bytes, kind."""

_ATTEMPTS = 3
_TOGETHER = 1000
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()

PASSED_OVER = frozenset({b".ipynb_checkpoints", b".DS_Store"})
"""What Jupyter and macOS leave in folders that are looked at: no part of the data."""
TEMP_PREFIX, TEMP_SUFFIX = b".mlx-", b".tmp"
"""Half-written files of `checkout` on another file system than that of `.mlx/`."""


class OuterLinkError(UsageError):
    """A symbolic link in tracked data does not stay in it."""

    code = "outer-link"

    def __init__(self, path: str, target: str) -> None:
        super().__init__(path, target)
        self.path, self.target = path, target

    def __str__(self) -> str:
        return (
            f"{self.path} is a symbolic link that leaves the project or is absolute (to {self.target}), "
            "so what it leads to can't be versioned; put a copy in its place"
        )


class SpecialFileError(UsageError):
    """A device, socket or pipe stands in tracked data."""

    code = "special-file"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is neither a file nor a folder nor a link; move it out of the data"


class Survey:
    """One walk over one path of the work tree."""

    def __init__(
        self,
        root: Path,
        cache: StatCache,
        reader: Reader,
        *,
        objects: Path | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self._root, self._cache, self._reader = os.fsencode(root), cache, reader
        self._objects = os.fsencode(objects) if objects else None
        self._progress, self._files_in_all, self._bytes_in_all = progress, 0, 0
        self._open: list[Folder] = []
        self.mark: bytes | None = None
        """What a single file looked like, and its digest."""

    def path(self, path: bytes) -> Entry | None:
        """What is at `path`, relative to the project; None where nothing is.

        Raises:
            AccessError: something can't be read.
            FileChangedError: a file changes whenever it is read.
            UsageError: something can't be kept (a link out of the project, a device, a bad name).
        """
        self._progress.total(0, 0)
        full = os.path.join(self._root, path)
        above, name = os.path.split(path)
        try:
            found = os.lstat(full)
            if not stat.S_ISDIR(found.st_mode):
                return self._single(os.path.dirname(full), above, name, found)
            folder = self._folder(None, full, path, name, ignore.above(self._root, path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise AccessError.of(error, os.fsdecode(path)) from None
        return folder.entry(name) if folder else None

    # one file

    def _single(self, full: bytes, above: bytes, name: bytes, found: os.stat_result) -> Entry | None:
        folder = Folder(above, time.time_ns(), self._cache.load(above))
        fd = os.open(full, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(found.st_mode):
                return self._other(fd, above, name, found.st_mode)
            look, kind = look_of(found), PROGRAM if found.st_mode & 0o100 else FILE
            self._expect(1, found.st_size)
            mark = Asked(folder.before.files).among([name]).get(name)
            if mark is not None and mark.startswith(look):
                folder.files[name] = self.mark = mark
                self._reader.begin(folder)
                if not self._reader.absent(folder):
                    self._progress.advance(1, found.st_size)
                    return Entry(name, mark[KIND_AT], mark[DIGEST_AT:], found.st_size, 1)
            self.mark = mark = self._read(fd, above, name, look, kind)
        finally:
            os.close(fd)
        if mark is None:
            return None
        self._progress.advance(1, found.st_size if found.st_size < SMALL_BYTES else 0)
        if is_settled(mark, folder.started_ns):
            self._reader.learnt(above, Row(changed(folder.before.files, (), Marks([{name: mark}]))))
        return Entry(name, mark[KIND_AT], mark[DIGEST_AT:], size_of(mark), 1)

    # folders

    def _folder(
        self, above: int | None, opened: bytes, path: bytes, name: bytes, outer: Ignore | None
    ) -> Folder | None:
        """A folder and all below it; None where it is gone.

        `opened` is its path from the open folder `above`, where the rules `outer` hold.
        """
        if len(self._open) >= MOST_DEEP:
            raise TooDeepError(os.fsdecode(self._open[0].path))
        folder = Folder(path, time.time_ns(), self._cache.load(path))
        try:
            fd = os.open(opened, _LIST, dir_fd=above)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AccessError.of(error, os.fsdecode(path)) from None
        self._reader.begin(folder, name, self._open[-1] if self._open else None)
        self._open.append(folder)
        try:
            rules = ignore.inside(outer, name, fd, path)
            names, folders = _names(fd, rules)
            self._files(fd, folder, names)
            for inner in folders:
                below = self._folder(fd, inner, path + b"/" + inner, inner, rules)
                if below is not None:
                    folder.take(inner, below)
        except OSError as error:
            raise AccessError.of(error, os.fsdecode(path)) from None
        finally:
            self._open.pop()
            os.close(fd)
        folder.finish()
        self._reader.seen(folder)
        return folder

    def _files(self, fd: int, folder: Folder, names: list[bytes]) -> None:
        """Look at the files and links of an open folder; `names`, in falling order, are used up."""
        while names:
            some = names[: -TOGETHER - 1 : -1]
            del names[-TOGETHER:]
            folder.begin_part(some)
            self._look(fd, folder, some)
            again = self._reader.absent(folder)
            if again:
                self._read_again(fd, folder, again)
            folder.end_part()

    def _look(self, fd: int, folder: Folder, names: Sequence[bytes]) -> None:
        """Look at some files and links, and read those that are unknown, in order, so that they lie so in the packs."""
        known, files = folder.known, folder.files
        unread: Unread = []
        size = 0
        for name in names:
            try:
                found = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:  # it was removed since the folder was listed
                continue
            if not stat.S_ISREG(found.st_mode):
                folder.add(self._other(fd, folder.path, name, found.st_mode))
                continue
            look, mark = look_of(found), known.get(name)
            if mark is not None and mark.startswith(look):
                files[name] = mark
                size += found.st_size
                continue
            unread.append((name, look, found.st_size, PROGRAM if found.st_mode & 0o100 else FILE))
            if len(unread) == _TOGETHER:
                self._read_all(fd, folder, unread)
                unread = []
        self._expect(len(files), size)
        self._progress.advance(len(files), size)
        self._read_all(fd, folder, unread)

    def _read_again(self, fd: int, folder: Folder, digests: Collection[bytes]) -> None:
        """Read the files that the cache knew, but whose objects are not in the store."""
        unread: Unread = []
        for name, mark in list(folder.files.items()):
            if mark[DIGEST_AT:] in digests:
                del folder.files[name]
                unread.append((name, mark[:KIND_AT], size_of(mark), mark[KIND_AT]))
        self._read_all(fd, folder, unread)

    def _read_all(self, fd: int, folder: Folder, unread: Unread) -> None:
        """Read files of an open folder."""
        self._expect(len(unread), sum(size for _, _, size, _ in unread))
        read, small = folder.read, self._reader.small
        files = told = 0
        for name, look, size, kind in unread:
            files += 1
            if size < SMALL_BYTES:
                told += size
                data = self._unchanged(fd, folder.path, name, look, size)
                if data is not None:
                    read[name] = look + KINDS[kind] + small(data)
                    continue
            mark = self._read(fd, folder.path, name, look, kind)
            if mark is not None:
                read[name] = mark
            if size >= SMALL_BYTES:  # its bytes were told as they were read
                self._progress.advance(files, told)
                self._reader.pause(self._open)
                files = told = 0
        self._progress.advance(files, told)
        self._reader.pause(self._open)

    def _unchanged(self, folder: int, path: bytes, name: bytes, look: Look, size: int) -> bytes | None:
        """The bytes of a small file that still looks as it did; None where it does not, or is gone."""
        try:
            fd = os.open(name, _READ, dir_fd=folder)
            try:
                data, found = os.read(fd, size + 1), os.fstat(fd)
            finally:
                os.close(fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AccessError.of(error, os.fsdecode(path + b"/" + name)) from None
        return data if len(data) == size and look_of(found) == look else None

    def _expect(self, files: int, size_bytes: int) -> None:
        self._files_in_all += files
        self._bytes_in_all += size_bytes
        self._progress.total(self._files_in_all, self._bytes_in_all)

    # what one name is

    def _other(self, fd: int, path: bytes, name: bytes, mode: int) -> Entry | None:
        """What a name is that is neither file nor folder; None where it is gone.

        Raises:
            SpecialFileError, OuterLinkError: it can't be kept.
        """
        if not stat.S_ISLNK(mode):
            raise SpecialFileError(os.fsdecode(path + b"/" + name))
        try:
            return self._link(fd, path, name)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AccessError.of(error, os.fsdecode(path + b"/" + name)) from None

    def _link(self, fd: int, path: bytes, name: bytes) -> Entry:
        target = os.readlink(name, dir_fd=fd)
        if self._objects:
            hex_digits = stored_name(self._objects, os.path.join(self._root, path), target)
            if hex_digits:
                size = os.stat(name, dir_fd=fd).st_size
                self._expect(1, size)
                self._progress.advance(1, size)
                return Entry(name, FILE, bytes.fromhex(hex_digits), size, 1)
        if not is_inner(path, target):
            raise OuterLinkError(os.fsdecode(path + b"/" + name), os.fsdecode(target))
        return Entry(name, LINK, target, 0, 1)

    def _read(self, folder: int, path: bytes, name: bytes, look: Look, kind: int) -> bytes | None:
        """The mark of a file that is read now; None where it is gone.

        Raises:
            FileChangedError: it was written to each time.
        """
        try:
            for _ in range(_ATTEMPTS):
                fd = os.open(name, _READ, dir_fd=folder)
                try:
                    small = size_of(look) < SMALL_BYTES
                    data = _read_small(fd, size_of(look)) if small else None
                    digest = None if small else self._reader.large(fd, self._told)
                    found = os.fstat(fd)
                finally:
                    os.close(fd)
                before, look = look, look_of(found)
                if look == before:
                    if data is not None:
                        digest = self._reader.small(data)
                    if digest is not None:
                        return look + KINDS[kind] + digest
                if not stat.S_ISREG(found.st_mode):
                    raise SpecialFileError(os.fsdecode(path + b"/" + name))
                kind = PROGRAM if found.st_mode & 0o100 else FILE
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AccessError.of(error, os.fsdecode(path + b"/" + name)) from None
        raise FileChangedError(os.fsdecode(path + b"/" + name))

    def _told(self, count: int) -> None:
        self._progress.advance(0, count)


def _names(fd: int, rules: Ignore | None) -> tuple[list[bytes], list[bytes]]:
    """The names in an open folder that are data: of files and links, in falling order, and of folders."""
    names: list[bytes] = []
    folders: list[bytes] = []
    with os.scandir(fd) as listing:
        for item in listing:
            name = item.name.encode(_ENCODING, _ERRORS)
            if name.startswith(b".") and _is_passed_over(name):
                continue
            is_folder = item.is_dir(follow_symlinks=False)
            if not (rules and rules.excludes(name, is_folder=is_folder)):
                (folders if is_folder else names).append(name)
    names.sort(reverse=True)
    return names, sorted(folders)


def _read_small(fd: int, size: int) -> bytes | None:
    """All of a small file; None where it has another size by now."""
    data = os.read(fd, size + 1)
    while len(data) < size and (more := os.read(fd, size + 1 - len(data))):
        data += more
    return data if len(data) == size else None


def _is_passed_over(name: bytes) -> bool:
    return name in PASSED_OVER or (name.startswith(TEMP_PREFIX) and name.endswith(TEMP_SUFFIX))
