"""Some objects of one pack in some 50 bytes each: there may be a million."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTES = 32


class PackRows:
    """Digest, offset, stored length and encoding of each, in parallel arrays."""

    def __init__(self) -> None:
        self._digests, self._encodings = bytearray(), bytearray()
        self.offsets, self.lengths = array("Q"), array("Q")

    def add(self, digest: bytes, offset: int, length: int, encoding: int) -> None:
        """Put one in."""
        self._digests += digest
        self.offsets.append(offset)
        self.lengths.append(length)
        self._encodings.append(encoding)

    def __len__(self) -> int:
        return len(self.offsets)

    def digest(self, number: int) -> bytes:
        """Of the object that was put in as the `number`-th."""
        return bytes(self._digests[_BYTES * number : _BYTES * number + _BYTES])

    def in_order(self) -> Iterator[tuple[bytes, int, int, int]]:
        """All of them, as they lie in the pack."""
        for number in sorted(range(len(self)), key=self.offsets.__getitem__):
            yield self.digest(number), self.offsets[number], self.lengths[number], self._encodings[number]
