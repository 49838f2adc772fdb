"""What people log, as the ledger holds it: numbers, and whole numbers as steps."""

from __future__ import annotations

import math
from typing import Any

from jupyter_mlx.errors import MlxError

from .rows import plain

LARGEST = 2**63
"""Steps are below it."""


class NotANumberError(MlxError):
    """A metric was given a value that is no number."""

    code = "not-a-number"

    def __init__(self, key: str, value: str) -> None:
        super().__init__(key, value)
        self.key, self.value = key, value

    def __str__(self) -> str:
        return f"metric {self.key!r} is {self.value}, which is no number; text belongs in a param: run.set_params(…)"


class NotAStepError(MlxError):
    """A step is no whole number."""

    code = "not-a-step"

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step

    def __str__(self) -> str:
        return f"step is {self.step}, which is no whole number below 2**63; without a step, one after the last is taken"


def as_number(key: object, value: Any) -> float:
    """The value of a metric. Raises NotANumberError."""
    found = value if type(value) in {float, int} else plain(value)
    if not isinstance(found, (bool, int, float)):
        raise NotANumberError(str(key), repr(found)[:80])
    try:
        return float(found)
    except OverflowError:
        return math.inf if found > 0 else -math.inf


def as_step(step: Any) -> int | None:
    """A step; None where none is given. Raises NotAStepError."""
    if step is None or (type(step) is int and abs(step) < LARGEST):
        return step
    found = plain(step)
    if isinstance(found, (int, float)) and abs(found) < LARGEST and found == int(found):
        return int(found)
    raise NotAStepError(repr(found)[:80])
