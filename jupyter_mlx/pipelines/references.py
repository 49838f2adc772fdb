"""References: `${seed}`, `${data.folder}` and `${train.metrics.acc}` in what mlx.yaml says of a stage.

Looked up in this order: the stage's own parameters (also as `${params.seed}`),
what another stage has (`NAME.params.X`, `NAME.outputs[0]`, `NAME.metrics.X`),
the values of params.yaml. A metric is known only when its stage is done, so its
reference stays in the text, with the stage's full name. `$${` stands for `${`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_mlx.config.checker import nearest
from jupyter_mlx.config.values import Config, StageConfig
from jupyter_mlx.errors import UsageError
from jupyter_mlx.wording import counted

PLACE = re.compile(r"\$(\$)?\{([^{}]*)\}")
_UPSTREAM = re.compile(
    r"(?P<stage>.+?)\.(?:(?P<part>metrics|params)\.(?P<name>.+)|outputs\[(?P<index>[0-9]+)\])"
)

Metrics = Callable[[str], "Mapping[str, float] | None"]
"""Full name of a stage → the metrics of its result; None while it has none."""


class MetricMissingError(UsageError):
    """A stage did not log the metric that another one refers to."""

    code = "metric-missing"

    def __init__(self, stage: str, upstream: str, metric: str, known: tuple[str, ...]) -> None:
        super().__init__(stage, upstream, metric, known)
        self.stage, self.upstream, self.metric, self.known = stage, upstream, metric, known

    def __str__(self) -> str:
        there = nearest(self.metric, self.known) or "; it logged none"
        return (
            f"stage {self.stage} takes ${{{self.upstream}.metrics.{self.metric}}}, "
            f"which {self.upstream} did not log{there}"
        )


@dataclass(frozen=True, slots=True)
class Point:
    """One entry of `stages:` at one point of its matrix."""

    name: str
    entry: StageConfig
    values: Mapping[str, Any]

    def agrees(self, other: Point) -> bool:
        """Whether the two have the same value on each axis that both have."""
        return all(other.values.get(axis, value) == value for axis, value in self.values.items())


@dataclass(slots=True)
class Scope:
    """What the names in one stage's text mean."""

    config: Config
    points: Mapping[str, tuple[Point, ...]]
    """Name in mlx.yaml → its points."""
    point: Point
    awaits: set[str] = field(default_factory=set)
    """The stages that were referred to."""
    trail: tuple[tuple[str, str], ...] = ()
    """The references that led here, so that a circle is noticed."""

    def params(self) -> dict[str, Any]:
        """The stage's parameters, their references filled."""
        return {name: self.param(name) for name in (*self.point.entry.params, *self.point.values)}

    def param(self, name: str) -> Any:
        """One of them."""
        entry, mine = self.point.entry, (self.point.name, name)
        key = f"stages.{entry.name}.{'matrix' if name in self.point.values else 'params'}.{name}"
        if mine in self.trail:
            raise self.config.error(key, f"refers to itself; give {name} a value, here or in params.yaml")
        value = self.point.values[name] if name in self.point.values else entry.params[name]
        inner = Scope(self.config, self.points, self.point, self.awaits, (*self.trail, mine))
        return inner.fill(value, key)

    def fill(self, value: Any, key: str) -> Any:
        """A plain value with its references filled; a text that is one reference takes its value as it is.

        Raises:
            ConfigError: a name means nothing; `key` is the one that is complained about.
        """
        if isinstance(value, list):
            return [self.fill(item, f"{key}.{i}") for i, item in enumerate(value)]
        if isinstance(value, dict):
            return {name: self.fill(item, f"{key}.{name}") for name, item in value.items()}
        if not isinstance(value, str) or "${" not in value:
            return value
        whole = PLACE.fullmatch(value)
        if whole and not whole[1]:
            return self.lookup(whole[2].strip(), key)
        return PLACE.sub(
            lambda found: value_of(found) if found[1] else written(self.lookup(found[2].strip(), key)), value
        )

    def path(self, value: str, key: str) -> str:
        """An input or output with its references filled.

        Raises:
            ConfigError: a name means nothing, or its value can't be part of a file name.
        """
        if "${" not in value:
            return value
        whole = PLACE.fullmatch(value)
        if whole and (found := self._upstream(whole[2].strip(), key)) is not None and "outputs[" in whole[2]:
            return str(found)

        def part(found: re.Match[str]) -> str:
            text = written(self.lookup(found[2].strip(), key))
            if "${" in text:
                raise self.config.error(
                    key, f"{found[0]} is not known before its stage has run; paths must be"
                )
            if "/" in text or text in {"", ".", ".."}:
                problem = f"{found[0]} is {text!r}, which cannot be part of a file name"
                raise self.config.error(key, problem)
            return text

        return PLACE.sub(part, value)

    def lookup(self, name: str, key: str) -> Any:
        """What a name means.

        Raises:
            ConfigError: nothing.
        """
        own = {*self.point.entry.params, *self.point.values}
        common = self._common(name)
        # in `title: ${title}` the one of params.yaml is meant
        is_itself = (self.point.name, name) in self.trail
        if name.removeprefix("params.") in own and not (is_itself and common is not None):
            return self.param(name.removeprefix("params."))
        found = self._upstream(name, key)
        if found is not None:
            return found
        if common is not None:
            return self.fill(common, key)
        raise self.config.error(key, self._unknown(name, own))

    def _common(self, name: str) -> Any:
        """What params.yaml says; None where it says nothing."""
        value: Any = self.config.values
        for word in name.split("."):
            value = value.get(word) if isinstance(value, dict) else None
        return value

    def _unknown(self, name: str, own: set[str]) -> str:
        stages = [f"{stage}.{part}" for stage in self.points for part in ("metrics", "params", "outputs")]
        known = [*sorted(own), *_dotted(self.config.values), *stages]
        hint = "" if self.point.entry.command is None else "; `$${…}` leaves it to the shell"
        what = "is no parameter of this stage, and no value of params.yaml or of another stage"
        return f"${{{name}}} {what}{nearest(name, known)}{hint}"

    def _upstream(self, name: str, key: str) -> Any:
        """The value of `train.params.lr` and the like; None where it is no such reference."""
        found = _UPSTREAM.fullmatch(name)
        if not found or found["stage"].partition("@")[0] not in self.points:
            return None
        point = self._point(found["stage"], name, key)
        self.awaits.add(point.name)
        if found["part"] == "metrics":
            return f"${{{point.name}.metrics.{found['name']}}}"
        scope = Scope(self.config, self.points, point, self.awaits, self.trail)
        if found["part"] == "params":
            if found["name"] not in {*point.entry.params, *point.values}:
                has = nearest(found["name"], [*point.entry.params, *point.values])
                raise self.config.error(key, f"stage {point.name} has no parameter {found['name']!r}{has}")
            return scope.param(found["name"])
        index, outputs = int(found["index"]), point.entry.outputs
        if index >= len(outputs):
            said = f"declares {counted(len(outputs), 'output')}, counted from 0"
            raise self.config.error(key, f"${{{name}}}: stage {point.name} {said}")
        return scope.path(outputs[index], f"stages.{point.entry.name}.outputs.{index}")

    def _point(self, stage: str, name: str, key: str) -> Point:
        """The point that is meant: the named one, or the one that has the same values as this stage."""
        group = self.points[stage.partition("@")[0]]
        fitting = [p for p in group if (p.name == stage if "@" in stage else p.agrees(self.point))]
        if len(fitting) != 1:
            known = ", ".join(point.name for point in group[:6])
            raise self.config.error(key, f"${{{name}}} may mean several; name one of {known}")
        if fitting[0].name == self.point.name:
            raise self.config.error(key, f"${{{name}}} refers to the stage itself")
        return fitting[0]


