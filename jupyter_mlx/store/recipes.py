"""What binds the chunks of a large object: a recipe lists leaves, a leaf lists chunks.

Two levels, both cut by content, so that a change of the object changes the
leaves around it and a few kilobytes of recipe. Source: docs/format.md, "Recipes".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blake3 import blake3

from jupyter_mlx.errors import CorruptError

from .chunks import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

TAG = b"MLXRCPE\x01"
_HEAD = struct.Struct("<8s32sQ")
_LEAF = struct.Struct("<32sQ")
_CHUNK = struct.Struct("<32sI")
_FEWEST, _MOST = 16, 256
MOST_LEAF_BYTES = _MOST * _CHUNK.size
"""No leaf is longer."""


class BadRecipeError(CorruptError):
    """A recipe or a leaf of one is malformed."""

    code = "recipe-corrupt"

    def __init__(self, digest: str, problem: str) -> None:
        super().__init__(digest, problem)
        self.digest, self.problem = digest, problem

    def __str__(self) -> str:
        return (
            f"the chunks of {self.digest} are listed wrongly: {self.problem}; nothing was written. "
            "`jmlx push` from a copy that has the data stores it again"
        )


@dataclass(frozen=True, slots=True)
class Recipe:
    """The leaves of one large object, in order."""

    leaves: tuple[tuple[bytes, int], ...]
    """Digest of the leaf, and how many of the object's bytes it stands for."""

    @property
    def size_bytes(self) -> int:
        """Of the object."""
        return sum(size for _, size in self.leaves)

    def encode(self) -> bytes:
        """The bytes of the recipe, which carry their own checksum."""
        body = b"".join(_LEAF.pack(*leaf) for leaf in self.leaves)
        return _HEAD.pack(TAG, blake3(body).digest(), self.size_bytes) + body

    @classmethod
    def decode(cls, data: bytes, digest: bytes) -> Recipe:
        """Read the recipe of the object `digest`, trusting nothing in it.

        Raises:
            BadRecipeError: it is none.
        """
        name = "b3:" + digest.hex()
        body = memoryview(data)[_HEAD.size :]
        if len(data) < _HEAD.size or len(body) % _LEAF.size:
            raise BadRecipeError(name, "it is cut short")
        tag, checksum, size = _HEAD.unpack_from(data)
        if tag != TAG or blake3(body).digest() != checksum:
            raise BadRecipeError(name, "it is no recipe, or a damaged one")
        recipe = cls(tuple(_LEAF.iter_unpack(body)))
        if recipe.size_bytes != size or any(not 0 < each <= _MOST * LONGEST for _, each in recipe.leaves):
            raise BadRecipeError(name, "its lengths do not add up")
        return recipe


def is_recipe(data: bytes | memoryview) -> bool:
    """Whether the checksum of a recipe is right; whether it lists what its object is made of is not known."""
    return (
        len(data) >= _HEAD.size
        and bytes(data[: len(TAG)]) == TAG
        and blake3(data[_HEAD.size :]).digest() == data[8:40]
    )


def leaf_chunks(data: bytes, expect_size: int, digest: bytes) -> list[tuple[bytes, int]]:
    """The chunks that a leaf lists, in order: digest and length of each.

    Raises:
        BadRecipeError: it is no leaf, or its chunks are not `expect_size` bytes long together.
    """
    if not data or len(data) > MOST_LEAF_BYTES or len(data) % _CHUNK.size:
        raise BadRecipeError("b3:" + digest.hex(), "a leaf is malformed")
    found = list(_CHUNK.iter_unpack(data))
    if sum(length for _, length in found) != expect_size or any(
        not 0 < length <= LONGEST for _, length in found
    ):
        raise BadRecipeError("b3:" + digest.hex(), "the lengths of a leaf do not add up")
    return found


@dataclass(slots=True)
class RecipeBuilder:
    """Takes the chunks of one object in order; gives its leaves and then its recipe."""

    _chunks: list[bytes] = field(default_factory=list)
    _size: int = 0
    _leaves: list[tuple[bytes, int]] = field(default_factory=list)

    def add(self, digest: bytes, length: int) -> tuple[bytes, bytes] | None:
        """Take a chunk; the digest and the bytes of the leaf that it completes, if it does."""
        self._chunks.append(_CHUNK.pack(digest, length))
        self._size += length
        count = len(self._chunks)
        # by content: one digest in 64 ends a leaf, so that leaves find their ends again after a change
        if (digest[0] < 4 and count >= _FEWEST) or count >= _MOST:
            return self._leaf()
        return None

    def _leaf(self) -> tuple[bytes, bytes]:
        data = b"".join(self._chunks)
        digest = blake3(data).digest()
        self._leaves.append((digest, self._size))
        self._chunks, self._size = [], 0
        return digest, data

    def finish(self) -> Iterator[tuple[bytes, bytes]]:
        """The last leaf, where chunks are left for one."""
        if self._chunks:
            yield self._leaf()

    def recipe(self) -> Recipe:
        """The recipe, after `finish`."""
        return Recipe(tuple(self._leaves))
