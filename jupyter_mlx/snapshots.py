"""Snapshots: a notebook as it stands, with the versions of the project's data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .errors import NotFoundError

if TYPE_CHECKING:
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
    try:
        run.add_output(recorder.workspace.save(notebook))
        for tracked in recorder.workspace.pointers():
            if Path(recorder.root, tracked.path).exists():
                run.add_input(recorder.workspace.save(tracked.path))
    except BaseException:
        run.finish("failed")
        raise
    finished = run.finish()
    return recorder.ledger.edit(finished.id, note=recorder.redactor.text(message)) if message else finished


def take_before(recorder: Recorder, notebook: str, what: str) -> Run | None:
    """Take a snapshot before something is done; None where the last one has the notebook and the data as they are."""
    last = recorder.ledger.page(f"kind = snapshot and notebook = {_quoted(notebook)}", limit=1).runs
    if last and _is_current(recorder, recorder.ledger.get(last[0].id)):
        return None
    return take(recorder, notebook, f"before {what}")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_current(recorder: Recorder, last: Run) -> bool:
    workspace = recorder.workspace
    here = {tracked.path for tracked in workspace.pointers() if Path(recorder.root, tracked.path).exists()}
    kept = {file.path: file.digest for file in (*last.inputs, *last.outputs)}
    if {file.path for file in last.inputs} != here:
        return False
    return all(
        (now := workspace.version(path)) is not None and str(now.digest) == kept[path] for path in kept
    )


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
