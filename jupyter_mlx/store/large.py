"""Large objects: one read-only file each, so that a work tree can link to it."""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH104, PTH108, PTH110, PTH116, PTH120, PTH208

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptObjectError, ObjectNotFoundError

from .copying import hash_copy, hash_file
from .files import make_folder, part_file, sync_folder, temp_file, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from .leases import Leases
    from .packs import PackIndex

DAMAGED = ".damaged"
_FEW = 100
_FOLDER = re.compile(r"[0-9a-f]{2}")
_NAME = re.compile(r"[0-9a-f]{62}")


class LargeObjects:
    """The folder `objects/` of a store."""

    def __init__(self, folder: str, temp: str, index: PackIndex, leases: Leases) -> None:
        self._folder, self._temp, self._index, self._leases = folder, temp, index, leases

    def path(self, digest: Digest) -> str:
        """Where the object's file is, or would be."""
        return f"{self._folder}/{digest.hex[:2]}/{digest.hex[2:]}"

    def size(self, digest: Digest) -> int | None:
        """The length of the object; None where it is not here."""
        try:
            return os.stat(self.path(digest)).st_size
        except OSError:
            return None

    def lacking(self, digests: Collection[bytes]) -> set[bytes]:
        """Those that are not here."""
        if len(digests) < _FEW:
            return {raw for raw in digests if self.size(Digest(raw.hex())) is None}
        try:
            folders = {bytes.fromhex(name) for name in os.listdir(self._folder) if _FOLDER.fullmatch(name)}
        except FileNotFoundError:
            return set(digests)
        return {raw for raw in digests if raw[:1] not in folders or self.size(Digest(raw.hex())) is None}

    def was_damaged(self, digest: Digest) -> bool:
        """Whether the object was here, was found damaged, and has not been stored again."""
        return os.path.exists(self.path(digest) + DAMAGED)

    def digests(self) -> Iterator[Digest]:
        """Every object in the folder."""
        with contextlib.suppress(FileNotFoundError):
            for name in sorted(os.listdir(self._folder)):
                if _FOLDER.fullmatch(name):
                    for rest in os.listdir(f"{self._folder}/{name}"):
                        if _NAME.fullmatch(rest):
                            yield Digest(name + rest)

    def beginning(self, first: int) -> list[bytes]:
        """The objects whose digest begins with that byte."""
        try:
            names = os.listdir(f"{self._folder}/{first:02x}")
        except FileNotFoundError:
            return []
        return [bytes([first]) + bytes.fromhex(name) for name in names if _NAME.fullmatch(name)]

    def put_aside(self) -> Iterator[Digest]:
        """Those that were found damaged and not stored again."""
        for first in range(256):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                for name in os.listdir(f"{self._folder}/{first:02x}"):
                    if name.endswith(DAMAGED) and _NAME.fullmatch(name.removesuffix(DAMAGED)):
                        yield Digest(f"{first:02x}{name.removesuffix(DAMAGED)}")

    def take(
        self, source: int, *, expect: Digest | None, store: str, told: Callable[[int], None] | None = None
    ) -> tuple[Digest, str | None]:
        """Store all of an open file; its digest, and the folder whose names are still to be synced.

        Raises:
            CorruptObjectError: the bytes are not those of `expect`; nothing was stored.
            AccessError: the store can't be written; it is as it was before.
        """
        with temp_file(self._temp) as (temp, fd):
            try:
                digest = Digest(hash_copy(source, fd, sync=True, told=told).hex())
                if expect not in {None, digest}:
                    raise CorruptObjectError(str(expect), store)
                return digest, self._publish(digest, temp, fd)
            except OSError as error:
                raise AccessError.of(error, self._folder) from None

    def receive(self, digest: Digest, fill: Callable[[int], None]) -> str | None:
        """Store what `fill` writes into an open file, and has compared with `digest`; see `take`.

        A `fill` that was cut short finds what it wrote when it is tried again.
        """
        with part_file(self._temp, digest.hex) as (temp, fd):
            try:
                fill(fd)
                return self._publish(digest, temp, fd)
            except OSError as error:
                raise AccessError.of(error, self._folder) from None

    def put(self, digest: Digest, data: bytes) -> str | None:
        """Store `data`, whose digest is known; the folder whose names are still to be synced."""
        with self._leases.announced([digest.raw]):
            if self.size(digest) == len(data):
                return None
        with temp_file(self._temp) as (temp, fd):
            try:
                write_all(fd, data)
                return self._publish(digest, temp, fd)
            except OSError as error:
                raise AccessError.of(error, self._folder) from None

    def _publish(self, digest: Digest, temp: str, fd: int) -> str | None:
        path, length = self.path(digest), os.fstat(fd).st_size
        with self._leases.announced([digest.raw]):
            if self.size(digest) == length:
                return None
        folder = os.path.dirname(path)
        make_folder(folder)
        os.fchmod(fd, 0o444)
        os.fsync(fd)
        os.rename(temp, path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + DAMAGED)
        self._index.note_stat(digest.raw, _look(path))
        return folder

    @staticmethod
    def settle(folders: set[str]) -> None:
        """Make published names durable."""
        for folder in folders:
            try:
                sync_folder(folder)
            except OSError as error:
                raise AccessError.of(error, folder) from None

    def get(self, digest: Digest, store: str) -> bytes:
        """The object's bytes, checked; see `ObjectStore.get`."""
        with self._open(digest, store) as fd, open(fd, "rb", closefd=False) as file:
            data = file.read()
        if Digest.of(data) != digest:
            self.condemn(digest, store)
        return data

    def copy_to(self, digest: Digest, target: int, store: str) -> None:
        """Fill the empty open file `target`; see `ObjectStore.copy_to`."""
        with self._open(digest, store) as fd:
            if hash_copy(fd, target) != digest.raw:
                self.condemn(digest, store)

    def check(self, digest: Digest, store: str) -> None:
        """Read it all; see `ObjectStore.check`."""
        with self._open(digest, store) as fd:
            if hash_file(fd) != digest.raw:
                self.condemn(digest, store)
        with contextlib.suppress(AccessError, OSError):
            self._index.note_stat(digest.raw, _look(self.path(digest)))

    def linkable(self, digest: Digest, store: str) -> Path | None:
        """See `ObjectStore.linkable`."""
        path = self.path(digest)
        try:
            now = _look(path)
        except OSError:
            return None
        if now != self._index.stat_of(digest.raw):
            self.check(digest, store)
        return Path(path)

    @contextlib.contextmanager
    def relinking(self, digest: Digest) -> Iterator[None]:
        """See `ObjectStore.relinking`."""
        path, before = self.path(digest), None
        with contextlib.suppress(AccessError, OSError):
            found = _look(path)
            before = found if found == self._index.stat_of(digest.raw) else None
        try:
            yield
        finally:
            if before is not None:
                with contextlib.suppress(AccessError, OSError):
                    now = _look(path)
                    if _but_ctime(now) == _but_ctime(before):
                        self._index.note_stat(digest.raw, now)

    @contextlib.contextmanager
    def _open(self, digest: Digest, store: str) -> Iterator[int]:
        try:
            fd = os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ObjectNotFoundError(str(digest), store) from None
        except OSError as error:
            raise AccessError.of(error, self.path(digest)) from None
        try:
            yield fd
        except OSError as error:
            raise AccessError.of(error, self.path(digest)) from None
        finally:
            os.close(fd)

    def condemn(self, digest: Digest, store: str) -> NoReturn:
        """Put a damaged file aside, so that the object counts as absent and a put or a pull heals it."""
        with contextlib.suppress(OSError):
            os.rename(self.path(digest), self.path(digest) + DAMAGED)
        raise CorruptObjectError(str(digest), store)


def _look(path: str) -> str:
    found = os.stat(path)
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino} {found.st_ctime_ns}"


def _but_ctime(look: str) -> str:
    return look.rpartition(" ")[0]
