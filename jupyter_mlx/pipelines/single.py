"""One notebook, executed once and tracked, with no pipeline around it."""

from __future__ import annotations

import queue
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlx.config import Config, replace_file
from jupyter_mlx.errors import MlxError

from . import secrets
from .bench import Bench
from .events import Listener, StageFailed, StageFinished, StageStarted, silent
from .executors.base import Executor, Message, Outcome
from .outputs import Outputs
from .parameters import checked
from .pipeline import Pipeline
from .seen import Files, Seen, Watched
from .sources import Sources
from .stage import Stage
from .stopping import stopped

if TYPE_CHECKING:
    from jupyter_mlx.ledger.run import Run

    from .runner import Runner


def execute_notebook(
    runner: Runner,
    notebook: str,
    *,
    params: Mapping[str, Any],
    output: Path | None = None,
    listener: Listener = silent,
) -> Run:
    """Execute the notebook at `notebook`, relative to the project, as a run of kind `notebook`.

    The notebook itself is not changed; `output` is where the executed one is
    also written.

    Raises:
        NotebookMissingError: there is no such notebook.
        BadNotebookError: the file is no notebook.
        UnknownParameterError: the notebook has no such parameter.
        ParameterTypeError: a value is of another type than the notebook's default.
        StageFailedError: the notebook raised, or could not be executed to its end.
        KeyboardInterrupt: the user stopped it; the run is sealed as interrupted.
    """
    sources = Sources(runner.root, runner.state)
    facts = sources.notebook(notebook)
    stage = Stage(name=Path(notebook).stem, group="", notebook=notebook)
    stage = replace(stage, params=checked(notebook, params, facts.parameters))
    bench = Bench(runner.root, runner.recorder)
    named = _secrets(runner.root, notebook)
    execution = bench.start(stage, facts, kind="notebook", env=secrets.given(named, stage.params))
    # for what is said of a failure: the values were given, and are not taken from the environment
    execution = replace(execution, stage=replace(stage, secrets=named))
    listener(StageStarted(stage.name, "", execution.run.id))
    executed = runner.root / execution.executed
    executor = runner.executor(1)
    try:
        outcome = bench.clean(outcome_of(executor, execution.job, listener))
        bench.seal(execution, outcome, _files(runner, stage, sources, outcome))
        if outcome.status == "interrupted":
            raise KeyboardInterrupt
        if output is not None and executed.exists():
            replace_file(output, executed.read_bytes())
        if outcome.status == "failed":
            error = bench.failure(execution, outcome)
            listener(StageFailed(stage.name, error))
            raise error
        executed.unlink(missing_ok=True)
        listener(StageFinished(stage.name, outcome.duration_s))
    finally:
        executor.close()
        runner.recorder.flush()
        sources.save()
    return runner.recorder.ledger.get(execution.run.id)


def _secrets(root: Path, notebook: str) -> dict[str, str]:
    """The notebook's parameters that mlx.yaml says are secrets → the variables that hold them."""
    try:
        stages = Config.read(root).stages.values()
    except MlxError:
        # one notebook is executed whatever is wrong with the pipeline
        return {}
    return {name: held for each in stages if each.notebook == notebook for name, held in each.secrets.items()}


def _files(runner: Runner, stage: Stage, sources: Sources, outcome: Outcome) -> Files:
    """What the notebook read and wrote, in the store by now; what cannot be stored is told by the run."""
    code = frozenset(sources.modules(stage.notebook, sources.notebook(stage.notebook)))
    outputs = Outputs(runner.root, runner.workspace)
    watched = Watched(stage, Pipeline(()), outputs, outputs, code, sources.names(stage.notebook))
    try:
        found = watched.seen(outcome.told)
    except MlxError as error:
        found = Seen(incomplete=(str(error),))
    return Files(found.inputs, found.outputs, found)


def outcome_of(executor: Executor, job: Any, listener: Listener) -> Outcome:
    """Wait for how a job ended; an interrupt stops it first, a second one at once."""
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    try:
        executor.submit(job, messages.put)
        while not isinstance(message := messages.get(), Outcome):
            listener(message)
    except KeyboardInterrupt:
        return replace(stopped(executor, messages, [job.name])[job.name], status="interrupted")
    return message
