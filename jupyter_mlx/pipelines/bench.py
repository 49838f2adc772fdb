"""One notebook on the bench: its run is opened, its job made, what came out recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jupyter_mlx.errors import AccessError
from jupyter_mlx.ledger.run import Failure
from jupyter_mlx.recorder import NOTEBOOK_VARIABLE, PROJECT_VARIABLE, RUN_VARIABLE

from . import formats
from .events import StageFailedError
from .executors.base import Job, Outcome
from .fingerprint import INJECTED, code_cells
from .lock import file_name
from .outputs import version_of
from .result import DataVersion
from .sources import NotebookFacts
from .stage import Stage

if TYPE_CHECKING:
    from jupyter_mlx.recorder import ActiveRun, Recorder

NOTEBOOKS = ".mlx/notebooks"
"""Where executed notebooks are kept, the last of each stage."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A notebook that is being executed."""

    stage: Stage
    job: Job
    run: ActiveRun
    executed: str
    """Where the executed notebook is, relative to the project."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Opens and seals the runs of notebooks."""

    root: Path
    recorder: Recorder

    def start(
        self,
        stage: Stage,
        facts: NotebookFacts,
        kind: Literal["stage", "notebook"] = "stage",
        parent: str | None = None,
    ) -> Execution:
        """Open the run of a stage, its parameters checked before; the caller submits its job.

        Raises:
            AccessError: the project's folder cannot be written.
        """
        source = _source(self.root / stage.notebook, stage.notebook)
        try:
            (self.root / NOTEBOOKS).mkdir(exist_ok=True)
        except OSError as error:
            raise AccessError.of(error, NOTEBOOKS) from error
        run = self.recorder.open(
            kind=kind,
            name=stage.name,
            params=stage.params,
            notebook=stage.notebook,
            source=source,
            parent=parent,
        )
        # of a stage the last execution is kept; others have no name of their own
        executed = f"{NOTEBOOKS}/{file_name(stage.name) if kind == 'stage' else run.id}.ipynb"
        job = Job(
            name=stage.name,
            root=str(self.root),
            notebook=stage.notebook,
            executed=str(self.root / executed),
            params=stage.params,
            kernel=stage.kernel or facts.kernel,
            language=facts.language,
            timeout_s=stage.timeout_s,
            env=_environment(self.root, stage.notebook, run.id),
        )
        return Execution(stage, job, run, executed)

    def seal(
        self,
        execution: Execution,
        outcome: Outcome,
        inputs: Iterable[DataVersion],
        outputs: Iterable[DataVersion],
    ) -> str:
        """Record how an execution ended; return the digest of the executed notebook, empty if there is none."""
        run = execution.run
        for version in inputs:
            run.add_input(version_of(version))
        for version in outputs:
            run.add_output(version_of(version))
        digest = self._keep_notebook(execution)
        failed = outcome.status == "failed"
        error = Failure(outcome.ename or "StageFailed", outcome.evalue or outcome.problem, outcome.traceback)
        run.finish(outcome.status, error if failed else None, outcome.duration_s or None)
        return digest

    def failure(self, execution: Execution, outcome: Outcome) -> StageFailedError:
        """The outcome of a failed execution, for people."""
        there = (self.root / execution.executed).exists()
        return StageFailedError(
            execution.stage.name,
            outcome.problem,
            outcome.cell,
            outcome.line,
            execution.executed if there else "",
        )

    def _keep_notebook(self, execution: Execution) -> str:
        path = self.root / execution.executed
        with suppress(FileNotFoundError):
            data = path.read_bytes()
            for output in _cell_outputs(data):
                execution.run.add_cell_output(output)
            digest = self.recorder.workspace.store.put(data)
            version = DataVersion(execution.executed, "file", str(digest), len(data), 1)
            execution.run.add_output(version_of(version))
            return str(digest)
        return ""


def _environment(root: Path, notebook: str, run: str) -> dict[str, str]:
    """What the kernel is told beside what it inherits."""
    return {
        PROJECT_VARIABLE: str(root),
        RUN_VARIABLE: run,
        NOTEBOOK_VARIABLE: notebook,
    }


def _source(path: Path, name: str) -> str:
    data = formats.read_bytes(path, name)
    if not name.endswith(".ipynb"):
        return data.decode("utf-8", "replace")
    cells = code_cells(formats.document(data, name).cells)
    return "\n\n".join(f"# %%\n{cell.source}" for cell in cells)


def _cell_outputs(data: bytes) -> list[dict[str, Any]]:
    """The outputs of an executed notebook, in order."""
    cells = json.loads(data)["cells"]
    own = (cell for cell in cells if INJECTED not in cell["metadata"].get("tags", ()))
    return [output for cell in own for output in cell.get("outputs", ())]
