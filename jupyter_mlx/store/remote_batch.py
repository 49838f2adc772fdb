"""Puts to a remote: small objects as they are, large ones cut into chunks and bound by a recipe."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from blake3 import blake3

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptObjectError

from .base import SMALL_BYTES, FileChangedError
from .listing import OBJECT, PIECE, RECIPE
from .local_batch import same_file
from .remote_large import Cutter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from .recipes import Recipe
    from .remote_store import RemoteStore
    from .remote_writer import PackSender

_ATTEMPTS = 3


class RemoteBatch:
    """See `Batch`. What binds large objects goes last, after all of their chunks."""

    def __init__(self, store: RemoteStore, sender: PackSender) -> None:
        self._store, self._sender = store, sender
        self._recipes: dict[bytes, Recipe] = {}

    def put(self, data: bytes) -> Digest:
        """See `ObjectStore.put`."""
        raw = blake3(data).digest()
        if not self.absent([raw]):
            pass
        elif len(data) < SMALL_BYTES:
            self._sender.take([(raw, data)], OBJECT)
        else:
            view = memoryview(data)
            self._cut(Cutter(view[at : at + SMALL_BYTES] for at in range(0, len(data), SMALL_BYTES)))
        return Digest(raw.hex())

    def put_known(self, digest: bytes, data: bytes) -> None:
        """See `Batch.put_known`."""
        if self.absent([digest]):
            self._sender.take([(digest, data)], OBJECT)

    def put_absent(self, objects: Iterable[tuple[bytes, bytes]]) -> int:
        """See `Batch.put_absent`."""
        return self._sender.take(objects, OBJECT)

    def absent(self, raws: Sequence[bytes]) -> list[bytes]:
        """Those of some digests that neither the remote nor this batch has, each once, in their order."""
        known = self._store.present(raws)
        pending = self._sender.pending
        return [
            raw
            for raw in dict.fromkeys(raws)
            if raw not in known and raw not in pending and raw not in self._recipes
        ]

    def put_file(self, path: Path, expect: Digest | None = None) -> Digest:
        """See `ObjectStore.put_file`."""
        if expect is not None and not self.absent([expect.raw]):
            return expect
        for _ in range(_ATTEMPTS):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise AccessError.of(error, path) from None
            try:
                before = os.fstat(fd)
                digest = self._put_all(fd, before.st_size, expect)
                if same_file(before, os.fstat(fd)):
                    return digest
            except OSError as error:
                raise AccessError.of(error, path) from None
            finally:
                os.close(fd)
        raise FileChangedError(str(path))

    def put_open(self, fd: int, told: Callable[[int], None] | None = None) -> Digest:
        """See `Batch.put_open`."""
        digest = self._cut(Cutter.of(fd))
        if told is not None:
            told(os.fstat(fd).st_size)
        return digest

    def receive(self, digest: Digest, fill: Callable[[int], None]) -> None:
        """See `Batch.receive`."""
        with tempfile.TemporaryFile() as file:
            fill(file.fileno())
            self._put_all(file.fileno(), os.fstat(file.fileno()).st_size, digest)

    def sync(self) -> None:
        """See `Batch.sync`."""
        self.close()

    def _put_all(self, fd: int, size: int, expect: Digest | None) -> Digest:
        if size < SMALL_BYTES:
            data = os.pread(fd, SMALL_BYTES, 0)
            if expect not in {None, Digest.of(data)}:
                raise CorruptObjectError(str(expect), str(self._store))
            return self.put(data)
        return self._cut(Cutter.of(fd), expect)

    def _cut(self, cutter: Cutter, expect: Digest | None = None) -> Digest:
        for some in cutter.pieces():
            wanted = set(self.absent([raw for raw, _ in some]))
            self._sender.take(((raw, data) for raw, data in some if raw in wanted), PIECE)
        raw = cutter.digest
        if expect is not None and raw != expect.raw:
            raise CorruptObjectError(str(expect), str(self._store))
        self._recipes[raw] = cutter.recipe
        return Digest(raw.hex())

    def close(self) -> None:
        """Send what is left: pieces first, then the recipes, which make objects of them."""
        self._sender.finish()
        recipes, self._recipes = self._recipes, {}
        known = self._store.present(list(recipes))
        self._sender.take(
            ((raw, recipe.encode()) for raw, recipe in recipes.items() if raw not in known), RECIPE
        )
        for raw, recipe in recipes.items():
            self._store.index.note_leaves(raw, recipe.leaves)
        self._sender.finish()

    def abandon(self) -> None:
        """Send nothing more."""
        self._sender.close()
