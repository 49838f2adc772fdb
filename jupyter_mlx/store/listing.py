"""What is in the packs of a remote: a listing for each pack, pure bytes.

A pack is blocks one after another, a block some objects one after another, as
they are or compressed together. Nothing is said twice: offsets are sums, so a
listing can't contradict itself. Source: docs/format.md, "Remote".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from blake3 import blake3

from jupyter_mlx.errors import CorruptError

from .frames import PLAIN, ZSTD

if TYPE_CHECKING:
    from collections.abc import Iterator

PACK_HEADER = b"MLXRPCK\x01"
OBJECT, RECIPE, PIECE = 0, 1, 2
"""Kinds: an object; the recipe of the large object that the digest names; a chunk or a leaf of large objects."""

BLOCK_LIMIT = 64 << 20
"""No block is longer, as it is or compressed: what a hostile listing can have a reader hold in memory."""

_TAG = b"MLXLIST\x01"
_HEAD = struct.Struct("<8sII")
_BLOCK = struct.Struct("<IIIB")
_ITEM = struct.Struct("<32sIB")


class BadListingError(CorruptError):
    """A remote lists what is in its packs wrongly."""

    code = "listing-corrupt"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, problem)
        self.name, self.problem = name, problem

    def __str__(self) -> str:
        return (
            f"{self.name} is refused: {self.problem}; nothing was written. "
            "Remove it from the remote, then `jmlx push` from a copy that has the data"
        )


@dataclass(frozen=True, slots=True)
class Block:
    """Some objects of a pack that lie together."""

    encoding: int
    stored: int
    """Bytes in the pack."""
    length: int
    """Bytes of all its objects together."""
    items: tuple[tuple[bytes, int, int], ...]
    """Digest, length and kind of each object, in order."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in one pack."""

    blocks: tuple[Block, ...]

    @property
    def name(self) -> str:
        """Of the pack: the digest of this listing, 64 hex digits."""
        return blake3(self.encode()).hexdigest()

    @property
    def pack_bytes(self) -> int:
        """The length of the pack."""
        return len(PACK_HEADER) + sum(block.stored for block in self.blocks)

    def encode(self) -> bytes:
        """The bytes, the same for the same pack, always."""
        count = sum(len(block.items) for block in self.blocks)
        parts = [_HEAD.pack(_TAG, len(self.blocks), count)]
        parts += [_BLOCK.pack(b.stored, b.length, len(b.items), b.encoding) for b in self.blocks]
        parts += [_ITEM.pack(*item) for block in self.blocks for item in block.items]
        return b"".join(parts)


def pack_path(name: str) -> str:
    """Where a remote keeps the pack of that name."""
    return f"packs/{name[:2]}/{name}"


def decode(data: bytes, name: str) -> Iterator[tuple[str, Listing]]:
    """The listings in a blob of the index, each with the name of its pack; nothing in it is trusted.

    Raises:
        BadListingError: the blob is malformed.
    """
    at = 0
    while at < len(data):
        end, listing = _one(data, at, name)
        yield blake3(data[at:end]).hexdigest(), listing
        at = end


def _one(data: bytes, at: int, name: str) -> tuple[int, Listing]:
    if len(data) < at + _HEAD.size:
        raise BadListingError(name, "it is cut short")
    tag, blocks, items = _HEAD.unpack_from(data, at)
    middle = at + _HEAD.size + blocks * _BLOCK.size
    end = middle + items * _ITEM.size
    if tag != _TAG:
        raise BadListingError(name, "it is no listing that this version knows")
    if end > len(data):
        raise BadListingError(name, "it is cut short")
    objects = _ITEM.iter_unpack(memoryview(data)[middle:end])
    found: list[Block] = []
    for stored, length, count, encoding in _BLOCK.iter_unpack(memoryview(data)[at + _HEAD.size : middle]):
        inside = tuple(islice(objects, count))
        if not _is_sound(stored, length, count, encoding, inside):
            raise BadListingError(name, "its lengths do not add up")
        found.append(Block(encoding, stored, length, inside))
    if next(objects, None) is not None:
        raise BadListingError(name, "its lengths do not add up")
    return end, Listing(tuple(found))


def _is_sound(
    stored: int, length: int, count: int, encoding: int, inside: tuple[tuple[bytes, int, int], ...]
) -> bool:
    return (
        len(inside) == count
        and length == sum(item[1] for item in inside)
        and max(stored, length) <= BLOCK_LIMIT
        and (encoding == ZSTD or (encoding == PLAIN and stored == length))
        and all(item[2] in {OBJECT, RECIPE, PIECE} for item in inside)
    )
