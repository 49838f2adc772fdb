"""A stage: one notebook with its parameters, what it reads and what it writes."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_mlx.config.check import nearest
from jupyter_mlx.config.values import Config, StageConfig

_PLACE = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Stage:
    """One entry of `stages:`, or one point of its matrix."""

    name: str
    """`train`, or `train@seed=0` for a point of a matrix."""
    group: str
    """The name in mlx.yaml."""
    notebook: str
    """Relative to the project, as all paths here; `/`-separated."""
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    kernel: str | None = None
    timeout_s: float | None = None


def expand(config: Config) -> tuple[Stage, ...]:
    """The stages of mlx.yaml, each matrix expanded, in the order of the file.

    `${name}` in an input or output is the value of that parameter.

    Raises:
        ConfigError: a path names a parameter that the stage does not set.
    """
    return tuple(stage for entry in config.stages.values() for stage in _points(config, entry))


def _points(config: Config, entry: StageConfig) -> Iterator[Stage]:
    for values in itertools.product(*entry.matrix.values()):
        point = dict(zip(entry.matrix, values, strict=True))
        label = ",".join(f"{name}={written(value)}" for name, value in point.items())
        params = {**entry.params, **point}
        yield Stage(
            name=f"{entry.name}@{label}" if label else entry.name,
            group=entry.name,
            notebook=entry.notebook,
            params=params,
            inputs=_filled(config, entry, "inputs", params),
            outputs=_filled(config, entry, "outputs", params),
            kernel=entry.kernel,
            timeout_s=entry.timeout_s,
        )


def written(value: Any) -> str:
    """A value as it stands in a name or a path: text as it is, all else as in JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _filled(config: Config, entry: StageConfig, kind: str, params: Mapping[str, Any]) -> tuple[str, ...]:
    paths: tuple[str, ...] = getattr(entry, kind)

    def fill(path: str, key: str) -> str:
        def value(place: re.Match[str]) -> str:
            name = place[1]
            if name not in params:
                problem = f"${{{name}}} is no parameter of this stage{nearest(name, params)}"
                raise config.error(key, problem)
            text = written(params[name])
            if "/" in text or text in {"", ".", ".."}:
                raise config.error(key, f"${{{name}}} is {text!r}, which cannot be part of a file name")
            return text

        return _PLACE.sub(value, path)

    return tuple(fill(path, f"stages.{entry.name}.{kind}.{i}") for i, path in enumerate(paths))
