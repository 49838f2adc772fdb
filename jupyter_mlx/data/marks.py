"""The files of one folder by name, each with its mark: some thousand together, of a large folder on the disk."""

from __future__ import annotations

import heapq
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from .spool import Spool

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

Known: TypeAlias = dict[bytes, bytes]
"""Name → mark, in the order of the names."""

TOGETHER: Final = 4096
"""Files that are looked at, listed and kept together."""
_IN_MEMORY: Final = 4 * TOGETHER

_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Known)


class Marks:
    """Name → mark, in blocks in the order of the names."""

    __slots__ = ("_blocks", "_count", "_spool")

    def __init__(self, blocks: Iterable[Known] = ()) -> None:
        self._blocks: list[Known] = []
        self._spool: Spool | None = None
        self._count = 0
        for block in blocks:
            self.add(block)

    def add(self, block: Known) -> None:
        """Put a block in, whose names come after all that are there."""
        if not block:
            return
        self._count += len(block)
        self._blocks.append(block)
        if self._spool is not None or self._count > _IN_MEMORY:
            if self._spool is None:
                self._spool = Spool(0)
            for each in self._blocks:
                self._spool.add(_ENCODER.encode(each))
            self._blocks = []

    def take(self, encoded: bytes) -> None:
        """`add` a block as `encoded` gives it."""
        self.add(_DECODER.decode(encoded))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Known]:
        return map(_DECODER.decode, self._spool) if self._spool is not None else iter(self._blocks)

    def encoded(self) -> Iterator[bytes]:
        """The blocks as MessagePack maps."""
        return iter(self._spool) if self._spool is not None else map(_ENCODER.encode, self._blocks)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Each name with its mark."""
        return (item for block in self for item in block.items())

    def beyond(self, last: bytes) -> Iterator[Known]:
        """What comes after a name."""
        for block in self:
            if next(reversed(block)) > last:
                yield {name: mark for name, mark in block.items() if name > last}


class Asked:
    """Marks that are asked for by name, in the order of the names."""

    __slots__ = ("_block", "_blocks")

    def __init__(self, marks: Marks) -> None:
        self._blocks, self._block = iter(marks), Known()

    def among(self, names: Sequence[bytes]) -> Known:
        """The marks of those of `names`, ordered and after all that were asked for before, that have one."""
        found: Known = {}
        while names:
            block = self._block or next(self._blocks, Known())
            if not block:
                break
            found.update({name: block[name] for name in names if name in block})
            if next(reversed(block)) > names[-1]:
                self._block = block
                break
            self._block = {}
        return found


def changed(marks: Marks, gone: Collection[bytes], come: Marks) -> Marks:
    """Marks without those of some names, and with others, which replace what has the same name."""
    if len(marks) + len(come) <= _IN_MEMORY:
        merged = dict((*marks.items(), *come.items()))
        for name in gone:
            merged.pop(name, None)
        return in_blocks(iter(sorted(merged.items())))
    left = set(gone)
    both = heapq.merge(
        marks.items(), come.items(), key=itemgetter(0)
    )  # of one name, that of `come` comes last
    return in_blocks(item for item in both if item[0] not in left)


def in_blocks(items: Iterator[tuple[bytes, bytes]]) -> Marks:
    """Marks of names that come in order; of one name the last mark."""
    found, block = Marks(), Known()
    while some := dict(islice(items, TOGETHER)):
        if block and next(reversed(block)) == next(iter(some)):
            block.popitem()
        found.add(block)
        block = some
    found.add(block)
    return found
