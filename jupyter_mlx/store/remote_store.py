"""A remote: immutable packs of compressed objects and chunks, wherever blobs can be kept.

Source: docs/format.md, "Remote". What is there is known by listings that are
fetched once and cached; large objects are kept as chunks.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from blake3 import blake3

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptError, ObjectNotFoundError

from . import condemned
from .base import NewerFormatError
from .blobs import BlobNotFoundError, ReadOnlyRemoteError, RemoteError
from .files import new_file
from .listing import OBJECT, RECIPE, BadListingError, Listing, decode
from .recipes import Recipe
from .remote_batch import RemoteBatch
from .remote_copy import copy_pieces
from .remote_large import fill
from .remote_reader import PackReader
from .remote_writer import PackSender, index_path
from .retrying import CountingBlobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from .blobs import Blobs
    from .remote_copy import Targets
    from .remote_index import Place, RemoteIndex

    Local = Callable[[Digest], Path | None]

T = TypeVar("T")

FORMAT = b"jupyter_mlx remote\nformat: 1\n"
_LONGEST_LISTINGS = 256 << 20
_NAME = re.compile(r"[0-9a-f]{64}")
_LISTINGS_AT_ONCE = 16
_NOTED_BYTES = 4 << 20
"""Of listings that are noted together: decoded, they take five times that in memory."""
_TOGETHER = 1 << 14


class NotOnRemoteError(ObjectNotFoundError):
    """A remote holds no object with this digest."""

    code = "object-not-on-remote"

    def __str__(self) -> str:
        return f"no object {self.digest} in {self.store}; `jmlx push` from a copy that has the data sends it there"


class DamagedRemoteError(CorruptError):
    """An object at a remote has other bytes than its name says."""

    code = "remote-corrupt"

    def __init__(self, digest: str, remote: str, pack: str) -> None:
        super().__init__(digest, remote, pack)
        self.digest, self.remote, self.pack = digest, remote, pack

    def __str__(self) -> str:
        return (
            f"object {self.digest} is damaged in {self.remote} (packs/{self.pack[:2]}/{self.pack}) and was not "
            "used; `jmlx push` from a copy that has the data stores it again"
        )


class RemoteStore:
    """A store at a remote. See `ObjectStore` for what its methods promise."""

    def __init__(self, blobs: Blobs, index: RemoteIndex, jobs: int) -> None:
        self.blobs = CountingBlobs(blobs)
        self.index, self._jobs = index, jobs
        self._reader = PackReader(self.blobs, jobs)
        self._looked = self._made = False

    def __repr__(self) -> str:
        return f"RemoteStore({str(self)!r})"

    def __str__(self) -> str:
        return str(self.blobs)

    # what is there

    def refresh(self) -> None:
        """Look at the remote again: what others sent since, and what is condemned.

        Raises:
            NewerFormatError: it has a format that this version does not know.
            BadListingError: a listing is malformed.
            RemoteError, AccessError: it can't be read.
        """
        self._check_format()
        names = {name.partition("/")[2] for name in self.blobs.names("index")}
        there = {name for name in names if _NAME.fullmatch(name)}
        known = self.index.listed()
        fresh = sorted(there - known)
        for at in range(0, len(fresh), _LISTINGS_AT_ONCE):
            some: list[tuple[str, list[tuple[str, Listing]]]] = []
            size = 0
            for name, data in self._listings(fresh[at : at + _LISTINGS_AT_ONCE]):
                some.append((name, list(decode(data, f"{self}/{index_path(name)}"))))
                size += len(data)
                if size >= _NOTED_BYTES:
                    self.index.add_all(some)
                    some, size = [], 0
            self.index.add_all(some)
        if known - there:
            self.index.forget(known - there)
        condemned.refresh(self.blobs, self.index, names)
        self._looked = True

    def _check_format(self) -> None:
        try:
            found = self.blobs.get("format", 0, 4096)
        except BlobNotFoundError:
            return
        if found != FORMAT:
            raise NewerFormatError(str(self), found.decode("utf-8", "replace").strip().rpartition("\n")[2])
        self._made = True

    def _listings(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Blobs of listings, some at a time; one that was merged into another meanwhile is left out."""

        def one(name: str) -> tuple[str, bytes]:
            try:
                data = self.blobs.get(index_path(name), 0, _LONGEST_LISTINGS)
            except BlobNotFoundError:
                return name, b""
            if blake3(data).hexdigest() != name:
                raise BadListingError(
                    f"{self}/{index_path(name)}", "its bytes are not those that it is named by"
                )
            return name, data

        if len(names) == 1:
            yield one(names[0])
        elif names:
            with ThreadPoolExecutor(self._jobs, "jmlx-list") as pool:
                yield from pool.map(one, names)

    def look(self) -> None:
        """Have looked at the remote at least once."""
        if not self._looked:
            self.refresh()

    @property
    def whole(self) -> bool:
        """See `ObjectStore.whole`."""
        self.look()
        return not self.index.any_condemned

    def has(self, digest: Digest) -> bool:
        """See `ObjectStore.has`."""
        return not self.missing((digest,))

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """See `ObjectStore.missing`."""
        asked = {digest.raw: digest for digest in digests}
        return {asked[raw] for raw in self.lacking(list(asked))}

    def lacking(self, digests: Sequence[bytes]) -> set[bytes]:
        """See `ObjectStore.lacking`."""
        return set(digests) - self.present(digests)

    def present(self, raws: Sequence[bytes]) -> set[bytes]:
        """Those that are there, as bytes."""
        self.look()
        return self.index.present(raws)

    def size(self, digest: Digest) -> int:
        """See `ObjectStore.size`."""
        place = self._place(digest)
        return self.recipe(digest).size_bytes if place.kind == RECIPE else place.length

    def digests(self) -> Iterator[Digest]:
        """See `ObjectStore.digests`."""
        self.look()
        return (Digest(raw.hex()) for raw, _ in self.index.digests())

    def small_objects(self) -> Iterator[tuple[Digest, bytes]]:
        """See `ObjectStore.small_objects`."""
        self.look()
        some: list[bytes] = []
        for raw, kind in self.index.digests():
            if kind == OBJECT:
                some.append(raw)
        for at in range(0, len(some), _TOGETHER):
            for raw, data in self.stream(some[at : at + _TOGETHER]):
                yield Digest(raw.hex()), data

    # reading

    def get(self, digest: Digest) -> bytes:
        """See `ObjectStore.get`."""
        if self._place(digest).kind == RECIPE:
            with tempfile.TemporaryFile() as file:
                self.fill(digest, file.fileno())
                file.seek(0)
                return file.read()
        return dict(self.stream([digest.raw]))[digest.raw]

    def get_many(self, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        """See `ObjectStore.get_many`."""
        self.look()
        wanted = {digest.raw: digest for digest in digests}
        recipes = {place.digest for place in self.index.places(list(wanted))[0] if place.kind == RECIPE}
        found = dict(self.stream([raw for raw in wanted if raw not in recipes]))
        return {digest: found[raw] if raw in found else self.get(digest) for raw, digest in wanted.items()}

    def stream(self, digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """The bytes of small objects, checked, in the order in which they are read quickest.

        Raises:
            ObjectNotFoundError: the remote has not got one.
            DamagedRemoteError: one is damaged there.
        """
        self.look()
        asked = iter(digests)
        while some := list(islice(asked, _TOGETHER)):
            yield from self._read(some, _as_bytes)

    def use_pieces(self, digests: list[bytes], use: Callable[[bytes, memoryview], None]) -> None:
        """Give the bytes of each object, checked, to `use`, which is called by several threads."""
        for _ in self._read(digests, lambda place, data: use(place.digest, data)):
            pass

    def copy_pieces(self, targets: Targets, fd: int) -> None:
        """Write objects to where they belong in an open file, unchecked; what is not there is left out."""
        found = self.index.places(list(targets))
        copy_pieces(self.blobs, self._jobs, found, targets, fd)

    def _read(
        self,
        wanted: Sequence[bytes],
        use: Callable[[Place, memoryview], T],
        *,
        recipes: bool = False,
    ) -> Iterator[T]:
        places, blocks = self.index.places(wanted)
        if any((place[4] == RECIPE) != recipes for place in places):
            raise BadListingError(str(self), "it takes an object for the recipe of another, or the reverse")
        if len(places) < len(set(wanted)):
            absent = set(wanted) - {place.digest for place in places}
            raise NotOnRemoteError(f"b3:{min(absent).hex()}", str(self))
        damaged: list[Place] = []
        for done, bad in self._reader.read(places, blocks, use):
            yield from done
            damaged += bad
        if damaged:
            yield from self._elsewhere({place: blocks[place.block].pack for place in damaged}, use)

    def _elsewhere(self, damaged: dict[Place, str], use: Callable[[Place, memoryview], T]) -> Iterator[T]:
        """The objects from other packs that have them, perhaps such as came meanwhile."""
        self.refresh()
        lost: dict[Place, str] = {}
        for bad, pack in damaged.items():
            places, blocks = self.index.everywhere(bad.digest)
            others = [[place] for place in places if blocks[place.block].pack != pack]
            found = (done for other in others for done, _ in self._reader.read(other, blocks, use))
            done = next(filter(None, found), None)
            if done:
                yield done[0]
            else:
                lost[bad] = pack
        if lost:
            condemned.condemn(self.blobs, self.index, set(lost.values()), "damaged")
            bad, pack = next(iter(lost.items()))
            raise DamagedRemoteError(f"b3:{bad.digest.hex()}", str(self), pack)

    def recipe(self, digest: Digest) -> Recipe:
        """What a large object is made of."""
        self.look()
        for raw, data in self._read([digest.raw], _as_bytes, recipes=True):
            return Recipe.decode(data, raw)
        raise NotOnRemoteError(str(digest), str(self))

    def fill(self, digest: Digest, fd: int, local: Local | None = None) -> None:
        """Write the object into an open file, which may hold some of it already, checked.

        With `local`, which gives the file of an object that is on this machine,
        what other versions have in common with it is taken from there.

        Raises:
            ObjectNotFoundError: the remote has not got it.
            CorruptError: what the remote has is damaged, or malformed.
            OSError: the file can't be written.
        """
        if self._place(digest).kind == RECIPE:
            fill(self, digest, fd, local)
        else:
            os.ftruncate(fd, 0)
            os.pwrite(fd, self.get(digest), 0)

    def copy_to(self, digest: Digest, path: Path) -> None:
        """See `ObjectStore.copy_to`."""
        self._place(digest)
        with new_file(str(path)) as fd:
            self.fill(digest, fd)

    def linkable(self, digest: Digest) -> Path | None:
        """See `ObjectStore.linkable`: at a remote nothing is."""
        del digest
        return None

    def inflate(self, digest: Digest) -> Path | None:
        """See `ObjectStore.inflate`: a remote keeps none."""
        return self.linkable(digest)

    def relinking(self, digest: Digest) -> contextlib.AbstractContextManager[None]:
        """See `ObjectStore.relinking`."""
        del digest
        return contextlib.nullcontext()

    def check(self, digest: Digest) -> None:
        """See `ObjectStore.check`."""
        if self._place(digest).kind == RECIPE:
            with tempfile.TemporaryFile() as file:
                self.fill(digest, file.fileno())
        else:
            self.get(digest)

    def _place(self, digest: Digest) -> Place:
        self.look()
        places, _ = self.index.places([digest.raw])
        if not places:
            raise NotOnRemoteError(str(digest), str(self))
        return places[0]

    # writing

    def put(self, data: bytes) -> Digest:
        """See `ObjectStore.put`."""
        with self.batch() as batch:
            return batch.put(data)

    def put_file(self, path: Path, expect: Digest | None = None) -> Digest:
        """See `ObjectStore.put_file`."""
        with self.batch() as batch:
            return batch.put_file(path, expect)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """See `ObjectStore.hold`: what goes from a remote is condemned long before."""
        yield

    @contextlib.contextmanager
    def batch(self) -> Iterator[RemoteBatch]:
        """See `ObjectStore.batch`."""
        self.look()
        if not self._made:
            self.blobs.put("format", [FORMAT])
            self._made = True
        batch = RemoteBatch(self, PackSender(self.blobs, self.index, self._jobs))
        try:
            yield batch
        except (RemoteError, ReadOnlyRemoteError, KeyboardInterrupt):
            batch.abandon()
            raise
        except BaseException:
            with contextlib.suppress(RemoteError, AccessError):
                batch.close()
            raise
        batch.close()

    def publish(self, key: str, make: Callable[[], bytes], *, again: bool) -> None:
        """Say at the remote what was pushed: `gc` there keeps what such records name.

        Without `again`, only where this copy of the project has not said the same before.
        """
        if again or self.index.noted(f"pushed {key}") is None:
            record = make()
            name = blake3(record).hexdigest()
            self.blobs.put(f"refs/{name}", [record])
            self.index.note(f"pushed {key}", name)

    def close(self) -> None:
        """Let go of the cache."""
        self.index.close()


def _as_bytes(place: Place, data: memoryview) -> tuple[bytes, bytes]:
    return place.digest, bytes(data)
