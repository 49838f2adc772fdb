"""Many puts into a local store that become durable together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptObjectError, UsageError

from .base import SMALL_BYTES, FileChangedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from .base import ObjectStore
    from .large import LargeObjects
    from .small import PackWriter

_ATTEMPTS = 3


class LocalBatch:
    """See `Batch`."""

    def __init__(self, store: ObjectStore, writer: PackWriter, large: LargeObjects) -> None:
        self._store, self._writer, self._large = store, writer, large
        self._folders: set[str] = set()
        self._pid = os.getpid()

    def put(self, data: bytes) -> Digest:
        """See `ObjectStore.put`."""
        self._require_own()
        digest = Digest.of(data)
        if len(data) < SMALL_BYTES:
            self._writer.put(digest.raw, data)
        else:
            self._note(self._large.put(digest, data))
        return digest

    def put_known(self, digest: bytes, data: bytes) -> None:
        """See `Batch.put_known`."""
        self._require_own()
        self._writer.put(digest, data)

    def put_absent(self, objects: Iterable[tuple[bytes, bytes]]) -> int:
        """See `Batch.put_absent`."""
        self._require_own()
        return self._writer.put_all(objects)

    def _require_own(self) -> None:
        if self._pid != os.getpid():
            raise UsageError("this batch belongs to the parent process; begin one here")

    def put_open(self, fd: int, told: Callable[[int], None] | None = None) -> Digest:
        """See `Batch.put_open`."""
        return self._take(fd, None, told)

    def receive(self, digest: Digest, fill: Callable[[int], None]) -> None:
        """See `Batch.receive`."""
        self._note(self._large.receive(digest, fill))

    def sync(self) -> None:
        """See `Batch.sync`."""
        self.close()

    def put_file(self, path: Path, expect: Digest | None = None) -> Digest:
        """See `ObjectStore.put_file`."""
        for _ in range(_ATTEMPTS):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise AccessError.of(error, path) from None
            try:
                before = os.fstat(fd)
                digest = self._put_open(fd, before.st_size, path, expect)
                if same_file(before, os.fstat(fd)):
                    return digest
            finally:
                os.close(fd)
        raise FileChangedError(str(path))

    def _put_open(self, fd: int, size: int, path: Path, expect: Digest | None) -> Digest:
        if size >= SMALL_BYTES:
            return self._take(fd, expect)
        try:
            with open(fd, "rb", closefd=False) as file:
                data = file.read(SMALL_BYTES)
        except OSError as error:
            raise AccessError.of(error, path) from None
        if expect not in {None, Digest.of(data)}:
            raise CorruptObjectError(str(expect), str(self._store))
        return self.put(data)

    def _take(self, fd: int, expect: Digest | None, told: Callable[[int], None] | None = None) -> Digest:
        digest, folder = self._large.take(fd, expect=expect, store=str(self._store), told=told)
        self._note(folder)
        return digest

    def _note(self, folder: str | None) -> None:
        if folder is not None:
            self._folders.add(folder)

    def close(self) -> None:
        """Make what was put durable."""
        if self._pid != os.getpid():
            return
        self._writer.commit()
        folders, self._folders = self._folders, set()
        self._large.settle(folders)


def same_file(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether nothing was written between two looks at one open file."""
    return (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )
