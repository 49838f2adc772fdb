"""A place for one point of a sweep: the project by links, but for the outputs, which are the point's own.

So that points run side by side, and that the outputs in the work tree stay as they are.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.errors import AccessError
from jupyter_mlx.pipelines.outputs import Outputs

if TYPE_CHECKING:
    from jupyter_mlx.pipelines.stage import Stage

FOLDER = "places"
"""In `.mlx/`: a folder a sweep, in it one a point that runs."""
STATE = ".mlx"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a point works: a folder that looks as the project does."""

    root: Path
    outputs: Outputs
    """Of the point, kept in the project's store."""

    @classmethod
    def make(cls, root: Path, folder: Path, stage: Stage, workspace: Workspace) -> Place:
        """Lay links to everything but the stage's outputs into the new folder.

        Raises:
            AccessError: the disk refuses.
        """
        try:
            _mirror(root, folder, stage)
        except OSError as error:
            raise AccessError.of(error, folder) from error
        own = Workspace.open(folder, workspace.store, folder / STATE)
        outputs = Outputs(folder, own)
        outputs.clear(stage)
        return cls(folder, outputs)

    def remove(self) -> None:
        """Take the folder away; what its links lead to stays."""
        shutil.rmtree(self.root, ignore_errors=True)


def _mirror(root: Path, folder: Path, stage: Stage) -> None:
    folders = {""}
    for path in (stage.notebook, *stage.outputs):
        folders |= set(_above(path))
    for inner in sorted(folders):
        (folder / inner).mkdir(parents=True, exist_ok=True)
        if not (root / inner).is_dir():
            continue
        with os.scandir(root / inner) as entries:
            for entry in entries:
                path = f"{inner}/{entry.name}".lstrip("/")
                if path in stage.outputs:
                    if entry.is_dir():
                        # the notebook may count on the folder being there
                        (folder / path).mkdir()
                elif path not in folders:
                    (folder / path).symlink_to(entry.path)


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in."""
    return ("" if str(parent) == "." else str(parent) for parent in PurePosixPath(path).parents)
