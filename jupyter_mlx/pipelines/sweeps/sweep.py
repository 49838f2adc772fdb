"""A sweep: one stage at many points, several at a time; its runs are children of one run.

Each point that has outputs works in a place of its own, so that what lies in
the work tree stays as it is; what a point writes is kept in the store. Of a
sweep that was stopped, the same command goes on with the same run.
"""

from __future__ import annotations

import queue
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jupyter_mlx.errors import MlxError
from jupyter_mlx.logged import PROJECT_VARIABLE
from jupyter_mlx.pipelines import lock
from jupyter_mlx.pipelines.bench import Bench, Execution
from jupyter_mlx.pipelines.events import Listener, StageFailed, StageFinished, StageStarted, silent
from jupyter_mlx.pipelines.executors.base import Message, Outcome
from jupyter_mlx.pipelines.lock import Claim, file_name
from jupyter_mlx.pipelines.result import DataVersion
from jupyter_mlx.pipelines.seen import Files, check_unchanged
from jupyter_mlx.pipelines.stopping import stopped

from .place import FOLDER, SHARED, Place
from .points import Points
from .remembering import Parent
from .result import Point, StageBusyError, Sweep
from .search import Proposal, Proposals, Search, proposals
from .shared import Shared

if TYPE_CHECKING:
    from jupyter_mlx.pipelines.executors.base import Executor, Job
    from jupyter_mlx.pipelines.fingerprint import Fingerprint
    from jupyter_mlx.pipelines.runner import Runner
    from jupyter_mlx.pipelines.stage import Stage

LOOK_EVERY_S = 0.3
"""How often the steps of points that may be pruned are read."""


def sweep(
    runner: Runner,
    name: str,
    search: Search,
    *,
    jobs: int | None = None,
    listener: Listener = silent,
    on_point: Callable[[Point], None] = lambda point: None,
) -> Sweep:
    """Execute the stage at each point of the search that has no result yet, `jobs` at a time.

    A point that fails is told, and stops no other.

    Raises:
        UnknownStageError: there is no such stage.
        MatrixSweepError: the name stands for several stages.
        UnknownParameterError, ParameterTypeError: a value does not fit the notebook.
        BadValueError, OpenAxisError: the axes are no grid, or too large a one.
        OptunaMissingError: the search needs Optuna.
        StageFailedError: a stage that this one depends on failed.
        StageBusyError: another process is sweeping the stage.
        KeyboardInterrupt: the user stopped it; the same command goes on from there.
    """
    points = Points(runner, name)
    for values in search.listed() or search.probes():
        points.at(values)
    _bring_upstream(runner, name, listener)
    points.upstream_done(lock.read(runner.root))
    claim = Claim.take(runner.state, f"{points.stage.name} sweep")
    if claim is None:
        raise StageBusyError(points.stage.name)
    try:
        return _Session(runner, points, search, listener, on_point).run(jobs)
    finally:
        claim.release()
        points.facts.sources.save()
        runner.recorder.flush()


def _bring_upstream(runner: Runner, name: str, listener: Listener) -> None:
    pipeline = runner.pipeline().select([name])
    above = [stage.name for stage in pipeline.stages[:-1]]
    if above:
        summary = runner.run(above, listener=listener)
        if summary.failures:
            raise summary.failures[0]


@dataclass(frozen=True, slots=True)
class _Running:
    """A point that an executor has."""

    proposal: Proposal
    execution: Execution
    fingerprint: Fingerprint
    inputs: dict[str, DataVersion]
    place: Place


