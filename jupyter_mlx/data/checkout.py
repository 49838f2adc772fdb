"""Brings the work tree to a version: touches what differs, loses nothing, trusts no manifest."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, ConflictError, ObjectNotFoundError
from jupyter_mlx.store.base import SMALL_BYTES

from .links import Link
from .manifest import LINK, Entry, Manifest
from .place import Placer, Spot, opened
from .progress import SILENT
from .scan import is_settled
from .steps import Planner, Steps

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from jupyter_mlx.store.base import ObjectStore

    from .progress import Progress
    from .scan import StatCache
    from .survey import Survey

_TOGETHER = 256
_TOGETHER_BYTES = 16 << 20


class UnsavedError(ConflictError):
    """Files would be replaced or removed whose bytes are in no store."""

    code = "unsaved"

    def __init__(self, path: str, others: int) -> None:
        super().__init__(path, others)
        self.path, self.others = path, others

    def __str__(self) -> str:
        more = f" (and {self.others} more)" if self.others else ""
        return (
            f"{self.path}{more} is in no store and would be lost; `jmlx add` makes a version of it, "
            "`--force` stores it and goes on"
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What was done at one path."""

    path: str
    written: int
    """Files made or replaced."""
    removed: int
    size_bytes: int
    """Of the files that were written."""

    def __bool__(self) -> bool:
        return bool(self.written or self.removed)


class Checkout:
    """One path brought to one version."""

    def __init__(
        self,
        root: Path,
        store: ObjectStore,
        temp: Path,
        *,
        link: Link = Link.AUTO,
        progress: Progress = SILENT,
    ) -> None:
        self._root, self._store, self._temp = root, store, temp
        self._link, self._progress = link, progress
        self._written = self._removed = self._bytes = 0

    def plan(self, survey: Survey, now: Entry | None, then: Entry) -> tuple[Steps, Planner]:
        """What there is to do."""
        planner = Planner(
            lambda entry: survey.manifests[entry.digest],
            self._listing,
            relink=self._link in {Link.HARDLINK, Link.SYMLINK, Link.COPY},
        )
        return planner.of(now, then), planner

    def _listing(self, entry: Entry) -> Manifest:
        return Manifest.decode(self._store.get(entry.of))

    def require(self, steps: Steps, planner: Planner, path: str) -> None:
        """Make sure that all that is wanted is here, and that all that goes is kept.

        Raises:
            ObjectNotFoundError: an object is not in the store.
            UnsavedError: a file that goes is in no store.
        """
        wanted = {entry.of for entry in steps.written() if entry.kind != LINK}
        absent = self._store.missing(wanted)
        if absent:
            raise ObjectNotFoundError(str(min(absent)), str(self._store))
        lost = {Digest(raw.hex()): where for raw, where in planner.lost.items()}
        unsaved = self._store.missing(lost)
        if unsaved:
            first = min(lost[digest] for digest in unsaved)
            raise UnsavedError(path + os.fsdecode(first), len(unsaved) - 1)

    def apply(self, steps: Steps, survey: Survey, path: str, cache: StatCache) -> Change:
        """Do the steps at `path`.

        Raises:
            CorruptObjectError: an object is damaged; the file that it was for is as it was.
            MovedFileError: a file was changed meanwhile; it is as that left it.
            AccessError: something can't be written.
        """
        above, _, _ = path.rpartition("/")
        files = list(steps.written())
        self._progress.total(len(files), sum(entry.size_bytes for entry in files))
        placer = Placer(self._root, self._store, self._temp, self._link, survey.seen)
        try:
            with opened(self._root, above) as fd:
                self._folder(Spot(placer, fd, os.fsencode(above)), steps)
        except OSError as error:
            raise AccessError.of(error, path) from None
        finally:
            placer.close()
            _remember(placer, cache)
        return Change(path, self._written, self._removed, self._bytes)

    def _folder(self, spot: Spot, steps: Steps) -> None:
        for entry in steps.remove:
            spot.remove(entry.name)
            self._removed += 1
        for inner in steps.inner:
            if inner.gone:
                self._enter(spot, inner)
                with contextlib.suppress(OSError):  # Jupyter's checkpoints, say, are still in it
                    os.rmdir(inner.name, dir_fd=spot.fd)
        self._write(spot, steps.write)
        for entry in steps.relink:
            if not spot.is_linked(entry):
                spot.large(entry)
                self._count(entry)
        for inner in steps.inner:
            if not inner.gone:
                self._enter(spot, inner)

    def _enter(self, spot: Spot, steps: Steps) -> None:
        with spot.below(steps.name, fresh=steps.fresh) as below:
            self._folder(below, steps)

    def _write(self, spot: Spot, entries: Iterable[Entry]) -> None:
        batch: list[Entry] = []
        size = 0
        for entry in entries:
            if entry.kind == LINK or entry.size_bytes >= SMALL_BYTES:
                (spot.symlink if entry.kind == LINK else spot.large)(entry)
                self._count(entry)
                continue
            batch.append(entry)
            size += entry.size_bytes
            if len(batch) >= _TOGETHER or size >= _TOGETHER_BYTES:
                self._small(spot, batch)
                batch, size = [], 0
        self._small(spot, batch)

    def _small(self, spot: Spot, batch: list[Entry]) -> None:
        digests = [entry.of for entry in batch]
        found = self._store.get_many(digests)
        for entry, digest in zip(batch, digests, strict=True):
            spot.small(entry, found[digest])
            self._count(entry)

    def _count(self, entry: Entry) -> None:
        self._written += 1
        self._bytes += entry.size_bytes
        self._progress.advance(1, entry.size_bytes)


def _remember(placer: Placer, cache: StatCache) -> None:
    """Tell the stat cache what was written, so that the next status reads nothing."""
    now, folders = time.time_ns(), {}
    for folder in placer.placed.keys() | placer.gone.keys():
        known = cache.load(folder)
        for name in placer.gone.get(folder, ()):
            known.pop(name, None)
        placed = placer.placed.get(folder, {})
        known.update({name: look for name, look in placed.items() if is_settled(look[:4], now)})
        folders[folder] = known
    cache.keep(folders)
