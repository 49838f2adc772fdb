"""One notebook on the bench: its run is opened, its job made, what came out recorded."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from jupyter_mlx.errors import AccessError
from jupyter_mlx.ledger.run import Failure, Status
from jupyter_mlx.logged import PROJECT_VARIABLE, RUN_VARIABLE
from jupyter_mlx.recorder import NOTEBOOK_VARIABLE

from . import formats, secrets
from .events import StageFailedError
from .executors.base import Job, Outcome
from .failing import Shown, failed_cell
from .fingerprint import INJECTED, Fingerprint, code_cells
from .jobs import equipped
from .lock import file_name
from .observing import RESOURCES
from .outputs import version_of
from .result import DataVersion, Result
from .seen import NO_FILES, Files
from .sources import NotebookFacts
from .stage import Stage

if TYPE_CHECKING:
    from jupyter_mlx.recorder import ActiveRun, Recorder

NOTEBOOKS = ".mlx/notebooks"
"""Where executed notebooks and logs are kept, the last of each stage."""
LONGEST_LOG = 1 << 20
"""Bytes of a command's log that its run shows; the whole log is an output of the run."""
NO_ENV: Mapping[str, str] = MappingProxyType({})


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
    whole: ActiveRun | None = None
    """The run of the pipeline, which those of its stages are children of."""

    @property
    def parent(self) -> str:
        """The id of the pipeline's run; empty where there is none."""
        return self.whole.id if self.whole else ""

    def close(self, status: Status, failures: Sequence[StageFailedError]) -> None:
        """Seal the pipeline's run, and wait for the records of all."""
        if self.whole is not None:
            failed = status == "failed"
            problem = "; ".join(f"{failure.name}: {failure.problem}" for failure in failures)
            self.whole.finish(status, Failure("StageFailedError", problem) if failed else None)
        self.recorder.flush()

    def start(
        self,
        stage: Stage,
        facts: NotebookFacts,
        kind: Literal["stage", "notebook"] = "stage",
        parent: str | None = None,
        env: Mapping[str, str] = NO_ENV,
        reads: Sequence[str] = (),
    ) -> Execution:
        """Open the run of a stage, its parameters checked before; the caller submits its job.

        `reads` is what it may read beside its inputs.

        Raises:
            AccessError: the project's folder cannot be written.
        """
        source = _source(self.root, stage)
        self.recorder.redactor.learn_named({**secrets.environment(stage), **env})
        try:
            (self.root / NOTEBOOKS).mkdir(exist_ok=True)
        except OSError as error:
            raise AccessError.of(error, NOTEBOOKS) from error
        run = self.recorder.open(
            kind=kind,
            name=stage.name,
            params=stage.params,
            notebook=stage.notebook or None,
            source=source,
            parent=parent or self.parent or None,
            elsewhere=True,
        )
        # of a stage the last execution is kept; others have no name of their own
        executed = executed_path(stage.name if kind == "stage" else run.id)
        job = Job(
            name=stage.name,
            root=str(self.root),
            notebook=stage.notebook,
            executed=str(self.root / executed),
            params=stage.params,
            kernel=stage.kernel or facts.kernel,
            language=facts.language,
            timeout_s=stage.timeout_s,
            inputs=tuple(dict.fromkeys((*stage.inputs, *reads))),
            outputs=stage.outputs,
            resources={name: amount for name, amount in asdict(stage.resources).items() if amount},
            env={**_environment(self.root, stage.notebook, run.id), **env},
        )
        job = equipped(job, stage, facts)
        return Execution(stage, job, run, Path(job.executed).relative_to(self.root).as_posix())

    def clean(self, outcome: Outcome) -> Outcome:
        """An outcome as it is told and recorded, wherever it comes from: without secrets."""
        return outcome.cleaned(self.recorder.redactor.text)

    def seal(
        self,
        execution: Execution,
        outcome: Outcome,
        files: Files = NO_FILES,
    ) -> str:
        """Record how an execution ended; return the digest of the executed notebook, empty if there is none."""
        run, seen = execution.run, files.seen
        for path, version in files.inputs.items():
            run.add_input(version_of(version), "seen" if path in seen.inputs else "declared")
        for path, version in files.outputs.items():
            run.add_output(version_of(version), "seen" if path in seen.outputs else "declared")
        run.add_incomplete(seen.incomplete)
        run.used(outcome.told.get(RESOURCES, {}))
        digest = self._keep_notebook(execution)
        failed = outcome.status == "failed"
        error = Failure(outcome.ename or "StageFailed", outcome.evalue or outcome.problem, outcome.traceback)
        run.finish(outcome.status, error if failed else None, outcome.duration_s or None)
        return digest

    def result(
        self, execution: Execution, outcome: Outcome, fingerprint: Fingerprint, files: Files, notebook: str
    ) -> Result:
        """What a finished execution stands for from now on; `notebook` is what `seal` returned.

        Of the metrics that it logged, those that other stages can take.
        """
        metrics = execution.run.run.metrics  # `seal` has read them back
        return Result(
            replace(fingerprint, inputs={path: version.digest for path, version in files.inputs.items()}),
            files.inputs,
            files.outputs,
            execution.run.id,
            outcome.duration_s,
            notebook,
            {name: value for name, value in metrics.items() if math.isfinite(value)},
            files.seen.paths,
        )

    def failure(self, execution: Execution, outcome: Outcome) -> StageFailedError:
        """The outcome of a failed execution, for people."""
        path = self.root / execution.executed
        return StageFailedError(
            execution.stage.name,
            outcome.problem,
            outcome.cell,
            outcome.line,
            execution.executed if path.exists() else "",
            shown(execution, outcome, path),
        )

    def _keep_notebook(self, execution: Execution) -> str:
        path = self.root / execution.executed
        with suppress(FileNotFoundError):
            data = path.read_bytes()
            for output in _cell_outputs(data) if path.suffix == ".ipynb" else _log(data):
                execution.run.add_cell_output(output)
            digest = self.recorder.workspace.store.put(data)
            version = DataVersion(execution.executed, "file", str(digest), len(data), 1)
            execution.run.add_output(version_of(version))
            return str(digest)
        return ""


