"""What is in the work tree now: files and folders read into manifests.

What the stat cache knows is not read. With a batch, what is read is stored in
the same pass; the bytes that are hashed are the bytes that are kept.
"""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH118, PTH120

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from jupyter_mlx.errors import AccessError, UsageError
from jupyter_mlx.store.base import SMALL_BYTES, FileChangedError
from jupyter_mlx.store.files import hash_file

from . import ignore
from .links import is_inner, stored_name
from .manifest import FILE, FOLDER, LINK, PROGRAM, Entry, Manifest
from .progress import SILENT
from .scan import is_settled, look_of

if TYPE_CHECKING:
    from jupyter_mlx.store.base import Batch

    from .ignore import Ignore
    from .progress import Progress
    from .scan import Known, Look, StatCache

_ATTEMPTS = 3
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

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
    """One look at one path of the work tree."""

    def __init__(
        self,
        root: Path,
        cache: StatCache,
        *,
        objects: Path | None = None,
        batch: Batch | None = None,
        distrust: frozenset[bytes] = frozenset(),
        progress: Progress = SILENT,
    ) -> None:
        self._root, self._cache = os.fsencode(root), cache
        self._objects = os.fsencode(objects) if objects else None
        self._batch, self._distrust, self._progress = batch, distrust, progress
        self._known: dict[bytes, Known] = {}
        self._learnt: dict[bytes, Known] = {}
        self.manifests: dict[bytes, Manifest] = {}
        """Of each folder that was seen, by its digest."""
        self.recalled: set[bytes] = set()
        """Digests of files that were not read, for the cache knew them."""
        self.seen: dict[bytes, Known] = {}
        """What each file looked like, by folder."""

    def path(self, path: bytes) -> Entry | None:
        """What is at `path`, relative to the project; None where nothing is.

        Raises:
            AccessError: something can't be read.
            FileChangedError: a file changes whenever it is read.
            UsageError: something can't be kept (a link out of the project, a device, a bad name).
        """
        full = os.path.join(self._root, path)
        above, name = os.path.split(path)
        try:
            found = os.lstat(full)
            if stat.S_ISDIR(found.st_mode):
                self._known = self._cache.load_below(path)
                return self._folder(None, full, path, name, ignore.above(self._root, path))
            self._known = {above: self._cache.load(above)}
            return self._single(os.path.dirname(full), above, name, found)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise AccessError.of(error, os.fsdecode(path)) from None

    def remember(self) -> None:
        """Tell the cache what was learnt."""
        self._cache.keep(self._learnt)

    def _single(self, full: bytes, above: bytes, name: bytes, found: os.stat_result) -> Entry | None:
        started = time.time_ns()
        fd = os.open(full, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            entry = self._entry(fd, above, name, found)
        finally:
            os.close(fd)
        seen, before = self.seen.get(above, {}), self._known.get(above, {})
        if any(before.get(name) != known and is_settled(known[:4], started) for name, known in seen.items()):
            self._learnt[above] = {**before, **seen}
        return entry

    def _folder(
        self, above: int | None, opened: bytes, path: bytes, name: bytes, outer: Ignore | None
    ) -> Entry:
        """A folder and all below it; `opened` is its path from the open folder `above`, where `outer` holds."""
        started, entries = time.time_ns(), []
        fd = os.open(opened, _LIST, dir_fd=above)
        try:
            self.seen[path] = {}
            rules = ignore.inside(outer, name, fd, path)
            with os.scandir(fd) as listing:
                for item in listing:
                    inner = os.fsencode(item.name)
                    if _is_passed_over(inner):
                        continue
                    is_folder = item.is_dir(follow_symlinks=False)
                    if rules and rules.excludes(inner, is_folder=is_folder):
                        continue
                    if is_folder:
                        entries.append(self._folder(fd, inner, path + b"/" + inner, inner, rules))
                    elif entry := self._listed(fd, path, inner, item):
                        entries.append(entry)
        finally:
            os.close(fd)
        self._learn(path, started)
        manifest = Manifest.of(entries)
        digest = blake3(manifest.encode()).digest()
        self.manifests[digest] = manifest
        return Entry(name, FOLDER, digest, manifest.size_bytes, manifest.files)

    def _listed(self, fd: int, path: bytes, name: bytes, item: os.DirEntry[str]) -> Entry | None:
        try:
            return self._entry(fd, path, name, item.stat(follow_symlinks=False))
        except FileNotFoundError:  # it was removed since the folder was listed
            return None
        except OSError as error:
            raise AccessError.of(error, os.fsdecode(path + b"/" + name)) from None

    def _learn(self, path: bytes, started: int) -> None:
        before, seen = self._known.get(path, {}), self.seen[path]
        if seen != before:
            self._learnt[path] = {
                name: known
                for name, known in seen.items()
                if before.get(name) == known or is_settled(known[:4], started)
            }

    def _entry(self, fd: int, path: bytes, name: bytes, found: os.stat_result) -> Entry | None:
        """What one name in the open folder `path` is."""
        mode = found.st_mode
        if stat.S_ISLNK(mode):
            return self._link(fd, path, name)
        if not stat.S_ISREG(mode):
            raise SpecialFileError(os.fsdecode(path + b"/" + name))
        look = look_of(found)
        known = self._known.get(path, {}).get(name)
        if known is not None and known[:4] == look and known[4] not in self._distrust:
            digest = known[4]
            self.recalled.add(digest)
        else:
            digest, look = self._read(fd, path, name, look)
            known = (*look, digest)
        self.seen.setdefault(path, {})[name] = known
        self._progress.advance(1, look[0])
        return Entry(name, PROGRAM if mode & 0o100 else FILE, digest, look[0], 1)

    def _link(self, fd: int, path: bytes, name: bytes) -> Entry | None:
        target = os.readlink(name, dir_fd=fd)
        if self._objects:
            hex_digits = stored_name(self._objects, os.path.join(self._root, path), target)
            if hex_digits:
                size = os.stat(name, dir_fd=fd).st_size
                digest = bytes.fromhex(hex_digits)
                self.recalled.add(digest)
                return Entry(name, FILE, digest, size, 1)
        if not is_inner(path, target):
            raise OuterLinkError(os.fsdecode(path + b"/" + name), os.fsdecode(target))
        return Entry(name, LINK, target, 0, 1)

    def _read(self, folder: int, path: bytes, name: bytes, look: Look) -> tuple[bytes, Look]:
        """The digest of a file, and its look while it had that."""
        for _ in range(_ATTEMPTS):
            fd = os.open(name, _READ, dir_fd=folder)
            try:
                if look[0] < SMALL_BYTES:
                    digest = self._small(fd, look[0])
                elif self._batch is None:
                    digest = hash_file(fd)
                else:
                    digest = self._batch.put_file(Path(os.fsdecode(os.path.join(self._root, path, name)))).raw
                before, look = look, look_of(os.fstat(fd))
            finally:
                os.close(fd)
            if digest is not None and look == before:
                return digest, look
        raise FileChangedError(os.fsdecode(path + b"/" + name))

    def _small(self, fd: int, size: int) -> bytes | None:
        """The digest of a small file; None where it has another size by now."""
        data = os.read(fd, size + 1)
        while len(data) < size and (more := os.read(fd, size + 1 - len(data))):
            data += more
        if len(data) != size:
            return None
        return blake3(data).digest() if self._batch is None else self._batch.put(data).raw


def _is_passed_over(name: bytes) -> bool:
    return name in PASSED_OVER or (name.startswith(TEMP_PREFIX) and name.endswith(TEMP_SUFFIX))
