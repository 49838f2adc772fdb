"""A sweep: one stage over a grid of parameters; its runs are children of one run.

The points run one after another in the stage's own place; what each writes is
kept in the store, and the outputs that lay there before are put back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from jupyter_mlx.errors import ConflictError, MlxError, UsageError

from .bench import Bench
from .events import Listener, StageFailedError, silent
from .facts import Facts, InputMissingError, with_params
from .lock import Claim
from .outputs import version_of
from .parameters import Typed
from .pipeline import Pipeline
from .result import DataVersion, Result
from .single import outcome_of
from .stage import Stage

if TYPE_CHECKING:
    from .executors.base import Executor, Outcome
    from .runner import Runner


class StageBusyError(ConflictError):
    """Another process is executing this stage."""

    code = "stage-busy"

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage

    def __str__(self) -> str:
        return f"another process is executing stage {self.stage}; wait for it, or stop it"


class MatrixSweepError(UsageError):
    """A stage with a matrix is several stages."""

    code = "matrix-sweep"

    def __init__(self, group: str, names: tuple[str, ...]) -> None:
        super().__init__(group, names)
        self.group, self.names = group, names

    def __str__(self) -> str:
        return f"{self.group} is {len(self.names)} stages, by its matrix; sweep one of them, such as {self.names[0]}"


@dataclass(frozen=True, slots=True)
class Point:
    """What became of one combination of parameters."""

    params: Mapping[str, Any]
    action: Literal["ran", "cached", "failed"]
    run: str
    """The id of the run that made the result, of this sweep or an earlier one."""
    metrics: Mapping[str, float]
    duration_s: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What became of all of them."""

    run: str
    """The id of the run that they are children of."""
    points: tuple[Point, ...]


def sweep(
    runner: Runner,
    name: str,
    grid: Sequence[Mapping[str, Typed]],
    listener: Listener = silent,
    on_point: Callable[[Point], None] = lambda point: None,
) -> Sweep:
    """Execute the stage once for each point of the grid that has no result yet.

    Raises:
        UnknownStageError: there is no such stage.
        MatrixSweepError: the name stands for several stages.
        UnknownParameterError, ParameterTypeError: a value does not fit the notebook.
        StageFailedError: a stage that this one depends on failed.
        StageBusyError: another process is executing the stage.
        KeyboardInterrupt: the user stopped it; finished points are kept.
    """
    stages = [_stage(runner, name, point) for point in grid]
    _bring_upstream(runner, name, listener)
    claim = Claim.take(runner.state, stages[0][1].name)
    if claim is None:
        raise StageBusyError(stages[0][1].name)
    axes = {key: [point[key].value for point in grid] for key in grid[0]}
    values = {key: list(dict.fromkeys(map(_hashable, found))) for key, found in axes.items()}
    parent = runner.recorder.open(kind="sweep", name=name, params=values, notebook=stages[0][1].notebook)
    claim.begin(parent.id)
    executor = runner.executor(1)
    before = {path: facts.version(path) for facts, stage in stages for path in stage.outputs}
    points: list[Point] = []
    try:
        for point, (facts, stage) in zip(grid, stages, strict=True):
            done = _point(runner, facts, stage, executor, parent.id, listener)
            points.append(replace(done, params={key: stage.params[key] for key in point}))
            on_point(points[-1])
        parent.finish("finished" if any(p.action != "failed" for p in points) else "failed")
    except BaseException as error:
        parent.finish("interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
        raise
    finally:
        executor.close()
        _put_back(stages, before)
        claim.done()
        claim.release()
        runner.recorder.flush()
    return Sweep(parent.id, tuple(points))


def _stage(runner: Runner, name: str, point: Mapping[str, Typed]) -> tuple[Facts, Stage]:
    """The stage at one point, its parameters checked."""
    facts = runner.facts()
    group = name.partition("@")[0]
    named = Pipeline.of(facts.config).named([name])
    if len(named) > 1:
        raise MatrixSweepError(name, tuple(stage.name for stage in named))
    facts.config = with_params(facts.config, {f"{group}.{key}": v for key, v in point.items()}, [name], facts)
    stage = Pipeline.of(facts.config).named([name])[0]
    return facts, replace(stage, params=facts.params(stage))


def _bring_upstream(runner: Runner, name: str, listener: Listener) -> None:
    pipeline = runner.pipeline().select([name])
    above = [stage.name for stage in pipeline.stages[:-1]]
    if above:
        summary = runner.run(above, listener=listener)
        if summary.failures:
            raise summary.failures[0]


def _point(
    runner: Runner, facts: Facts, stage: Stage, executor: Executor, parent: str, listener: Listener
) -> Point:
    facts.forget()
    inputs: dict[str, DataVersion] = {}
    for path in stage.inputs:
        version = facts.version(path)
        if version is None:
            raise InputMissingError(stage.name, path)
        inputs[path] = version
    fingerprint = facts.fingerprint(stage, {path: version.digest for path, version in inputs.items()})
    known = facts.result(fingerprint)
    if known is not None and facts.outputs.missing(known) is None:
        return Point({}, "cached", known.run, _metrics(runner, known.run), known.duration_s)
    facts.outputs.clear(stage)
    bench = Bench(runner.root, runner.recorder)
    execution = bench.start(stage, facts.notebook(stage, stage.group), parent=parent)
    outcome = outcome_of(executor, execution.job, listener)
    outputs: dict[str, DataVersion] = {}
    if outcome.status == "finished":
        try:
            outputs = facts.outputs.keep(stage)
        except MlxError as error:
            outcome = replace(outcome, status="failed", problem=str(error), ename=type(error).__name__)
    notebook = bench.seal(execution, outcome, inputs.values(), outputs.values())
    if outcome.status == "interrupted":
        raise KeyboardInterrupt
    if outcome.status == "finished":
        run, seconds = execution.run.id, outcome.duration_s
        facts.results.put(Result(fingerprint, inputs, outputs, run, seconds, notebook))
    return _done(runner, execution.run.id, outcome, bench.failure(execution, outcome))


def _done(runner: Runner, run: str, outcome: Outcome, failure: StageFailedError) -> Point:
    failed = outcome.status == "failed"
    return Point(
        {},
        "failed" if failed else "ran",
        run,
        _metrics(runner, run),
        round(outcome.duration_s, 3),
        str(failure) if failed else "",
    )


def _metrics(runner: Runner, run: str) -> dict[str, float]:
    try:
        return dict(runner.recorder.ledger.get(run).metrics)
    except MlxError:
        # the run of a result that came with the lock is not in this ledger
        return {}


def _put_back(stages: Sequence[tuple[Facts, Stage]], before: Mapping[str, DataVersion | None]) -> None:
    """The outputs as they were before the sweep; those of the points are in the store."""
    for facts, stage in stages:
        facts.outputs.clear(stage, remove=True)
    outputs = stages[0][0].outputs
    for version in before.values():
        if version is not None:
            outputs.workspace.restore(version_of(version), force=True)


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, (list, dict)) else value
