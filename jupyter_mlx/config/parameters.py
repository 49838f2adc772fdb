"""params.yaml, beside mlx.yaml: values for `${…}`, and below the name of a stage its parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jupyter_mlx.errors import AccessError

from .checker import Checker
from .text import parsed
from .values import PARAMS, Config


def laid_over(root: Path, config: Config) -> Config:
    """mlx.yaml with the values of params.yaml, where there is one.

    Raises:
        ConfigError: params.yaml is malformed, or sets what mlx.yaml sets; file, line and key are named.
        AccessError: it cannot be read.
    """
    try:
        data = (root / PARAMS).read_bytes()
    except FileNotFoundError:
        return config
    except OSError as error:
        raise AccessError.of(error, root / PARAMS) from error
    plain, lines = parsed(root, data, PARAMS)
    checker = Checker(lines, PARAMS)
    values = checker.mapping("", plain)
    stages = dict(config.stages)
    for name in values.keys() & stages.keys():
        if not isinstance(values[name], dict):
            continue
        entry = stages[name]
        for param in values[name]:
            if param in {**entry.params, **entry.matrix, **entry.secrets}:
                checker.fail(f"{name}.{param}", f"is set by stage {name} in mlx.yaml too; keep one of them")
        stages[name] = replace(entry, params={**entry.params, **values[name]})
    return replace(config, stages=stages, values=values, value_lines=lines)
