"""Small objects: appended to pack files, many to a file, each writer to a pack of its own."""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH108, PTH112, PTH116, PTH118

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import weakref
from typing import TYPE_CHECKING

from blake3 import blake3

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptObjectError, ObjectNotFoundError

from . import frames
from .files import inherit_access, make_folder, sync_data, sync_folder, write_all
from .packs import Place, new_name
from .recipes import Recipe, leaf_chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from .leases import Leases
    from .packs import Found, PackIndex

PACK_BYTES = 256 << 20
"""A pack that has reached this takes no more."""

_OPEN_PACKS = 16
_SPAN_BYTES, _GAP_BYTES = 8 << 20, 64 << 10
_PENDING_BYTES = 4 << 20
_PENDING_OBJECTS = 256
_UNNOTED_OBJECTS = 50_000


class SmallObjects:
    """The folder `packs/` of a store, read."""

    def __init__(self, folder: str, index: PackIndex) -> None:
        self.folder, self.index = folder, index
        self._open: dict[str, int] = {}
        self._lock, self._pid = threading.Lock(), os.getpid()
        weakref.finalize(self, _close, self._open)

    def find(self, digest: Digest) -> Place | None:
        """Where the object is, as far as the index knows."""
        return self.index.find(digest.raw) if os.path.isdir(self.folder) else None

    def present(self, digests: Collection[bytes]) -> set[bytes]:
        """Those that the index knows."""
        return self.index.present(digests) if os.path.isdir(self.folder) else set()

    def get(self, digest: Digest, store: str) -> bytes:
        """The object's bytes, checked; see `ObjectStore.get`."""
        if not os.path.isdir(self.folder):
            raise ObjectNotFoundError(str(digest), store)
        place = self.index.find(digest.raw)
        data = self.object_at(place) if place else None
        if data is not None and frames.is_whole(digest.raw, place.encoding if place else 0, data):
            return data
        return self._get_again(digest, place, store)

    def read(self, digests: list[bytes]) -> dict[bytes, bytes]:
        """The bytes of those that are where the index says, and whole."""
        if not os.path.isdir(self.folder):
            return {}
        found: dict[bytes, bytes] = {}
        for pack, places in self.index.find_many(digests).items():
            for some in _close_together(places):
                self._read_together(pack, some, found)
        return found

    def _read_together(self, pack: str, some: list[Found], found: dict[bytes, bytes]) -> None:
        """The bytes at places of one pack, read in one go."""
        start, end = some[0][0], some[-1][0] + some[-1][1]
        span = self._read(pack, start, end - start)
        for offset, length, encoding, digest, _ in some if span is not None else ():
            data: bytes | None = span[offset - start : offset - start + length] if span else b""
            if encoding == frames.ZSTD:
                data = self.object_at(Place(pack, offset, length, encoding))
            if data is not None and encoding != frames.RECIPE and blake3(data).digest() == digest:
                found[digest] = data

    def _get_again(self, digest: Digest, place: Place | None, store: str) -> bytes:
        """The index does not know, or is wrong, or the bytes are: ask the packs themselves."""
        again = self.index.find(digest.raw)
        if place is not None and again == place:  # a gc did not just take it elsewhere
            self.index.condemn(digest.raw)
        if again is None or again == place:
            self.index.catch_up(wait=True)
            again = self.index.find(digest.raw)
        data = self.object_at(again) if again else None
        if again is not None and data is not None and frames.is_whole(digest.raw, again.encoding, data):
            return data
        if again is not None or self.index.condemned(digest.raw):
            raise CorruptObjectError(str(digest), store)
        raise ObjectNotFoundError(str(digest), store)

    def object_at(self, place: Place) -> bytes | None:
        """What the frame at a place holds, not compared with its digest; None where the pack is gone or shorter.

        Of a `RECIPE` that is the recipe.
        """
        if place.encoding != frames.ZSTD:
            return self._read(place.pack, place.offset, place.length)
        span = self._read(place.pack, place.offset - frames.FRAME_BYTES, frames.FRAME_BYTES + place.length)
        return (
            frames.expand(frames.ZSTD, span[frames.FRAME_BYTES :], frames.length_in(span)) if span else None
        )

    def length_of(self, place: Place) -> int:
        """The length of the object at a place, in bytes."""
        if place.encoding != frames.ZSTD:
            return place.length
        header = self._read(place.pack, place.offset - frames.FRAME_BYTES, frames.FRAME_BYTES)
        return frames.length_in(header) if header else place.length

    def _read(self, pack: str, offset: int, length: int) -> bytes | None:
        """Some bytes of a pack; None where it is gone or shorter."""
        if self._pid != os.getpid():
            self._lock, self._pid = threading.Lock(), os.getpid()
        with self._lock:  # held while reading: another thread could close the file and reuse its number
            try:
                data = os.pread(self._pack(pack), length, offset)
            except FileNotFoundError:
                return None
            except OSError as error:
                raise AccessError.of(error, os.path.join(self.folder, pack)) from None
        return data if len(data) == length else None

    def _pack(self, name: str) -> int:
        fd = self._open.get(name)
        if fd is None:
            if len(self._open) >= _OPEN_PACKS:
                os.close(self._open.pop(next(iter(self._open))))
            fd = os.open(os.path.join(self.folder, name), os.O_RDONLY | os.O_CLOEXEC)
            self._open[name] = fd
        return fd

    def pieces(self, digest: bytes, store: str) -> Iterator[bytes]:
        """The leaves and chunks that a large object is made of which is stored in chunks.

        Raises:
            ObjectNotFoundError, CorruptError: one that lists them is not there, or damaged.
        """
        recipe = Recipe.decode(self.get(Digest(digest.hex()), store), digest)
        for leaf, size in recipe.leaves:
            yield leaf
            for chunk, _ in leaf_chunks(self.get(Digest(leaf.hex()), store), size, digest):
                yield chunk

    def window(self, name: str, offset: int, length: int) -> bytes:
        """What a pack holds from an offset on, or as much of it as there is."""
        rest = self.size_of(name) - offset
        return self._read(name, offset, max(0, min(length, rest))) or b""

    def scan(self) -> Iterator[tuple[Digest, bytes]]:
        """Every undamaged object once, from the packs themselves, in the order of writing."""
        seen: set[bytes] = set()
        for name in sorted(self.index.names(), key=self.written_at):
            with contextlib.suppress(FileNotFoundError):
                fd = os.open(os.path.join(self.folder, name), os.O_RDONLY | os.O_CLOEXEC)
                try:
                    for frame in frames.scan(fd, 0, os.fstat(fd).st_size):
                        if frame.encoding == frames.RECIPE or frame.piece:
                            continue
                        if frame.whole and frame.digest not in seen:
                            seen.add(frame.digest)
                            yield Digest(frame.digest.hex()), frame.data
                finally:
                    os.close(fd)

    def written_at(self, name: str) -> float:
        """When a pack was last written to; 0 where it is gone."""
        try:
            return os.stat(os.path.join(self.folder, name)).st_mtime
        except FileNotFoundError:
            return 0.0

    def size_of(self, name: str) -> int:
        """How long a pack is; 0 where it is gone."""
        try:
            return os.stat(os.path.join(self.folder, name)).st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Close the packs that are open."""
        with self._lock:
            _close(self._open)


def _close_together(
    places: list[Found],
) -> Iterator[list[Found]]:
    """Places of a pack in groups that are worth one read, in their order."""
    group: list[Found] = []
    start = end = 0
    for place in places:
        if group and (place[0] - end > _GAP_BYTES or place[0] + place[1] - start > _SPAN_BYTES):
            yield group
            group = []
        if not group:
            start = place[0]
        group.append(place)
        end = place[0] + place[1]
    if group:
        yield group


def _close(files: dict[str, int]) -> None:
    while files:
        os.close(files.popitem()[1])


class PackWriter:
    """One writer's turn at the packs: takes a pack, appends, makes it durable, notes it, lets go."""

    def __init__(self, small: SmallObjects, leases: Leases) -> None:
        self._small, self._leases = small, leases
        self._fd, self._name = -1, ""
        self._start = self._end = 0
        self._pending: dict[bytes, tuple[bytes, bytes | memoryview]] = {}
        self._pending_bytes = 0
        self._written: dict[bytes, tuple[int, int, int]] = {}
        self._pid = os.getpid()

    def put(self, digest: bytes, data: bytes) -> None:
        """Take one object; it is promised after `commit`."""
        self.put_all(((digest, data),))

    def put_all(self, objects: Iterable[tuple[bytes, bytes]]) -> int:
        """`put`, of many; the bytes of those that it had not been given before."""
        taken = 0
        for digest, data in objects:
            if digest not in self._pending and digest not in self._written:
                self._pend(digest, frames.encode(digest, data), data)
                taken += len(data)
        return taken

    def put_piece(self, digest: bytes, data: bytes | memoryview) -> None:
        """Take a chunk or a leaf of a large object, compressed where that helps."""
        if digest not in self._pending and digest not in self._written:
            encoding, stored = frames.shrink(data)
            header = frames.header(digest, encoding, len(stored), len(data), piece=True)
            self._pend(digest, header, stored)

    def put_recipe(self, digest: bytes, recipe: bytes) -> None:
        """Take the recipe of the large object `digest`, whose pieces were committed before."""
        self._pend(digest, frames.header(digest, frames.RECIPE, len(recipe), len(recipe)), recipe)

    def _pend(self, digest: bytes, header: bytes, data: bytes | memoryview) -> None:
        self._pending[digest] = header, data
        self._pending_bytes += len(data)
        if len(self._pending) >= _PENDING_OBJECTS or self._pending_bytes >= _PENDING_BYTES:
            self._flush()

    def commit(self) -> None:
        """Make all that was put durable, and known to every reader.

        Raises:
            AccessError: the disk refused; the packs are as they were at the last commit.
        """
        self._flush()
        self._settle()

    def _flush(self) -> None:
        """Write what is pending and not in the store yet."""
        if not self._pending:
            return
        with self._leases.announced(self._pending):
            known = self._small.present(self._pending)
        fresh = [(digest, *parts) for digest, parts in self._pending.items() if digest not in known]
        self._pending, self._pending_bytes = {}, 0
        if not fresh:
            return
        try:
            if self._fd < 0:
                self._take()
            parts: list[bytes | memoryview] = []
            at = self._end
            for digest, header, data in fresh:
                parts += (header, data)
                self._written[digest] = (at + len(header), len(data), frames.encoding_in(header))
                at += len(header) + len(data)
            write_all(self._fd, b"".join(parts))
            self._end = at
        except OSError as error:
            self.abandon()
            raise AccessError.of(error, self._small.folder) from None
        if self._end >= PACK_BYTES or len(self._written) >= _UNNOTED_OBJECTS:
            self._settle()

    def _settle(self) -> None:
        if self._fd < 0:
            return
        try:
            sync_data(self._fd)
            if self._start == 0:
                sync_folder(self._small.folder)
        except OSError as error:
            self.abandon()
            raise AccessError.of(error, self._small.folder) from None
        rows = [(digest, *place) for digest, place in self._written.items()]
        try:
            self._small.index.add(self._name, rows, self._end, self._end)
        finally:
            self._let_go()

    def abandon(self) -> None:
        """Take back what was written since the last commit."""
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):
            # nobody else counts on these bytes: the pack is locked, and the index does not know them
            os.ftruncate(self._fd, self._start)
            if self._start == 0:
                os.unlink(os.path.join(self._small.folder, self._name))
        self._let_go()

    def _let_go(self) -> None:
        fd, self._fd = self._fd, -1
        self._written = {}
        # unlocked by hand: a forked child may hold a copy of the descriptor
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)

    def _take(self) -> None:
        """Lock a pack that has room, or make one."""
        make_folder(self._small.folder)
        self._small.index.open()
        for name in self._small.index.names():
            if self._take_old(name):
                return
        self._take_new()

    def _take_old(self, name: str) -> bool:
        path = os.path.join(self._small.folder, name)
        try:
            if os.stat(path).st_size >= PACK_BYTES:
                return False
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except (FileNotFoundError, PermissionError):  # removed, or another's, in a store that is shared
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(fd)
            # not one that was removed meanwhile, nor one with a tail that a crash has torn:
            # nothing is ever cut from a pack that this writer did not write itself
            if found.st_nlink and self._small.index.state(name) == (found.st_size, found.st_size):
                self._fd, self._name, self._start, self._end = fd, name, found.st_size, found.st_size
                return found.st_size < PACK_BYTES or self._pass_over()
        except BlockingIOError:
            pass
        os.close(fd)
        return False

    def _pass_over(self) -> bool:
        self._let_go()
        return False

    def _take_new(self) -> None:
        name = new_name()
        path = os.path.join(self._small.folder, name)
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(fd, fcntl.LOCK_EX)
        self._fd, self._name, self._start = fd, name, 0
        inherit_access(path, self._small.folder)
        write_all(fd, frames.HEADER)
        self._end = len(frames.HEADER)
