"""Some objects of one pack in some 50 bytes each: there may be a million."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Found = tuple[bytes, int, int, int]
    """Of an object: digest, offset, stored length, encoding."""

_BYTES = 32
_WINDOW = 20
"""So many bits of an offset tell places of one MiB apart."""


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

    def __iter__(self) -> Iterator[Found]:
        return map(self._row, range(len(self)))

    def _row(self, number: int) -> Found:
        return self.digest(number), self.offsets[number], self.lengths[number], self._encodings[number]

    def in_order(self) -> Iterator[Found]:
        """All of them, as they lie in the pack."""
        for some in _grouped(offset >> _WINDOW for offset in self.offsets):
            yield from map(self._row, sorted(some, key=self.offsets.__getitem__))

    def by_digest(self) -> Iterator[Found]:
        """All of them, in the order of the digests."""
        for some in _grouped(self._digests[::_BYTES]):
            yield from sorted(map(self._row, some))


def _grouped(groups: Iterable[int]) -> Iterator[array[int]]:
    """The numbers of each group, group by group: to sort them all at once takes more memory than they do."""
    found: dict[int, array[int]] = {}
    for number, group in enumerate(groups):
        numbers = found.get(group)
        if numbers is None:
            numbers = found[group] = array("I")
        numbers.append(number)
    return (found[each] for each in sorted(found))
