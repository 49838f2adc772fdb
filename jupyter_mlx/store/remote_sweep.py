"""Removes from a remote the packs that nothing needs, beside others that push and fetch.

A pack is condemned first: to a push, what is in it is absent. Only what was
condemned longer ago than the grace is removed, after what is needed of it was
sent again. So a push that looked before that has ended by then.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from blake3 import blake3

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError

from . import condemned
from .digestset import DigestSet
from .listing import OBJECT, PIECE, RECIPE, Listing, decode, pack_path
from .recipes import leaf_chunks
from .remote_writer import PackSender, index_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .condemned import Condemned
    from .remote_store import RemoteStore

_LONGEST = 1 << 30
_TOGETHER = 256
_JOBS = 4


@dataclass(slots=True)
class RemoteRemoved:
    """What a gc of a remote did, or would do."""

    condemned_packs: int = 0
    condemned_bytes: int = 0
    """That go when the grace is over."""
    removed_packs: int = 0
    removed_bytes: int = 0
    sent_objects: int = 0
    """Still needed, and sent again in other packs."""


@dataclass(slots=True)
class Packs:
    """What was decided about the packs of a remote."""

    doomed: dict[str, int] = field(default_factory=dict)
    """Pack → its bytes."""
    condemned: dict[str, int] = field(default_factory=dict)
    kept: DigestSet = field(default_factory=DigestSet)
    """Of what is needed, what lies in packs that stay."""


class RemoteSweep:
    """One removal. `live` is filled before; the remote was looked at before that."""

    def __init__(self, remote: RemoteStore, live: DigestSet, heads: tuple[bytes, ...]) -> None:
        self._remote, self._live, self._heads = remote, live, heads
        self._blobs = {
            name: condemned.read(remote.blobs, name)
            for name in (path.partition("/")[2] for path in remote.blobs.names("index"))
            if name.startswith(condemned.PREFIX)
        }

    def find(self) -> Packs:
        """Decide: a pack goes where little in it is needed, or something dead in it lists other objects.

        Raises:
            CorruptError: something that is needed is damaged there.
        """
        self._live_pieces()
        found = Packs()
        gone = {pack for blob in self._blobs.values() for pack in blob.packs}
        for pack, listing in self._listings():
            items = [item for block in listing.blocks for item in block.items]
            live = self._live.among([item[0] for item in items])
            if pack in gone:
                found.condemned[pack] = listing.pack_bytes
            elif self._stays(items, live):
                found.kept.update(live)
            else:
                found.doomed[pack] = listing.pack_bytes
        return found

    def _listings(self) -> Iterator[tuple[str, Listing]]:
        for name in sorted(self._remote.index.listed()):
            yield from decode(self._remote.blobs.get(index_path(name), 0, _LONGEST), name)

    def _live_pieces(self) -> None:
        recipes: set[bytes] = set()
        for _, listing in self._listings():
            large = [item[0] for block in listing.blocks for item in block.items if item[2] == RECIPE]
            recipes |= self._live.among(large)
        for raw in recipes:
            leaves = dict(self._remote.recipe(Digest(raw.hex())).leaves)
            self._live.update(leaves)
            for leaf, data in self._remote.stream(leaves):
                self._live.update([chunk for chunk, _ in leaf_chunks(data, leaves[leaf], raw)])

    def _stays(self, items: list[tuple[bytes, int, int]], live: set[bytes]) -> bool:
        dead = [item for item in items if item[0] not in live]
        if not dead:
            return True
        if 2 * sum(item[1] for item in dead) > sum(item[1] for item in items):
            return False
        # a listing that stays must not name what goes: to the next push it would prove that it is there
        return not any(item[2] == RECIPE for item in dead) and not self._lists(dead)

    def _lists(self, dead: list[tuple[bytes, int, int]]) -> bool:
        small = [item[0] for item in dead if item[2] == OBJECT and item[1] >= len(min(self._heads, key=len))]
        try:
            return any(data.startswith(self._heads) for _, data in self._remote.stream(small))
        except CorruptError:
            return True

    def remove(self, found: Packs, grace_s: float, *, dry_run: bool) -> RemoteRemoved:
        """Condemn, send again what is needed, and remove what was condemned long enough ago.

        Raises:
            RemoteError, AccessError: the remote refused; run it again.
        """
        now = time.time()
        old = [blob for blob in self._blobs.values() if blob.why == "gc" and blob.at <= now - grace_s]
        expired = {pack for blob in old for pack in blob.packs}
        if not grace_s:
            expired |= found.doomed.keys()
        sizes = {**found.doomed, **found.condemned}
        done = RemoteRemoved(
            len(found.doomed.keys() - expired),
            sum(size for pack, size in found.doomed.items() if pack not in expired),
            len(expired & sizes.keys()),
            sum(sizes.get(pack, 0) for pack in expired),
        )
        if dry_run:
            return done
        if found.doomed:
            condemned.condemn(self._remote.blobs, self._remote.index, found.doomed, "gc")
        done.sent_objects = self._send_again(found)
        if expired:
            self._delete(expired)
        self._remote.refresh()
        return done

    def _send_again(self, found: Packs) -> int:
        """What is needed and lies only in packs that go."""
        wanted: dict[int, set[bytes]] = {PIECE: set(), RECIPE: set(), OBJECT: set()}
        gone = found.doomed.keys() | found.condemned.keys()
        for pack, listing in self._listings():
            if pack in gone:
                for block in listing.blocks:
                    live = self._live.among([item[0] for item in block.items])
                    live -= found.kept.among(live)
                    for digest, _, kind in block.items:
                        if digest in live:
                            wanted[kind].add(digest)
        sender = PackSender(self._remote.blobs, self._remote.index, _JOBS)
        for kind, digests in wanted.items():  # what lists others comes after them
            for some in _some(digests):
                if kind == RECIPE:
                    recipes = [(raw, self._remote.recipe(Digest(raw.hex())).encode()) for raw in some]
                    sender.take(recipes, kind)
                else:
                    sender.take(self._remote.stream(some), kind)
        sender.finish()
        return sum(map(len, wanted.values()))

    def _delete(self, packs: set[str]) -> None:
        """Remove packs: first what lists them, then themselves, then what condemns them."""
        blobs = self._remote.blobs
        for name in sorted(self._remote.index.listed()):
            listings = list(decode(blobs.get(index_path(name), 0, _LONGEST), name))
            left = [listing for pack, listing in listings if pack not in packs]
            if len(left) < len(listings):
                if left:
                    text = b"".join(listing.encode() for listing in left)
                    blobs.put(index_path(blake3(text).hexdigest()), [text])
                blobs.delete(index_path(name))
        for pack in sorted(packs):
            blobs.delete(pack_path(pack))
        for name, blob in self._condemning():
            if set(blob.packs) <= packs:
                blobs.delete(f"index/{name}")

    def _condemning(self) -> Iterator[tuple[str, Condemned]]:
        for path in self._remote.blobs.names("index"):
            name = path.partition("/")[2]
            if name.startswith(condemned.PREFIX):
                yield name, condemned.read(self._remote.blobs, name)


def _some(digests: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(sorted(digests))
    while some := list(islice(rest, _TOGETHER)):
        yield some
