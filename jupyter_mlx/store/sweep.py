"""Removes the objects that nothing needs, beside any number of readers and writers.

The order is what keeps it safe. What lists other objects (manifests, records,
recipes) goes first, all in one turn, and durably; so a listing that is there
still names what is there still, whenever this is killed. See "Leases" in
docs/format.md for how it and the writers keep clear of each other.
"""

# Paths are strings here, as in `files`.
# ruff: noqa: PTH108, PTH116, PTH120, PTH123

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, MlxError

from . import frames, index_upkeep
from .digestset import DigestSet
from .files import sync_folder, write_atomically
from .large import DAMAGED
from .pack_rows import PackRows
from .packs import CONDEMNED, Place, read_condemned
from .rewriting import rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .large import LargeObjects
    from .leases import Sweeping
    from .small import SmallObjects

_TURN_S = 0.05
_TURN_OBJECTS = 5_000
_WINDOW_BYTES = 4 << 20


class Listings(Protocol):
    """Knows which objects list others. The store itself does not look into what it keeps."""

    heads: tuple[bytes, ...]
    """How those begin."""

    def names(self, data: bytes) -> Iterable[bytes]:
        """The digests that an object lists which begins so."""

    def is_wanted(self, data: bytes) -> bool:
        """Whether such an object is to be kept though nothing refers to it."""


@dataclass(slots=True)
class Removed:
    """What a sweep would remove, or removed."""

    small_objects: int = 0
    small_bytes: int = 0
    large_objects: int = 0
    large_bytes: int = 0
    young_objects: int = 0
    """Needed by nothing, but written too lately to go."""
    young_bytes: int = 0
    busy_packs: int = 0
    """Packs that a writer holds: what is dead in them is gone for readers, and takes space until the next gc."""


class _Pack(PackRows):
    """The dead objects of one pack."""

    def __init__(self) -> None:
        super().__init__()
        self.young = False
        self.gone_bytes = 0


