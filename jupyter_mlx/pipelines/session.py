"""A session: one command's way through a pipeline, stage by stage, several at a time.

All decisions, and all that touches the store or the ledger, happen in the one
thread that calls `run`; executors only execute.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from jupyter_mlx.errors import MlxError
from jupyter_mlx.ledger.run import Status

from .attempts import Attempts
from .events import (
    Listener,
    Row,
    StageCached,
    StageFailed,
    StageFailedError,
    StageFinished,
    StageRetried,
    StageSkipped,
    StageStarted,
    StageWaits,
    Summary,
)
from .executors.base import Executor, Message, Outcome
from .facts import Facts, InputMissingError
from .failing import ORDER_GUESSED, misses_file
from .lock import Claim
from .outputs import ChangedByHandError
from .pipeline import Pipeline
from .plan import Plan, Step, by_hand
from .progress import Progress
from .result import Result
from .running import FromTheTop, Noted, Options, Running
from .seen import Files, check_unchanged
from .slots import Place, Slots
from .stage import WHEN, Stage
from .stopping import stopped

if TYPE_CHECKING:
    # it imports the recorder, which takes longer than a plan in which nothing is to be done
    from .bench import Bench

POLL_S = 0.2
"""How often a stage that another process is at is looked at again."""
LONGEST_WAIT_S = 3600.0


class Session:
    """Runs what a plan says, and looks again at each stage when its turn comes."""

    def __init__(
        self,
        pipeline: Pipeline,
        bench: Callable[[], Bench],
        facts: Facts,
        executor: Callable[[], Executor],
        listener: Listener,
        slots: Slots,
        options: Options,
    ) -> None:
        self.pipeline, self.listener, self.slots, self.options = pipeline, listener, slots, options
        self.facts, self.outputs = facts, facts.outputs
        self._beginning = options.resuming or FromTheTop(facts.outputs)
        # where nothing is executed neither is made: to import them takes longer than to plan
        self._make_bench, self._make_executor = bench, executor
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._pending = {stage.name: stage for stage in pipeline.stages}
        self._running: dict[str, Running] = {}
        self._waiting: set[str] = set()
        self._attempts = Attempts()
        self._planned: dict[str, Step] = {}
        self._rows: dict[str, Row] = {}
        self._broken: set[str] = set()
        """Stages that failed or were left out."""
        self._failures: list[StageFailedError] = []
        self._noted = Noted(facts)

    def run(self, plan: Plan) -> Summary:
        """Do what is to be done.

        Raises:
            KeyboardInterrupt: the user stopped it; kernels are stopped, runs sealed as interrupted.
            MlxError: the project cannot be read or written.
        """
        status: Status = "interrupted"
        try:
            self._planned = {step.name: step for step in plan.steps if step.action == "cached"}
            while self._pending or self._running:
                self._begin_ready()
                if self._running or self._waiting or self._attempts.next_s() is not None:
                    while not self._hear():
                        pass
            status = "failed" if self._failures else "finished"
        except BaseException as error:
            status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            self._interrupt()
            raise
        finally:
            self._noted.write()
            self._leave(status)
        rows = tuple(self._rows[stage.name] for stage in self.pipeline.stages)
        return Summary(rows, tuple(self._failures), self._parent)

    @cached_property
    def _bench(self) -> Bench:
        return self._make_bench()

    @cached_property
    def _executor(self) -> Executor:
        return self._make_executor()

    @cached_property
    def _progress(self) -> Progress:
        ledger = self._bench.recorder.ledger
        return Progress(lambda run, said: ledger.note(run, progress=dict(said)))

    @property
    def _parent(self) -> str:
        """The id of the run that the stages' runs are children of; empty where nothing was executed."""
        return self._bench.parent if "_bench" in self.__dict__ else ""

    def _leave(self, status: Status) -> None:
        if "_executor" in self.__dict__:
            self._executor.close()
        if "_bench" in self.__dict__:
            self._bench.close(status, self._failures)

    # -- beginning ---------------------------------------------------------------------------

    def _begin_ready(self) -> None:
        if self._failures and self.options.fail_fast:
            for stage in list(self._pending.values()):
                self._skip(stage, f"not begun, since {self._failures[0].name} failed")
        for stage in list(self._pending.values()):
            broken = self._broken_above(stage)
            if broken is not None:
                cause = f"{broken.name} failed" if broken.action == "failed" else broken.reason
                self._skip(stage, cause)
            elif self._rows.keys() >= self.pipeline.upstream[stage.name] and not self._attempts.rests(stage):
                self._begin(stage)

    def _broken_above(self, stage: Stage) -> Row | None:
        """A stage that it cannot do without, and that came to nothing."""
        # asked of each stage at each event: mostly nothing is broken
        broken = [name for name in sorted(self._broken) if name in self.pipeline.firm(stage.name)]
        return self._rows[broken[0]] if broken else None

    def _begin(self, stage: Stage) -> None:
        if stage.name not in self._planned and not self._has_room:
            return
        step = self._planned.get(stage.name) or self._step(stage)
        if step.missing:
            self._refuse(stage, str(InputMissingError(stage.name, step.missing)), step.reason)
            return
        if step.fault is not None:
            self._refuse(stage, str(step.fault), step.reason)
            return
        if step.action == "skipped":
            self._skip(stage, step.reason)
            return
        if step.action == "cached" and not self.outputs.differing(_result(step)):
            self._settle_cached(stage, step)
            return
        place = None if step.action == "cached" else self.slots.take(stage.name, stage.resources)
        if step.action == "run" and place is None:
            return
        claim = Claim.take(self.facts.sources.state, stage.name)
        if claim is None:
            self.slots.release(stage.name)
            self._wait(stage)
            return
        kept = False
        try:
            kept = self._execute_or_restore(stage, claim, place)
        finally:
            if not kept:
                claim.release()
                self.slots.release(stage.name)

    @property
    def _has_room(self) -> bool:
        """Whether the executor would begin another stage at once."""
        return not self._running or len(self._running) < self._executor.slots

    def _execute_or_restore(self, stage: Stage, claim: Claim, place: Place | None) -> bool:
        """Act on a stage that is ours alone; say whether the claim on it is still needed."""
        # another process may have done it between the first look and the claim: its result is there then
        step = self._step(stage)
        if step.action == "cached":
            self._look_again()
            step = self._step(stage)
        if step.action == "cached":
            self._settle_cached(stage, step, force=claim.unfinished)
            claim.done()
            return False
        place = place or self.slots.take(stage.name, stage.resources)
        if place is None:
            self.slots.check(stage.name, stage.resources)
            return False
        inputs = {path: version for path in stage.inputs if (version := self.facts.version(path))}
        start = self._beginning.begin(stage, step, forced=stage.name in self.options.forced)
        # its outputs are gone, or others by now
        self.outputs.forget()
        self._planned.clear()
        stage = self.facts.ready(stage)
        notebook, reads = self.facts.notebook(stage, stage.group), self.pipeline.reads(stage.name)
        execution = self._bench.start(stage, notebook, env=place.env, reads=reads)
        claim.begin(execution.run.id)
        self._running[stage.name] = Running(execution, step, claim, inputs, start, set(self._running))
        for other in self._running.values():
            other.beside.add(stage.name)
        del self._pending[stage.name]
        self._waiting.discard(stage.name)
        self._progress.begin(stage.name, execution.run.id)
        reason = f"{step.reason}; {start.reason}" if start else step.reason
        self.listener(StageStarted(stage.name, reason, execution.run.id))
        self._submit(self._running[stage.name])
        return True

    def _submit(self, running: Running) -> None:
        job = self._beginning.equipped(running.execution.job, running.execution.stage, running.start)
        self._executor.submit(job, self._messages.put)

    def _look_again(self) -> None:
        self.facts.forget()
        self._planned.clear()

    def _step(self, stage: Stage) -> Step:
        """What is to be done about a stage whose upstream stages are done."""
        alone = Pipeline((stage,), {stage.name: frozenset()})
        return Plan.of(alone, self.facts.known(self.options.forced)).steps[0]

    def _settle_cached(self, stage: Stage, step: Step, *, force: bool = False) -> None:
        result = _result(step)
        restored = self.outputs.differing(result)
        if restored:
            try:
                self.outputs.restore(result, force=force or self.options.overwrite)
                self.outputs.ignore(self.pipeline.stages)
            except ChangedByHandError as error:
                reason = by_hand(error.path, stage.name)
                self._refuse(stage, f"{reason}; {error.advice(stage.name)}", reason)
                return
            finally:
                self._look_again()
        if self.facts.last.get(stage.name) != result:
            self._noted.add(stage.name, result)
        self.facts.settle(stage.name, result)
        self._finish_row(stage, Row(stage.name, "cached", step.reason, step.duration_s))
        self.listener(StageCached(stage.name, restored))

    def _refuse(self, stage: Stage, problem: str, reason: str) -> None:
        """Fail a stage that cannot be begun: what the stages before it were to make is not there, say."""
        error = StageFailedError(stage.name, problem, 0, "", "")
        self._failures.append(error)
        self._finish_row(stage, Row(stage.name, "failed", reason))
        self.listener(StageFailed(stage.name, error))

    def _skip(self, stage: Stage, reason: str) -> None:
        left = self.facts.left_behind(stage.name) if reason.startswith(WHEN) else ()
        self._finish_row(stage, Row(stage.name, "skipped", reason, left=left))
        self.listener(StageSkipped(stage.name, reason))

    def _wait(self, stage: Stage) -> None:
        if stage.name not in self._waiting:
            self._waiting.add(stage.name)
            self.listener(StageWaits(stage.name))

    # -- ending ------------------------------------------------------------------------------

    def _hear(self) -> bool:
        """Wait for what comes next; whether it may let another stage begin."""
        limits = [POLL_S if self._waiting else None, self._attempts.next_s()]
        if self._running:
            limits.append(self._progress.next_s())
        try:
            message = self._messages.get(
                timeout=min((s for s in limits if s is not None), default=LONGEST_WAIT_S)
            )
        except queue.Empty:
            if self._running:
                self._progress.flush()
            if self._waiting:
                self._look_again()
            return True
        if isinstance(message, Outcome):
            self._end(self._running.pop(message.name), self._bench.clean(message))
            return True
        self._progress.hear(message)
        self.listener(message)
        return False

    def _end(self, running: Running, outcome: Outcome) -> None:
        stage = running.execution.stage
        if running.start is not None and outcome.status == "failed" and outcome.cell == 0:
            self._start_over(running, outcome.problem)
            return
        self._progress.end(stage.name)
        try:
            self._look_again()
            outcome = self._beginning.ended(running, outcome)
            files = Files(running.inputs)
            if outcome.status == "finished":
                try:
                    files = self._files(running, outcome)
                except MlxError as error:
                    outcome = replace(
                        outcome, status="failed", problem=str(error), ename=type(error).__name__
                    )
            digest = self._bench.seal(running.execution, outcome, files)
            if outcome.status == "finished":
                self._succeed(running, outcome, files, digest)
            elif outcome.status == "failed" and self._attempts.again(stage):
                self._try_again(running, outcome)
            else:
                self._fail(running, outcome)
        finally:
            running.claim.release()
            self.slots.release(stage.name)

    def _start_over(self, running: Running, problem: str) -> None:
        """Execute a stage from the top, whose kernel refused to begin further down."""
        stage = running.execution.stage
        reason = f"{running.step.reason}; from the top: {problem}"
        self.listener(StageStarted(stage.name, reason, running.execution.run.id))
        self._running[stage.name] = replace(running, start=None)
        self.outputs.clear(stage)
        self._look_again()
        self._submit(self._running[stage.name])

    def _files(self, running: Running, outcome: Outcome) -> Files:
        """What a finished stage read and wrote, in the store by now."""
        stage = running.execution.stage
        check_unchanged(running.inputs, self.facts.version)
        outputs = self.outputs.keep(stage)
        others = running.beside - {stage.name}
        found = self.facts.found(stage, outcome.told, self.pipeline, beside=others)
        return Files({**running.inputs, **found.inputs}, {**outputs, **found.outputs}, found)

    def _succeed(self, running: Running, outcome: Outcome, files: Files, notebook: str) -> None:
        stage, step = running.execution.stage, running.step
        assert step.fingerprint is not None
        result = self._bench.result(running.execution, outcome, step.fingerprint, files, notebook)
        self.facts.results.put(result)
        self.facts.settle(stage.name, result)
        self._noted.add(stage.name, result)
        self._noted.write(due=True)
        running.claim.done()
        self._finish_row(stage, Row(stage.name, "ran", step.reason, round(outcome.duration_s, 3)))
        self.listener(StageFinished(stage.name, outcome.duration_s, files.seen.warnings))

    def _try_again(self, running: Running, outcome: Outcome) -> None:
        stage = self.pipeline[running.execution.stage.name]
        self._pending[stage.name] = stage
        made, problem = self._attempts.made(stage), str(self._bench.failure(running.execution, outcome))
        self.listener(StageRetried(stage.name, made, 1 + stage.retries, problem, stage.retry_delay_s))

    def _fail(self, running: Running, outcome: Outcome) -> None:
        stage = running.execution.stage
        if misses_file(outcome) and self.pipeline.is_guessed(stage.name):
            outcome = replace(outcome, problem=f"{outcome.problem}{ORDER_GUESSED}")
        error = self._bench.failure(running.execution, outcome)
        self._failures.append(error)
        self._finish_row(stage, Row(stage.name, "failed", outcome.problem, round(outcome.duration_s, 3)))
        self.listener(StageFailed(stage.name, error))

    def _finish_row(self, stage: Stage, row: Row) -> None:
        self._rows[stage.name] = row
        if row.action in {"failed", "skipped"}:
            self._broken.add(stage.name)
        self._pending.pop(stage.name, None)
        self._waiting.discard(stage.name)

    def _interrupt(self) -> None:
        """Stop what is executed, and seal its runs; a second interrupt does not wait for the kernels."""
        if "_executor" in self.__dict__:
            for name, outcome in stopped(self._executor, self._messages, self._running).items():
                self._seal_interrupted(self._running.pop(name), outcome)
        for running in self._running.values():
            self._seal_interrupted(running, Outcome(running.execution.stage.name, "interrupted"))

    def _seal_interrupted(self, running: Running, outcome: Outcome) -> None:
        outcome = self._beginning.ended(running, replace(outcome, status="interrupted"))
        try:
            self._bench.seal(running.execution, outcome, Files(running.inputs))
        finally:
            running.claim.release()


def _result(step: Step) -> Result:
    assert step.result is not None
    return step.result
