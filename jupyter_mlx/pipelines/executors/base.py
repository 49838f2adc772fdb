"""What an executor is given, what it tells, and what it owes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Job:
    """One notebook to be executed. All of it is plain, so that it can travel."""

    name: str
    """Of the stage; unique among the jobs that an executor holds at a time."""
    root: str
    """The project's folder."""
    notebook: str
    """Relative to `root`; the kernel works in its folder."""
    executed: str
    """Where the executed notebook goes, absolute: whole at the end, in part while it is worked on."""
    params: Mapping[str, Any] = field(default_factory=dict)
    kernel: str = "python3"
    language: str = "python"
    timeout_s: float | None = None
    """The longest that one cell may take."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the kernel's environment."""


@dataclass(frozen=True, slots=True)
class CellStarted:
    """A code cell of a job has begun."""

    name: str
    cell: int
    """Counted from 1, code cells only."""
    cells: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended."""

    name: str
    status: Literal["finished", "failed", "interrupted"]
    duration_s: float = 0.0
    problem: str = ""
    """Of a failed job: one line, for people."""
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()
    cell: int = 0
    """The code cell that it ended in, counted from 1; 0 where it ended outside a cell."""
    line: str = ""
    """The source line that raised."""


Message: TypeAlias = CellStarted | Outcome
Report: TypeAlias = Callable[[Message], None]


class Executor(Protocol):
    """Executes notebooks somewhere, several at a time.

    Each job that was submitted is answered by exactly one `Outcome`, whatever
    becomes of its kernel, its worker or its machine. The user's notebook file is
    never changed. `report` is called from any thread.
    """

    slots: int
    """How many jobs it executes at a time."""

    def submit(self, job: Job, report: Report) -> None:
        """Begin a job, or queue it; returns at once."""

    def stop(self, *, now: bool = False) -> None:
        """Interrupt what is executed, drop what is queued; each job is answered as `interrupted`.

        `now` does not wait for kernels to stop and notebooks to be saved.
        """

    def close(self) -> None:
        """Let go of kernels and processes. Waits for them; nothing may be submitted after."""
