"""Which points a sweep tries: all of a grid, some drawn by chance, or what a study proposes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, Protocol

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import UsageError
from jupyter_mlx.ledger.run import Series

from .axes import MOST, Axis, Choices, OpenAxisError, count, grid, plain

TRIALS = 50
"""How many points a search tries where nothing is said."""
MISSES = 100
"""So often in a row the same point may be drawn before there seem to be no others."""


class BadGoalError(UsageError):
    """What `--optimize` says is no direction and metric."""

    code = "bad-goal"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"{self.text!r} is no goal; write `maximize:METRIC` or `minimize:METRIC`"


@dataclass(frozen=True, slots=True)
class Goal:
    """A metric that is to be as large, or as small, as can be."""

    direction: Literal["maximize", "minimize"]
    metric: str

    @classmethod
    def parse(cls, text: str) -> Goal:
        """Read `maximize:acc`.

        Raises:
            BadGoalError: it is not of that form.
        """
        direction, _, metric = text.partition(":")
        if direction not in ("maximize", "minimize") or not metric:
            raise BadGoalError(text)
        return cls("maximize" if direction == "maximize" else "minimize", metric)

    def rank(self, metrics: Mapping[str, float]) -> float:
        """Less is better; what has no such metric comes last."""
        value = metrics.get(self.metric)
        if value is None or value != value:  # noqa: PLR0124 (NaN alone differs from itself)
            return float("inf")
        return -value if self.direction == "maximize" else value


@dataclass(frozen=True, slots=True)
class Search:
    """What a sweep is asked for."""

    axes: tuple[Axis, ...]
    sample: int | None = None
    """Draw so many points by chance."""
    seed: int = 0
    goal: Goal | None = None
    """Search for the best by what the points before came to."""
    trials: int = TRIALS

    def identity(self) -> list[Any]:
        """What makes two sweeps of a stage the same, so that one goes on where the other stopped."""
        how = (
            [self.goal.direction, self.goal.metric, self.seed]
            if self.goal
            else ["sample", self.seed]
            if self.sample
            else []
        )
        return [[_axis_identity(axis) for axis in self.axes], how]

    def digest(self, stage: str, base: str) -> str:
        """The key of the sweep's run; `base` is the fingerprint of the stage without the axes."""
        return str(Digest.of(json.dumps([stage, base, self.identity()], default=str).encode()))

    def listed(self) -> list[dict[str, Any]] | None:
        """The points, where they are known before the first one runs.

        Raises:
            OpenAxisError: a grid without end.
            BadValueError: a grid with too many points.
        """
        if self.goal is not None:
            return None
        return list(grid(self.axes)) if self.sample is None else list(self._drawn(self.sample))

    def probes(self) -> Iterator[dict[str, Any]]:
        """Points that show whether the values of every axis fit the notebook."""
        for axis in self.axes:
            for value in axis.ends():
                yield {other.name: other.ends()[0] for other in self.axes} | {axis.name: value}

    def _drawn(self, most: int) -> Iterator[dict[str, Any]]:
        try:
            if count(self.axes) <= min(most, MOST):
                yield from grid(self.axes)
                return
        except OpenAxisError:
            pass
        random, seen, misses = Random(self.seed), set[str](), 0  # noqa: S311 (no secret is made of it)
        while len(seen) < most and misses < MISSES:
            point = {axis.name: axis.draw(random) for axis in self.axes}
            text = json.dumps(plain(point), sort_keys=True, default=str)
            misses = misses + 1 if text in seen else 0
            if text not in seen:
                seen.add(text)
                yield point


def _axis_identity(axis: Axis) -> list[Any]:
    if isinstance(axis, Choices):
        return [axis.name, [getattr(value, "value", value) for value in axis.values]]
    return [axis.name, axis.low, axis.high, axis.whole, axis.log]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A point to be tried."""

    number: int
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier command of the same sweep came to at one point."""

    params: Mapping[str, Any]
    state: Literal["finished", "pruned", "failed"]
    value: float | None
    series: Series
    """The steps of the goal's metric."""


class Proposals(Protocol):
    """Says what to try next, and hears what came of it."""

    prunes: bool
    """Whether it may end a point before it is done."""

    def next(self) -> Proposal | None:
        """The next point; None where there is none any more."""

    def step(self, proposal: Proposal, step: int, value: float) -> bool:
        """Hear a step of the goal's metric; say whether the point is not worth going on."""

    def tell(
        self, proposal: Proposal, state: Literal["finished", "pruned", "failed"], value: float | None
    ) -> None:
        """Hear how a point ended."""


class Listed:
    """See `Proposals`: points that were known before."""

    prunes = False

    def __init__(self, points: Iterable[Mapping[str, Any]]) -> None:
        self._left = enumerate(points)

    def next(self) -> Proposal | None:
        """See `Proposals.next`."""
        return next((Proposal(number, values) for number, values in self._left), None)

    def step(self, proposal: Proposal, step: int, value: float) -> bool:
        """See `Proposals.step`."""
        del proposal, step, value
        return False

    def tell(
        self, proposal: Proposal, state: Literal["finished", "pruned", "failed"], value: float | None
    ) -> None:
        """See `Proposals.tell`."""


def proposals(search: Search, earlier: Sequence[Earlier]) -> Proposals:
    """What the search tries; a study goes on from what came of it `earlier`.

    Raises:
        OptunaMissingError: there is a goal, and Optuna is not installed.
        OpenAxisError, BadValueError: see `Search.listed`.
    """
    points = search.listed()
    if points is not None:
        return Listed(points)
    from .study import Study

    return Study(search, earlier)