class Sweep:
    """One removal. Made when the gc has begun; used once."""

    def __init__(
        self, store: str, temp: str, small: SmallObjects, large: LargeObjects, leases: Sweeping
    ) -> None:
        self._store, self._temp, self._small, self.large, self._leases = store, temp, small, large, leases
        self._index = small.index
        self._packs: dict[str, _Pack] = {}
        self._files: dict[bytes, int] = {}
        self._spared: set[bytes] = set()
        self._lists: dict[bytes, Place | None] = {}
        """Dead objects that list others: where they are (None: a file of their own)."""
        self._wanted: list[bytes] = []
        self._young: list[bytes] = []
        """Those of them that stay, for what they are or for their age."""
        self._young_files: dict[bytes, int] = {}
        self.live = DigestSet()
        """What is needed. To be filled before `find`."""

    # deciding

    def find(self, listings: Listings, grace_s: float = 0) -> Removed:
        """What is neither live, nor leased, nor younger than the grace, nor listed by what is.

        Raises:
            AccessError: the store can't be read.
            CorruptObjectError: a recipe that is needed is damaged.
        """
        self._listings = listings
        self._index.catch_up(wait=False)
        self._live_recipes()
        before = time.time() - grace_s
        self._find_small(before)
        self._find_large(before)
        self._spare(self._wanted)
        self._spare(self._leases.fresh())
        needed = set(self._spared)
        self._spare(self._young)
        self._found = self._sum(needed)
        return self._found

    def _live_recipes(self) -> None:
        for digest in sorted(self.live.among(index_upkeep.recipes(self._index))):
            self.live.update(self._small.pieces(digest, self._store))

    def _find_small(self, before: float) -> None:
        names = index_upkeep.numbers(self._index)
        for first in range(256):
            live = self.live.beginning(first)
            for digest, number, offset, length, encoding in index_upkeep.beginning(self._index, first):
                # a pack that a writer has begun since holds what is leased, and nothing else
                if digest not in live and number in names:
                    pack = self._packs.setdefault(names[number], _Pack())
                    pack.add(digest, offset, length, encoding)
        for name, pack in self._packs.items():
            pack.young = self._small.written_at(name) > before
            for place, digest in self._lists_in(name, pack):
                self._note_list(digest, place, young=pack.young)

    def _find_large(self, before: float) -> None:
        for first in range(256):
            live = self.live.beginning(first)
            for digest in self.large.beginning(first):
                if digest in live:
                    continue
                path = self.large.path(Digest(digest.hex()))
                try:
                    found = os.stat(path)
                    with open(path, "rb") as file:
                        is_list = file.read(64).startswith(self._listings.heads)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise AccessError.of(error, path) from None
                young = found.st_mtime > before
                (self._young_files if young else self._files)[digest] = found.st_size
                if is_list:
                    self._note_list(digest, None, young=young)

    def _lists_in(self, name: str, pack: _Pack) -> Iterator[tuple[Place, bytes]]:
        """The dead objects of a pack that list others. Their beginnings are read in the order of the pack."""
        heads, window, base = self._listings.heads, b"", 0
        longest = max(map(len, heads))
        for digest, offset, length, encoding in pack.in_order():
            place = Place(name, offset, length, encoding)
            if encoding == frames.RECIPE:
                yield place, digest
            elif encoding == frames.PLAIN:
                if not base <= offset <= base + len(window) - longest:
                    window, base = self._small.window(name, offset, _WINDOW_BYTES), offset
                if window[offset - base : offset - base + longest].startswith(heads):
                    yield place, digest

    def _note_list(self, digest: bytes, place: Place | None, *, young: bool) -> None:
        self._lists[digest] = place
        if self._is_wanted(digest, place):
            self._wanted.append(digest)
        elif young:
            self._young.append(digest)

    def _is_wanted(self, digest: bytes, place: Place | None) -> bool:
        if place is not None and place.encoding == frames.RECIPE:
            return False
        data = self._bytes_of(digest, place)
        return data is not None and self._listings.is_wanted(data)

    def _bytes_of(self, digest: bytes, place: Place | None) -> bytes | None:
        """An object that lists others; None where it can't be read, so that nothing is known of it."""
        if place is not None:
            data = self._small.object_at(place)
            return data if frames.is_whole(digest, place.encoding, data) else None
        with contextlib.suppress(OSError), open(self.large.path(Digest(digest.hex())), "rb") as file:
            return file.read()
        return None

    def _spare(self, digests: Iterable[bytes]) -> None:
        """Keep these, and all that those of them list that are dead otherwise."""
        waiting = list(digests)
        while waiting:
            digest = waiting.pop()
            if digest in self._spared:
                continue
            self._spared.add(digest)
            if digest in self._lists:
                waiting += self._listed(digest, self._lists[digest])

    def _listed(self, digest: bytes, place: Place | None) -> Iterable[bytes]:
        if place is not None and place.encoding == frames.RECIPE:
            with contextlib.suppress(MlxError):
                return list(self._small.pieces(digest, self._store))
            return ()
        data = self._bytes_of(digest, place)
        return self._listings.names(data) if data is not None else ()

    def _sum(self, needed: set[bytes]) -> Removed:
        found = Removed()
        for pack in self._packs.values():
            stays = needed if pack.young else self._spared
            count = size = 0
            for number in range(len(pack)):
                if pack.digest(number) not in stays:
                    count += 1
                    size += pack.lengths[number] + frames.FRAME_BYTES
            if pack.young:
                found.young_objects += count
                found.young_bytes += size
            else:
                found.small_objects += count
                found.small_bytes += size
        young = [size for digest, size in self._young_files.items() if digest not in needed]
        files = [size for digest, size in self._files.items() if digest not in self._spared]
        found.young_objects += len(young)
        found.young_bytes += sum(young)
        found.large_objects, found.large_bytes = len(files), sum(files)
        return found

    # doing

    def remove(self, told: Callable[[int, int], None]) -> Removed:
        """Remove what was found; `told` hears of objects and bytes as they go.

        Raises:
            AccessError: the disk refused; the store is whole, and a gc goes on where this one stopped.
            BusyStoreError: likewise.
        """
        done = Removed(young_objects=self._found.young_objects, young_bytes=self._found.young_bytes)
        self._remove_lists()
        for pack in self._packs.values():
            if not pack.young:
                self._remove_small(pack, done, told)
        self._remove_large(done, told)
        self._forget_faults()
        self._rewrite(done)
        return done

    def _remove_lists(self) -> None:
        """All at once: of two that are left, one may name the other."""
        folders: set[str] = set()
        with self._leases.turn():
            self._spare(self._leases.fresh())
            gone = {digest: place for digest, place in self._lists.items() if digest not in self._spared}
            places = [(digest, place) for digest, place in gone.items() if place is not None]
            index_upkeep.drop(self._index, [digest for digest, _ in places])
            for digest, place in gone.items():
                if place is None:
                    folders.add(os.path.dirname(self._unlink(digest)))
        for folder in folders:
            sync_folder(folder)
        self._condemn(places)
        self._lists = {}

    def _condemn(self, places: Iterable[tuple[bytes, Place]] = ()) -> None:
        """Say on the disk which frames count no more in packs that still have them: the index may be lost."""
        there = set(self._index.names())
        found = {
            (pack, offset, digest.hex())
            for pack, some in read_condemned(self._store).items()
            for digest, offset in some
            if pack in there
        }
        found |= {(place.pack, place.offset, digest.hex()) for digest, place in places}
        path = f"{self._store}/{CONDEMNED}"
        if found:
            text = "".join(f"{pack} {offset} {digest}\n" for pack, offset, digest in sorted(found))
            write_atomically(path, text.encode(), self._temp)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def _remove_small(self, pack: _Pack, done: Removed, told: Callable[[int, int], None]) -> None:
        for start in range(0, len(pack), _TURN_OBJECTS):
            some = range(start, min(start + _TURN_OBJECTS, len(pack)))
            with self._leases.turn():
                self._spare(self._leases.fresh())
                gone = [number for number in some if pack.digest(number) not in self._spared]
                index_upkeep.drop(self._index, sorted(pack.digest(number) for number in gone))
            size = sum(pack.lengths[number] + frames.FRAME_BYTES for number in gone)
            pack.gone_bytes += size
            done.small_objects += len(gone)
            done.small_bytes += size
            told(len(gone), size)

    def _remove_large(self, done: Removed, told: Callable[[int, int], None]) -> None:
        waiting = list(self._files.items())
        while waiting:
            gone: list[bytes] = []
            with self._leases.turn():
                self._spare(self._leases.fresh())
                until = time.monotonic() + _TURN_S
                while waiting and time.monotonic() < until:
                    digest, size = waiting.pop()
                    if digest not in self._spared:
                        self._unlink(digest)
                        gone.append(digest)
                        done.large_objects += 1
                        done.large_bytes += size
                        told(1, size)
            index_upkeep.forget_large(self._index, gone)

    def _forget_faults(self) -> None:
        """Of damaged and lost objects, `verify` is to name only those that something needs."""
        faults = set().union(*index_upkeep.faults(self._index))
        index_upkeep.forget_faults(self._index, faults - self._needed(sorted(faults)))
        aside = [digest.raw for digest in self.large.put_aside()]
        for raw in set(aside) - self._needed(aside):
            with contextlib.suppress(OSError):
                os.unlink(self.large.path(Digest(raw.hex())) + DAMAGED)

    def unlink(self, digest: Digest) -> bool:
        """Remove the file of a large object that is stored in chunks as well; not where it is leased or linked to."""
        with self._leases.turn():
            self._spare(self._leases.fresh())
            path = self.large.path(digest)
            if digest.raw in self._spared or os.stat(path).st_nlink > 1:
                return False
            self._unlink(digest.raw)
        index_upkeep.forget_large(self._index, [digest.raw])
        return True

    def _unlink(self, digest: bytes) -> str:
        path = self.large.path(Digest(digest.hex()))
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        except OSError as error:
            raise AccessError.of(error, path) from None
        return path

    def _rewrite(self, done: Removed) -> None:
        """Give back the space of what is in packs still, and of what killed writers and gcs left there."""
        filled = index_upkeep.filled(self._index)
        for name, used in filled.items():
            pack = self._packs.get(name)
            size = self._small.size_of(name)
            if (pack is not None and pack.young) or size <= used + len(frames.HEADER):
                continue
            gone = pack.gone_bytes if pack else 0
            if rewrite(self._index, self._small.folder, name, self._needed, gone_bytes=gone) is None:
                done.busy_packs += 1
        self._condemn()

    def _needed(self, digests: list[bytes]) -> set[bytes]:
        return self.live.among(digests) | self._spared.intersection(digests)
