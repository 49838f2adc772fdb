"""Parameter values as people type them on a command line."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_mlx.errors import UsageError

from .parameters import Typed


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
    return {name: typed(text, value) for text in texts for name, value in [split(text)]}


def split(text: str) -> tuple[str, str]:
    """The name and the value of `name=value`; raises BadValueError where it is none."""
    name, equals, value = text.partition("=")
    if not equals or not all(word.isidentifier() for word in name.replace("-", "_").split(".")):
        raise BadValueError(text, "write it as NAME=VALUE")
    return name, value


def typed(text: str, value: str) -> Typed:
    """A value that stands in `text`; raises BadValueError where it is not YAML."""
    from jupyter_mlx.config.text import scalar

    try:
        return Typed(value, scalar(value))
    except ValueError as error:
        raise BadValueError(text, f"{error}; quote text that is not a number") from error
