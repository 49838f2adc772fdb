"""Files put into the work tree: whole or not at all, and never through a link.

Folders are opened one by one from the project's root, each refused where it is
a symbolic link, and names are given relative to the open folder. A folder that
is swapped for a link meanwhile leads nowhere.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError, ConflictError
from jupyter_mlx.store.base import SMALL_BYTES
from jupyter_mlx.store.files import TEMP_PREFIX, clone, make_folder, umask, write_all

from .links import Link, is_inner
from .manifest import LINK, PROGRAM, BadManifestError, Entry
from .scan import look_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_mlx.store.base import ObjectStore

    from .scan import Known, Look

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class MovedFileError(ConflictError):
    """A file was written to while the data around it was being checked out."""

    code = "file-changed-meanwhile"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} was changed meanwhile and is left as it is; run the command again"


@contextlib.contextmanager
def opened(root: Path, folder: str, *, make: bool = False) -> Iterator[int]:
    """The folder of the project, opened without following links.

    Raises:
        AccessError: it can't be opened; where it is a link, that is said.
    """
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in filter(None, folder.split("/")):
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=fd)
            below = os.open(name, _OPEN, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    except NotADirectoryError:
        raise AccessError(
            folder, "is a link or a file where a folder should be; nothing was written through it"
        ) from None
    finally:
        os.close(fd)


@dataclass(slots=True)
class Placer:
    """Writes entries of a manifest into open folders."""

    root: Path
    store: ObjectStore
    temp: Path
    link: Link
    seen: dict[bytes, Known]
    """What the survey saw of each file, by folder: a file that looks different now is left alone."""
    placed: dict[bytes, Known] = field(default_factory=dict)
    """What was written, and how it looks."""
    gone: dict[bytes, set[bytes]] = field(default_factory=dict)
    """What was removed, by folder."""
    _temp_fd: int = field(default=-1, init=False)

    def __post_init__(self) -> None:
        make_folder(str(self.temp))
        self._temp_fd = os.open(self.temp, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the temporary folder."""
        os.close(self._temp_fd)

    def small(self, fd: int, path: bytes, entry: Entry, data: bytes) -> None:
        """Put a file with these bytes into the open folder `path`."""
        place, name = self._temp_name(fd)
        file = os.open(name, _NEW, 0o777 if entry.kind == PROGRAM else 0o666, dir_fd=place)
        try:
            write_all(file, data)
            self._swap(place, name, fd, path, entry.name)
            self._note(path, entry, look_of(os.fstat(file)))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=place)
            raise
        finally:
            os.close(file)

    def symlink(self, fd: int, path: bytes, entry: Entry) -> None:
        """Put a symbolic link of the data into the open folder."""
        if not is_inner(path, entry.digest):
            where = os.fsdecode(path + b"/" + entry.name)
            raise BadManifestError(where, f"a link in it leaves the project (to {os.fsdecode(entry.digest)})")
        self._link_to(entry.digest, fd, path, entry.name)

    def large(self, fd: int, path: bytes, entry: Entry) -> None:
        """Put a file of an object of its own into the open folder, by whatever `link` says."""
        target = None if self.link == Link.COPY else self.store.linkable(entry.of)
        if target is not None and self.link == Link.SYMLINK and entry.kind != PROGRAM:
            here = os.path.join(os.fsencode(self.root), path)
            self._link_to(os.path.relpath(os.fsencode(target), here), fd, path, entry.name)
            return
        if target is not None and self.link == Link.HARDLINK and entry.kind != PROGRAM:
            self._hard_link(target, fd, path, entry)
            return
        self._copy(target, fd, path, entry)

    def is_linked(self, fd: int, entry: Entry) -> bool:
        """Whether a large file is connected as `link` wants it."""
        found = os.stat(entry.name, dir_fd=fd, follow_symlinks=False)
        target = self.store.linkable(entry.of)
        hard = target is not None and target.stat().st_ino == found.st_ino
        if self.link == Link.SYMLINK:
            return stat.S_ISLNK(found.st_mode)
        return hard == (self.link == Link.HARDLINK) and not stat.S_ISLNK(found.st_mode)

    def remove(self, fd: int, path: bytes, name: bytes) -> None:
        """Remove a file or link from the open folder, unless it changed since it was looked at."""
        self._require_unchanged(fd, path, name)
        os.unlink(name, dir_fd=fd)
        self.gone.setdefault(path, set()).add(name)

    def _copy(self, target: Path | None, fd: int, path: bytes, entry: Entry) -> None:
        place, name = self._temp_name(fd)
        full = self._full(place, fd, path, name)
        try:
            if target is None or not _cloned(target, full):
                self._require_reflinks(entry)
                self.store.copy_to(entry.of, Path(os.fsdecode(full)))
            os.chmod(name, (0o777 if entry.kind == PROGRAM else 0o666) & ~umask(), dir_fd=place)
            self._swap(place, name, fd, path, entry.name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=place)
            raise
        self._note(path, entry, look_of(os.stat(entry.name, dir_fd=fd, follow_symlinks=False)))

    def _require_reflinks(self, entry: Entry) -> None:
        if self.link == Link.REFLINK:
            raise AccessError(os.fsdecode(entry.name), "no reflinks on this file system; use `--link auto`")

    def _hard_link(self, target: Path, fd: int, path: bytes, entry: Entry) -> None:
        place, name = self._temp_name(fd)
        os.link(target, name, dst_dir_fd=place)
        self._swap(place, name, fd, path, entry.name)
        self.store.linked(entry.of)
        self._note(path, entry, look_of(os.stat(entry.name, dir_fd=fd, follow_symlinks=False)))

    def _link_to(self, text: bytes, fd: int, path: bytes, name: bytes) -> None:
        place, temp = self._temp_name(fd)
        os.symlink(text, temp, dir_fd=place)
        self._swap(place, temp, fd, path, name)

    def _swap(self, place: int, temp: bytes, fd: int, path: bytes, name: bytes) -> None:
        """Rename a finished file over the old one, unless that changed since it was looked at."""
        try:
            self._require_unchanged(fd, path, name)
            os.rename(temp, name, src_dir_fd=place, dst_dir_fd=fd)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temp, dir_fd=place)  # renaming one hard link over another leaves both
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temp, dir_fd=place)
            raise

    def _require_unchanged(self, fd: int, path: bytes, name: bytes) -> None:
        known = self.seen.get(path, {}).get(name)
        try:
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return
        unknown = known is None and stat.S_ISREG(found.st_mode)
        if unknown or (known is not None and not stat.S_ISLNK(found.st_mode) and known[:4] != look_of(found)):
            raise MovedFileError(os.fsdecode(path + b"/" + name).lstrip("/"))

    def _note(self, path: bytes, entry: Entry, look: Look) -> None:
        self.placed.setdefault(path, {})[entry.name] = (*look, entry.digest)

    def _temp_name(self, fd: int) -> tuple[int, bytes]:
        """An open folder on the file system of `fd`, and a new name in it."""
        unique = secrets.token_hex(8)
        if os.fstat(fd).st_dev == os.fstat(self._temp_fd).st_dev:
            return self._temp_fd, f"{TEMP_PREFIX}{unique}".encode()
        return fd, f".mlx-{unique}.tmp".encode()

    def _full(self, place: int, fd: int, path: bytes, name: bytes) -> bytes:
        if place != fd:
            return os.path.join(os.fsencode(self.temp), name)
        # by the open folder, which no link can redirect
        return (
            os.fsencode(f"/proc/self/fd/{fd}/") + name
            if os.path.isdir("/proc/self/fd")
            else os.path.join(os.fsencode(self.root), path, name)
        )


def is_small(entry: Entry) -> bool:
    """Whether the entry's object is one of a pack."""
    return entry.kind != LINK and entry.size_bytes < SMALL_BYTES


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
