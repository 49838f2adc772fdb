"""The runner: plans and runs the pipeline of a project, and single notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jupyter_mlx.config import Config

from . import lock
from .facts import Facts, InputMissingError, with_params
from .outputs import Outputs
from .pipeline import Pipeline
from .plan import Plan
from .results import Results
from .sources import Sources

if TYPE_CHECKING:
    from jupyter_mlx.data.workspace import Workspace
    from jupyter_mlx.recorder import Recorder
    from jupyter_mlx.store.base import ObjectStore

    from .bench import Bench
    from .events import Listener, Summary
    from .executors.base import Executor
    from .resuming import Resuming
    from .running import Options
    from .slots import Slots
    from .stage import Stage

CHECKPOINT_AFTER_S = 1.0
"""With `resume`: what was executed in less is not worth a checkpoint."""
COPIED_SHARE = 0.5
"""With `resume`: of the memory that is available, how large a kernel may be that is copied."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Runner:
    """Plans and runs notebooks of one project."""

    def __init__(
        self,
        root: Path,
        state: Path,
        workspace: Workspace,
        recorder: Callable[[], Recorder],
        remote: Callable[[], ObjectStore | None] = lambda: None,
    ) -> None:
        """`remote` has the results of other people; it is asked where one is not here."""
        self.root, self.state, self.workspace = root, state, workspace
        # to plan takes no recorder, and to import one takes longer than to plan
        self._make_recorder, self._open_remote = recorder, remote
        self._make_executor: Callable[[int], Executor] | None = None
        self.checkpoint_after_s, self.copied_share = CHECKPOINT_AFTER_S, COPIED_SHARE

    @cached_property
    def recorder(self) -> Recorder:
        """Opens the runs of what is executed."""
        return self._make_recorder()

    def pipeline(self) -> Pipeline:
        """The pipeline of mlx.yaml.

        Raises:
            ConfigError: mlx.yaml is malformed.
            CycleError: stages wait for each other.
        """
        facts = self.facts()
        return Pipeline.of(facts.config, facts.touched())

    def chosen(self, stages: Sequence[str], start: Sequence[str]) -> Sequence[str]:
        """The stages that a command is of which names these: without any, what depends on `start`.

        Raises:
            UnknownStageError: there is no such stage.
        """
        return _chosen(self.pipeline(), stages, start) if start else stages

    def check(self, stages: Sequence[str]) -> None:
        """Make sure that there are these stages.

        Raises:
            UnknownStageError: there is no such stage.
        """
        if stages:
            self.pipeline().named(stages)

    def plan(
        self,
        stages: Sequence[str] = (),
        *,
        params: Mapping[str, Any] = NOTHING,
        force: bool = False,
        start: Sequence[str] = (),
    ) -> Plan:
        """Which of these stages, and of those they depend on, would run, and why. Nothing is executed.

        `params` (`name` or `stage.name` → value) are laid over mlx.yaml; `force`
        means the named stages, or all where none is named; `start` names stages
        that are executed whatever is known of them, and all that depends on them.

        Raises:
            ConfigError: mlx.yaml or mlx.lock is malformed, or mlx.yaml does not fit a notebook.
            UnknownStageError: there is no such stage.
            UnknownParameterError: no notebook has such a parameter.
        """
        facts, pipeline = self._asked(stages, params, start)
        plan = Plan.of(pipeline, facts.known(_forced(pipeline, stages, start, force=force)))
        facts.sources.save()
        steps = (
            replace(step, left=facts.left_behind(step.name)) if step.action == "skipped" else step
            for step in plan.steps
        )
        return Plan(tuple(steps))

    def run(  # noqa: PLR0913 (an option each)
        self,
        stages: Sequence[str] = (),
        *,
        params: Mapping[str, Any] = NOTHING,
        force: bool = False,
        start: Sequence[str] = (),
        jobs: int | None = None,
        overwrite: bool = False,
        fail_fast: bool = False,
        resume: bool = False,
        listener: Listener | None = None,
    ) -> Summary:
        """Bring these stages up to date (see `plan`); what failed is told by the summary.

        `jobs` stages at a time, as many as there are processors without it, and
        never more than their `resources` have room for. `overwrite` replaces
        outputs that were changed by hand, which are put into the store first;
        without it their stage fails.
        A failed stage stops what depends on it, with `fail_fast` all that has
        not begun. With `resume` checkpoints are made of the notebooks'
        executions, and a stage begins at the first cell that differs where an
        earlier execution left one that can be trusted.

        Raises:
            InputMissingError: a stage reads what is not there.
            TooLargeError: a stage asks for more than this machine has.
            TrackedOutputError: a stage would replace tracked data.
            KeyboardInterrupt: the user stopped it; a further run goes on from there.
        """
        from .running import Options

        facts, pipeline = self._asked(stages, params, start)
        forced = _forced(pipeline, stages, start, force=force)
        options = Options(forced, overwrite, fail_fast, self._resuming(facts) if resume else None)
        return self._run(facts, pipeline, options, jobs, listener, lambda: self._bench(stages, params))

    def _run(
        self,
        facts: Facts,
        pipeline: Pipeline,
        options: Options,
        jobs: int | None,
        listener: Listener | None,
        bench: Callable[[], Bench],
    ) -> Summary:
        from .events import silent
        from .session import Session
        from .slots import processors

        plan = Plan.of(pipeline, facts.known(options.forced))
        todo = _startable(pipeline, plan)
        if todo:
            facts.check(todo)
            facts.outputs.check_untracked(todo)
        elsewhere = self.executor(jobs or 0) if self._make_executor is not None and todo else None
        slots = elsewhere.slots if elsewhere is not None else jobs or processors()
        try:
            room = _room(slots, todo, here=elsewhere is None)
            if todo:
                facts.outputs.ignore(pipeline.stages)
            session = Session(
                pipeline,
                bench,
                facts,
                lambda: elsewhere or self.executor(min(slots, len(todo) or 1)),
                listener or silent,
                room,
                options,
            )
            return session.run(plan)
        finally:
            facts.sources.save()
            if elsewhere is not None:
                elsewhere.close()

    def _resuming(self, facts: Facts) -> Resuming | None:
        """The checkpoints; none where stages are executed elsewhere."""
        from .resuming import Resuming

        if self._make_executor is not None:
            return None
        return Resuming(self.root, self.state, facts, self.checkpoint_after_s, self.copied_share)

    def _bench(self, stages: Sequence[str], params: Mapping[str, Any]) -> Bench:
        """Where the stages of one command are executed, under a run of their own."""
        from .bench import Bench

        whole = self.recorder.open(
            kind="pipeline",
            name=" ".join(stages) or "pipeline",
            params={name: getattr(value, "value", value) for name, value in params.items()},
            source=(self.root / "mlx.yaml").read_text("utf-8", "replace"),
        )
        return Bench(self.root, self.recorder, whole)

    def use(self, executors: Callable[[int], Executor]) -> None:
        """Execute elsewhere from now on: `executors` makes an executor of so many slots, of 0 as many as it has."""
        self._make_executor = executors

    def executor(self, slots: int) -> Executor:
        """Where notebooks are executed, so many at a time; 0 is as many as there is room for."""
        if self._make_executor is not None:
            return self._make_executor(slots)
        from .executors.local import LocalExecutor
        from .slots import processors

        return LocalExecutor(slots or processors())

    def facts(self) -> Facts:
        """The project as it stands, for one command."""
        outputs = Outputs(self.root, self.workspace, self._open_remote)
        facts = Facts(Config.read(self.root), Sources(self.root, self.state), outputs, Results(self.state))
        facts.last = lock.read(self.root)
        return facts

    def _asked(
        self, stages: Sequence[str], params: Mapping[str, Any], start: Sequence[str] = ()
    ) -> tuple[Facts, Pipeline]:
        facts = self.facts()
        Pipeline.of(facts.config).named(stages)
        facts.config = with_params(facts.config, params, stages, facts)
        whole = Pipeline.of(facts.config, facts.touched())
        facts.stages = frozenset(stage.name for stage in whole.stages)
        return facts, whole.select(_chosen(whole, stages, start))


def _chosen(pipeline: Pipeline, named: Sequence[str], start: Sequence[str]) -> Sequence[str]:
    return sorted(pipeline.downstream(start)) if start and not named else named


def _forced(pipeline: Pipeline, named: Sequence[str], start: Sequence[str], *, force: bool) -> frozenset[str]:
    chosen = pipeline.downstream(start)
    if force:
        chosen |= {stage.name for stage in (pipeline.named(named) if named else pipeline.stages)}
    return frozenset(chosen)


def _startable(pipeline: Pipeline, plan: Plan) -> list[Stage]:
    """The stages that are to be executed; none of them is known to be at fault."""
    for step in plan.steps:
        if step.missing:
            raise InputMissingError(step.name, step.missing)
        if step.fault is not None:
            raise step.fault
    return [pipeline[step.name] for step in plan.steps if step.action == "run"]


def _room(count: int, todo: Sequence[Stage], *, here: bool) -> Slots:
    """Room for so many stages; who executes elsewhere knows what is there."""
    from .slots import Machine, Slots

    if not todo:
        return Slots(Machine(count, 0))
    slots = Slots(Machine.here(count) if here else Machine.anywhere())
    for stage in todo:
        slots.check(stage.name, stage.resources)
    return slots
