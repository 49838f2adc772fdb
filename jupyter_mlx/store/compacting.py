"""Large objects that are stored in chunks: what several versions of a file have in common is there once.

The chunks, and the leaves and recipe that bind them, are frames in the packs,
as on a remote. Source: docs/format.md, "Recipes".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blake3 import blake3

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptError, CorruptObjectError, ObjectNotFoundError

from . import frames
from .files import write_all
from .recipes import Recipe, leaf_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .large import LargeObjects
    from .small import PackWriter, SmallObjects
    from .sweep import Sweep


class Chunked:
    """The large objects of a store that are in its packs."""

    def __init__(self, small: SmallObjects, store: str) -> None:
        self._small, self._store = small, store

    def has(self, digest: Digest) -> bool:
        """Whether the object is here in chunks."""
        place = self._small.find(digest)
        return place is not None and place.encoding == frames.RECIPE

    def size(self, digest: Digest) -> int:
        """The length of the object in bytes."""
        return self._recipe(digest).size_bytes

    def stream(self, digest: Digest) -> Iterator[bytes]:
        """The object's bytes, some MiB at a time; that they are right is known at the end.

        Raises:
            CorruptObjectError: a piece is missing or damaged, or they make another object. It
                counts as absent from then on, so that a put or a pull heals it.
        """
        hasher = blake3()
        try:
            for leaf, size in self._recipe(digest).leaves:
                for data in self._leaf(digest, leaf, size):
                    hasher.update(data)
                    yield data
        except (ObjectNotFoundError, CorruptError):
            self._condemn(digest)
        if hasher.digest() != digest.raw:
            self._condemn(digest)

    def _leaf(self, digest: Digest, leaf: bytes, size: int) -> Iterator[bytes]:
        chunks = leaf_chunks(self._small.get(Digest(leaf.hex()), self._store), size, digest.raw)
        found = self._small.read([chunk for chunk, _ in chunks])
        for chunk, _ in chunks:
            yield found[chunk] if chunk in found else self._small.get(Digest(chunk.hex()), self._store)

    def packs_bytes(self) -> int:
        """How much all packs take."""
        return sum(self._small.size_of(name) for name in self._small.index.names())

    def copy_to(self, digest: Digest, fd: int) -> None:
        """Fill the open file `fd`; see `stream`."""
        os.ftruncate(fd, 0)
        for data in self.stream(digest):
            write_all(fd, data)

    def check(self, digest: Digest) -> None:
        """Read it all; see `stream`."""
        for _ in self.stream(digest):
            pass

    def _recipe(self, digest: Digest) -> Recipe:
        return Recipe.decode(self._small.get(digest, self._store), digest.raw)

    def _condemn(self, digest: Digest) -> None:
        self._small.index.condemn(digest.raw)
        raise CorruptObjectError(str(digest), self._store) from None


@dataclass(slots=True)
class Compacted:
    """What a compaction did."""

    objects: int = 0
    size_bytes: int = 0
    """Of the files that went."""
    stored_bytes: int = 0
    """That the packs grew by."""


def compact(
    sweep: Sweep,
    writer: PackWriter,
    chunked: Chunked,
    digests: Iterable[Digest],
    told: Callable[[int, int], None],
) -> Compacted:
    """See `LocalStore.compact`."""
    done = Compacted()
    before = chunked.packs_bytes()
    for digest in digests:
        size = sweep.large.size(digest)
        if size is None:
            continue
        if not chunked.has(digest):
            _take(sweep.large, writer, digest)
        chunked.check(digest)  # read back from the packs before its file goes
        if sweep.unlink(digest):
            done.objects += 1
            done.size_bytes += size
        told(1, size)
    done.stored_bytes = chunked.packs_bytes() - before
    return done


def _take(large: LargeObjects, writer: PackWriter, digest: Digest) -> None:
    """Store a large object in chunks as well, durably."""
    from .remote_large import Cutter

    path = large.path(digest)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            cutter = Cutter.of(fd)
            for some in cutter.pieces():
                for raw, data in some:
                    writer.put_piece(raw, data)
        finally:
            os.close(fd)
    except OSError as error:
        raise AccessError.of(error, path) from None
    writer.commit()
    if cutter.digest != digest.raw:
        large.condemn(digest, path)
    writer.put_recipe(digest.raw, cutter.recipe.encode())
    writer.commit()
