"""Objects on their way to a remote: gathered into blocks and packs, compressed and sent by some threads."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from blake3 import blake3

from . import frames
from .listing import PACK_HEADER, Block, Listing, pack_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Future

    from .blobs import Blobs, Part
    from .remote_index import RemoteIndex

    Item = tuple[bytes, int, int]

BLOCK_BYTES = 512 << 10
"""A block is closed when it holds so much: what has to be fetched for one small object that was compressed."""

PACK_BYTES = 16 << 20
IN_FLIGHT_BYTES = 32 << 20
"""Packs that are sent at once are made smaller, so that together, with their copies, they take no more."""

BLOCK_OBJECTS = 8192
"""A block of tiny objects is closed when it has so many."""

_OBJECT_BYTES = 512
"""What an object takes in memory besides its bytes, so that a pack of tiny ones is closed sooner."""

_TOGETHER = 1 << 16
"""Objects that are noted in the index at once: a blob of listings of some 2.5 MB."""

_WORTH_MERGING = 4


def index_path(name: str) -> str:
    """Where a remote keeps a blob of listings."""
    return f"index/{name}"


class PackSender:
    """Takes objects and sends them as packs. Used by one thread; sends by up to `jobs` others.

    A pack is there for others when its listing is, which is sent after it. When
    all is sent, many listings become one, so that the next one who looks has
    little to fetch.
    """

    def __init__(self, blobs: Blobs, index: RemoteIndex, jobs: int) -> None:
        self._blobs, self._index, self._jobs = blobs, index, jobs
        self._pack_bytes = max(1 << 20, min(PACK_BYTES, IN_FLIGHT_BYTES // (jobs * blobs.copies)))
        self._block = bytearray()
        self._items: list[Item] = []
        self._blocks: list[tuple[bytearray, tuple[Item, ...]]] = []
        self._gathered = 0
        self._sending: deque[Future[tuple[str, Listing]]] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._listings: list[tuple[str, Listing]] = []
        self._listed = 0
        self.pending: set[bytes] = set()
        """Taken, and not yet in the index."""

    def take(self, objects: Iterable[tuple[bytes, Part]], kind: int) -> int:
        """Take objects, of which those are passed over that are `pending`; the bytes of the others.

        The caller has seen that none is in the index.

        Raises:
            RemoteError, AccessError: what was taken before could not be sent.
        """
        taken, block, items, pending = 0, self._block, self._items, self.pending
        for digest, data in objects:
            if digest in pending:
                continue
            pending.add(digest)
            taken += len(data)
            block += data
            items.append((digest, len(data), kind))
            if len(block) >= BLOCK_BYTES or len(items) >= BLOCK_OBJECTS:
                self._close_block()
                if self._gathered >= self._pack_bytes:
                    self._send()
                block, items = self._block, self._items
        return taken

    def finish(self) -> None:
        """Send what is left, and wait until all is there.

        Raises:
            RemoteError, AccessError: something could not be sent; the rest is there.
        """
        try:
            if self._items:
                self._close_block()
            if self._blocks:
                self._send(last=True)
            while self._sending:
                self._collect()
            self._settle()
        finally:
            self.close()

    def close(self) -> None:
        """Stop; what was not sent by now is forgotten."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool = None

    def _close_block(self) -> None:
        self._blocks.append((self._block, tuple(self._items)))
        self._gathered += max(len(self._block), _OBJECT_BYTES * len(self._items))
        self._block, self._items = bytearray(), []

    def _send(self, *, last: bool = False) -> None:
        blocks, self._blocks, self._gathered = self._blocks, [], 0
        if last and not self._sending:  # one pack alone needs no thread
            self._note(*self._sent(blocks))
            return
        while len(self._sending) >= self._jobs:
            self._collect()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._jobs, "jmlx-send")
        self._sending.append(self._pool.submit(self._sent, blocks))

    def _sent(self, blocks: list[tuple[bytearray, tuple[Item, ...]]]) -> tuple[str, Listing]:
        """Send a pack, then its listing. In a thread of its own."""
        parts: list[Part] = [PACK_HEADER]
        listed: list[Block] = []
        blocks.reverse()
        while blocks:
            data, items = blocks.pop()  # each is let go of as soon as it is compressed
            encoding, stored = frames.shrink(memoryview(data))
            parts.append(stored)
            listed.append(Block(encoding, len(stored), len(data), items))
        listing = Listing(tuple(listed))
        text = listing.encode()
        name = blake3(text).hexdigest()
        self._blobs.put(pack_path(name), parts)
        self._blobs.put(index_path(name), [text])
        return name, listing

    def _collect(self) -> None:
        self._note(*self._sending.popleft().result())

    def _note(self, name: str, listing: Listing) -> None:
        self._listings.append((name, listing))
        self._listed += sum(len(block.items) for block in listing.blocks)
        if self._listed >= _TOGETHER:
            self._settle()

    def _settle(self) -> None:
        """Note in the index what was sent; make one blob of many listings."""
        listings, self._listings, self._listed = self._listings, [], 0
        if len(listings) >= _WORTH_MERGING:
            merge(self._blobs, self._index, listings)
        else:
            self._index.add_all([(name, [(name, listing)]) for name, listing in listings])
        for _, listing in listings:
            for block in listing.blocks:
                self.pending.difference_update([item[0] for item in block.items])


def merge(blobs: Blobs, index: RemoteIndex, listings: Sequence[tuple[str, Listing]]) -> None:
    """Replace blobs of one listing each by one of all; who has read the small ones already loses nothing."""
    text = b"".join(listing.encode() for _, listing in listings)
    name = blake3(text).hexdigest()
    blobs.put(index_path(name), [text])
    index.add(name, listings)
    for small, _ in listings:
        blobs.delete(index_path(small))
    index.forget([small for small, _ in listings])
