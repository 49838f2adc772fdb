"""One notebook, executed once outside of any project: as `exec` in one, and nothing is recorded."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_mlx.config import replace_file

from .events import Listener, StageFailed, StageFailedError, StageFinished, StageStarted
from .executors.base import Job, Outcome
from .executors.local import LocalExecutor
from .failing import Shown, failed_cell
from .parameters import checked
from .single import outcome_of
from .sources import Sources


def execute_untracked(
    notebook: Path, *, params: Mapping[str, Any], output: Path | None, listener: Listener
) -> tuple[Mapping[str, Any], Outcome]:
    """Execute a notebook; the parameters that it had, and how it ended. `output` is where the executed one goes.

    Raises:
        NotebookMissingError, BadNotebookError, UnknownParameterError, ParameterTypeError: see `execute_notebook`.
        StageFailedError: the notebook raised, or could not be executed to its end.
        KeyboardInterrupt: the user stopped it.
    """
    root, name = notebook.parent, notebook.stem
    facts = Sources(root, root / ".mlx").notebook(notebook.name)
    given = checked(notebook.name, params, facts.parameters)
    listener(StageStarted(name, "", ""))
    executor = LocalExecutor(1)
    with tempfile.TemporaryDirectory(prefix="jmlx-") as folder:
        executed = Path(folder) / f"{name}.ipynb"
        job = Job(name, str(root), notebook.name, str(executed), given, facts.kernel, facts.language)
        try:
            outcome = outcome_of(executor, job, listener)
            if output is not None and executed.exists():
                replace_file(output, executed.read_bytes())
            if outcome.status == "interrupted":
                raise KeyboardInterrupt
            if outcome.status == "failed":
                error = _failure(job, outcome, str(output) if output else "")
                listener(StageFailed(name, error))
                raise error
        finally:
            executor.close()
    listener(StageFinished(name, outcome.duration_s))
    return given, outcome


def _failure(job: Job, outcome: Outcome, kept: str) -> StageFailedError:
    shown = Shown("", job.notebook, dict(job.params), *failed_cell(Path(job.executed), outcome.cell))
    return StageFailedError(job.name, outcome.problem, outcome.cell, outcome.line, kept, shown)
