"""Objects taken from one store to another, so that the other never names what it has not got."""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH108

from __future__ import annotations

import contextlib
import itertools
import os
import struct
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptObjectError
from jupyter_mlx.store.base import SMALL_BYTES
from jupyter_mlx.store.files import make_folder
from jupyter_mlx.store.remote_batch import RemoteBatch
from jupyter_mlx.store.remote_store import RemoteStore

from .manifest import FOLDER, LINK, MOST_DEEP, BadManifestError, Entry, Manifest
from .progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from jupyter_mlx.store.base import Batch, ObjectStore

    from .progress import Progress
    from .version import Version

_TOGETHER = 32
_LARGES_AT_ONCE = 3
_KEPT_BYTES = 16 << 20
_TOGETHER_BYTES = 16 << 20
_ASKED_AT_ONCE = 4096
_COPIED_AT_ONCE = 1 << 20
_ABSENT = struct.Struct("<32sq")


@dataclass(frozen=True, slots=True)
class Transfer:
    """What travelled."""

    objects: int
    size_bytes: int
    """Of the objects."""
    wire_bytes: int
    """That were read from the remote or written to it: compressed, listings included."""
    seconds: float


class Sync:
    """One transfer from `source` to `target`.

    Manifests go last, the inner ones first: a store that holds a manifest holds
    all that it names, so a transfer that was cut short goes on where it stopped,
    and a folder that is there already is not looked into. Where the target knows
    of damage, each folder is, so that what is damaged is brought again.
    """

    def __init__(
        self,
        source: ObjectStore,
        target: ObjectStore,
        temp: Path,
        progress: Progress = SILENT,
        manifest: Callable[[Digest], bytes] | None = None,
    ) -> None:
        self._source, self._target, self._temp, self._progress = source, target, temp, progress
        self._manifest = manifest
        """Where manifests come from; those of versions made from parts are beside the store."""
        self._folders: dict[bytes, list[bytes]] = {}
        """Folders that the target lacks, with the folders in each."""
        self._kept = tempfile.SpooledTemporaryFile(_KEPT_BYTES)  # noqa: SIM115 (closed by `send`)
        """Their manifests, which are put when all the rest is there."""
        self._where: dict[bytes, tuple[int, int]] = {}
        self._absent = bytearray()
        """Digest and length of each file that the target lacks: 40 bytes a file, whatever their number."""
        self._objects = self._bytes = self._total = 0
        self._whole = True

    def send(self, versions: Iterable[Version], objects: Iterable[Digest] = ()) -> Transfer:
        """Bring these versions, and other objects by digest, to the target.

        Raises:
            ObjectNotFoundError: the source lacks one of them.
            CorruptObjectError: the source's bytes are damaged; they were not taken on.
            AccessError: the target can't be written.
        """
        with self._kept:
            return self._send(list(versions), list(objects))

    def _send(self, versions: Sequence[Version], objects: Sequence[Digest]) -> Transfer:
        started, before = time.monotonic(), self._traffic()
        for store in (self._source, self._target):
            if isinstance(store, RemoteStore):
                store.refresh()
        with self._target.hold():
            self._whole = self._target.whole
            self._collect([version.entry() for version in versions])
            self._note([(digest.raw, self._source.size(digest)) for digest in self._target.missing(objects)])
            if self._absent or self._folders:
                self._progress.total(len(self._absent) // _ABSENT.size, self._total)
                with self._target.batch() as batch:
                    self._files(batch)
                self._absent.clear()
                with self._target.batch() as batch:
                    self._manifests(batch)
        seconds = time.monotonic() - started
        wire = self._traffic() - before if isinstance(self._remote, RemoteStore) else self._bytes
        return Transfer(self._objects, self._bytes, wire, seconds)

    @property
    def _remote(self) -> ObjectStore:
        return self._target if isinstance(self._target, RemoteStore) else self._source

    def _traffic(self) -> int:
        if isinstance(self._target, RemoteStore):
            return self._target.blobs.sent
        return self._source.blobs.received if isinstance(self._source, RemoteStore) else 0

    # what the target lacks

    def _collect(self, entries: Sequence[Entry]) -> None:
        """Note what these entries need, a folder level at a time."""
        level = list(entries)
        for depth in itertools.count():
            if not level:
                return
            if depth > MOST_DEEP:  # a real one was refused when it was added
                raise BadManifestError(str(level[0].of), f"more than {MOST_DEEP} folders lie in one another")
            files = [(each.digest, each.size_bytes) for each in level if each.kind not in {FOLDER, LINK}]
            self._note(files)
            folders = dict.fromkeys(each.digest for each in level if each.kind == FOLDER)
            level = []
            for raw, inner in self._listings([raw for raw in folders if raw not in self._folders]):
                self._folders[raw] = []
                for some in inner.parts():
                    self._folders[raw] += [each.digest for each in some if each.kind == FOLDER]
                    level += [each for each in some if each.kind == FOLDER]
                    self._note([(e.digest, e.size_bytes) for e in some if e.kind not in {FOLDER, LINK}])

    def _listings(self, raws: list[bytes]) -> Iterator[tuple[bytes, Manifest]]:
        """Those folders that the target lacks."""
        wanted = [Digest(raw.hex()) for raw in raws]
        if self._whole:
            missing = self._target.missing(wanted)
            wanted = [digest for digest in wanted if digest in missing]
        for digest, data in self._read_manifests(wanted):
            self._where[digest.raw] = self._kept.tell(), len(data)
            if len(data) > _KEPT_BYTES:
                self._kept.rollover()  # before it is written: it would be in memory once more
            self._kept.write(data)
            yield digest.raw, Manifest.decode(data)

    def _read_manifests(self, digests: list[Digest]) -> Iterator[tuple[Digest, bytes]]:
        if self._manifest is not None:
            yield from ((digest, self._manifest(digest)) for digest in digests)
            return
        for at in range(0, len(digests), _TOGETHER):
            yield from self._source.get_many(digests[at : at + _TOGETHER]).items()

    def _note(self, files: Sequence[tuple[bytes, int]]) -> None:
        """Note those of some files that the target lacks."""
        for at in range(0, len(files), _ASKED_AT_ONCE):
            some = dict(files[at : at + _ASKED_AT_ONCE])
            lacking = self._target.lacking(list(some))
            for raw, size in some.items():
                if raw in lacking:
                    self._absent += _ABSENT.pack(raw, size)
                    self._total += size

    # bringing it there

    def _files(self, batch: Batch) -> None:
        self._larges(batch)
        together: dict[bytes, int] = {}
        size = 0
        for raw, length in _ABSENT.iter_unpack(self._absent):
            if length >= SMALL_BYTES:
                continue
            together[raw] = length
            size += length
            if len(together) >= _ASKED_AT_ONCE or size >= _TOGETHER_BYTES:
                self._small(batch, list(together))
                together, size = {}, 0
        self._small(batch, list(together))

    def _small(self, batch: Batch, raws: list[bytes]) -> None:
        self._count(len(raws), batch.put_absent(self._source.stream(raws)))

    def _larges(self, batch: Batch) -> None:
        wanted = {raw: length for raw, length in _ABSENT.iter_unpack(self._absent) if length >= SMALL_BYTES}
        if len(wanted) <= 1 or not isinstance(self._source, RemoteStore) or isinstance(batch, RemoteBatch):
            for raw, length in wanted.items():
                self._large(batch, Digest(raw.hex()))
                self._count(1, length)
            return
        # while the disk makes one durable, the next comes
        with ThreadPoolExecutor(_LARGES_AT_ONCE, "jmlx-large") as pool:
            waiting = {pool.submit(self._large, batch, Digest(raw.hex())): wanted[raw] for raw in wanted}
            try:
                for done in as_completed(waiting):
                    done.result()
                    self._count(1, waiting[done])
            finally:
                pool.shutdown(cancel_futures=True)

    def _large(self, batch: Batch, digest: Digest) -> None:
        path = self._source.linkable(digest)
        if path is not None:
            try:
                batch.put_file(path, digest)
            except CorruptObjectError:
                self._source.check(digest)  # says which store is at fault, and puts its object aside
                raise
        elif isinstance(self._source, RemoteStore):
            source = self._source
            batch.receive(digest, lambda fd: source.fill(digest, fd, self._target.linkable))
        else:
            self._by_copy(batch, digest)

    def _by_copy(self, batch: Batch, digest: Digest) -> None:
        """From a store whose objects are no files: a checked copy first."""
        make_folder(str(self._temp))
        copy = self._temp / f"put-{os.urandom(8).hex()}"
        try:
            self._source.copy_to(digest, copy)
            batch.put_file(copy, digest)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(copy)

    def _manifests(self, batch: Batch) -> None:
        """Put the manifests, those of inner folders first."""
        for raw in self._inner_first():
            start, length = self._where[raw]
            self._kept.seek(start)
            if length < SMALL_BYTES:
                batch.put(self._kept.read(length))
            else:
                self._long_manifest(batch, Digest(raw.hex()), length)
            self._count(1, length)

    def _long_manifest(self, batch: Batch, digest: Digest, length: int) -> None:
        """Put what comes next in the kept ones from a file: a folder of a million files takes 50 MB."""
        with tempfile.TemporaryFile() as file:
            for left in range(length, 0, -_COPIED_AT_ONCE):
                file.write(self._kept.read(min(left, _COPIED_AT_ONCE)))
            file.seek(0)
            if batch.put_open(file.fileno()) != digest:
                raise CorruptObjectError(str(digest), str(self._temp))

    def _inner_first(self) -> list[bytes]:
        done: dict[bytes, None] = {}
        for top in self._folders:
            stack = [top]
            while stack:
                raw = stack[-1]
                inner = [each for each in self._folders[raw] if each in self._folders and each not in done]
                if inner and raw not in done:
                    stack += inner
                else:
                    done[stack.pop()] = None
        return list(done)

    def _count(self, objects: int, size: int) -> None:
        self._objects += objects
        self._bytes += size
        self._progress.advance(objects, size)