class _Session:
    """One command's way through a sweep; all decisions are made in the thread that calls `run`."""

    def __init__(
        self,
        runner: Runner,
        points: Points,
        search: Search,
        listener: Listener,
        on_point: Callable[[Point], None],
    ) -> None:
        self.runner, self.points, self.search = runner, points, search
        self.listener, self.on_point = listener, on_point
        self.bench = Bench(runner.root, runner.recorder)
        self.parent = Parent.of(runner.recorder, points, search)
        self.proposals: Proposals = proposals(search, self.parent.earlier())
        self._folder = runner.state / FOLDER / file_name(points.stage.name)
        self._shared = Shared(self._folder / SHARED)
        self._executor: Executor | None = None
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._running: dict[str, _Running] = {}
        self._pruned: set[str] = set()
        self._seen: dict[str, int] = {}
        self._done: dict[int, Point] = {}

    def run(self, jobs: int | None) -> Sweep:
        """Try all points."""
        # of a command that was killed
        shutil.rmtree(self._folder, ignore_errors=True)
        try:
            while self._fill(jobs):
                self._hear()
            self.parent.finish(self._best())
        except BaseException as error:
            self._interrupt()
            self.parent.abort("interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
            raise
        finally:
            if self._executor is not None:
                self._executor.close()
            shutil.rmtree(self._folder, ignore_errors=True)
        return Sweep(self.parent.id, tuple(self._best()))

    def _best(self) -> list[Point]:
        goal = self.search.goal
        if goal is None:
            return [self._done[number] for number in sorted(self._done)]
        return sorted(
            self._done.values(),
            key=lambda point: goal.rank(point.metrics if point.action != "pruned" else {}),
        )

    # -- beginning ---------------------------------------------------------------------------

    def _fill(self, jobs: int | None) -> bool:
        """Begin as many points as there is room for; whether any runs."""
        # an executor is made for the first point that has no result
        while len(self._running) < (self._executor.slots if self._executor else 1):
            proposal = self.proposals.next()
            if proposal is None:
                break
            self._begin(proposal, jobs)
        return bool(self._running)

    def _begin(self, proposal: Proposal, jobs: int | None) -> None:
        stage = self.points.at(proposal.values)
        inputs = self.points.inputs(stage)
        fingerprint = self.points.fingerprint(stage, inputs)
        known = self.points.known(stage, fingerprint)
        if known is not None:
            metrics = self.parent.metrics(known.run)
            self._learn(proposal, known.run)
            self._settle(
                proposal, Point(self._axes(stage, proposal), "cached", known.run, metrics, known.duration_s)
            )
            return
        if stage.name in self._running:
            # a study may propose what runs at this moment: it learns from the one that is there
            self.proposals.tell(proposal, "failed", None)
            return
        execution = self._started(stage)
        place = self._place(stage, execution.run.id)
        job = _moved(execution.job, place)
        self._running[stage.name] = _Running(proposal, execution, fingerprint, inputs, place)
        self.listener(StageStarted(stage.name, "", execution.run.id))
        if self._executor is None:
            self._executor = self.runner.executor(jobs or 0)
        self._executor.submit(job, self._messages.put)

    def _learn(self, proposal: Proposal, run: str) -> None:
        """Have a study see the steps of a point that is known, to judge others by."""
        goal = self.search.goal
        if goal is not None:
            for step, value, _ in self.parent.steps(run, goal.metric):
                self.proposals.step(proposal, step, value)

    def _started(self, stage: Stage) -> Execution:
        facts = self.points.facts.notebook(stage, stage.group)
        return self.bench.start(stage, facts, parent=self.parent.id, reads=self.points.reads)

    def _place(self, stage: Stage, run: str) -> Place:
        stage = replace(stage, outputs=self.points.written)
        return Place.make(self.runner.root, self._folder / run, stage, self.runner.workspace, self._shared)

    def _axes(self, stage: Stage, proposal: Proposal) -> dict[str, object]:
        return {key: stage.params[key] for key in proposal.values}

    # -- ending ------------------------------------------------------------------------------

    def _hear(self) -> None:
        try:
            message = self._messages.get(timeout=LOOK_EVERY_S if self.proposals.prunes else 3600)
        except queue.Empty:
            self._look_at_steps()
            return
        if not isinstance(message, Outcome):
            self.listener(message)
            return
        running = self._running.pop(message.name)
        try:
            self._end(running, self.bench.clean(message))
        finally:
            running.place.remove()

    def _look_at_steps(self) -> None:
        """Have the study see what the points have logged; stop those that it gives up."""
        goal = self.search.goal
        assert goal is not None
        for name, running in self._running.items():
            if name in self._pruned:
                continue
            run = running.execution.run.id
            series = self.parent.steps(run, goal.metric)
            new = series[self._seen.get(run, 0) :]
            self._seen[run] = len(series)
            if any(self.proposals.step(running.proposal, step, value) for step, value, _ in new):
                self._pruned.add(name)
                assert self._executor is not None
                self._executor.cancel(name)

    def _end(self, running: _Running, outcome: Outcome) -> None:
        name = running.execution.stage.name
        pruned = name in self._pruned and outcome.status == "interrupted"
        self._pruned.discard(name)
        files = Files(running.inputs)
        if outcome.status == "finished":
            try:
                files = self._files(running, outcome)
            except MlxError as error:
                outcome = replace(outcome, status="failed", problem=str(error), ename=type(error).__name__)
        run = running.execution.run
        if pruned:
            run.tag("pruned")
        digest = self.bench.seal(running.execution, outcome, files)
        if outcome.status == "finished":
            result = self.bench.result(running.execution, outcome, running.fingerprint, files, digest)
            self.points.facts.results.put(result)
            self.listener(StageFinished(name, outcome.duration_s, files.seen.warnings))
        action = "pruned" if pruned else "ran" if outcome.status == "finished" else "failed"
        self._tell(running, outcome, "pruned" if pruned else "ran" if action == "ran" else "failed")

    def _tell(self, running: _Running, outcome: Outcome, action: str) -> None:
        stage, run = running.execution.stage, running.execution.run.id
        problem = ""
        if action == "failed":
            failure = self.bench.failure(running.execution, outcome)
            problem = str(failure)
            self.listener(StageFailed(stage.name, failure))
        point = Point(
            self._axes(stage, running.proposal),
            action,  # type: ignore[arg-type]
            run,
            self.parent.metrics(run),
            round(outcome.duration_s, 3),
            problem,
        )
        self._settle(running.proposal, point)

    def _files(self, running: _Running, outcome: Outcome) -> Files:
        """What a finished point read and wrote, in the store by now."""
        self.points.facts.forget()
        running.place.check()
        check_unchanged(running.inputs, self.points.facts.version)
        stage, outputs = running.execution.stage, running.place.outputs
        kept = outputs.keep(stage)
        found = self.points.found(stage, outcome.told, outputs)
        return Files({**running.inputs, **found.inputs}, {**kept, **found.outputs}, found)

    def _settle(self, proposal: Proposal, point: Point) -> None:
        goal = self.search.goal
        value = point.metrics.get(goal.metric) if goal else None
        if goal is not None and value is None and point.action in {"ran", "cached"}:
            known = ", ".join(sorted(point.metrics)) or "nothing"
            problem = (
                f"it did not log {goal.metric!r}, which the sweep is to {goal.direction}; it logged {known}"
            )
            point = replace(point, action="failed", problem=problem)
        states = {"ran": "finished", "cached": "finished", "pruned": "pruned", "failed": "failed"}
        self.proposals.tell(proposal, states[point.action], value)  # type: ignore[arg-type]
        self._done[proposal.number] = point
        self.on_point(point)

    def _interrupt(self) -> None:
        """Stop what is executed, and seal its runs; a second interrupt does not wait for the kernels."""
        if self._executor is None:
            return
        for name, outcome in stopped(self._executor, self._messages, self._running).items():
            running = self._running.pop(name)
            self.bench.seal(running.execution, replace(outcome, status="interrupted"), Files(running.inputs))


def _moved(job: Job, place: Place) -> Job:
    """The job, at work in a place of its own."""
    root = str(place.root)
    return replace(job, root=root, env={**job.env, PROJECT_VARIABLE: root})
