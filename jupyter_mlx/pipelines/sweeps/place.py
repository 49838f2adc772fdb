"""A place for one point of a sweep: a folder that looks as the project does, and whose files are the point's own.

So that points run side by side, and nothing that they write reaches the work tree.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.errors import AccessError
from jupyter_mlx.pipelines.outputs import Outputs

from . import shared
from .shared import Lent, Shared

if TYPE_CHECKING:
    from jupyter_mlx.pipelines.stage import Stage

FOLDER = "places"
"""In `.mlx/`: a folder a sweep, in it one a point that runs."""
SHARED = ".shared"
"""Beside the places of a sweep: what they share."""
STATE = ".mlx"
REPOSITORY = ".git"
REMADE = frozenset({"__pycache__", ".ipynb_checkpoints"})
"""Folders that Python and Jupyter make by themselves."""
INSTALLED = ("pyvenv.cfg", "conda-meta")
"""What a folder of installed programs holds; it is no data, may be very large, and is linked."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a point works."""

    root: Path
    outputs: Outputs
    """Of the point, kept in the project's store."""
    lent: tuple[Lent, ...]
    """Large files that it shares with other points."""

    @classmethod
    def make(cls, root: Path, folder: Path, stage: Stage, workspace: Workspace, lender: Shared) -> Place:
        """Lay everything but the stage's outputs into the new folder.

        Raises:
            AccessError: the disk refuses.
        """
        above = {inner for path in ("mlx.yaml", stage.notebook, *stage.outputs) for inner in _above(path)}
        objects = Path(getattr(workspace.store, "objects", root / STATE))
        laying = _Laying(root, folder, frozenset(stage.outputs), above, objects)
        try:
            for inner in above:
                (folder / inner).mkdir(parents=True, exist_ok=True)
            laying.lay("")
            lent = lender.lays(laying.files, folder)
        except OSError as error:
            raise AccessError.of(error, folder) from error
        own = Workspace.open(folder, workspace.store, folder / STATE)
        outputs = Outputs(folder, own)
        outputs.clear(stage)
        return cls(folder, outputs, tuple(lent))

    def check(self) -> None:
        """Make sure that what the point shared was left as it was; raises SharedFileChangedError."""
        shared.check(self.lent)

    def remove(self) -> None:
        """Take the folder away; what its links lead to stays."""
        shutil.rmtree(self.root, ignore_errors=True)


@dataclass(slots=True)
class _Laying:
    """A walk through the project: folders and links are made, files are listed."""

    root: Path
    folder: Path
    outputs: Collection[str]
    above: Collection[str]
    """The folders that the notebook and the outputs lie in: they are the place's own, were they links."""
    objects: Path
    """Where the store has its files: a link there stands for data of the project."""
    files: list[tuple[int, str, Path]] = field(default_factory=list)
    """Size, path, where it is."""

    def lay(self, inner: str) -> None:
        """Lay what is in a folder of the project."""
        try:
            entries = list(os.scandir(self.root / inner))
        except PermissionError:
            return
        for entry in entries:
            with suppress(FileNotFoundError):  # gone meanwhile
                self._entry(f"{inner}/{entry.name}".lstrip("/"), entry)

    def _entry(self, path: str, entry: os.DirEntry[str]) -> None:
        if path in self.outputs:
            # the notebook may count on the folder being there
            if entry.is_dir():
                (self.folder / path).mkdir(exist_ok=True)
        elif path in self.above:
            if entry.is_dir():
                self.lay(path)
        elif entry.is_symlink():
            self._link(path)
        elif entry.is_dir():
            self._folder(path, entry.name)
        elif entry.is_file():
            self.files.append((entry.stat().st_size, path, Path(entry.path)))

    def _folder(self, path: str, name: str) -> None:
        source, target = self.root / path, self.folder / path
        if path == STATE or name == "node_modules" or any((source / each).exists() for each in INSTALLED):
            target.symlink_to(source)
        elif name == "objects" and PurePosixPath(path).parent.name == REPOSITORY:
            # git's own way to read the objects of another repository and to write to its own
            (target / "info").mkdir(parents=True)
            (target / "info" / "alternates").write_text(f"{source}\n")
        elif name not in REMADE and name != STATE:
            target.mkdir(exist_ok=True)
            self.lay(path)

    def _link(self, path: str) -> None:
        """A link inside of the project leads to the same in the place; the user's links to elsewhere stay."""
        source, target = self.root / path, self.folder / path
        leads, root = Path(os.path.realpath(source)), Path(os.path.realpath(self.root))
        ours = (root / STATE, self.objects)
        if leads.is_file() and any(leads.is_relative_to(os.path.realpath(folder)) for folder in ours):
            self.files.append((leads.stat().st_size, path, leads))
        elif leads.is_relative_to(root):
            target.symlink_to(os.path.relpath(leads.relative_to(root), Path(path).parent))
        else:
            target.symlink_to(leads)


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in."""
    return ("" if str(parent) == "." else str(parent) for parent in PurePosixPath(path).parents)
