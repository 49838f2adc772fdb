"""How a pipeline is to be run, and a stage that is under way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import lock
from .executors.base import Job, Outcome
from .facts import Facts
from .lock import Claim
from .outputs import Outputs
from .plan import Step
from .result import DataVersion, Result
from .stage import Stage

if TYPE_CHECKING:
    # it imports the recorder, which takes longer than a plan in which nothing is to be done
    from .bench import Execution
    from .resuming import Resuming, Start

LOCK_EVERY_S = 2.0
"""So often at most the lock is written while stages run: it is written whole, and results are kept apart at once."""
LOCK_SHARE = 20
"""And when so many times as long has passed as the last writing took."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a pipeline is to be run."""

    forced: frozenset[str] = frozenset()
    """The stages that are executed whatever is known of them."""
    overwrite: bool = False
    """Whether outputs that were changed by hand are replaced."""
    fail_fast: bool = False
    """Whether nothing more begins once a stage has failed."""
    resuming: Resuming | None = None
    """The checkpoints of the stages, where they are to begin at the first cell that differs."""


@dataclass(frozen=True, slots=True)
class Running:
    """A stage that an executor has."""

    execution: Execution
    step: Step
    claim: Claim
    inputs: dict[str, DataVersion]
    start: Start | None = None
    """The cell that it begins at; None for the first."""
    beside: set[str] = field(default_factory=set)
    """The stages that ran while it did; it grows."""


class FromTheTop:
    """Stages begin at their first cell, and leave nothing to go on from; `Resuming` does otherwise."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs

    def begin(self, stage: Stage, step: Step, *, forced: bool) -> Start | None:
        """Clear the way for a stage; where it is to begin, None for the first cell."""
        del step, forced
        self._outputs.clear(stage)
        return None

    def equipped(self, job: Job, stage: Stage, start: Start | None) -> Job:
        """The job, with what it takes to begin there."""
        del stage, start
        return job

    def ended(self, running: Running, outcome: Outcome) -> Outcome:
        """Take note of an execution; its outcome, made whole."""
        del running
        return outcome


@dataclass
class Noted:
    """The results that the lock does not say yet."""

    facts: Facts
    _results: dict[str, Result] = field(default_factory=dict)
    _written_s: float = field(default_factory=time.monotonic)
    _took_s: float = 0.0

    def add(self, stage: str, result: Result) -> None:
        """Note one."""
        self._results[stage] = result

    def write(self, *, due: bool = False) -> None:
        """Write them; with `due` only if it is time."""
        begun = time.monotonic()
        if due and begun - self._written_s < max(LOCK_EVERY_S, LOCK_SHARE * self._took_s):
            return
        if self._results:
            sources = self.facts.sources
            lock.update(sources.root, sources.state, self._results, self.facts.stages)
            self._results = {}
        self._written_s = time.monotonic()
        self._took_s = self._written_s - begun
