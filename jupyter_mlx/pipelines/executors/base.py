"""What an executor is given, what it tells, and what it owes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Protocol, TypeAlias

TOLD_MIME: Final = "application/vnd.jupyter-mlx+json"
"""A JSON object that a prologue or an epilogue displays under this type is part of the outcome."""


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
    prologue: str = ""
    """Code that the kernel executes before the first cell: silently, without history, in no output."""
    epilogue: str = ""
    """The same after the last cell, and after a failed or interrupted one while the kernel answers.

    What it displays as `TOLD_MIME` comes back in `Outcome.told`.
    """
    inputs: tuple[str, ...] = ()
    """What it reads, or may read, relative to `root`: an executor elsewhere brings there what of it there is."""
    outputs: tuple[str, ...] = ()
    """What it is to write, which an executor elsewhere brings back."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """What it asks for: `cpus`, `memory_bytes`, `gpus`."""
    cold: bool = False
    """Whether the kernel must be a new process, never the copy of one that is warm."""
    command: str | Sequence[str] | None = None
    """In the place of a notebook: a line for the shell, or arguments. It works in `root`; `executed` is its log."""
    begin: int = 0
    """So many code cells are not executed, the injected one included: the prologue brings back what they left."""
    earlier: str = ""
    """The executed notebook that has the outputs of those cells, absolute."""
    copy: str = ""
    """The key of a kernel's copy that sleeps after those cells; the prologue says what becomes of it without."""
    observed: bool = False
    """Of a command: whether the files that it touches are told, as `observing` does it in a kernel."""


@dataclass(frozen=True, slots=True)
class CellStarted:
    """A code cell of a job has begun."""

    name: str
    cell: int
    """Counted from 1, code cells only."""
    cells: int


@dataclass(frozen=True, slots=True)
class Printed:
    """A cell of a job has written; told a few times a second at most."""

    name: str
    line: str
    """The last line so far: a few words, without secrets and colours."""


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
    told: Mapping[str, Any] = field(default_factory=dict)
    """What the job's prologue and epilogue said, joined; empty where the kernel did not come to them."""

    def cleaned(self, clean: Callable[[str], str]) -> Outcome:
        """The outcome with all that is said of a failure cleaned, of secrets say."""
        if self.status != "failed":
            return self
        return replace(
            self,
            problem=clean(self.problem),
            ename=clean(self.ename),
            evalue=clean(self.evalue),
            traceback=tuple(map(clean, self.traceback)),
            line=clean(self.line),
        )


Message: TypeAlias = CellStarted | Printed | Outcome
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

    def held(self) -> frozenset[str]:
        """The jobs that were submitted and are not answered: one is forgotten just before its answer is reported."""

    def cancel(self, name: str) -> None:
        """Stop one job, as `stop` does all; nothing where it has ended. The executor goes on."""

    def stop(self, *, now: bool = False) -> None:
        """Interrupt what is executed, drop what is queued; each job is answered as `interrupted`.

        `now` does not wait for kernels to stop and notebooks to be saved.
        """

    def close(self) -> None:
        """Let go of kernels and processes. Waits for them; nothing may be submitted after."""
