"""A session: one command's way through a pipeline, stage by stage, several at a time.

All decisions, and all that touches the store or the ledger, happen in the one
thread that calls `run`; executors only execute.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass, replace

from jupyter_mlx.errors import MlxError

from . import lock
from .bench import Bench, Execution
from .events import (
    Listener,
    Row,
    StageCached,
    StageFailed,
    StageFailedError,
    StageFinished,
    StageSkipped,
    StageStarted,
    StageWaits,
    Summary,
)
from .executors.base import CellStarted, Executor, Message, Outcome
from .facts import Facts, InputMissingError
from .lock import Claim
from .pipeline import Pipeline
from .plan import Plan, Step
from .result import DataVersion, Result
from .stage import Stage

POLL_S = 0.2
"""How often a stage that another process is at is looked at again."""


@dataclass(frozen=True, slots=True)
class Running:
    """A stage that an executor has."""

    execution: Execution
    step: Step
    claim: Claim
    inputs: dict[str, DataVersion]


class Session:
    """Runs what a plan says, and looks again at each stage when its turn comes."""

    def __init__(
        self,
        pipeline: Pipeline,
        bench: Bench,
        facts: Facts,
        executor: Callable[[], Executor],
        listener: Listener,
        *,
        forced: frozenset[str] = frozenset(),
        overwrite: bool = False,
    ) -> None:
        self.pipeline, self.bench, self.listener = pipeline, bench, listener
        self.facts, self.outputs = facts, facts.outputs
        self.forced, self.overwrite = forced, overwrite
        self._make_executor = executor
        self._executor: Executor | None = None
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._pending = {stage.name: stage for stage in pipeline.stages}
        self._running: dict[str, Running] = {}
        self._waiting: set[str] = set()
        self._planned: dict[str, Step] = {}
        self._rows: dict[str, Row] = {}
        self._failures: list[StageFailedError] = []
        self._changes: dict[str, Result] = {}

    def run(self, plan: Plan) -> Summary:
        """Do what is to be done.

        Raises:
            KeyboardInterrupt: the user stopped it; kernels are stopped, runs sealed as interrupted.
            MlxError: the project cannot be read or written.
        """
        try:
            self._planned = {step.name: step for step in plan.steps if step.action == "cached"}
            while self._pending or self._running:
                self._begin_ready()
                if self._running or self._waiting:
                    self._hear()
        except BaseException:
            self._interrupt()
            raise
        finally:
            self._write_lock()
            if self._executor is not None:
                self._executor.close()
                self.bench.recorder.flush()
        rows = tuple(self._rows[stage.name] for stage in self.pipeline.stages)
        return Summary(rows, tuple(self._failures))

    # -- beginning ---------------------------------------------------------------------------

    def _begin_ready(self) -> None:
        for stage in list(self._pending.values()):
            above = [self._rows.get(name) for name in sorted(self.pipeline.upstream[stage.name])]
            broken = next((row for row in above if row and row.action in {"failed", "skipped"}), None)
            if broken is not None:
                self._skip(stage, broken)
            elif all(above):
                self._begin(stage)

    def _begin(self, stage: Stage) -> None:
        step = self._planned.get(stage.name) or self._step(stage)
        if step.missing:
            self._lack(stage, step.missing)
            return
        if step.action == "cached" and not self.outputs.differing(_result(step)):
            self._settle_cached(stage, step)
            return
        if len(self._running) >= self._slots():
            return
        claim = Claim.take(self.facts.sources.state, stage.name)
        if claim is None:
            self._wait(stage)
            return
        try:
            kept = self._execute_or_restore(stage, claim)
        except BaseException:
            claim.release()
            raise
        if not kept:
            claim.release()

    def _execute_or_restore(self, stage: Stage, claim: Claim) -> bool:
        """Act on a stage that is ours alone; say whether the claim on it is still needed."""
        # another process may have done it between the first look and the claim
        self._look_again()
        step = self._step(stage)
        if step.action == "cached":
            self._settle_cached(stage, step, force=claim.unfinished)
            claim.done()
            return False
        inputs = {path: version for path in stage.inputs if (version := self.facts.version(path))}
        self.outputs.clear(stage)
        self._look_again()
        stage = replace(stage, params=self.facts.params(stage))
        execution = self.bench.start(stage, self.facts.notebook(stage, stage.group))
        claim.begin(execution.run.id)
        self._running[stage.name] = Running(execution, step, claim, inputs)
        del self._pending[stage.name]
        self._waiting.discard(stage.name)
        self.listener(StageStarted(stage.name, step.reason, execution.run.id))
        self._use_executor().submit(execution.job, self._messages.put)
        return True

    def _look_again(self) -> None:
        self.facts.forget()
        self._planned.clear()

    def _step(self, stage: Stage) -> Step:
        """What is to be done about a stage whose upstream stages are done."""
        alone = Pipeline((stage,), {stage.name: frozenset()})
        return Plan.of(alone, self.facts.known(self.forced)).steps[0]

    def _settle_cached(self, stage: Stage, step: Step, *, force: bool = False) -> None:
        result = _result(step)
        restored = self.outputs.differing(result)
        if restored:
            self.outputs.restore(result, force=force or self.overwrite)
            self.outputs.ignore((stage,))
            self._look_again()
        if self.facts.last.get(stage.name) != result:
            self._changes[stage.name] = result
        self._finish_row(stage, Row(stage.name, "cached", step.reason, step.duration_s))
        self.listener(StageCached(stage.name, restored))

    def _lack(self, stage: Stage, path: str) -> None:
        """Fail a stage whose input the stages before it were to make, and did not."""
        problem = str(InputMissingError(stage.name, path))
        error = StageFailedError(stage.name, problem, 0, "", "")
        self._failures.append(error)
        self._finish_row(stage, Row(stage.name, "failed", f"{path} missing"))
        self.listener(StageFailed(stage.name, error))

    def _skip(self, stage: Stage, broken: Row) -> None:
        cause = broken.name if broken.action == "failed" else broken.reason.removesuffix(" failed")
        self._finish_row(stage, Row(stage.name, "skipped", f"{cause} failed"))
        self.listener(StageSkipped(stage.name, cause))

    def _wait(self, stage: Stage) -> None:
        if stage.name not in self._waiting:
            self._waiting.add(stage.name)
            self.listener(StageWaits(stage.name))

    def _slots(self) -> int:
        return self._executor.slots if self._executor else 1

    def _use_executor(self) -> Executor:
        if self._executor is None:
            self._executor = self._make_executor()
        return self._executor

    # -- ending ------------------------------------------------------------------------------

    def _hear(self) -> None:
        try:
            message = self._messages.get(timeout=POLL_S if self._waiting else 3600)
        except queue.Empty:
            self._look_again()
            return
        if isinstance(message, CellStarted):
            self.listener(message)
        else:
            self._end(self._running.pop(message.name), message)

    def _end(self, running: Running, outcome: Outcome) -> None:
        try:
            self._look_again()
            outputs: dict[str, DataVersion] = {}
            if outcome.status == "finished":
                try:
                    self._check_inputs(running)
                    outputs = self.outputs.keep(running.execution.stage)
                except MlxError as error:
                    outcome = replace(
                        outcome, status="failed", problem=str(error), ename=type(error).__name__
                    )
            digest = self.bench.seal(running.execution, outcome, running.inputs.values(), outputs.values())
            if outcome.status == "finished":
                self._succeed(running, outcome, outputs, digest)
            else:
                self._fail(running, outcome)
        finally:
            running.claim.release()

    def _check_inputs(self, running: Running) -> None:
        for path, version in running.inputs.items():
            if self.facts.version(path) != version:
                raise InputChangedError(path)

    def _succeed(
        self, running: Running, outcome: Outcome, outputs: dict[str, DataVersion], notebook: str
    ) -> None:
        stage, step = running.execution.stage, running.step
        assert step.fingerprint is not None
        result = Result(
            step.fingerprint, running.inputs, outputs, running.execution.run.id, outcome.duration_s, notebook
        )
        self.facts.results.put(result)
        self._changes[stage.name] = result
        self._write_lock()
        running.claim.done()
        self._finish_row(stage, Row(stage.name, "ran", step.reason, round(outcome.duration_s, 3)))
        self.listener(StageFinished(stage.name, outcome.duration_s))

    def _fail(self, running: Running, outcome: Outcome) -> None:
        stage = running.execution.stage
        error = self.bench.failure(running.execution, outcome)
        self._failures.append(error)
        self._finish_row(stage, Row(stage.name, "failed", outcome.problem, round(outcome.duration_s, 3)))
        self.listener(StageFailed(stage.name, error))

    def _finish_row(self, stage: Stage, row: Row) -> None:
        self._rows[stage.name] = row
        self._pending.pop(stage.name, None)
        self._waiting.discard(stage.name)

    def _write_lock(self) -> None:
        if self._changes:
            lock.update(self.bench.root, self.facts.sources.state, self._changes, self.facts.stages)
            self._changes = {}

    def _interrupt(self) -> None:
        """Stop what is executed, and seal its runs; a second interrupt does not wait for the kernels."""
        if self._executor is None:
            return
        self._executor.stop()
        while self._running:
            try:
                message = self._messages.get()
            except KeyboardInterrupt:
                self._executor.stop(now=True)
                continue
            if isinstance(message, Outcome):
                running = self._running.pop(message.name)
                outcome = replace(message, status="interrupted")
                try:
                    self.bench.seal(running.execution, outcome, running.inputs.values(), ())
                finally:
                    running.claim.release()


class InputChangedError(MlxError):
    """An input changed while the stage that reads it was executed."""

    code = "input-changed"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"its input {self.path} changed while it ran, so what it wrote belongs to neither state; "
            "let it write elsewhere, or run it again"
        )


def _result(step: Step) -> Result:
    assert step.result is not None
    return step.result
