"""Files put into the work tree: whole or not at all, and never through a link.

Folders are opened one by one from the project's root, each refused where it is
a symbolic link, and names are given relative to the open folder. A folder that
is swapped for a link meanwhile leads nowhere.
"""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH108, PTH112, PTH118

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, ConflictError
from jupyter_mlx.store.copying import clone, hash_file
from jupyter_mlx.store.files import TEMP_PREFIX, make_folder, umask, write_all

from .links import Link, is_inner
from .manifest import PROGRAM, BadManifestError, Entry
from .marks import Known, Marks
from .scan import DIGEST_AT, KINDS, look_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jupyter_mlx.store.base import ObjectStore


FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class MovedFileError(ConflictError):
    """A file was written to while the data around it was being checked out."""

    code = "file-changed-meanwhile"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} was changed meanwhile and is left as it is; run the command again"


class FileInTheWayError(ConflictError):
    """A file that was not looked at stands where one of the data belongs, and is another."""

    code = "file-in-the-way"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path} is in the way of a file of the data and is left as it is: a `.mlxignore` excludes it, "
            "or it came meanwhile; move it away, then run the command again"
        )


@contextlib.contextmanager
def opened(root: Path, folder: str) -> Iterator[int]:
    """A folder of the project, made if need be, opened without following links.

    Raises:
        AccessError: one on the way is a link or a file.
    """
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in filter(None, folder.split("/")):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=fd)
            above, fd = fd, os.open(name, FOLDER_FLAGS, dir_fd=fd)
            os.close(above)
        yield fd
    except NotADirectoryError:
        problem = "is a link or a file where a folder should be; nothing was written through it"
        raise AccessError(folder, problem) from None
    finally:
        os.close(fd)


def are_apart(place: int, temp: str, one: bytes, other: bytes) -> bool:
    """Whether two names are two files in a new folder `temp` of the open folder `place`; it is removed again."""
    os.mkdir(temp, dir_fd=place)
    folder = os.open(temp, FOLDER_FLAGS, dir_fd=place)
    try:
        for name in (one, other):
            os.close(os.open(name, _NEW, 0o600, dir_fd=folder))
        return True
    except FileExistsError:
        return False
    finally:
        for name in (one, other):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        os.close(folder)
        os.rmdir(temp, dir_fd=place)


