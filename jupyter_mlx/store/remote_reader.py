"""Objects on their way from a remote: few large reads, by some threads, each object checked."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from . import frames
from .blobs import BlobNotFoundError
from .listing import RECIPE, pack_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .blobs import Blobs
    from .remote_index import At, Place

T = TypeVar("T")

_RANGE_BYTES = 4 << 20
_GAP_BYTES = 64 << 10
"""Bytes that are rather read in vain than by a request of their own left out."""
_WORTH_A_THREAD = 16 << 10
"""Objects shorter than this on average are hashed by the caller, one after another."""


@dataclass(slots=True)
class _Span:
    """What is wanted of one block, and which bytes of the pack that takes."""

    block: At
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


class PackReader:
    """Reads objects at their places, by up to `jobs` threads."""

    def __init__(self, blobs: Blobs, jobs: int) -> None:
        self._blobs, self._jobs = blobs, jobs

    def read(
        self,
        places: Sequence[Place],
        blocks: Mapping[int, At],
        use: Callable[[Place, memoryview], T],
    ) -> Iterator[tuple[list[T], list[Place]]]:
        """Give each object's bytes to `use`, mostly in the threads that read; what it returned, in groups.

        `places` are in the order of the packs. With each group come the places
        where other bytes were than there should be, or none.
        """
        ranges = list(_ranges(places, blocks))
        if len(ranges) <= 1 or self._jobs == 1:
            for each in ranges:
                yield _used(each, self._load(each), use)
            return
        # of many small objects, threads would only take turns: then they do no more than load
        are_small = sum(place.length for place in places) < len(places) * _WORTH_A_THREAD
        with ThreadPoolExecutor(self._jobs, "jmlx-read") as pool:
            waiting: deque[Callable[[], tuple[list[T], list[Place]]]] = deque()
            try:
                for each in ranges:
                    waiting.append(self._begun(pool, each, use, are_small=are_small))
                    if len(waiting) > self._jobs:
                        yield waiting.popleft()()
                while waiting:
                    yield waiting.popleft()()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _begun(
        self,
        pool: ThreadPoolExecutor,
        each: _Range,
        use: Callable[[Place, memoryview], T],
        *,
        are_small: bool,
    ) -> Callable[[], tuple[list[T], list[Place]]]:
        """Have a range read; calling what is returned waits for the end."""
        if are_small:
            loaded = pool.submit(self._load, each)
            return lambda: _used(each, loaded.result(), use)
        return pool.submit(lambda: _used(each, self._load(each), use)).result

    def _load(self, each: _Range) -> list[tuple[memoryview, int]]:
        """The bytes of each span, and where in its block they begin."""
        try:
            window = memoryview(self._blobs.get(pack_path(each.pack), each.start, each.end - each.start))
        except BlobNotFoundError:
            window = memoryview(b"")
        return [
            _expanded(window[span.start - each.start : span.end - each.start], span) for span in each.spans
        ]


def _used(
    each: _Range,
    loaded: list[tuple[memoryview, int]],
    use: Callable[[Place, memoryview], T],
) -> tuple[list[T], list[Place]]:
    """What `use` returned for each object that is whole, and the places of the others."""
    done: list[T] = []
    damaged: list[Place] = []
    for span, (data, base) in zip(each.spans, loaded, strict=True):
        for place in span.places:
            digest, _, start, length, kind = place
            piece = data[start - base : start - base + length]
            encoding = frames.RECIPE if kind == RECIPE else frames.PLAIN
            if len(piece) == length and frames.is_whole(digest, encoding, piece):
                done.append(use(place, piece))
            else:
                damaged.append(place)
    return done, damaged


def _expanded(stored: memoryview, span: _Span) -> tuple[memoryview, int]:
    """The bytes of a block, and where in it they begin: of one that is not compressed only what is wanted."""
    at = span.block
    if at.encoding == frames.PLAIN:
        return stored, span.start - at.offset
    return memoryview(frames.expand(at.encoding, stored, at.length) or b""), 0


def _ranges(places: Sequence[Place], blocks: Mapping[int, At]) -> Iterator[_Range]:
    """Few reads for many places."""
    current: _Range | None = None
    for span in _spans(places, blocks):
        if (
            current is not None
            and current.pack == span.block.pack
            and 0 <= span.start - current.end <= _GAP_BYTES
            and span.end - current.start <= _RANGE_BYTES
        ):
            current.spans.append(span)
            current.end = span.end
            continue
        if current is not None:
            yield current
        current = _Range(span.block.pack, span.start, span.end, [span])
    if current is not None:
        yield current


def _spans(places: Sequence[Place], blocks: Mapping[int, At]) -> Iterator[_Span]:
    """What is wanted of each block."""
    for number, group in groupby(places, itemgetter(1)):
        at, some = blocks[number], list(group)
        if at.encoding != frames.PLAIN:
            yield _Span(at, at.offset, at.offset + at.stored, some)
            continue
        # a block that is not compressed is read in parts: what lies close together is one of them
        first = 0
        for number_after, place in enumerate(some[1:], 1):
            before = some[number_after - 1]
            if place.start - (before.start + before.length) > _GAP_BYTES:
                yield _part(at, some[first:number_after])
                first = number_after
        yield _part(at, some[first:])


def _part(at: At, some: list[Place]) -> _Span:
    return _Span(at, at.offset + some[0].start, at.offset + some[-1].start + some[-1].length, some)
