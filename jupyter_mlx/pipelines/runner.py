"""The runner: plans and runs the pipeline of a project, and single notebooks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
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

    from .events import Listener, Summary
    from .executors.base import Executor

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Runner:
    """Plans and runs notebooks of one project."""

    def __init__(
        self, root: Path, state: Path, workspace: Workspace, recorder: Callable[[], Recorder]
    ) -> None:
        self.root, self.state, self.workspace = root, state, workspace
        # to plan takes no recorder, and to import one takes longer than to plan
        self._make_recorder = recorder

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
        return Pipeline.of(Config.read(self.root))

    def plan(
        self, stages: Sequence[str] = (), *, params: Mapping[str, Any] = NOTHING, force: bool = False
    ) -> Plan:
        """Which of these stages, and of those they depend on, would run, and why. Nothing is executed.

        `params` (`name` or `stage.name` → value) are laid over mlx.yaml; `force`
        means the named stages, or all where none is named.

        Raises:
            ConfigError: mlx.yaml or mlx.lock is malformed, or mlx.yaml does not fit a notebook.
            UnknownStageError: there is no such stage.
            UnknownParameterError: no notebook has such a parameter.
        """
        facts, pipeline = self._asked(stages, params)
        plan = Plan.of(pipeline, facts.known(_forced(pipeline, stages) if force else ()))
        facts.sources.save()
        return plan

    def run(
        self,
        stages: Sequence[str] = (),
        *,
        params: Mapping[str, Any] = NOTHING,
        force: bool = False,
        jobs: int | None = None,
        overwrite: bool = False,
        listener: Listener | None = None,
    ) -> Summary:
        """Bring these stages up to date (see `plan`); what failed is told by the summary.

        `jobs` stages at a time, as many as there are processors without it.
        `overwrite` replaces outputs that were changed by hand, which are put into
        the store first.

        Raises:
            InputMissingError: a stage reads what is not there.
            TrackedOutputError: a stage would replace tracked data.
            ConflictError: an output that was changed by hand would be replaced.
            KeyboardInterrupt: the user stopped it; a further run goes on from there.
        """
        from .bench import Bench
        from .events import silent
        from .session import Session

        facts, pipeline = self._asked(stages, params)
        forced = _forced(pipeline, stages) if force else frozenset()
        plan = Plan.of(pipeline, facts.known(forced))
        todo = [pipeline[step.name] for step in plan.steps if step.action == "run"]
        for step in plan.steps:
            if step.missing:
                raise InputMissingError(step.name, step.missing)
        if todo:
            facts.outputs.check_untracked(todo)
            facts.outputs.ignore(pipeline.stages)
        session = Session(
            pipeline,
            Bench(self.root, self.recorder),
            facts,
            lambda: self.executor(jobs or min(processors(), len(todo))),
            listener or silent,
            forced=forced,
            overwrite=overwrite,
        )
        try:
            return session.run(plan)
        finally:
            facts.sources.save()

    def executor(self, slots: int) -> Executor:
        """Where notebooks are executed, so many at a time."""
        from .executors.local import LocalExecutor

        return LocalExecutor(slots)

    def facts(self) -> Facts:
        """The project as it stands, for one command."""
        outputs = Outputs(self.root, self.workspace)
        facts = Facts(Config.read(self.root), Sources(self.root, self.state), outputs, Results(self.state))
        facts.last = lock.read(self.root)
        return facts

    def _asked(self, stages: Sequence[str], params: Mapping[str, Any]) -> tuple[Facts, Pipeline]:
        facts = self.facts()
        Pipeline.of(facts.config).named(stages)
        facts.config = with_params(facts.config, params, stages, facts)
        whole = Pipeline.of(facts.config)
        facts.stages = frozenset(stage.name for stage in whole.stages)
        return facts, whole.select(stages)


def _forced(pipeline: Pipeline, named: Sequence[str]) -> frozenset[str]:
    chosen = pipeline.named(named) if named else pipeline.stages
    return frozenset(stage.name for stage in chosen)


def processors() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
