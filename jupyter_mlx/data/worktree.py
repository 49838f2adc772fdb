"""What is in the work tree, looked at and stored; no pointer is read or written here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.store.base import FileChangedError

from . import paths
from .manifest import FOLDER, Entry
from .progress import SILENT
from .scan import StatCache
from .survey import Survey

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_mlx.store.base import ObjectStore

    from .progress import Progress

_ATTEMPTS = 3


class WorkTree:
    """The files of one project, and the store that keeps their versions."""

    def __init__(self, root: Path, store: ObjectStore, state: Path) -> None:
        self.root, self.store = root, store
        self.cache = StatCache(state / "scan.db")
        self.temp, self.objects = state / "tmp", state / "store" / "objects"

    def look(self, path: str) -> tuple[Survey, Entry | None]:
        """What is at `path` now; nothing is stored.

        Raises:
            UsageError, AccessError, FileChangedError: see `Survey.path`.
        """
        survey = Survey(self.root, self.cache, objects=self.objects)
        entry = survey.path(os.fsencode(path))
        survey.remember()
        return survey, entry

    def save(self, path: str, progress: Progress = SILENT) -> tuple[Survey, Entry]:
        """Store what is at `path` now.

        Raises:
            NoSuchPathError: nothing is there.
            UsageError, AccessError, FileChangedError: see `Survey.path`.
        """
        distrust: frozenset[bytes] = frozenset()
        for _ in range(_ATTEMPTS):
            with self.store.hold():
                with self.store.batch() as batch:
                    survey = Survey(
                        self.root,
                        self.cache,
                        objects=self.objects,
                        batch=batch,
                        distrust=distrust,
                        progress=progress,
                    )
                    entry = survey.path(os.fsencode(path))
                    if entry is None:
                        raise paths.NoSuchPathError(path)
                    absent = self._absent(survey, entry)
                    if not absent:  # manifests after all that they name
                        for manifest in survey.manifests.values():
                            batch.put(manifest.encode())
                survey.remember()
            if not absent:
                return survey, entry
            distrust = absent
        raise FileChangedError(path)

    def _absent(self, survey: Survey, entry: Entry) -> frozenset[bytes]:
        """The digests that the stat cache recalled, but whose objects the store has not got."""
        if not survey.recalled or (entry.kind == FOLDER and self.store.has(entry.of)):
            return frozenset()
        missing = self.store.missing(Digest(raw.hex()) for raw in survey.recalled)
        return frozenset(digest.raw for digest in missing)

    def inner(self, path: str) -> str:
        """A path that may hold data, and neither is nor lies behind a link.

        Raises:
            BadPathError: it may not.
        """
        inner = paths.relative(self.root, path)
        paths.require_inside(self.root, inner)
        full = self.root / inner
        if full.is_symlink() and not full.resolve().is_relative_to(self.objects.resolve()):
            raise paths.BadPathError(inner, f"is a symbolic link; name what it leads to ({full.readlink()})")
        return inner
