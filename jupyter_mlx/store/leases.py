"""Leases: a writer says which objects it relies on before it looks whether they are there.

Source: docs/format.md, "Leases". A lease is a file that its process keeps
locked and appends digests to. Saying and looking happen while `lock` is held
shared, for a moment; `gc` removes in short turns while it holds `lock`
exclusively, and reads the leases again in each. So whoever said it first keeps
the object, and whoever comes later sees that it is gone and stores it again. A
writer that stands still holds a lease, and nobody up.
"""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH102, PTH108, PTH112, PTH120, PTH208

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError, ConflictError, UnavailableError

from .files import inherit_access, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

DIGEST_BYTES = 32
_PATIENCE_S = 30.0
_SLICE_S = 0.2
_KEPT_BYTES = 1 << 16
_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class SweepingError(ConflictError):
    """Another process is removing objects from the store."""

    code = "gc-running"

    def __init__(self, store: str) -> None:
        super().__init__(store)
        self.store = store

    def __str__(self) -> str:
        return f"another `jmlx gc` is at work in {self.store}; nothing was removed, run this one when it has ended"


class BusyStoreError(UnavailableError):
    """A process stands still in the short moment in which nothing may be removed."""

    code = "store-busy"

    def __init__(self, store: str) -> None:
        super().__init__(store)
        self.store = store

    def __str__(self) -> str:
        return (
            f"a process that uses {self.store} has held its lock for {_PATIENCE_S:.0f} s (it may be stopped, or "
            "of an older version); let it end, then run `jmlx gc` again"
        )


class _File:
    """The lease of this process. One that is not locked is idle: a gc may remove it."""

    def __init__(self, store: str) -> None:
        self.store, self.fd, self.path, self.idle, self.pid = store, -1, "", False, os.getpid()

    def append(self, digests: Collection[bytes]) -> None:
        """Write digests to it, and make or lock it before if need be; in a moment."""
        if self.idle:
            self._wake()
        if self.fd < 0:
            self._make()
        end = os.fstat(self.fd).st_size
        try:
            write_all(self.fd, b"".join(digests))
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self.fd, end)  # half a digest would shift all that come after
            if error.errno != errno.EIO:
                raise
            self._renew(b"".join(digests))

    def _renew(self, data: bytes) -> None:
        """Go on in another file: what is open on a disk that failed fails for ever, also once it answers."""
        old, self.fd = self.fd, -1
        with contextlib.suppress(OSError):
            data = os.pread(old, os.fstat(old).st_size, 0) + data
        os.close(old)
        self._make()
        write_all(self.fd, data)

    def _wake(self) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        self.idle = False
        if not os.fstat(self.fd).st_nlink:
            os.close(self.fd)
            self.fd = -1
        elif not _is_swept(self.store):
            os.ftruncate(self.fd, 0)  # what was relied on before is not any more

    def _make(self) -> None:
        folder = f"{self.store}/leases"
        self.path = f"{folder}/{os.urandom(8).hex()}"
        if not os.path.isdir(folder):
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
            inherit_access(folder, self.store)
        fd = os.open(self.path, _OPEN | os.O_EXCL | os.O_APPEND, 0o644)
        inherit_access(self.path, folder)
        fcntl.flock(fd, fcntl.LOCK_EX)
        self.fd = fd

    def rest(self) -> None:
        """Need it no more for now. Making a file for each put would cost more than the put."""
        if self.fd < 0:
            return
        if os.fstat(self.fd).st_size > _KEPT_BYTES:
            self.remove()
        else:
            # by hand, not by closing: a forked child may hold a copy of the descriptor
            fcntl.flock(self.fd, fcntl.LOCK_UN)
            self.idle = True

    def remove(self) -> None:
        """Need it no more."""
        if self.fd < 0 or self.pid != os.getpid():
            return
        fd, self.fd, self.idle = self.fd, -1, False
        try:
            # while a gc is at work the file stays: what it names may by now be named by a
            # pointer or a run that the gc looked for before it was there
            with contextlib.suppress(AccessError, OSError), _moment(self.store):
                if not _is_swept(self.store):
                    os.unlink(self.path)
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)


