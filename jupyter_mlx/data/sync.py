"""Objects taken from one store to another, so that the other never names what it has not got."""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH108

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptObjectError, ObjectNotFoundError
from jupyter_mlx.store.base import SMALL_BYTES
from jupyter_mlx.store.files import make_folder

from .manifest import FOLDER, LINK, Entry, Manifest
from .progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from jupyter_mlx.store.base import Batch, ObjectStore

    from .progress import Progress
    from .version import Version

_TOGETHER = 256
_TOGETHER_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Transfer:
    """What travelled."""

    objects: int
    size_bytes: int
    seconds: float


class Sync:
    """One transfer from `source` to `target`.

    Manifests go last, the inner ones first: a store that holds a manifest holds
    all that it names, so a transfer that was cut short goes on where it stopped,
    and a folder that is there already is not looked into.
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
        self._manifest = manifest or source.get
        """Where manifests come from; those of versions made from parts are beside the store."""
        self._manifests: dict[bytes, bytes] = {}
        self._sizes: dict[bytes, int] = {}
        self._objects = self._bytes = 0

    def send(self, versions: Iterable[Version], objects: Iterable[Digest] = ()) -> Transfer:
        """Bring these versions, and other objects by digest, to the target.

        Raises:
            ObjectNotFoundError: the source lacks one of them.
            CorruptObjectError: the source's bytes are damaged; they were not taken on.
            AccessError: the target can't be written.
        """
        started = time.monotonic()
        for version in versions:
            self._collect(version.entry())
        for digest in self._target.missing(objects):
            self._sizes.setdefault(digest.raw, self._source.size(digest))
        wanted = [Digest(raw.hex()) for raw in self._sizes]
        missing = self._target.missing(wanted)
        absent = [digest for digest in wanted if digest in missing]  # as they lie in the packs
        self._require(absent)
        self._progress.total(len(absent), sum(self._sizes[digest.raw] for digest in absent))
        with self._target.hold():
            self._files(absent)
            with self._target.batch() as batch:
                for data in self._manifests.values():
                    batch.put(data)
                    self._count(len(data))
        return Transfer(self._objects, self._bytes, time.monotonic() - started)

    def _collect(self, entry: Entry) -> None:
        """Note what an entry needs, in the order in which it may be written."""
        if entry.kind == LINK or entry.digest in self._manifests:
            return
        if entry.kind != FOLDER:
            self._sizes[entry.digest] = entry.size_bytes
        elif not self._target.has(entry.of):
            data = self._manifest(entry.of)
            for inner in Manifest.decode(data).entries:
                self._collect(inner)
            self._manifests[entry.digest] = data

    def _require(self, absent: list[Digest]) -> None:
        unknown = self._source.missing(absent)
        if unknown:
            raise ObjectNotFoundError(str(min(unknown)), str(self._source))

    def _files(self, absent: list[Digest]) -> None:
        together: list[Digest] = []
        size = 0
        with self._target.batch() as batch:
            for digest in absent:
                length = self._sizes[digest.raw]
                if length >= SMALL_BYTES:
                    self._large(batch, digest, length)
                    continue
                together.append(digest)
                size += length
                if len(together) >= _TOGETHER or size >= _TOGETHER_BYTES:
                    self._small(batch, together)
                    together, size = [], 0
            self._small(batch, together)

    def _small(self, batch: Batch, digests: list[Digest]) -> None:
        for data in self._source.get_many(digests).values():
            batch.put(data)
            self._count(len(data))

    def _large(self, batch: Batch, digest: Digest, length: int) -> None:
        path = self._source.linkable(digest)
        if path is None:
            self._by_copy(batch, digest)
        else:
            try:
                batch.put_file(path, digest)
            except CorruptObjectError:
                self._source.check(digest)  # says which store is at fault, and puts its object aside
                raise
        self._count(length)

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

    def _count(self, length: int) -> None:
        self._objects += 1
        self._bytes += length
        self._progress.advance(1, length)
