"""The project's own store: a folder on this machine's disk, or on one that it mounts."""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptObjectError, ObjectNotFoundError

from .base import NewerFormatError
from .compacting import Chunked
from .database import parts
from .files import make_folder, new_file, write_all, write_atomically
from .frames import RECIPE
from .large import LargeObjects
from .leases import Leases
from .local_batch import LocalBatch
from .packs import PackIndex
from .small import PackWriter, SmallObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from .compacting import Compacted
    from .digestset import DigestSet
    from .examining import Examined
    from .sweep import Sweep

FORMAT = b"jupyter_mlx store\nformat: 1\n"
_ASKED_AT_ONCE = 10_000
_STREAMED_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class StoreSize:
    """What a store takes on the disk."""

    small_objects: int
    small_bytes: int
    large_objects: int
    large_bytes: int


class LocalStore:
    """A store in a folder. See `ObjectStore` for what its methods promise, docs/format.md for the bytes."""

    def __init__(self, folder: Path, tmp: Path) -> None:
        self.folder, self._temp = folder, str(tmp)
        self._name, text = str(folder), str(folder)
        index = PackIndex(f"{text}/index.db", f"{text}/packs")
        self._leases = Leases(text, self.create)
        self._small = SmallObjects(f"{text}/packs", index)
        self._large = LargeObjects(f"{text}/objects", self._temp, index, self._leases)
        self._chunked = Chunked(self._small, text)
        self._index, self._checked = index, False

    @classmethod
    def open(cls, folder: Path, tmp: Path) -> LocalStore:
        """The store in `folder`, made by the first put; `tmp` is on the same file system."""
        return cls(folder, tmp)

    def __repr__(self) -> str:
        return f"LocalStore({self._name!r})"

    def __str__(self) -> str:
        return self._name

    def put(self, data: bytes) -> Digest:
        """See `ObjectStore.put`."""
        with self.batch() as batch:
            return batch.put(data)

    def put_file(self, path: Path, expect: Digest | None = None) -> Digest:
        """See `ObjectStore.put_file`."""
        with self.batch() as batch:
            return batch.put_file(path, expect)

    def get(self, digest: Digest) -> bytes:
        """See `ObjectStore.get`."""
        self._check_format()
        if self._large.size(digest) is not None:
            return self._large.get(digest, self._name)
        if self._chunked.has(digest):
            return b"".join(self._chunked.stream(digest))
        try:
            return self._small.get(digest, self._name)
        except ObjectNotFoundError:
            if self._large.was_damaged(digest):
                raise CorruptObjectError(str(digest), self._name) from None
            raise

    def get_many(self, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        """See `ObjectStore.get_many`."""
        self._check_format()
        wanted = {digest.raw: digest for digest in digests}
        found = self._small.read(list(wanted))
        return {digest: found[raw] if raw in found else self.get(digest) for raw, digest in wanted.items()}

    def stream(self, digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """See `ObjectStore.stream`."""
        self._check_format()
        asked = iter(digests)
        while some := list(islice(asked, _STREAMED_AT_ONCE)):
            found = self._small.read(some)
            yield from found.items()
            for raw in some if len(found) < len(some) else ():
                if raw not in found:
                    yield raw, self.get(Digest(raw.hex()))

    def copy_to(self, digest: Digest, path: Path) -> None:
        """See `ObjectStore.copy_to`."""
        small, large = b"", self._large.size(digest) is not None
        chunked = not large and self._chunked.has(digest)
        if not large and not chunked:
            small = self.get(digest)
        with new_file(str(path)) as fd:
            if large:
                self._large.copy_to(digest, fd, self._name)
            elif chunked:
                self._chunked.copy_to(digest, fd)
            else:
                write_all(fd, small)

    def linkable(self, digest: Digest) -> Path | None:
        """See `ObjectStore.linkable`."""
        return self._large.linkable(digest, self._name)

    def relinking(self, digest: Digest) -> contextlib.AbstractContextManager[None]:
        """See `ObjectStore.relinking`."""
        return self._large.relinking(digest)

    def has(self, digest: Digest) -> bool:
        """See `ObjectStore.has`."""
        return not self.missing((digest,))

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """See `ObjectStore.missing`."""
        asked = {digest.raw: digest for digest in digests}
        return {asked[raw] for raw in self.lacking(list(asked))}

    def lacking(self, digests: Sequence[bytes]) -> set[bytes]:
        """See `ObjectStore.lacking`."""
        self._check_format()
        absent: set[bytes] = set()
        for some in parts(digests, _ASKED_AT_ONCE):
            with self._leases.announced(some):
                known = self._small.present(some)
                absent |= self._large.lacking([raw for raw in some if raw not in known] if known else some)
        return absent

    @property
    def whole(self) -> bool:
        """See `ObjectStore.whole`."""
        from .index_upkeep import faults

        if next(self._large.put_aside(), None) is not None:
            return False
        return not (self.folder / "index.db").exists() or not any(faults(self._index))

    def faults(self) -> tuple[int, int]:
        """How many objects were found damaged, and how many were lost with their packs, and not stored again."""
        from .index_upkeep import faults

        damaged, lost = faults(self._index) if (self.folder / "index.db").exists() else (set(), set())
        return len(damaged) + sum(1 for _ in self._large.put_aside()), len(lost)

    @property
    def objects(self) -> Path:
        """The folder of the large objects, which links of a work tree lead to."""
        return self.folder / "objects"

    def was_here(self, digest: Digest) -> bool:
        """Whether an object that is not here once was, as far as the index knows."""
        return self._large.was_damaged(digest) or (
            (self.folder / "index.db").exists() and self._index.was_here(digest.raw)
        )

    def size(self, digest: Digest) -> int:
        """See `ObjectStore.size`."""
        large = self._large.size(digest)
        if large is not None:
            return large
        place = self._small.find(digest)
        if place is None:
            raise ObjectNotFoundError(str(digest), self._name)
        return self._chunked.size(digest) if place.encoding == RECIPE else self._small.length_of(place)

    def digests(self) -> Iterator[Digest]:
        """See `ObjectStore.digests`."""
        self._check_format()
        small: set[Digest] = set()
        if self._index.names():
            small = {Digest(raw.hex()) for raw in self._index.digests()}
        yield from small
        yield from (digest for digest in self._large.digests() if digest not in small)

    def small_objects(self) -> Iterator[tuple[Digest, bytes]]:
        """See `ObjectStore.small_objects`."""
        self._check_format()
        return self._small.scan()

    def headed(self, head: bytes) -> Iterator[tuple[Digest, bytes]]:
        """The objects that begin with these bytes, small and large; of damaged ones none.

        Of a large one as much is read as tells.
        """
        self._check_format()
        yield from ((digest, data) for digest, data in self._small.scan() if data.startswith(head))
        for digest in self.digests():
            with contextlib.suppress(ObjectNotFoundError, CorruptObjectError):
                if self._beginning(digest, len(head)) == head:
                    yield digest, self.get(digest)

    def _beginning(self, digest: Digest, length: int) -> bytes:
        """The first bytes of a large object; nothing of a small one."""
        with contextlib.suppress(OSError), open(self._large.path(digest), "rb") as file:  # noqa: PTH123
            return file.read(length)
        return next(self._chunked.stream(digest), b"")[:length] if self._chunked.has(digest) else b""

    def check(self, digest: Digest) -> None:
        """See `ObjectStore.check`."""
        if self._large.size(digest) is not None:
            self._large.check(digest, self._name)
        elif self._chunked.has(digest):
            self._chunked.check(digest)
        else:
            self.get(digest)

    def measure(self) -> StoreSize:
        """How many objects there are, and their bytes."""
        small = self._index.digests() if self._index.names() else []
        large = [self._large.size(digest) or 0 for digest in self._large.digests()]
        return StoreSize(len(small), self._index.total_bytes() if small else 0, len(large), sum(large))

    @contextlib.contextmanager
    def batch(self) -> Iterator[LocalBatch]:
        """See `ObjectStore.batch`."""
        self.create()
        with self.hold():
            batch = LocalBatch(self, PackWriter(self._small, self._leases), self._large)
            try:
                yield batch
            finally:
                batch.close()

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """See `ObjectStore.hold`."""
        with self._leases.hold():
            yield

    @contextlib.contextmanager
    def sweep(self) -> Iterator[Sweep]:
        """Be the one gc of the store. What is needed is looked for in the block, so that none of it is missed.

        Raises:
            SweepingError: another gc is at work.
        """
        from .leases import Sweeping
        from .sweep import Sweep

        self.create()
        leases = Sweeping(self._name)
        with leases.begun():
            yield Sweep(self._name, self._temp, self._small, self._large, leases)

    def examine(self, only: DigestSet | None, told: Callable[[int, int], None]) -> Examined:
        """Read all objects, or those of `only` that are here, and say which are damaged; `told` hears of bytes."""
        from .examining import examine

        self._check_format()
        return examine(self._small, self._large, self._name, only, told)

    def inflate(self, digest: Digest) -> Path | None:
        """Give a large object that is stored in chunks a file of its own again, to link to; see `linkable`.

        Raises:
            CorruptObjectError: a chunk is missing or damaged.
            AccessError: the store can't be written.
        """
        if self._large.size(digest) is None and self._chunked.has(digest):
            with self.batch() as batch:
                batch.receive(digest, lambda fd: self._chunked.copy_to(digest, fd))
        return self.linkable(digest)

    def compact(self, sweep: Sweep, digests: Iterable[Digest], told: Callable[[int, int], None]) -> Compacted:
        """Store these large objects in chunks, and remove their files where no link leads to one.

        Raises:
            CorruptObjectError: one is damaged.
            AccessError: the disk refused; run it again.
        """
        from .compacting import compact

        return compact(sweep, PackWriter(self._small, self._leases), self._chunked, digests, told)

    def close(self) -> None:
        """Close the files that are open; the store can be used again."""
        self._leases.close()
        self._small.close()
        self._index.close()

    def create(self) -> None:
        """Make the store, if it is not there.

        Raises:
            AccessError: it can't be made.
        """
        if self._check_format():
            return
        make_folder(self._name)
        write_atomically(f"{self._name}/format", FORMAT, self._temp)
        self._checked = True

    def _check_format(self) -> bool:
        """Whether the store is there, in a format that this version knows."""
        if self._checked:
            return True
        try:
            found = (self.folder / "format").read_bytes()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise AccessError.of(error, self.folder) from None
        if found != FORMAT:
            line = found.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise NewerFormatError(self._name, line or "no format that is known")
        self._checked = True
        return True
