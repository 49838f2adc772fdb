"""The axes of a sweep, as people type them.

`lr=0.1,0.01` are values; `depth=2..8` whole numbers, both ends; `x=0..1:0.25`
numbers a step apart; `x=0..1` any number between, `lr=1e-4..1e-1:log` any with
its logarithm evenly spread, `n=1..1000:log` a whole one so.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from jupyter_mlx.errors import UsageError
from jupyter_mlx.pipelines.values import BadValueError, split, typed

if TYPE_CHECKING:
    from random import Random

    from jupyter_mlx.pipelines.parameters import Typed

MOST = 10_000
"""Points of a sweep; more is a slip of the fingers."""
DIGITS = 6
"""Of a number that was drawn: no result depends on more, and people read them."""
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::(log|{_NUMBER}))?")


@dataclass(frozen=True, slots=True)
class Choices:
    """A parameter that takes some values."""

    name: str
    values: tuple[Typed | int | float, ...]

    def ends(self) -> tuple[Any, ...]:
        """Values that show whether all of them fit."""
        return self.values

    def draw(self, random: Random) -> Any:
        """One of them."""
        return random.choice(self.values)


@dataclass(frozen=True, slots=True)
class Span:
    """A parameter that takes any number between two, which count."""

    name: str
    low: float
    high: float
    whole: bool = False
    log: bool = False

    def ends(self) -> tuple[Any, ...]:
        """Values that show whether all of them fit."""
        return (self.low, self.high)

    def draw(self, random: Random) -> int | float:
        """A number between them, each as likely; with `log`, each order of magnitude."""
        low, high = (self.low - 0.5, self.high + 0.5) if self.whole else (self.low, self.high)
        if self.log:
            low, high = math.log(low), math.log(high)
        drawn = random.uniform(low, high)
        found = min(max(math.exp(drawn) if self.log else drawn, self.low), self.high)
        return round(found) if self.whole else float(f"{found:.{DIGITS}g}")


Axis: TypeAlias = Choices | Span


class OpenAxisError(UsageError):
    """A grid over a parameter that has no end of values."""

    code = "open-axis"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"{self.name} has no end of values between its two; give a step ({self.name}=0..1:0.25), "
            "or try some of them (`--sample N`, `--optimize maximize:METRIC`)"
        )


def parsed(texts: Sequence[str]) -> tuple[Axis, ...]:
    """Read the axes; the last of a name counts.

    Raises:
        BadValueError: one cannot be read.
    """
    axes = {name: _axis(text, name, value) for text in texts for name, value in [split(text)]}
    return tuple(axes.values())


def count(axes: Sequence[Axis]) -> int:
    """How many points there are.

    Raises:
        OpenAxisError: there is no end of them.
    """
    return math.prod(len(_values(axis)) for axis in axes)


def grid(axes: Sequence[Axis]) -> Iterator[dict[str, Any]]:
    """Every combination, the last axis the fastest.

    Raises:
        OpenAxisError: there is no end of them.
        BadValueError: there are more than `MOST`.
    """
    points = count(axes)
    if points > MOST:
        names = " ".join(axis.name for axis in axes)
        raise BadValueError(names, f"are {points} points; a sweep takes at most {MOST}")
    for combination in itertools.product(*map(_values, axes)):
        yield {axis.name: value for axis, value in zip(axes, combination, strict=True)}


def plain(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point's values without what was typed."""
    return {name: getattr(value, "value", value) for name, value in point.items()}


def _values(axis: Axis) -> Sequence[Any]:
    if isinstance(axis, Choices):
        return axis.values
    if axis.whole and not axis.log:
        return range(int(axis.low), int(axis.high) + 1)
    raise OpenAxisError(axis.name)


def _axis(text: str, name: str, value: str) -> Axis:
    found = _RANGE.fullmatch(value)
    if found is not None:
        return _range(text, name, found[1], found[2], found[3] or "")
    words = [value] if value.startswith(("[", "{", '"', "'")) else value.split(",")
    return Choices(name, tuple(typed(text, word.strip()) for word in words))


def _range(text: str, name: str, first: str, last: str, how: str) -> Axis:
    low, high = float(first), float(last)
    if low > high:
        raise BadValueError(text, "the range is empty; the smaller number comes first")
    if how and how != "log":
        return Choices(name, _stepped(text, (first, last, how)))
    whole = _is_whole(first) and _is_whole(last)
    if how == "log" and low <= 0:
        raise BadValueError(text, "a logarithm is of numbers above 0")
    return Span(name, int(first) if whole else low, int(last) if whole else high, whole, how == "log")


def _stepped(text: str, words: tuple[str, str, str]) -> tuple[int | float, ...]:
    low, high, step = map(float, words)
    if step <= 0:
        raise BadValueError(text, "the step must be above 0")
    steps = math.floor((high - low) / step + 1e-9)
    if steps >= MOST:
        raise BadValueError(text, f"is {steps + 1} values; a sweep takes at most {MOST}")
    numbers = [float(f"{low + number * step:.12g}") for number in range(steps + 1)]
    return tuple(map(int, numbers)) if all(map(_is_whole, words)) else tuple(numbers)


def _is_whole(text: str) -> bool:
    return text.lstrip("+-").isdecimal()
