"""Stages as a terminal shows them: a live table on stderr, or lines where it is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from jupyter_mlx.ledger.wording import lasted, pairs
from jupyter_mlx.pipelines.events import (
    Event,
    Listener,
    StageCached,
    StageFailed,
    StageFinished,
    StageSkipped,
    StageStarted,
    StageWaits,
    Summary,
)
from jupyter_mlx.pipelines.executors.base import CellStarted

from .face import Face

if TYPE_CHECKING:
    from rich.table import Table

    from jupyter_mlx.pipelines.sweep import Point


@contextmanager
def following(face: Face) -> Iterator[Listener]:
    """A listener that shows on stderr what goes on while the block runs."""
    if not sys.stderr.isatty():
        yield lambda event: _note(face, event)
        return
    from rich.console import Console
    from rich.live import Live

    board = Board()
    console = Console(stderr=True)
    with Live(console=console, get_renderable=board.table, refresh_per_second=8, transient=True) as live:

        def listen(event: Event) -> None:
            board.hear(event)
            live.refresh()

        yield listen


def say_summary(face: Face, summary: Summary) -> None:
    """What became of the stages, on stdout; the failures in full on stderr."""
    wide = max((len(row.name) for row in summary.stages), default=0)
    for row in summary.stages:
        took = lasted(row.duration_s) if row.action == "ran" else ""
        why = row.reason if row.action != "cached" else ""
        face.say(f"{row.action:>8}  {row.name:<{wide}}  {took:>8}  {why}".rstrip())
    for failure in summary.failures:
        face.note(f"jmlx: {failure}")
    if not summary.stages:
        face.say("mlx.yaml has no stages; `stages:` in it makes a pipeline of notebooks")
    elif all(row.action == "cached" for row in summary.stages):
        face.say("nothing to run: every result is known")
    elif summary.failures:
        face.note("mend the notebook and `jmlx run` again: it goes on from there")


def say_point(face: Face, point: Point, listener: Listener) -> None:
    """One point of a sweep, on stdout."""
    del listener
    what = pairs(dict(point.metrics)) if point.action != "failed" else point.problem
    face.say(f"{point.action:>8}  {pairs(dict(point.params))}  {lasted(point.duration_s)}  {what}".rstrip())


def _note(face: Face, event: Event) -> None:
    """An event as one line of a log; cells are too many for one."""
    match event:
        case StageStarted(name, reason):
            face.note(f"{name}: running{f' ({reason})' if reason else ''}")
        case StageFinished(name, seconds):
            face.note(f"{name}: done in {lasted(seconds)}")
        case StageCached(name, restored) if restored:
            face.note(f"{name}: known, brought back {', '.join(restored)}")
        case StageFailed(name):
            face.note(f"{name}: failed")
        case StageSkipped(name, because):
            face.note(f"{name}: skipped, since {because} failed")
        case StageWaits(name):
            face.note(f"{name}: another process is at it; waiting for its result")
        case _:
            pass


class Board:
    """The live table: the stages under way, and how many are done."""

    def __init__(self) -> None:
        from rich.spinner import Spinner

        self._under_way: dict[str, tuple[str, float]] = {}
        self._done = 0
        self._spinner = Spinner("dots")

    def hear(self, event: Event) -> None:
        """Take in an event."""
        name, now = event.name, monotonic()
        match event:
            case StageStarted():
                self._under_way[name] = ("starts", now)
            case StageWaits():
                self._under_way[name] = ("waits for another process", now)
            case CellStarted(cell=cell, cells=cells):
                self._under_way[name] = (f"cell {cell} of {cells}", self._under_way.get(name, ("", now))[1])
            case _:
                self._under_way.pop(name, None)
                self._done += 1

    def table(self) -> Table:
        """The table as it is now."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False)
        for name, (said, since) in list(self._under_way.items()):
            table.add_row(self._spinner, Text(name), said, lasted(monotonic() - since))
        table.add_row("", Text(f"{self._done} done", style="dim"))
        return table
