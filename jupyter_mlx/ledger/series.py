"""The steps of metrics: packed into bytes, thinned for a chart, in compact text for a record."""

from __future__ import annotations

import base64
import itertools
import math
import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

Point: TypeAlias = tuple[int, float, float]
"""Step, value, seconds since the run's start."""

POINT = struct.Struct("<qdd")
PART_POINTS = 1024
"""So many points are one part of a series: what is read again to add one."""
INLINE_POINTS = 64
"""From so many points on, a record holds a series packed."""


def pack(points: Sequence[Point]) -> bytes:
    """Points as bytes, 24 each."""
    return b"".join([POINT.pack(*point) for point in points])


def unpack(data: bytes) -> list[Point]:
    """The points that `pack` packed."""
    return list(POINT.iter_unpack(data))


class PackPoints:
    """`pack_points(step, value, t)` for SQLite: the points of a group as `pack` packs them."""

    def __init__(self) -> None:
        self._points: list[Point] = []

    def step(self, step: int, value: float | None, t: float) -> None:
        """Take one point."""
        self._points.append((int(step), math.nan if value is None else value, t))

    def finalize(self) -> bytes:
        """The points, by step."""
        return pack(sorted(self._points, key=lambda point: point[0]))


def thin(points: Sequence[Point], most: int) -> list[Point]:
    """At most about `most` points that draw the same curve: of each bucket the least and the greatest value.

    The first and the last point stay. Source: the min-max decimation of charts.
    """
    if len(points) <= most:
        return list(points)
    values = [point[1] for point in points]
    width = max(2, math.ceil(2 * (len(points) - 2) / max(2, most - 2)))
    found = [points[0]]
    for start in range(1, len(points) - 1, width):
        bucket = values[start : min(start + width, len(points) - 1)]
        if math.isnan(sum(bucket)):  # with a NaN in it, or both infinities
            bucket = [value for value in bucket if not math.isnan(value)] or [bucket[0]]
            ends = {_index(values, start, min(bucket)), _index(values, start, max(bucket))}
        else:
            ends = {start + bucket.index(min(bucket)), start + bucket.index(max(bucket))}
        found += [points[at] for at in sorted(ends)]
    return [*found, points[-1]]


def _index(values: Sequence[float], start: int, value: float) -> int:
    return start if math.isnan(value) else values.index(value, start)


def to_record(points: Sequence[Point]) -> Any:
    """A series as a record says it: a list of points, or, of many, an object with them packed.

    Packed are first the steps, each as the difference to the one before, then the
    values, then the seconds: 8 bytes each, little-endian, compressed by zstd, in base64.
    """
    if len(points) < INLINE_POINTS:
        return points
    import zstandard

    steps = [0, *(point[0] for point in points)]
    count = len(points)
    columns = struct.pack(f"<{count}q", *(after - before for before, after in itertools.pairwise(steps)))
    columns += struct.pack(f"<{count}d", *(point[1] for point in points))
    columns += struct.pack(f"<{count}d", *(point[2] for point in points))
    return {"count": count, "zstd": base64.b64encode(zstandard.compress(columns, 3)).decode()}


def from_record(found: Any) -> list[Point]:
    """The series that `to_record` wrote; raises ValueError for anything else."""
    if isinstance(found, list):
        return [(step, float(value), t) for step, value, t in found]
    import zstandard

    count = int(found["count"])
    try:
        columns = zstandard.ZstdDecompressor().decompress(
            base64.b64decode(found["zstd"]), max_output_size=24 * count
        )
        numbers = struct.unpack(f"<{count}q{2 * count}d", columns)
    except (zstandard.ZstdError, struct.error) as error:
        raise ValueError(str(error)) from error
    steps, step = [], 0
    for difference in numbers[:count]:
        step += difference
        steps.append(step)
    return list(zip(steps, numbers[count : 2 * count], numbers[2 * count :], strict=True))