@dataclass(slots=True)
class Placer:
    """What writing into the work tree needs, and what it did."""

    root: Path
    store: ObjectStore
    temp: Path
    link: Link
    temp_fd: int = field(default=-1, init=False)
    mask: int = field(default_factory=umask, init=False)
    _prefix: str = field(default_factory=lambda: os.urandom(8).hex(), init=False)
    _count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        make_folder(str(self.temp))
        self.temp_fd = os.open(self.temp, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the temporary folder."""
        os.close(self.temp_fd)

    def unique(self) -> str:
        """A name that no other process uses."""
        self._count += 1
        return f"{self._prefix}{self._count:x}"


class Spot:
    """One open folder of the work tree, to write into.

    `hidden` folders are not in their place yet: nobody sees a half-written file in
    them, so that files are written at once under their own names.
    """

    def __init__(self, placer: Placer, fd: int, path: bytes, hidden_at: bytes | None = None) -> None:
        self.fd, self.path, self.hidden = fd, path, hidden_at is not None
        self._real = hidden_at or os.path.join(os.fsencode(placer.root), path)
        self._placer = placer
        self.seen: Known = {}
        """What the survey saw of files that are replaced or removed: one that looks different now is left alone."""
        self.placed = Marks()
        """The marks of what was written."""
        self._part: Known = {}
        self.linked: set[bytes] = set()
        """Those of `placed` that are the store's own, read-only, files."""
        self.gone: list[bytes] = []
        """Files that were removed."""
        # a rename can't leave the file system: where `.mlx/` is on another, temporary files stand beside
        self._beside = os.fstat(fd).st_dev != os.fstat(placer.temp_fd).st_dev

    @contextlib.contextmanager
    def below(self, name: bytes, *, fresh: bool) -> Iterator[Spot]:
        """The folder `name` in this one; a `fresh` one is filled where nobody sees it, then put in place."""
        path = self.path + b"/" + name if self.path else name
        place, temp = (self.fd, name) if self.hidden or not fresh else self._temp()
        if fresh:
            os.mkdir(temp, dir_fd=place)
        fd = os.open(temp, FOLDER_FLAGS, dir_fd=place)
        try:
            if temp != name:
                fcntl.flock(fd, fcntl.LOCK_EX)  # so that nobody takes it for one that was left over
            yield Spot(self._placer, fd, path, self._full(place, temp) if fresh or self.hidden else None)
            if temp != name:
                os.rename(temp, name, src_dir_fd=place, dst_dir_fd=self.fd)
        except BaseException:
            if temp != name:
                shutil.rmtree(self._full(place, temp), ignore_errors=True)
            raise
        finally:
            os.close(fd)

    def end_part(self) -> None:
        """What is written from now on comes after what was written before, in the order of the names."""
        if self._part:
            self.placed.add(dict(sorted(self._part.items())))
            self._part = {}

    def small(self, entries: Sequence[Entry]) -> Known:
        """Put files here, all below `SMALL_BYTES`, together in memory; their marks.

        Raises:
            ObjectNotFoundError, CorruptError: one is not in the store, or damaged; none of them was written.
        """
        found = dict(self._placer.store.stream([entry.digest for entry in entries]))
        return {entry.name: self._write(entry, found[entry.digest]) for entry in entries}

    def note(self, marks: Known) -> None:
        """These files are here now."""
        self._part.update(marks)

    def _write(self, entry: Entry, data: bytes) -> bytes:
        place, name = (self.fd, entry.name) if self.hidden else self._temp()
        file = os.open(name, _NEW, 0o777 if entry.kind == PROGRAM else 0o666, dir_fd=place)
        try:
            if os.write(file, data) != len(data):
                os.lseek(file, 0, os.SEEK_SET)
                write_all(file, data)
            if not self.hidden:
                self._swap(place, name, entry.name)
            return _mark(entry, os.fstat(file))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=place)
            raise
        finally:
            os.close(file)

    def symlink(self, entry: Entry) -> None:
        """Put a symbolic link of the data here."""
        if not is_inner(self.path, entry.digest):
            where = os.fsdecode(self.path + b"/" + entry.name)
            raise BadManifestError(where, f"a link in it leaves the project (to {os.fsdecode(entry.digest)})")
        self._link_to(entry.digest, entry.name)

    def large(self, entry: Entry) -> None:
        """Put a file of an object of its own here, connected to the store as was asked for."""
        link, store = self._placer.link, self._placer.store
        target = None if link == Link.COPY else store.linkable(entry.of)
        if target is None and link in {Link.REFLINK, Link.HARDLINK, Link.SYMLINK} and entry.kind != PROGRAM:
            target = store.inflate(entry.of)
        if target is None or entry.kind == PROGRAM or link not in {Link.HARDLINK, Link.SYMLINK}:
            self._copy(target, entry)
        elif link == Link.SYMLINK:
            here = os.path.join(os.fsencode(self._placer.root), self.path)
            self._link_to(os.path.relpath(os.fsencode(target), here), entry.name)
        else:
            self._hard_link(target, entry)

    def is_linked(self, entry: Entry) -> bool:
        """Whether a large file that is here is connected to the store as was asked for."""
        found = os.stat(entry.name, dir_fd=self.fd, follow_symlinks=False)
        # a program can't share the store's file, which is not executable
        link = Link.COPY if entry.kind == PROGRAM else self._placer.link
        target = self._placer.store.linkable(entry.of)
        if link == Link.SYMLINK:
            return stat.S_ISLNK(found.st_mode)
        shared = target is not None and target.stat().st_ino == found.st_ino
        return shared == (link == Link.HARDLINK) and not stat.S_ISLNK(found.st_mode)

    def remove(self, name: bytes) -> None:
        """Remove a file or link from here, unless it changed since it was looked at."""
        with self._losing_link(self._require_unchanged(name)):
            os.unlink(name, dir_fd=self.fd)
        self.gone.append(name)

    def _copy(self, target: Path | None, entry: Entry) -> None:
        place, name = self._temp()
        full = self._full(place, name)
        try:
            if target is None or not _cloned(target, full):
                if self._placer.link == Link.REFLINK:
                    self._refuse(entry)
                self._placer.store.copy_to(entry.of, Path(os.fsdecode(full)))
            mode = 0o777 if entry.kind == PROGRAM else 0o666
            os.chmod(name, mode & ~self._placer.mask, dir_fd=place)
            self._swap(place, name, entry.name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=place)
            raise
        self._note(entry)

    def _refuse(self, entry: Entry) -> None:
        where = os.fsdecode(self.path + b"/" + entry.name)
        raise AccessError(where, "this file system has no reflinks; use `--link auto` or `--link hardlink`")

    def _hard_link(self, target: Path, entry: Entry) -> None:
        place, name = self._temp()
        with self._placer.store.relinking(entry.of):
            os.link(target, name, dst_dir_fd=place)
            self._swap(place, name, entry.name)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=place)  # renaming one link of a file over another leaves both
        self._note(entry)
        self.linked.add(entry.name)

    def _link_to(self, text: bytes, name: bytes) -> None:
        place, temp = self._temp()
        os.symlink(text, temp, dir_fd=place)
        self._swap(place, temp, name)

    def _swap(self, place: int, temp: bytes, name: bytes) -> None:
        """Rename a finished file over the old one, unless that changed since it was looked at."""
        try:
            with self._losing_link(self._require_unchanged(name)):
                os.rename(temp, name, src_dir_fd=place, dst_dir_fd=self.fd)
        except FileInTheWayError:
            is_same = self._are_same(place, temp, name)
            os.unlink(temp, dir_fd=place)
            if not is_same:
                raise
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temp, dir_fd=place)
            raise

    def _are_same(self, place: int, temp: bytes, name: bytes) -> bool:
        """Whether the finished file and the one that is there are files with the same bytes."""
        fds = []
        try:
            for folder, each in ((place, temp), (self.fd, name)):
                fds.append(os.open(each, _READ, dir_fd=folder))
            looks = [os.fstat(fd) for fd in fds]
            is_file = all(stat.S_ISREG(look.st_mode) for look in looks)
            return is_file and looks[0].st_size == looks[1].st_size and hash_file(fds[0]) == hash_file(fds[1])
        except OSError:
            return False
        finally:
            for fd in fds:
                os.close(fd)

    def _require_unchanged(self, name: bytes) -> bytes | None:
        """Refuse to replace what was changed; the digest of a file that is there and shares its bytes."""
        mark = self.seen.get(name)
        try:
            found = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISLNK(found.st_mode):
            return None
        if mark is None:
            raise FileInTheWayError(os.fsdecode(self.path + b"/" + name).lstrip("/"))
        if not mark.startswith(look_of(found)):
            raise MovedFileError(os.fsdecode(self.path + b"/" + name).lstrip("/"))
        return mark[DIGEST_AT:] if found.st_nlink > 1 else None

    def _losing_link(self, raw: bytes | None) -> contextlib.AbstractContextManager[None]:
        """While a link to an object is replaced or removed, if it is one."""
        return self._placer.store.relinking(Digest(raw.hex())) if raw else contextlib.nullcontext()

    def _note(self, entry: Entry) -> None:
        found = os.stat(entry.name, dir_fd=self.fd, follow_symlinks=False)
        self.note({entry.name: _mark(entry, found)})

    def _temp(self) -> tuple[int, bytes]:
        """An open folder on this file system, and a new name in it."""
        if self._beside:
            return self.fd, f".mlx-{self._placer.unique()}.tmp".encode()
        return self._placer.temp_fd, f"{TEMP_PREFIX}{self._placer.unique()}".encode()

    def _full(self, place: int, name: bytes) -> bytes:
        """A path for what can't take an open folder."""
        if _has_open_folders():  # by the open folder, so that no link can redirect it
            return f"/proc/self/fd/{place}/".encode() + name
        return os.path.join(self._real if place == self.fd else os.fsencode(self._placer.temp), name)


def _mark(entry: Entry, found: os.stat_result) -> bytes:
    return look_of(found) + KINDS[entry.kind] + entry.digest


@functools.cache
def _has_open_folders() -> bool:
    return os.path.isdir("/proc/self/fd")


def _cloned(source: Path, target: bytes) -> bool:
    """Whether `target` was made as a reflink of `source`; else it does not exist."""
    with source.open("rb") as file:
        fd = os.open(target, _NEW, 0o600)
        try:
            if clone(file.fileno(), fd):
                return True
        finally:
            os.close(fd)
    os.unlink(target)
    return False
