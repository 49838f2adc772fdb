"""Metric series as small inline SVG charts: no script, colours by style sheet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Points: TypeAlias = Sequence[tuple[int, float, float]]

WIDTH, HEIGHT = 300, 90
_LEFT, _BOTTOM, _TOP = 4, 4, 4
_BUCKETS = WIDTH // 2
"""Of each, the least and the greatest value are drawn: a peak is never lost."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a chart, drawn."""

    label: str
    path: str
    """Of an SVG `path`; a gap where a value is no number."""
    dot: tuple[float, float] | None
    """Where there is but one point."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Some series of one metric over its steps."""

    name: str
    lines: tuple[Line, ...]
    steps: tuple[int, int]
    values: tuple[float, float]
    """The least and the greatest."""
    count: int
    """Points that there are, of all series."""


def chart(name: str, series: Mapping[str, Points]) -> Chart | None:
    """The chart of one metric, by label; None where no value is a number."""
    finite = [
        (step, value) for points in series.values() for step, value, _ in points if math.isfinite(value)
    ]
    if not finite:
        return None
    steps = min(step for step, _ in finite), max(step for step, _ in finite)
    values = min(value for _, value in finite), max(value for _, value in finite)
    lines = tuple(_line(label, points, steps, values) for label, points in series.items())
    return Chart(name, lines, steps, values, sum(map(len, series.values())))


def _line(label: str, points: Points, steps: tuple[int, int], values: tuple[float, float]) -> Line:
    # halves first: the difference of two great numbers may be none
    width, height = steps[1] - steps[0], values[1] / 2 - values[0] / 2

    def place(step: int, value: float) -> tuple[float, float]:
        x = (step - steps[0]) / width if width else 0.5
        y = (value / 2 - values[0] / 2) / height if height else 0.5
        return _LEFT + x * (WIDTH - 2 * _LEFT), HEIGHT - _BOTTOM - y * (HEIGHT - _BOTTOM - _TOP)

    drawn, pen = [], "M"
    count = 0
    for step, value in _thinned(points):
        if math.isfinite(value):
            x, y = place(step, value)
            drawn.append(f"{pen}{x:.1f} {y:.1f}")
            pen, count = "L", count + 1
        else:
            pen = "M"
    single = next((place(step, value) for step, value, _ in points if math.isfinite(value)), None)
    return Line(label, "".join(drawn), single if count == 1 else None)


def _thinned(points: Points) -> Iterator[tuple[int, float]]:
    """At most four points for each bucket of the width: its ends, its least and its greatest."""
    size = math.ceil(len(points) / _BUCKETS)
    if size <= 4:
        yield from ((step, value) for step, value, _ in points)
        return
    for start in range(0, len(points), size):
        bucket = points[start : start + size]
        known = [at for at, (_, value, _) in enumerate(bucket) if not math.isnan(value)]
        keep = {0, len(bucket) - 1}
        if known:
            keep |= {min(known, key=lambda at: bucket[at][1]), max(known, key=lambda at: bucket[at][1])}
        yield from (bucket[at][:2] for at in sorted(keep))
