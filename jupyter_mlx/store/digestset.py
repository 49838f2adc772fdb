"""A set of digests in 32 bytes each: a million of them are 32 MB."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BYTES = 32
_FIRST_BYTES = 1 << 20


class DigestSet:
    """Digests in their binary form; asked for by their first byte, all that begin with it at once."""

    def __init__(self, digests: Iterable[bytes] = ()) -> None:
        self._parts = [bytearray() for _ in range(256)]
        self._sorted = [0] * 256
        self.update(digests)

    def add(self, digest: bytes) -> None:
        """Put one in."""
        self._parts[digest[0]] += digest
        if len(self._parts[digest[0]]) > 2 * self._sorted[digest[0]] + _FIRST_BYTES:
            self._settle(digest[0])

    def update(self, digests: Iterable[bytes]) -> None:
        """Put all of these in."""
        parts = self._parts
        for digest in digests:
            parts[digest[0]] += digest
        for first, part in enumerate(parts):
            if len(part) > 2 * self._sorted[first] + _FIRST_BYTES:
                self._settle(first)

    def _settle(self, first: int) -> None:
        """Keep each digest once."""
        part = bytearray().join(sorted(self.beginning(first)))
        self._parts[first], self._sorted[first] = part, len(part)

    def beginning(self, first: int) -> set[bytes]:
        """All whose first byte is `first`."""
        part = bytes(self._parts[first])
        return {part[at : at + _BYTES] for at in range(0, len(part), _BYTES)}

    def among(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those of `digests` that are in the set."""
        found: set[bytes] = set()
        for first, some in groupby(sorted(digests), key=itemgetter(0)):
            found |= self.beginning(first).intersection(some)
        return found

    def __iter__(self) -> Iterator[bytes]:
        for first in range(256):
            yield from sorted(self.beginning(first))

    def __len__(self) -> int:
        return sum(len(self.beginning(first)) for first in range(256))
