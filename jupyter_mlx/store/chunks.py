"""Large objects cut where their content says so: an insertion changes the chunks around it, and no others.

Source: FastCDC 2020 (https://ieeexplore.ieee.org/document/9055082), by pyfastcdc.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyfastcdc import FastCDC

SHORTEST, AVERAGE, LONGEST = 1 << 14, 1 << 16, 1 << 18
"""Bytes of a chunk. Part of the format: other values cut elsewhere and share nothing with what is stored."""

_WINDOW_BYTES = 4 << 20


@cache
def _cutter() -> FastCDC:
    from pyfastcdc import FastCDC

    return FastCDC(AVERAGE, min_size=SHORTEST, max_size=LONGEST, normalized_chunking=1)


def windows(fd: int, start: int = 0) -> Iterator[bytes]:
    """The bytes of an open file from `start` to its end, some MiB at a time.

    Raises:
        OSError: it can't be read.
    """
    while data := os.pread(fd, _WINDOW_BYTES, start):
        yield data
        start += len(data)


def cut(stream: Iterator[bytes]) -> Iterator[list[memoryview]]:
    """The chunks of a stream of bytes, a list for each piece of it; where the pieces end plays no part."""
    rest = b""
    for piece in stream:
        chunks, at = _across(rest, piece)
        if at < 0:  # the piece is too short to end what was begun
            rest += piece
            continue
        view = memoryview(piece)
        for length in _lengths(view[at:]):
            chunks.append(view[at : at + length])
            at += length
        rest = bytes(chunks.pop())  # it ends where the piece does: perhaps not where the content says so
        yield chunks
    if rest:
        yield [memoryview(rest)]


def _across(rest: bytes, piece: bytes) -> tuple[list[memoryview], int]:
    """The chunks that begin in `rest` and end in the piece, and where; -1 where they do not end there for sure."""
    chunks: list[memoryview] = []
    if not rest:
        return chunks, 0
    joined, at = memoryview(rest + piece[: 2 * LONGEST]), 0
    for length in _lengths(joined):
        if at >= len(rest):
            return chunks, at - len(rest)
        chunks.append(joined[at : at + length])
        at += length
    return [], -1


def _lengths(data: memoryview) -> list[int]:
    return [chunk.length for chunk in _cutter().cut_buf(data)]
