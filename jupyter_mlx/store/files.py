"""Files written so that a crash leaves the old or the new, never a mixture.

A temporary file beside the target's file system, fsync, rename, fsync of the
folder; see "How a file is published" in docs/format.md.
"""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH101, PTH102, PTH104, PTH108, PTH112, PTH116, PTH118, PTH120, PTH123, PTH208

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import sys
import time
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError, CorruptError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARED = stat.S_ISGID | stat.S_IWGRP
_sync_data = getattr(os, "fdatasync", os.fsync)

TEMP_PREFIX = "put-"
"""Temporary files and folders begin so; one that no process holds locked is left over and may be removed."""


def sync_data(fd: int) -> None:
    """Make the bytes of `fd` durable. A failure is final: the kernel may have dropped them."""
    _sync_data(fd)


def sync_folder(folder: str) -> None:
    """Make the names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: str) -> None:
    """Make `folder` and what is above it, durably.

    Raises:
        AccessError: it can't be made.
    """
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent and parent != folder:
        make_folder(parent)
    try:
        os.mkdir(folder)
        inherit_access(folder, parent)
        sync_folder(parent or ".")
    except FileExistsError:
        if not os.path.isdir(folder):
            raise AccessError(folder, "is not a folder") from None
    except OSError as error:
        raise AccessError.of(error, folder) from None


def inherit_access(path: str, folder: str) -> None:
    """Give a group what is new in a folder that the group shares: one with the set-group-ID bit, as git's are."""
    above = os.stat(folder or ".").st_mode
    if above & _SHARED == _SHARED:
        mode = os.stat(path).st_mode
        wanted = mode | (above & (_SHARED | 0o070) if stat.S_ISDIR(mode) else 0o060)
        if wanted != mode:
            with contextlib.suppress(PermissionError):  # another's: its maker sees to it
                os.chmod(path, stat.S_IMODE(wanted))


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte: the system may take fewer at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


@contextlib.contextmanager
def temp_file(folder: str, target: str = "") -> Iterator[tuple[str, int]]:
    """A new file in `folder`, locked while it is in use and removed unless it was renamed away.

    With `target`, it can be renamed to that: where `folder` is on another file
    system, the new file is beside the target.
    """
    make_folder(folder)
    path = os.path.join(folder, TEMP_PREFIX + os.urandom(8).hex())
    beside = os.path.dirname(target) or "."
    if target and os.stat(folder).st_dev != os.stat(beside).st_dev:
        path = os.path.join(beside, f".mlx-{os.urandom(8).hex()}.tmp")
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AccessError.of(error, folder) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield path, fd
    finally:
        os.close(fd)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


@contextlib.contextmanager
def new_file(path: str) -> Iterator[int]:
    """A new file that the block fills; gone again where the block fails.

    Raises:
        AccessError: it exists already, or can't be written.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AccessError.of(error, path) from None
    try:
        yield fd
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(path)
        if isinstance(error, OSError):
            raise AccessError.of(error, path) from None
        raise
    finally:
        os.close(fd)


@contextlib.contextmanager
def part_file(folder: str, name: str) -> Iterator[tuple[str, int]]:
    """A file in `folder` that stays when its filling fails, so that the next attempt goes on with it.

    Locked while it is in use; where another process fills it, a new one that
    does not stay. Nor does one whose bytes are damaged, or for which there is no room.
    """
    make_folder(folder)
    path = os.path.join(folder, TEMP_PREFIX + name)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AccessError.of(error, folder) from None
    try:
        if _is_taken(fd, path):
            with temp_file(folder) as found:
                yield found
            return
        try:
            yield path, fd
        except (CorruptError, AccessError):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            raise
    finally:
        os.close(fd)


def _is_taken(fd: int, path: str) -> bool:
    """Whether another process fills the file, or has made an object of it by now."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.stat(path).st_ino != os.fstat(fd).st_ino
    except (BlockingIOError, FileNotFoundError):
        return True


def write_atomically(path: str, data: bytes, temp_folder: str) -> None:
    """Replace the file `path` by `data`: afterwards it is the old one or the new one, on the disk.

    Raises:
        AccessError: it can't be written; the old file is as it was.
    """
    with temp_file(temp_folder, path) as (temp, fd):
        try:
            write_all(fd, data)
            os.fchmod(fd, 0o666 & ~umask())
            os.fsync(fd)
            os.rename(temp, path)
            sync_folder(os.path.dirname(path) or ".")
        except OSError as error:
            raise AccessError.of(error, path) from None


def sweep(temp_folder: str, older_than_s: float = 3600) -> int:
    """Remove temporary files and folders that killed processes left; how many there were.

    What a living process works on is locked, or younger than `older_than_s`.
    """
    try:
        names = [name for name in os.listdir(temp_folder) if name.startswith(TEMP_PREFIX)]
    except OSError:
        return 0
    return sum(_is_swept(os.path.join(temp_folder, name), time.time() - older_than_s) for name in names)


def _is_swept(path: str, before_s: float) -> bool:
    try:
        if os.lstat(path).st_ctime > before_s:
            return False
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.isdir(path):
                import shutil

                shutil.rmtree(path)
            else:
                os.unlink(path)
        finally:
            os.close(fd)
    except OSError:  # locked, or gone, or a link: not ours to remove
        return False
    return True


def umask() -> int:
    """This process's umask, which can be read only by setting it."""
    if sys.platform == "linux":
        # read, not set: another thread may be making a file
        with contextlib.suppress(OSError, ValueError), open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
