"""A sweep as a terminal shows it: its points as a table, while they run and at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_mlx.ledger.wording import lasted, pairs
from jupyter_mlx.pipelines.events import Event, Listener

from .stage_views import Board, following

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from jupyter_mlx.pipelines.sweeps.result import Point
    from jupyter_mlx.pipelines.sweeps.search import Goal

    from .face import Face

SHOWN = 15
"""Points of the live table."""
COLOURS = {"failed": "red", "pruned": "yellow", "cached": "dim"}


@contextmanager
def following_points(face: Face, goal: Goal | None) -> Iterator[tuple[Listener, Callable[[Point], None]]]:
    """Who listens to stages and to points while the block runs; both show it on stderr."""
    if not sys.stderr.isatty():
        with following(face) as listener:
            yield listener, lambda point: face.note(_line(point))
        return
    from rich.console import Console, Group
    from rich.live import Live

    board, points = Board(), list["Point"]()

    def drawn() -> Group:
        return Group(table(points, goal, SHOWN), board.table())

    console = Console(stderr=True)
    with Live(console=console, get_renderable=drawn, refresh_per_second=8, transient=True) as live:

        def listen(event: Event) -> None:
            board.hear(event)
            live.refresh()

        yield listen, points.append


def table(points: Sequence[Point], goal: Goal | None, most: int | None = None) -> Table:
    """The points, the best first where there is a goal; the last `most` otherwise."""
    from rich.table import Table

    chosen = list(points)
    if goal is not None:
        chosen.sort(key=lambda point: goal.rank(point.metrics if point.action in {"ran", "cached"} else {}))
        chosen = chosen[:most]
    elif most is not None:
        chosen = chosen[-most:]
    names = list(dict.fromkeys(name for point in chosen for name in point.params))
    metrics = list(dict.fromkeys(name for point in chosen for name in point.metrics))
    if goal is not None and goal.metric in metrics:
        metrics.sort(key=lambda name: name != goal.metric)
    found = Table(box=None, pad_edge=False)
    for name in (*names, *metrics):
        found.add_column(name, justify="right")
    for name in ("", "time", "run"):
        found.add_column(name)
    for point in chosen:
        values = [pairs({"": point.params[name]})[1:] if name in point.params else "" for name in names]
        values += [f"{point.metrics[name]:.6g}" if name in point.metrics else "" for name in metrics]
        row = (*values, point.action, lasted(point.duration_s), point.run[:8])
        found.add_row(*row, style=COLOURS.get(point.action))
    return found


def _line(point: Point) -> str:
    what = point.problem if point.action == "failed" else pairs(dict(point.metrics))
    return f"{point.action:>8}  {pairs(dict(point.params))}  {lasted(point.duration_s)}  {what}".rstrip()
