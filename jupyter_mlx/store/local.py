"""The project's own store: a folder on this machine's disk, or on one that it mounts."""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptObjectError, ObjectNotFoundError, UsageError

from .base import SMALL_BYTES, FileChangedError, NewerFormatError
from .compacting import Chunked
from .files import make_folder, new_file, write_all, write_atomically
from .frames import RECIPE
from .large import LargeObjects
from .leases import Leases
from .packs import PackIndex, parts
from .small import PackWriter, SmallObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from .compacting import Compacted
    from .digestset import DigestSet
    from .examining import Examined
    from .sweep import Sweep

FORMAT = b"jupyter_mlx store\nformat: 1\n"
_ATTEMPTS = 3
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
        self._check_format()
        asked = {digest.raw: digest for digest in digests}
        absent: set[Digest] = set()
        for some in parts(list(asked), _ASKED_AT_ONCE):
            with self._leases.announced(some):
                known = self._small.present(some)
                absent |= self._large.missing({asked[raw] for raw in some if raw not in known})
        return absent

    @property
    def whole(self) -> bool:
        """See `ObjectStore.whole`."""
        from .index_upkeep import faults

        if next(self._large.put_aside(), None) is not None:
            return False
        return not (self.folder / "index.db").exists() or not any(faults(self._index))

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


class LocalBatch:
    """See `Batch`."""

    def __init__(self, store: LocalStore, writer: PackWriter, large: LargeObjects) -> None:
        self._store, self._writer, self._large = store, writer, large
        self._folders: set[str] = set()
        self._pid = os.getpid()

    def put(self, data: bytes) -> Digest:
        """See `ObjectStore.put`."""
        if self._pid != os.getpid():
            raise UsageError("this batch belongs to the parent process; begin one here")
        digest = Digest.of(data)
        if len(data) < SMALL_BYTES:
            self._writer.put(digest.raw, data)
        else:
            self._note(self._large.put(digest, data))
        return digest

    def put_known(self, digest: bytes, data: bytes) -> None:
        """See `Batch.put_known`."""
        if self._pid != os.getpid():
            raise UsageError("this batch belongs to the parent process; begin one here")
        self._writer.put(digest, data)

    def put_open(self, fd: int, told: Callable[[int], None] | None = None) -> Digest:
        """See `Batch.put_open`."""
        return self._take(fd, None, told)

    def receive(self, digest: Digest, fill: Callable[[int], None]) -> None:
        """See `Batch.receive`."""
        self._note(self._large.receive(digest, fill))

    def sync(self) -> None:
        """See `Batch.sync`."""
        self.close()

    def put_file(self, path: Path, expect: Digest | None = None) -> Digest:
        """See `ObjectStore.put_file`."""
        for _ in range(_ATTEMPTS):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise AccessError.of(error, path) from None
            try:
                before = os.fstat(fd)
                digest = self._put_open(fd, before.st_size, path, expect)
                if same_file(before, os.fstat(fd)):
                    return digest
            finally:
                os.close(fd)
        raise FileChangedError(str(path))

    def _put_open(self, fd: int, size: int, path: Path, expect: Digest | None) -> Digest:
        if size >= SMALL_BYTES:
            return self._take(fd, expect)
        try:
            with open(fd, "rb", closefd=False) as file:
                data = file.read(SMALL_BYTES)
        except OSError as error:
            raise AccessError.of(error, path) from None
        if expect not in {None, Digest.of(data)}:
            raise CorruptObjectError(str(expect), str(self._store))
        return self.put(data)

    def _take(self, fd: int, expect: Digest | None, told: Callable[[int], None] | None = None) -> Digest:
        digest, folder = self._large.take(fd, expect=expect, store=str(self._store), told=told)
        self._note(folder)
        return digest

    def _note(self, folder: str | None) -> None:
        if folder is not None:
            self._folders.add(folder)

    def close(self) -> None:
        """Make what was put durable."""
        if self._pid != os.getpid():
            return
        self._writer.commit()
        folders, self._folders = self._folders, set()
        self._large.settle(folders)


def same_file(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether nothing was written between two looks at one open file."""
    return (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )
