"""Brings the work tree to a version: touches what differs, loses nothing, trusts no manifest."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, ConflictError, ObjectNotFoundError

from .links import Link
from .manifest import LINK, Entry, Manifest
from .place import Placer, is_small, opened
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
        try:
            with (
                contextlib.closing(
                    Placer(self._root, self._store, self._temp, self._link, survey.seen)
                ) as placer,
                opened(self._root, above, make=True) as fd,
            ):
                try:
                    self._folder(placer, fd, os.fsencode(above), steps)
                finally:
                    _remember(placer, cache)
        except OSError as error:
            raise AccessError.of(error, path) from None
        return Change(path, self._written, self._removed, self._bytes)

    def _folder(self, placer: Placer, fd: int, path: bytes, steps: Steps) -> None:
        for entry in steps.remove:
            placer.remove(fd, path, entry.name)
            self._removed += 1
        for inner in steps.inner:
            if inner.gone:
                self._enter(placer, fd, path, inner)
                with contextlib.suppress(
                    OSError
                ):  # what was passed over, Jupyter's checkpoints say, is still in it
                    os.rmdir(inner.name, dir_fd=fd)
        self._write(placer, fd, path, steps.write)
        for entry in steps.relink:
            if not placer.is_linked(fd, entry):
                placer.large(fd, path, entry)
                self._count(entry)
        for inner in steps.inner:
            if not inner.gone:
                self._enter(placer, fd, path, inner)

    def _enter(self, placer: Placer, fd: int, path: bytes, steps: Steps) -> None:
        if steps.fresh:
            with contextlib.suppress(FileExistsError):
                os.mkdir(steps.name, dir_fd=fd)
        below = os.open(steps.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            inner = path + b"/" + steps.name if path else steps.name
            self._folder(placer, below, inner, steps)
        finally:
            os.close(below)

    def _write(self, placer: Placer, fd: int, path: bytes, entries: Iterable[Entry]) -> None:
        batch: list[Entry] = []
        size = 0
        for entry in entries:
            if is_small(entry):
                batch.append(entry)
                size += entry.size_bytes
                if len(batch) >= _TOGETHER or size >= _TOGETHER_BYTES:
                    self._small(placer, fd, path, batch)
                    batch, size = [], 0
            else:
                (placer.symlink if entry.kind == LINK else placer.large)(fd, path, entry)
                self._count(entry)
        self._small(placer, fd, path, batch)

    def _small(self, placer: Placer, fd: int, path: bytes, batch: list[Entry]) -> None:
        found = self._store.get_many({entry.of for entry in batch})
        for entry in batch:
            placer.small(fd, path, entry, found[entry.of])
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
