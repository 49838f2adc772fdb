"""Bytes read, copied and hashed in one pass, by as many threads as that takes."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias

from blake3 import blake3

from .files import sync_data, temp_file, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator

_alone: ContextVar[Callable[[], bool]] = ContextVar("alone", default=lambda: False)

Told: TypeAlias = Callable[[int], None]
"""Hears how many bytes more were read."""

BLOCK_BYTES = 1 << 20
LONG_BYTES = 8 << 20
"""From here on a second thread is worth its start."""
STRIDE_BYTES = 4 << 20
_AHEAD_BYTES = 128 << 20
_SYNC_BYTES = 64 << 20
_BY_HAND = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
"""Why the system does not copy between two files: other disks, another kind of disk, an old kernel."""
_FICLONE = 0x40049409


@contextmanager
def by_itself(wanted: Callable[[], bool]) -> Iterator[None]:
    """While that is wanted, have the block's thread copy and hash without further threads.

    The other processors are for what the user runs; once that has ended, the user may wait for this.
    `wanted` is asked before each step of a long file, and may keep the thread waiting.
    """
    token = _alone.set(wanted)
    try:
        yield
    finally:
        _alone.reset(token)


def clone(source: int, target: int) -> bool:
    """Make the open file `target` share the blocks of `source` (a reflink); False where that can't be."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def has_reflinks(folder: str) -> bool:
    """Whether files in `folder` can share their blocks."""
    with temp_file(folder) as (_, source), temp_file(folder) as (_, target):
        write_all(source, b"\0" * 4096)
        return clone(source, target)


def copy_range(source: int, start: int, length: int, target: int, at: int) -> int:
    """Copy `length` bytes from `start` of a file to `at` of another, by the system where it can.

    How many there were: fewer where the source ends before.
    """
    done = 0
    try:
        while done < length and (
            count := os.copy_file_range(source, target, length - done, start + done, at + done)
        ):
            done += count
        return done
    except AttributeError:  # not this system
        pass
    except OSError as error:
        if error.errno not in _BY_HAND:
            raise
    while done < length and (data := os.pread(source, min(BLOCK_BYTES, length - done), start + done)):
        done += os.pwrite(target, data, at + done)
    return done


def hash_file(fd: int, told: Told | None = None) -> bytes:
    """The 32 bytes of the BLAKE3 of an open file, read from its start."""
    alone = _alone.get()
    if os.fstat(fd).st_size >= LONG_BYTES and not alone():
        return _hash_long(fd, told)
    hasher, buffer = blake3(), memoryview(bytearray(BLOCK_BYTES))
    os.lseek(fd, 0, os.SEEK_SET)
    with open(fd, "rb", buffering=0, closefd=False) as file:
        while count := file.readinto(buffer):
            alone()
            hasher.update(buffer[:count])
            if told is not None:
                told(count)
    return hasher.digest()


def _hash_long(fd: int, told: Told | None) -> bytes:
    """`hash_file`, with one block read while the one before is hashed."""
    hasher, at = blake3(max_threads=2), 0
    full, other = (memoryview(bytearray(STRIDE_BYTES)) for _ in range(2))
    with ThreadPoolExecutor(1, "jmlx-read") as reader:
        reading = reader.submit(os.preadv, fd, [full], 0)
        while count := reading.result():
            at += count
            reading = reader.submit(os.preadv, fd, [other], at)
            hasher.update(full[:count])
            full, other = other, full
            if told is not None:
                told(count)
    return hasher.digest()


def hash_copy(source: int, target: int, *, sync: bool = False, told: Told | None = None) -> bytes:
    """Copy all of `source` to the empty file `target`; the BLAKE3 of what was written.

    What is hashed is what is written, so the digest is true of the copy even
    where the source changes meanwhile. With `sync`, a long copy is made durable
    as it goes, so that the caller's own sync at the end is short. `told` hears
    of each block.

    Raises:
        OSError: also where a sync on the way failed; the copy is worth nothing then.
    """
    if clone(source, target):
        return hash_file(target, told)
    if os.fstat(source).st_size >= LONG_BYTES:
        at = 0
        with following(target, sync=sync, told=told) as hashing:
            while count := copy_range(source, at, STRIDE_BYTES, target, at):
                at += count
                hashing.wrote(at)
            return hashing.digest()
    hasher, buffer = blake3(), memoryview(bytearray(BLOCK_BYTES))
    with open(source, "rb", buffering=0, closefd=False) as file:
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
            write_all(target, buffer[:count])
            if told is not None:
                told(count)
    return hasher.digest()


@contextmanager
def following(fd: int, *, sync: bool, told: Told | None = None) -> Iterator[Following]:
    """Hash what the block writes to an open file, and sync it, beside the writing."""
    found = Following(fd, sync=sync, told=told)
    try:
        yield found
    finally:
        found.close()


class Following:
    """Hashes what is being written to an open file, from its beginning, and syncs it, in threads of its own."""

    def __init__(self, fd: int, *, sync: bool, told: Told | None = None) -> None:
        self._fd, self._sync, self._told, self._alone = fd, sync, told, _alone.get()
        self._hasher, self._buffer = blake3(), memoryview(bytearray(STRIDE_BYTES))
        self._written = self._hashed = self._synced = 0
        self._hashers, self._syncers = (ThreadPoolExecutor(1, f"jmlx-{name}") for name in ("hash", "sync"))
        self._hashing: deque[tuple[int, Future[None]]] = deque()
        self._syncing: Future[None] | None = None

    def wrote(self, end: int) -> None:
        """All before `end` is written; waits while what is to be hashed might be in memory no more.

        Raises:
            OSError: the file can't be read, or a sync of it failed.
        """
        if self._alone():
            self._hash(end)
            self._written = end
            if self._sync and end - self._synced >= _SYNC_BYTES:
                sync_data(self._fd)
                self._synced = end
            return
        self._hashing.append((end, self._hashers.submit(self._hash, end)))
        self._written = end
        while self._hashing and (self._hashing[0][1].done() or end - self._hashing[0][0] > _AHEAD_BYTES):
            self._hashing.popleft()[1].result()
        if self._sync and end - self._synced >= _SYNC_BYTES and (not self._syncing or self._syncing.done()):
            if self._syncing is not None:
                self._syncing.result()
            self._syncing, self._synced = self._syncers.submit(sync_data, self._fd), end

    def digest(self) -> bytes:
        """Of all that was written, which is cut off there. Raises what `wrote` raises."""
        while self._hashing:
            self._hashing.popleft()[1].result()
        if self._syncing is not None:
            self._syncing.result()
        os.ftruncate(self._fd, self._written)  # a source that was cut and grew again: it is what was hashed
        return self._hasher.digest()

    def close(self) -> None:
        """End the threads."""
        for pool in (self._hashers, self._syncers):
            pool.shutdown(cancel_futures=True)

    def _hash(self, end: int) -> None:
        while self._hashed < end:
            count = os.preadv(self._fd, [self._buffer[: end - self._hashed]], self._hashed)
            if not count:
                raise OSError(errno.EIO, "what was written can't be read")
            self._hasher.update(self._buffer[:count])
            self._hashed += count
            if self._told is not None:
                self._told(count)
