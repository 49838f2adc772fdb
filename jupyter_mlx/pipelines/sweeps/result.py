"""What became of a sweep and its points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jupyter_mlx.errors import ConflictError, UsageError


class StageBusyError(ConflictError):
    """Another process is sweeping this stage."""

    code = "stage-busy"

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage

    def __str__(self) -> str:
        return f"another process is sweeping stage {self.stage}; wait for it, or stop it"


class MatrixSweepError(UsageError):
    """A stage with a matrix is several stages."""

    code = "matrix-sweep"

    def __init__(self, group: str, names: tuple[str, ...]) -> None:
        super().__init__(group, names)
        self.group, self.names = group, names

    def __str__(self) -> str:
        return f"{self.group} is {len(self.names)} stages, by its matrix; sweep one of them, such as {self.names[0]}"


@dataclass(frozen=True, slots=True)
class Point:
    """What became of one combination of parameters."""

    params: Mapping[str, Any]
    """Those of the axes."""
    action: Literal["ran", "cached", "failed", "pruned"]
    run: str
    """The id of the run that made the result, of this sweep or an earlier one."""
    metrics: Mapping[str, float]
    duration_s: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What became of all of them."""

    run: str
    """The id of the run that they are children of."""
    points: tuple[Point, ...]
    """In the order of the axes' values; with a goal, the best first."""
