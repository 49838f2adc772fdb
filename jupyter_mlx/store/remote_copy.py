"""Chunks on their way from a remote into the file that they make up: what lies together is copied together.

Nothing is checked here: who assembles an object compares the digest of the whole.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import frames
from .blobs import BlobNotFoundError
from .listing import pack_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .blobs import Blobs
    from .remote_index import At, Place

    Targets = Mapping[bytes, Sequence[tuple[int, int]]]
    """Where each chunk belongs in the file: offset and length, perhaps more than once."""

_RUN_BYTES = 4 << 20


@dataclass(slots=True)
class _Run:
    """Bytes of a pack, and where in the file they belong."""

    pack: str
    start: int
    length: int
    at: int

    def goes_on(self, other: _Run) -> bool:
        """Whether `other` follows, in the pack and in the file."""
        return (self.pack, self.start + self.length, self.at + self.length) == (
            other.pack,
            other.start,
            other.at,
        ) and self.length + other.length <= _RUN_BYTES


@dataclass(slots=True)
class _Block:
    """A compressed block, and what of it belongs where: start in it, length, offset in the file."""

    block: At
    parts: list[tuple[int, int, int]]


def copy_pieces(
    blobs: Blobs, jobs: int, found: tuple[Sequence[Place], Mapping[int, At]], targets: Targets, fd: int
) -> None:
    """Write chunks, found at these places, to where they belong in an open file.

    What is not there, or can't be expanded, is left out.

    Raises:
        RemoteError, AccessError: the remote can't be read.
        OSError: the file can't be written.
    """

    def one(work: _Run | _Block) -> None:
        try:
            if isinstance(work, _Run):
                blobs.copy(pack_path(work.pack), work.start, work.length, fd, work.at)
            else:
                _expand(blobs, work, fd)
        except BlobNotFoundError:
            return

    work = list(_works(*found, targets))
    if len(work) <= 1 or jobs == 1:
        for each in work:
            one(each)
        return
    with ThreadPoolExecutor(jobs, "jmlx-copy") as pool:
        try:
            for _ in pool.map(one, work):
                pass
        finally:
            pool.shutdown(cancel_futures=True)


def _expand(blobs: Blobs, work: _Block, fd: int) -> None:
    at = work.block
    data = frames.expand(at.encoding, blobs.get(pack_path(at.pack), at.offset, at.stored), at.length)
    view = memoryview(data or b"")
    for start, length, where in work.parts:
        os.pwrite(fd, view[start : start + length], where)


def _works(places: Sequence[Place], blocks: Mapping[int, At], targets: Targets) -> Iterator[_Run | _Block]:
    """What is to be copied, in the order of `places`, which is that of the packs."""
    last: _Run | _Block | None = None
    for place in places:
        block = blocks[place.block]
        for at, length in targets[place.digest]:
            if length != place.length:  # the leaf lies, which the digest of the whole will tell
                continue
            if block.encoding != frames.PLAIN:
                if not isinstance(last, _Block) or last.block is not block:
                    if last is not None:
                        yield last
                    last = _Block(block, [])
                last.parts.append((place.start, length, at))
                continue
            run = _Run(block.pack, block.offset + place.start, length, at)
            if isinstance(last, _Run) and last.goes_on(run):
                last.length += length
                continue
            if last is not None:
                yield last
            last = run
    if last is not None:
        yield last
