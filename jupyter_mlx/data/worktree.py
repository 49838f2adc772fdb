"""What is in the work tree, looked at and stored; no pointer is read or written here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest

from . import paths
from .manifest import Manifest
from .progress import SILENT
from .reading import Reader, Saver
from .scan import StatCache
from .survey import Survey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jupyter_mlx.store.base import ObjectStore

    from .folder import Folder
    from .manifest import Entry
    from .progress import Progress


class WorkTree:
    """The files of one project, and the store that keeps their versions."""

    def __init__(self, root: Path, store: ObjectStore, state: Path) -> None:
        self.root, self.store = root, store
        self.cache = StatCache(state / "scan.db")
        self.temp = state / "tmp"
        self.objects: Path = getattr(store, "objects", state / "store" / "objects")

    def look(self, path: str) -> Entry | None:
        """What is at `path` now; nothing is stored.

        Raises:
            UsageError, AccessError, FileChangedError: see `Survey.path`.
        """
        return self.visit(path, None)[0]

    def visit(self, path: str, visit: Callable[[Folder], None] | None) -> tuple[Entry | None, bytes | None]:
        """`look`, with `visit` called for each folder, inner ones first; of a single file also its mark."""
        reader = Reader(self.cache, visit)
        survey = Survey(self.root, self.cache, reader, objects=self.objects)
        entry = survey.path(os.fsencode(path))
        reader.close()
        return entry, survey.mark

    def listed(self, path: str) -> tuple[Entry | None, dict[bytes, Manifest]]:
        """What is at `path` now, and the manifests, by digest, that the store has not got."""
        manifests: dict[bytes, Manifest] = {}

        def visit(folder: Folder) -> None:
            if not self.store.has(Digest(folder.whole.digest.hex())):
                manifests[folder.whole.digest] = Manifest.decode(folder.listing().read())

        return self.visit(path, visit)[0], manifests

    def save(self, path: str, progress: Progress = SILENT) -> Entry:
        """Store what is at `path` now.

        Raises:
            NoSuchPathError: nothing is there.
            UsageError, AccessError, FileChangedError: see `Survey.path`.
        """
        with self.store.hold(), self.store.batch() as batch:
            saver = Saver(self.cache, self.store, batch)
            survey = Survey(self.root, self.cache, saver, objects=self.objects, progress=progress)
            entry = survey.path(os.fsencode(path))
            if entry is None:
                raise paths.NoSuchPathError(path)
            saver.close()
        return entry

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