def shown(execution: Execution, outcome: Outcome, executed: Path) -> Shown:
    """What people want to see of a failure, as the executed notebook has it: without secrets."""
    stage = execution.stage
    cell = failed_cell(executed, outcome.cell)
    return Shown(execution.run.id, stage.notebook, dict(execution.run.run.params), *cell, stage.secrets)


def executed_path(name: str) -> str:
    """Where the executed notebook of a stage is, relative to the project."""
    return f"{NOTEBOOKS}/{file_name(name)}.ipynb"


def _environment(root: Path, notebook: str, run: str) -> dict[str, str]:
    """What the kernel is told beside what it inherits."""
    return {
        PROJECT_VARIABLE: str(root),
        RUN_VARIABLE: run,
        NOTEBOOK_VARIABLE: notebook,
    }


def _source(root: Path, stage: Stage) -> str:
    if stage.command is not None:
        return stage.command if isinstance(stage.command, str) else " ".join(map(shlex.quote, stage.command))
    name = stage.notebook
    data = formats.read_bytes(root / name, name)
    if not name.endswith(".ipynb"):
        return data.decode("utf-8", "replace")
    cells = code_cells(formats.document(data, name).cells)
    return "\n\n".join(f"# %%\n{cell.source}" for cell in cells)


def _log(data: bytes) -> list[dict[str, Any]]:
    """The log of a command as the output of a cell; of a long one, the end."""
    text = data[-LONGEST_LOG:].decode("utf-8", "replace")
    return [{"output_type": "stream", "name": "stdout", "text": text}] if text else []


def _cell_outputs(data: bytes) -> list[dict[str, Any]]:
    """The outputs of an executed notebook, in order."""
    cells = json.loads(data)["cells"]
    own = (cell for cell in cells if INJECTED not in cell["metadata"].get("tags", ()))
    return [output for cell in own for output in cell.get("outputs", ())]
