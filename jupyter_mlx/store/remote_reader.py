"""Objects on their way from a remote: few large reads, by some threads, each object checked."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from . import frames
from .blobs import BlobNotFoundError
from .listing import RECIPE, pack_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .blobs import Blobs
    from .remote_index import Place

T = TypeVar("T")

_RANGE_BYTES = 4 << 20
_GAP_BYTES = 64 << 10
"""Bytes that are rather read in vain than by a request of their own left out."""


@dataclass(slots=True)
class _Span:
    """What is wanted of one block, and which bytes of the pack that takes."""

    start: int
    end: int
    places: list[Place]


@dataclass(slots=True)
class _Range:
    """Bytes of a pack that are read in one go."""

    pack: str
    start: int
    end: int
    spans: list[_Span]


@dataclass(frozen=True, slots=True)
class Found:
    """What one read brought."""

    damaged: list[Place]
    """Those whose bytes were not there, or were others."""


class PackReader:
    """Reads objects at their places, by up to `jobs` threads."""

    def __init__(self, blobs: Blobs, jobs: int) -> None:
        self._blobs, self._jobs = blobs, jobs

    def read(
        self, places: Iterable[Place], use: Callable[[Place, memoryview], T]
    ) -> Iterator[tuple[list[T], list[Place]]]:
        """Give each object's checked bytes to `use`, in the threads that read; what it returned, in groups.

        With each group come the places where other bytes were than there should
        be, or none. The order is that of the packs.
        """
        ranges = list(_ranges(places))
        if len(ranges) <= 1 or self._jobs == 1:
            yield from (self._one(each, use) for each in ranges)
            return
        with ThreadPoolExecutor(self._jobs, "jmlx-read") as pool:
            waiting: deque[object] = deque()
            try:
                for each in ranges:
                    waiting.append(pool.submit(self._one, each, use))
                    if len(waiting) > self._jobs:
                        yield waiting.popleft().result()  # type: ignore[attr-defined]
                while waiting:
                    yield waiting.popleft().result()  # type: ignore[attr-defined]
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _one(self, each: _Range, use: Callable[[Place, memoryview], T]) -> tuple[list[T], list[Place]]:
        try:
            window = memoryview(self._blobs.get(pack_path(each.pack), each.start, each.end - each.start))
        except BlobNotFoundError:
            window = memoryview(b"")
        done: list[T] = []
        damaged: list[Place] = []
        for span in each.spans:
            data, base = _expanded(window[span.start - each.start : span.end - each.start], span)
            for place in span.places:
                piece = data[place.start - base : place.start - base + place.length]
                encoding = frames.RECIPE if place.kind == RECIPE else frames.PLAIN
                if len(piece) == place.length and frames.is_whole(place.digest, encoding, piece):
                    done.append(use(place, piece))
                else:
                    damaged.append(place)
        return done, damaged


def _expanded(stored: memoryview, span: _Span) -> tuple[memoryview, int]:
    """The bytes of a block, and where in it they begin: of one that is not compressed only what is wanted."""
    first = span.places[0]
    if first.encoding == frames.PLAIN:
        return stored, span.start - first.offset
    return memoryview(frames.expand(first.encoding, stored, first.block_length) or b""), 0


def _ranges(places: Iterable[Place]) -> Iterator[_Range]:
    """Few reads for many places."""
    current: _Range | None = None
    for pack, span in _spans(places):
        if (
            current is not None
            and current.pack == pack
            and span.start - current.end <= _GAP_BYTES
            and span.end - current.start <= _RANGE_BYTES
        ):
            current.spans.append(span)
            current.end = max(current.end, span.end)
            continue
        if current is not None:
            yield current
        current = _Range(pack, span.start, span.end, [span])
    if current is not None:
        yield current


def _spans(places: Iterable[Place]) -> Iterator[tuple[str, _Span]]:
    """What is wanted of each block, in the order of the packs."""
    ordered = sorted(places, key=lambda place: (place.pack, place.offset, place.start))
    at = 0
    while at < len(ordered):
        first = ordered[at]
        end = at
        # a block that is not compressed is read in parts: only what lies close together is one of them
        reach = first.start
        while (
            end < len(ordered)
            and ordered[end].pack == first.pack
            and ordered[end].offset == first.offset
            and (first.encoding != frames.PLAIN or ordered[end].start - reach <= _GAP_BYTES)
        ):
            reach = max(reach, ordered[end].start + ordered[end].length)
            end += 1
        some = ordered[at:end]
        if first.encoding == frames.PLAIN:
            yield first.pack, _Span(first.offset + first.start, first.offset + reach, some)
        else:
            yield first.pack, _Span(first.offset, first.offset + first.stored, some)
        at = end
