"""Parameter values as people type them on a command line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from jupyter_mlx.errors import UsageError

from .parameters import Typed

MOST = 10_000
"""Points of a sweep; more is a slip of the fingers."""


class BadValueError(UsageError):
    """A `name=value` on the command line cannot be read."""

    code = "bad-value"

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(text, problem)
        self.text, self.problem = text, problem

    def __str__(self) -> str:
        return f"{self.text!r}: {self.problem}"


def parsed(texts: Sequence[str]) -> dict[str, Typed]:
    """Read `name=value` pairs; values are YAML: 0.1, true, text, [1, 2], {a: 1}.

    Raises:
        BadValueError: one has no name, no `=`, or a value that is not YAML.
    """
    return {name: _typed(text, value) for text in texts for name, value in [_split(text)]}


def grid(texts: Sequence[str]) -> Iterator[dict[str, Typed]]:
    """Every combination of `name=v1,v2` and `name=lo..hi` (whole numbers, both ends).

    Raises:
        BadValueError: one cannot be read, or the grid has more than `MOST` points.
    """
    axes = {name: _axis(text, value) for text in texts for name, value in [_split(text)]}
    points = 1
    for values in axes.values():
        points *= len(values)
    if points > MOST:
        raise BadValueError(" ".join(texts), f"are {points} points; a sweep takes at most {MOST}")
    for combination in itertools.product(*axes.values()):
        yield dict(zip(axes, combination, strict=True))


def _split(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not all(word.isidentifier() for word in name.replace("-", "_").split(".")):
        raise BadValueError(text, "write it as NAME=VALUE")
    return name, value


def _axis(text: str, value: str) -> list[Typed]:
    low, dots, high = value.partition("..")
    if dots and _whole(low) and _whole(high):
        numbers = range(int(low), int(high) + 1)
        if not numbers:
            raise BadValueError(text, "the range is empty; the smaller number comes first")
        if len(numbers) > MOST:
            raise BadValueError(text, f"is {len(numbers)} values; a sweep takes at most {MOST}")
        return [Typed(str(number), number) for number in numbers]
    words = [value] if value.startswith(("[", "{", '"', "'")) else value.split(",")
    return [_typed(text, word.strip()) for word in words]


def _whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def _typed(text: str, value: str) -> Typed:
    from jupyter_mlx.config.text import scalar

    try:
        return Typed(value, scalar(value))
    except ValueError as error:
        raise BadValueError(text, f"{error}; quote text that is not a number") from error
