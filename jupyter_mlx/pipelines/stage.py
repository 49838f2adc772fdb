"""A stage: one notebook or command with its parameters, what it reads and what it writes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_mlx.config.condition import Condition
from jupyter_mlx.config.values import Command, Config, Resources, StageConfig
from jupyter_mlx.errors import UsageError

from .references import Metrics, Point, Scope, metrics_in, with_metrics, written

WHEN = "when: "
"""How the reason of a stage begins that its condition leaves out."""


class ConditionError(UsageError):
    """A stage's `when` cannot be decided."""

    code = "condition"

    def __init__(self, stage: str, problem: str) -> None:
        super().__init__(stage, problem)
        self.stage, self.problem = stage, problem

    def __str__(self) -> str:
        return f"mlx.yaml: stages.{self.stage}.when: {self.problem}"


@dataclass(frozen=True, slots=True)
class Stage:
    """One entry of `stages:`, or one point of its matrix."""

    name: str
    """`train`, or `train@seed=0` for a point of a matrix."""
    group: str
    """The name in mlx.yaml."""
    notebook: str
    """Relative to the project, as all paths here; `/`-separated. Empty for a command."""
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    kernel: str | None = None
    timeout_s: float | None = None
    """The longest that one cell may take; of a command, the whole."""
    command: Command | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Parameter name → the environment variable that holds its value."""
    retries: int = 0
    retry_delay_s: float = 0.0
    resources: Resources = field(default_factory=Resources)
    when: str | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    """The values of the names in `when`."""
    awaits: frozenset[str] = frozenset()
    """The stages, by full name, that its references name."""

    @property
    def pending(self) -> tuple[tuple[str, str], ...]:
        """The metrics, each by stage and name, that must be known before it can run."""
        if not self.awaits:
            return ()
        found = metrics_in([dict(self.params), self.command, dict(self.asked)])
        return tuple(dict.fromkeys(found))


def expand(config: Config) -> tuple[Stage, ...]:
    """The stages of mlx.yaml, each matrix expanded, in the order of the file, their references filled.

    Raises:
        ConfigError: a reference means nothing.
    """
    points = {name: tuple(_points(config, entry)) for name, entry in config.stages.items()}
    return tuple(_stage(config, points, point) for group in points.values() for point in group)


def _points(config: Config, entry: StageConfig) -> Iterator[Point]:
    for values in itertools.product(*entry.matrix.values()):
        point = dict(zip(entry.matrix, values, strict=True))
        label = ",".join(f"{name}={written(value)}" for name, value in point.items())
        yield Point(f"{entry.name}@{label}" if label else entry.name, entry, point)


def _stage(config: Config, points: Mapping[str, tuple[Point, ...]], point: Point) -> Stage:
    entry, scope, key = point.entry, Scope(config, points, point), f"stages.{point.entry.name}"
    command = entry.command
    if isinstance(command, tuple):
        command = tuple(written(scope.fill(word, f"{key}.command.{i}")) for i, word in enumerate(command))
    elif command is not None:
        command = written(scope.fill(command, f"{key}.command"))
    names = Condition.parse(entry.when).names if entry.when else ()
    return Stage(
        name=point.name,
        group=entry.name,
        notebook=entry.notebook,
        params=scope.params(),
        inputs=tuple(scope.path(path, f"{key}.inputs.{i}") for i, path in enumerate(entry.inputs)),
        outputs=tuple(scope.path(path, f"{key}.outputs.{i}") for i, path in enumerate(entry.outputs)),
        kernel=entry.kernel,
        timeout_s=entry.timeout_s,
        command=command,
        secrets=entry.secrets,
        retries=entry.retries,
        retry_delay_s=entry.retry_delay_s,
        resources=entry.resources,
        when=entry.when,
        asked={name: scope.lookup(name, f"{key}.when") for name in names},
        awaits=frozenset(scope.awaits),
    )


def settled(stage: Stage, metrics: Metrics) -> Stage | None:
    """The stage with the metrics that it refers to; None while one of them is not known.

    Raises:
        MetricMissingError: a stage is done and did not log it.
    """
    if not stage.pending:
        return stage
    try:
        return replace(
            stage,
            params=with_metrics(dict(stage.params), stage.name, metrics),
            command=with_metrics(stage.command, stage.name, metrics),
            asked=with_metrics(dict(stage.asked), stage.name, metrics),
        )
    except KeyError:
        return None


def left_out(stage: Stage) -> str:
    """Why the stage is not to run by its `when`; empty where it is.

    Raises:
        UsageError: the condition compares what cannot be compared.
    """
    if stage.when is None:
        return ""
    try:
        return "" if Condition.parse(stage.when).holds(stage.asked.__getitem__) else f"{WHEN}{stage.when}"
    except ValueError as error:
        raise ConditionError(stage.name, str(error)) from error