def written(value: Any) -> str:
    """A value as it stands in a name or a path: text as it is, all else as in JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def value_of(found: re.Match[str]) -> str:
    """What `$${x}` stands for."""
    return found[0][1:]


def metrics_in(value: Any) -> list[tuple[str, str]]:
    """The metrics, stage and name, that a value still refers to."""
    text = written(value)
    if ".metrics." not in text:
        return []
    found = (_UPSTREAM.fullmatch(place[2]) for place in PLACE.finditer(text) if not place[1])
    return [(match["stage"], match["name"]) for match in found if match and match["part"] == "metrics"]


def with_metrics(value: Any, stage: str, metrics: Metrics) -> Any:
    """A value with the metrics that it refers to.

    Raises:
        MetricMissingError: the stage that is referred to did not log it.
        KeyError: its stage is not done.
    """
    if isinstance(value, (list, tuple)):
        return type(value)(with_metrics(item, stage, metrics) for item in value)
    if isinstance(value, dict):
        return {name: with_metrics(item, stage, metrics) for name, item in value.items()}
    if not isinstance(value, str) or not metrics_in(value):
        return value

    def number(place: re.Match[str]) -> Any:
        found = _UPSTREAM.fullmatch(place[2])
        if not found or found["part"] != "metrics":
            return place[0]
        known = metrics(found["stage"])
        if known is None:
            raise KeyError(found["stage"])
        if found["name"] not in known:
            raise MetricMissingError(stage, found["stage"], found["name"], tuple(known))
        return known[found["name"]]

    whole = PLACE.fullmatch(value)
    return number(whole) if whole else PLACE.sub(lambda place: written(number(place)), value)


def _dotted(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, value in values.items():
        found += _dotted(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"]
    return found
