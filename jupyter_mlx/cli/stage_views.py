"""Stages as a terminal shows them: a live table on stderr, or lines where it is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from jupyter_mlx.ledger.wording import lasted, plain
from jupyter_mlx.pipelines.events import (
    Event,
    Listener,
    StageCached,
    StageFailed,
    StageFinished,
    StageRetried,
    StageSkipped,
    StageStarted,
    StageWaits,
    Summary,
    silent,
)
from jupyter_mlx.pipelines.executors.base import CellStarted, Printed
from jupyter_mlx.pipelines.pipeline import NO_STAGES
from jupyter_mlx.pipelines.telling import failure_lines

from .face import Face

if TYPE_CHECKING:
    from rich.table import Table


Style: TypeAlias = Literal["live", "ci", "quiet"]


@contextmanager
def following(face: Face, style: Style = "live") -> Iterator[Listener]:
    """A listener that shows on stderr what goes on while the block runs."""
    if style == "quiet":
        yield silent
        return
    if style == "ci":
        from .ci import Log

        yield Log(face.project.root, face.note).hear
        return
    if not sys.stderr.isatty():
        yield lambda event: _note(face, event)
        return
    from rich.console import Console
    from rich.live import Live

    board = Board()
    console = Console(stderr=True)
    with Live(console=console, get_renderable=board.table, refresh_per_second=8, transient=True):
        yield board.hear


def say_summary(face: Face, summary: Summary, style: Style = "live") -> None:
    """What became of the stages, on stdout; the failures in full on stderr."""
    if style != "quiet":
        wide = max((len(row.name) for row in summary.stages), default=0)
        for row in summary.stages:
            took = lasted(row.duration_s) if row.action == "ran" else ""
            why = row.reason if row.action != "cached" else ""
            face.say(f"{row.action:>8}  {row.name:<{wide}}  {took:>8}  {why}".rstrip())
        say_left(face, summary.rows())
    for failure in summary.failures:
        face.note(f"jmlx: {failure}")
        if not face.as_json and style != "ci":
            for line in failure_lines(failure, colours=sys.stderr.isatty()):
                face.note(line)
    if style == "quiet":
        return
    if not summary.stages:
        face.say(NO_STAGES)
    elif all(row.action == "cached" for row in summary.stages):
        face.say("nothing to run: every result is known")
    elif summary.failures:
        face.note("mend what failed and `jmlx run` again: it goes on from there")


def say_left(face: Face, rows: Iterable[Mapping[str, Any]]) -> None:
    """Warn of files that a stage wrote which is now left out."""
    for row in rows:
        for path in row.get("left", ()):
            face.note(f"jmlx: {path} is of an earlier state: stage {row['name']} is left out")


def _note(face: Face, event: Event) -> None:
    """An event as one line of a log; cells are too many for one."""
    match event:
        case StageStarted(name, reason):
            face.note(f"{name}: running{f' ({reason})' if reason else ''}")
        case StageFinished(name, seconds, warnings):
            face.note(f"{name}: done in {lasted(seconds)}")
            for warning in warnings:
                face.note(f"{name}: it {warning}")
        case StageCached(name, restored) if restored:
            face.note(f"{name}: known, brought back {', '.join(restored)}")
        case StageFailed(name):
            face.note(f"{name}: failed")
        case StageSkipped(name, reason):
            face.note(f"{name}: skipped ({reason})")
        case StageRetried(name, attempt, of, problem, delay_s):
            after = f" in {lasted(delay_s)}" if delay_s else ""
            face.note(f"{name}: attempt {attempt} of {of} failed, trying again{after} ({problem})")
        case StageWaits(name):
            face.note(f"{name}: another process is at it; waiting for its result")
        case _:
            pass


@dataclass
class Line:
    """A stage that is under way."""

    said: str
    since: float
    printed: str = ""


class Board:
    """The live table: the stages under way, and how many are done."""

    def __init__(self) -> None:
        from rich.spinner import Spinner

        self._under_way: dict[str, Line] = {}
        self._done = self._failed = 0
        self._spinner = Spinner("dots")

    def hear(self, event: Event) -> None:
        """Take in an event; any thread may draw meanwhile."""
        name, now = event.name, monotonic()
        line = self._under_way.get(name, Line("", now))
        match event:
            case StageStarted():
                self._under_way[name] = Line("starts", now)
            case StageWaits():
                self._under_way[name] = Line("waits for another process", now)
            case StageRetried(attempt=attempt, of=of):
                self._under_way[name] = Line(f"failed {attempt} of {of} times, waits", now)
            case CellStarted(cell=cell, cells=cells):
                self._under_way[name] = replace(line, said=f"cell {cell} of {cells}")
            case Printed(line=printed):
                self._under_way[name] = replace(line, printed=printed)
            case _:
                self._under_way.pop(name, None)
                self._done += 1
                self._failed += isinstance(event, StageFailed)

    def table(self) -> Table:
        """The table as it is now."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False)
        for _ in range(4):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim")
        for name, line in list(self._under_way.items()):
            took = lasted(monotonic() - line.since)
            # as text: what a notebook prints may look like rich's markup
            table.add_row(self._spinner, Text(name), line.said, took, Text(plain(line.printed)))
        failed = f", {self._failed} failed" if self._failed else ""
        table.add_row("", Text(f"{self._done} done{failed}", style="dim"))
        return table