class Leases:
    """What this process relies on in one store; any number of threads share it."""

    def __init__(self, store: str, create: Callable[[], None]) -> None:
        self._store, self._create = store, create
        self._forget()

    def _forget(self) -> None:
        """Begin anew: in a forked child, the lease is the parent's."""
        self._mutex, self._pid, self._depth = threading.Lock(), os.getpid(), 0
        self._file = _File(self._store)
        weakref.finalize(self, self._file.remove)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """What is announced until this is left stays that long, with all that it names."""
        if self._pid != os.getpid():
            self._forget()
        pid = self._pid
        with self._mutex:
            self._depth += 1
        try:
            yield
        finally:
            if pid == os.getpid():
                with self._mutex:
                    self._depth -= 1
                    if not self._depth:
                        self._file.rest()

    @contextlib.contextmanager
    def announced(self, digests: Collection[bytes]) -> Iterator[None]:
        """Say that these objects are relied on; the block looks whether they are there.

        Where nothing holds the store, nothing is said.

        Raises:
            AccessError: the store can't be written.
        """
        if self._pid != os.getpid():
            self._forget()
        if not self._depth:
            yield
            return
        self._create()
        with _moment(self._store):
            try:
                with self._mutex:
                    self._file.append(digests)
            except OSError as error:
                raise AccessError.of(error, self._store) from None
            yield

    def close(self) -> None:
        """Let go of the file; a later hold makes another."""
        with self._mutex:
            if not self._depth:
                self._file.remove()


class Sweeping:
    """The leases as a gc sees them: all that were held at any time since it began."""

    def __init__(self, store: str) -> None:
        self._store, self._folder = store, f"{store}/leases"
        self._read: dict[str, int] = {}

    @contextlib.contextmanager
    def begun(self) -> Iterator[None]:
        """Be the one gc of the store. What is referred to is looked for after this has begun.

        Raises:
            SweepingError: another gc is at work.
            BusyStoreError: a process stands still in its moment.
        """
        with _opened(f"{self._store}/gc.lock") as fd:
            with self.turn():
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise SweepingError(self._store) from None
                self._clear()
            try:
                yield
            finally:
                with contextlib.suppress(BusyStoreError), self.turn():
                    self._clear()
                    fcntl.flock(fd, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """A short time in which no process announces or looks.

        Raises:
            BusyStoreError: a process stands still in its moment.
        """
        with _opened(f"{self._store}/gate") as gate, _opened(f"{self._store}/lock") as lock:
            deadline = time.monotonic() + _PATIENCE_S
            while not _closed(gate, lock):
                if time.monotonic() > deadline:
                    raise BusyStoreError(self._store)
                time.sleep(0.01)
            try:
                yield
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)
                fcntl.flock(gate, fcntl.LOCK_UN)

    def fresh(self) -> list[bytes]:
        """The digests that were announced since this was last asked. For use in a turn, or to be early."""
        found: list[bytes] = []
        for name in self._names():
            start = self._read.get(name, 0)
            try:
                with open(f"{self._folder}/{name}", "rb") as file:  # noqa: PTH123
                    file.seek(start)
                    data = file.read()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise AccessError.of(error, f"{self._folder}/{name}") from None
            whole = len(data) - len(data) % DIGEST_BYTES
            self._read[name] = start + whole
            found += [data[at : at + DIGEST_BYTES] for at in range(0, whole, DIGEST_BYTES)]
        return found

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise AccessError.of(error, self._folder) from None

    def _clear(self) -> None:
        """Remove the leases that nobody holds; in a turn, when none is just being made."""
        for name in self._names():
            path = f"{self._folder}/{name}"
            with contextlib.suppress(OSError):
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    os.unlink(path)
                finally:
                    os.close(fd)


@contextlib.contextmanager
def _moment(store: str) -> Iterator[None]:
    """A moment in which nothing is removed."""
    # a gc that waits for its turn holds the gate: else ever new moments would keep it waiting for ever
    with _opened(f"{store}/gate") as gate, _opened(f"{store}/lock") as lock:
        fcntl.flock(gate, fcntl.LOCK_SH)
        fcntl.flock(lock, fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)


def _is_swept(store: str) -> bool:
    """Whether a gc is at work; asked in a moment, so that none begins or ends meanwhile."""
    with _opened(f"{store}/gc.lock") as fd:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _closed(gate: int, lock: int) -> bool:
    """Whether the gate was closed and everybody was out within a short while; else it is open again."""
    try:
        fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    deadline = time.monotonic() + _SLICE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                fcntl.flock(gate, fcntl.LOCK_UN)
                return False
            time.sleep(0.001)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    """A lock file, made where it is not there."""
    try:
        fd = os.open(path, _OPEN, 0o644)
        inherit_access(path, os.path.dirname(path))
    except OSError as error:
        raise AccessError.of(error, path) from None
    try:
        yield fd
    finally:
        os.close(fd)
