"""What is told of a pipeline while it runs, for a face to show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from jupyter_mlx.errors import ExecutionError

from .executors.base import CellStarted, Printed
from .failing import Shown


class StageFailedError(ExecutionError):
    """A notebook raised, or could not be executed to its end."""

    code = "stage-failed"

    def __init__(
        self, name: str, problem: str, cell: int, line: str, notebook: str, shown: Shown | None = None
    ) -> None:
        super().__init__(name, problem, cell, line, notebook, shown)
        self.name, self.problem, self.cell, self.line, self.notebook = name, problem, cell, line, notebook
        self.shown = shown

    def __str__(self) -> str:
        where = f" in cell {self.cell}" if self.cell else ""
        line = f", at `{self.line[:80]}`" if self.line else ""
        kept = f"; as far as it came: {self.notebook}" if self.notebook else ""
        return f"{self.name} failed{where}{line}: {self.problem}{kept}"


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage is executed."""

    name: str
    reason: str
    """As the plan gives it."""
    run: str
    """The id of its run."""


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage was executed to its end."""

    name: str
    duration_s: float
    warnings: tuple[str, ...] = ()
    """What people should know of it: files that it touched undeclared, say."""


@dataclass(frozen=True, slots=True)
class StageCached:
    """A stage's result is known; nothing was executed."""

    name: str
    restored: tuple[str, ...] = ()
    """The outputs that were brought back from the store."""


@dataclass(frozen=True, slots=True)
class StageFailed:
    """A stage failed."""

    name: str
    error: StageFailedError


@dataclass(frozen=True, slots=True)
class StageSkipped:
    """A stage is left out: one that it depends on failed, or its condition does not hold."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class StageWaits:
    """Another process is at this stage; its result will be taken."""

    name: str


@dataclass(frozen=True, slots=True)
class StageRetried:
    """A stage failed, and is tried again."""

    name: str
    attempt: int
    """How often it failed so far."""
    of: int
    """How often it is executed at most."""
    problem: str
    delay_s: float


Event: TypeAlias = (
    StageStarted
    | CellStarted
    | Printed
    | StageFinished
    | StageCached
    | StageFailed
    | StageRetried
    | StageSkipped
    | StageWaits
)
Listener: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one stage."""

    name: str
    action: Literal["ran", "cached", "failed", "skipped"]
    reason: str
    duration_s: float | None = None
    left: tuple[str, ...] = ()
    """Of a stage that its condition leaves out: its files of an earlier state that still lie in the work tree."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a pipeline."""

    stages: tuple[Row, ...]
    failures: tuple[StageFailedError, ...] = ()
    run: str = ""
    """The id of the run that the stages' runs are children of; empty where nothing was executed."""

    def rows(self) -> list[dict[str, Any]]:
        """The stages as `--json` gives them."""
        return [
            {"name": r.name, "action": r.action, "reason": r.reason, "duration_s": r.duration_s}
            | ({"left": list(r.left)} if r.left else {})
            for r in self.stages
        ]


def silent(event: Event) -> None:
    """A listener that hears nothing."""
    del event
