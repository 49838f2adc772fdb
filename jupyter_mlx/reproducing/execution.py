"""A recorded run executed again in its room: cells and notebooks by papermill, scripts by Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import MlxError, UsageError
from jupyter_mlx.logged import PROJECT_VARIABLE, RUN_VARIABLE
from jupyter_mlx.pipelines.events import StageFailedError
from jupyter_mlx.pipelines.fingerprint import INJECTED
from jupyter_mlx.words import without

from . import laying

if TYPE_CHECKING:
    from jupyter_mlx.ledger.run import Run
    from jupyter_mlx.project import Project

    from .room import Room

NOTEBOOKS = ".mlx/notebooks/"
"""Where a run's executed notebook is among its outputs."""


class NotReproducibleError(UsageError):
    """A run holds nothing that could be executed again."""

    code = "not-reproducible"

    def __init__(self, run: str, why: str) -> None:
        super().__init__(run, why)
        self.run, self.why = run, why

    def __str__(self) -> str:
        return f"run {self.run[:8]} can't be made again: {self.why}"


@dataclass(frozen=True, slots=True)
class Made:
    """What came of an execution."""

    run: Run | None
    """As the room's own ledger has it; None where it did not come so far."""
    problem: str = ""
    """What went wrong, empty where nothing did."""


@dataclass(frozen=True, slots=True)
class Python:
    """What executes."""

    executable: str = sys.executable
    kernel: str = ""
    """The name of a kernel; empty for the one that the notebook names, or `python3`."""


def execute(project: Project, run: Run, room: Room, python: Python) -> Made:
    """Execute a run again; what its code does wrong is told by the result.

    Raises:
        NotReproducibleError: the run holds nothing to execute.
        KeyboardInterrupt: the user stopped it; kernels are stopped.
    """
    require_executable(run)
    by_kind: dict[str, Callable[[Project, Run, Room, Python], Made]] = {
        "cell": _cell,
        "notebook": _notebook,
        "stage": _notebook,
        "block": _script,
    }
    return by_kind[run.kind](project, run, room, python)


def require_executable(run: Run) -> None:
    """Refuse a run that holds nothing to execute.

    Raises:
        NotReproducibleError: it is of such a kind, or was recorded without what that takes.
    """
    if run.status == "running":
        raise NotReproducibleError(run.id, "it has not ended yet")
    if run.kind in {"snapshot", "sweep", "pipeline", "reproduce"}:
        why = {
            "snapshot": "a snapshot executes nothing; `jmlx runs restore` brings it back",
            "sweep": "it is the sum of its stages; reproduce one of those",
            "pipeline": "it is the sum of its stages; reproduce one of those",
            "reproduce": "it is a reproduction itself; reproduce the run that it is of",
        }
        raise NotReproducibleError(run.id, why[run.kind])
    if run.kind == "block" and "script" not in run.command:
        raise NotReproducibleError(
            run.id, "it was a block in a notebook or at a prompt, and only a script's code is kept whole"
        )
    if run.kind in {"notebook", "stage"} and not _executed(run):
        raise NotReproducibleError(run.id, "its executed notebook was not recorded")


# -- cells ---------------------------------------------------------------------------------------


def _cell(project: Project, run: Run, room: Room, python: Python) -> Made:
    import nbformat

    new: Any = nbformat.v4
    line = str(run.command.get("track", _line_of(run)))
    first = "%load_ext jupyter_mlx"
    if run.slice:
        plan = laying.Plan(str(room.root), str(project.root), run.slice, room.brought(run))
        first += f"\n{laying.ask(plan, room.project.state / laying.NAME)}"
    sources = [
        first,
        *run.slice,
        f"%%track {without(line, '--cache')}".rstrip() + f"\n{run.source}",
    ]
    notebook = new.new_notebook(cells=[new.new_code_cell(source) for source in sources])
    folder = run.command.get("cwd", str(PurePosixPath(run.notebook or ".").parent))
    path = str(PurePosixPath(folder, f"{PurePosixPath(run.notebook or 'cell').stem}-{run.id[:8]}.ipynb"))
    made = _executed_notebook(room, path, notebook, {}, python)
    cell = _newest(room, "cell")
    if cell is None and not made.problem:
        return Made(None, "the cell was executed, but no run of it was recorded")
    return Made(cell, made.problem)


def _line_of(run: Run) -> str:
    """A `%%track` line for a run that was recorded before the line itself was kept."""
    names = {name.partition(".")[0] for name in run.metrics}
    wanted = ",".join(sorted(name for name in names if name.isidentifier()))
    return f"-m {wanted}" if wanted else ""


# -- notebooks -----------------------------------------------------------------------------------


def _executed(run: Run) -> str:
    """The digest of a run's executed notebook; empty where there is none."""
    return next((file.digest for file in run.outputs if file.path.startswith(NOTEBOOKS)), "")


def _notebook(project: Project, run: Run, room: Room, python: Python) -> Made:
    import nbformat

    text = project.store.get(Digest.parse(_executed(run))).decode("utf-8")
    reads: Any = nbformat.reads
    notebook = reads(text, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if INJECTED not in cell.metadata.get("tags", ())]
    path = PurePosixPath(run.notebook or "notebook.ipynb").with_suffix(".ipynb")
    return _executed_notebook(room, str(path), notebook, run.params, python)


def _executed_notebook(
    room: Room, path: str, notebook: Any, params: Mapping[str, Any], python: Python
) -> Made:
    """Write a notebook into the room, and run it as `jmlx exec` would."""
    import nbformat

    from jupyter_mlx.pipelines.single import execute_notebook

    if python.kernel:
        notebook.metadata["kernelspec"] = {
            "name": python.kernel,
            "display_name": python.kernel,
            "language": "python",
        }
    target = room.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    writes: Any = nbformat.writes
    target.write_text(writes(notebook), encoding="utf-8")
    room_project = room.project
    try:
        return Made(execute_notebook(room_project.runner(), path, params=params))
    except StageFailedError as error:
        return Made(_newest(room, "notebook"), _problem(error))
    except MlxError as error:
        return Made(None, str(error))


def _problem(error: StageFailedError) -> str:
    line = f", at `{error.line[:80]}`" if error.line else ""
    return f"{error.problem} (cell {error.cell}{line})" if error.cell else error.problem


# -- scripts -------------------------------------------------------------------------------------


def _script(project: Project, run: Run, room: Room, python: Python) -> Made:
    del project
    script = room.root / str(run.command["script"])
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(run.source, encoding="utf-8")
    folder = room.root / str(run.command.get("cwd", "."))
    folder.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, PROJECT_VARIABLE: str(room.root)}
    env.pop(RUN_VARIABLE, None)
    done = subprocess.run(
        [python.executable, str(script), *map(str, run.command.get("argv", ()))],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    block = _same_block(room, run)
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return Made(block, lines[-1] if lines else f"the script ended with {done.returncode}")
    return Made(block, "" if block else "the script was executed, but it recorded no such run")


def _same_block(room: Room, run: Run) -> Run | None:
    """The block of that name; of several the one with the same params."""
    ledger = room.project.ledger
    found = [ledger.get(each.id) for each in ledger.page("kind = block").runs if each.name == run.name]
    same = [each for each in found if each.params == run.params]
    return next(iter(same or found), None)


def _newest(room: Room, kind: str) -> Run | None:
    ledger = room.project.ledger
    page = ledger.page(f"kind = {kind}", limit=1)
    return ledger.get(page.runs[0].id) if page.runs else None


def executable_in(environment: Path) -> str:
    """Python in a virtual environment."""
    return str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
