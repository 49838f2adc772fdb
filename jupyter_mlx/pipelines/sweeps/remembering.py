"""The run of a sweep, and what its children have come to so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jupyter_mlx.errors import NotFoundError

from .axes import Choices, plain
from .search import Earlier, Search

if TYPE_CHECKING:
    from jupyter_mlx.recorder import ActiveRun, Recorder

    from .points import Points
    from .result import Point

PRUNED = "pruned"
"""The tag of a child that was ended before it was done."""


@dataclass
class Parent:
    """The run that the points are children of: a new one, or that of the same command before."""

    recorder: Recorder
    search: Search
    run: ActiveRun
    before_s: float
    """How long the sweep ran in earlier commands."""

    @classmethod
    def of(cls, recorder: Recorder, points: Points, search: Search) -> Parent:
        """The run of this sweep, which runs from now on."""
        stage = points.at(next(search.probes()))
        key = search.digest(points.stage.name, points.base(stage, [axis.name for axis in search.axes]))
        known = _known(recorder, points.stage.name, key)
        if known is not None:
            run = recorder.reopen(known)
            return cls(recorder, search, run, run.run.duration_s or 0.0)
        run = recorder.open(
            kind="sweep",
            name=points.stage.name,
            params={axis.name: _told(axis) for axis in search.axes},
            tags=[f"{search.goal.direction}:{search.goal.metric}"] if search.goal else (),
            notebook=stage.notebook or None,
            key=key,
        )
        return cls(recorder, search, run, 0.0)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id

    def earlier(self) -> list[Earlier]:
        """What the children of earlier commands came to, the oldest first."""
        metric = self.search.goal.metric if self.search.goal else ""
        if not metric:
            return []
        ledger = self.recorder.ledger
        found = []
        cursor = None
        while True:
            page = ledger.page(f'parent = "{self.id}" and kind = "stage"', "started_at", 1000, cursor)
            for child in page.runs:
                if child.status == "finished" or PRUNED in child.tags:
                    state: Literal["finished", "pruned"] = (
                        "finished" if child.status == "finished" else "pruned"
                    )
                    series = ledger.series(child.id, metric)
                    found.append(Earlier(child.params, state, child.metrics.get(metric), series))
            cursor = page.next
            if cursor is None:
                return found

    def metrics(self, run: str) -> dict[str, float]:
        """What a run logged."""
        try:
            return dict(self.recorder.ledger.get(run).metrics)
        except NotFoundError:
            # the run of a result that came with the lock is not in this ledger
            return {}

    def steps(self, run: str, metric: str) -> list[tuple[int, float, float]]:
        """The steps of a metric that a run logged so far."""
        try:
            return self.recorder.ledger.series(run, metric).get(metric, [])
        except NotFoundError:
            return []

    def finish(self, best: Sequence[Point]) -> None:
        """Seal the run; it has the best value of the goal as its own."""
        goal = self.search.goal
        good = [point for point in best if point.action in {"ran", "cached"}]
        if goal is not None and good and goal.metric in good[0].metrics:
            self.run.log({goal.metric: good[0].metrics[goal.metric]})
        self.abort("finished" if good else "failed")

    def abort(self, status: Literal["finished", "failed", "interrupted"]) -> None:
        """Seal the run as it is."""
        elapsed = self.before_s + self.run.elapsed_s
        self.run.finish(status, duration_s=elapsed)


def _known(recorder: Recorder, name: str, key: str) -> str | None:
    """The run of the same sweep, where there was one and nobody is at it."""
    for run in recorder.ledger.page('kind = "sweep"', limit=1000).runs:
        if run.name == name and run.status != "running" and recorder.ledger.get(run.id).key == key:
            return run.id
    return None


def _told(axis: object) -> object:
    """An axis as the params of the sweep's run say it."""
    if isinstance(axis, Choices):
        return list(plain(dict(enumerate(axis.values))).values())  # type: ignore[arg-type]
    words = f"{axis.low}..{axis.high}"  # type: ignore[attr-defined]
    return f"{words}:log" if axis.log else words  # type: ignore[attr-defined]
