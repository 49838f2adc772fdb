"""Snapshots and what brings a run back: a notebook as it stands with the project's data, and the way from there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .digest import Digest
from .errors import AccessError, ConflictError, NotFoundError

if TYPE_CHECKING:
    from .data.workspace import Workspace
    from .ledger.run import Run
    from .recorder import Recorder


class NoNotebookError(NotFoundError):
    """There is no notebook to take a snapshot of."""

    code = "no-notebook"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"no notebook {self.path}; save it first, or name another"


class FolderInTheWayError(ConflictError):
    """The folder that a run would be restored into is there and not empty."""

    code = "folder-in-the-way"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is there already and not empty; choose another folder with --to"


def take(recorder: Recorder, notebook: str, message: str = "") -> Run:
    """Record a notebook as it is on disk, and the versions of all data that the project tracks.

    Args:
        recorder: the project's.
        notebook: relative to the project.
        message: what the user wants to remember; it becomes the run's note.

    Raises:
        NoNotebookError: there is no such file.
    """
    path = Path(recorder.root, notebook)
    if not path.is_file():
        raise NoNotebookError(notebook)
    run = recorder.open(
        kind="snapshot", name=path.stem, notebook=notebook, source="\n\n".join(code_cells(path))
    )
    run.add_output(recorder.workspace.save(notebook))
    for tracked in recorder.workspace.pointers():
        if Path(recorder.root, tracked.path).exists():
            run.add_input(recorder.workspace.save(tracked.path))
    finished = run.finish()
    return recorder.ledger.edit(finished.id, note=recorder.redactor.text(message)) if message else finished


def code_cells(path: Path) -> list[str]:
    """The sources of a notebook's code cells; a text notebook (.py, .md) is one."""
    import json

    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".ipynb":
        return [text]
    try:
        cells = json.loads(text).get("cells", [])
        return ["".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, AttributeError, KeyError, TypeError):
        # a broken notebook is kept as it is; its code cannot be told from it
        return []


def restore(run: Run, workspace: Workspace, folder: Path, only: str = "") -> list[Path]:
    """Bring a run back into a folder of its own: its files, and its cells as a new notebook.

    Nothing in the work tree is touched, least of all the open notebook.

    Args:
        run: whole, as `Ledger.get` gives it.
        workspace: where its versions are.
        folder: is made; must be empty where it is there.
        only: one path of the run; without it, all of it.

    Raises:
        FolderInTheWayError: the folder has something in it.
        NotFoundError: the run has no file `only`, or an object is not here.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderInTheWayError(str(folder))
    stored = [file for file in (*run.inputs, *run.outputs) if file.kind != "outside"]
    files = [file for file in stored if not only or file.path == only]
    if only and not files:
        raise NotFoundError(f"run {run.id[:8]} has no file {only}; `jmlx runs show {run.id[:8]}` lists them")
    made = []
    try:
        for file in files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            workspace.restore(workspace.named(file), to=target)
            made.append(target)
        if not only and run.source:
            made.append(_write_notebook(run, workspace, folder))
    except OSError as error:
        raise AccessError.of(error, error.filename or folder) from error
    return made


def _write_notebook(run: Run, workspace: Workspace, folder: Path) -> Path:
    """The run's cells as a notebook, beside its files."""
    import nbformat

    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in run.slice]
    last = nbformat.v4.new_code_cell(run.source)
    last.outputs = [nbformat.from_dict(output) for output in _outputs(run, workspace)]
    notebook.cells.append(last)
    target = folder / f"run-{run.id[:8]}.ipynb"
    folder.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    nbformat.write(notebook, partial)
    os.replace(partial, target)  # noqa: PTH105
    return target


def _outputs(run: Run, workspace: Workspace) -> Iterator[dict[str, Any]]:
    from .ledger.payloads import unfold

    for output in run.cell_outputs:
        yield unfold(output, workspace.store, Digest.parse)
