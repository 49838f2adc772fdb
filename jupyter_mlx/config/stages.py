"""The checks of one entry of `stages:`."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from .checker import Checker, kind_of
from .condition import Condition
from .values import STATE, Command, Resources, StageConfig

STAGE = (
    "notebook", "command", "params", "secrets", "matrix", "inputs", "outputs", "kernel", "timeout",
    "retries", "retry_delay", "resources", "when",
)  # fmt: skip
RESOURCES = ("cpus", "memory", "gpus")
FROM_ENVIRONMENT = "secret"
"""`params: {TOKEN: {secret: HF_TOKEN}}` takes the value from the environment."""
MOST_RETRIES = 100

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(i?)b?", re.I)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|min|h|)")
_SECONDS = {"": 1, "s": 1, "min": 60, "h": 3600}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class StageCheck(Checker):
    """Turns the plain values of a stage into a `StageConfig`, or says which value will not do."""

    def stage(self, name: str, value: Any) -> StageConfig:
        """One entry of `stages:`.

        Raises:
            ConfigError: a value will not do.
        """
        key = f"stages.{name}"
        self.name(key, name)
        entry = self.mapping(key, value, STAGE)
        self._one_body(key, entry)
        params = self.mapping(f"{key}.params", entry.get("params"))
        secrets = self._secrets(key, entry.get("secrets"), params)
        params = {name: item for name, item in params.items() if name not in secrets}
        return StageConfig(
            name=name,
            notebook=self._notebook(f"{key}.notebook", entry["notebook"]) if "notebook" in entry else "",
            command=self._command(f"{key}.command", entry["command"]) if "command" in entry else None,
            params=params,
            secrets=secrets,
            matrix=self._matrix(f"{key}.matrix", entry.get("matrix"), {**params, **secrets}),
            inputs=self._paths(f"{key}.inputs", entry.get("inputs")),
            outputs=self._paths(f"{key}.outputs", entry.get("outputs")),
            kernel=self._kernel(f"{key}.kernel", entry.get("kernel")),
            timeout_s=self._seconds(f"{key}.timeout", entry.get("timeout")),
            retries=self._whole(f"{key}.retries", entry.get("retries"), MOST_RETRIES),
            retry_delay_s=self._seconds(f"{key}.retry_delay", entry.get("retry_delay")) or 0.0,
            resources=self._resources(f"{key}.resources", entry.get("resources")),
            when=self._when(f"{key}.when", entry.get("when")),
        )

    def _one_body(self, key: str, entry: Mapping[str, Any]) -> None:
        """A stage is a notebook or a command."""
        if "notebook" in entry and "command" in entry:
            self.fail(f"{key}.command", "is there beside `notebook`; a stage has one of them")
        if "notebook" not in entry and "command" not in entry:
            self.fail(key, "has no notebook; write `notebook: PATH` below it, or `command: …` for a script")
        if "command" in entry and "kernel" in entry:
            self.fail(f"{key}.kernel", "belongs to notebooks; a command has none")

    def _command(self, key: str, value: Any) -> Command:
        """A text for the shell, or a list of arguments that goes past it."""
        if isinstance(value, str) and value.strip():
            return value
        if not isinstance(value, list) or not value:
            self.fail(key, f"should be a command line or a list of arguments, and is {kind_of(value)}")
        for i, word in enumerate(value):
            if isinstance(word, bool) or not isinstance(word, (str, int, float)):
                self.fail(f"{key}.{i}", f"should be one argument, and is {kind_of(word)}")
        return tuple(str(word) for word in value)

    def _secrets(self, key: str, value: Any, params: Mapping[str, Any]) -> dict[str, str]:
        """Parameter → the environment variable that holds it."""
        found: dict[str, str] = {}
        for name, variable in self.mapping(f"{key}.secrets", value).items():
            found[name] = self._variable(f"{key}.secrets.{name}", variable)
            if name in params:
                self.fail(f"{key}.secrets.{name}", "is in `params` too; keep one of them")
        for name, item in params.items():
            if isinstance(item, dict) and item.keys() == {FROM_ENVIRONMENT}:
                found[name] = self._variable(
                    f"{key}.params.{name}.{FROM_ENVIRONMENT}", item[FROM_ENVIRONMENT]
                )
        return found

    def _variable(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
            # the value itself is not shown: it may be the secret
            self.fail(key, "should be the name of an environment variable, such as HF_TOKEN")
        return value

    def _whole(self, key: str, value: Any, most: int) -> int:
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            self.fail(key, f"should be a whole number from 0 to {most}, and is {kind_of(value)}")
        return int(value)

    def _resources(self, key: str, value: Any) -> Resources:
        entry = self.mapping(key, value, RESOURCES)
        cpus = entry.get("cpus", 1)
        if isinstance(cpus, bool) or not isinstance(cpus, (int, float)) or not 0 <= cpus < 10_000:
            self.fail(f"{key}.cpus", f"should be a number of processors, and is {kind_of(cpus)}")
        memory = self._bytes(f"{key}.memory", entry.get("memory"))
        return Resources(float(cpus), memory, self._whole(f"{key}.gpus", entry.get("gpus"), 1000))

    def _bytes(self, key: str, value: Any) -> int | None:
        """Bytes of `4GB`, `512 MiB` or a plain number; GB means 1000³ and GiB 1024³."""
        if value is None:
            return None
        found = None if isinstance(value, bool) else _SIZE.fullmatch(str(value).strip())
        size = (
            int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2].lower()]) if found else 0
        )
        if not size:
            self.fail(key, f"should be an amount of memory such as 4GB, and is {kind_of(value)}")
        return size

    def _when(self, key: str, value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str):
            self.fail(key, f"should be a condition such as `seed == 0`, and is {kind_of(value)}")
        try:
            Condition.parse(value)
        except ValueError as error:
            self.fail(key, str(error))
        return value

    def _matrix(self, key: str, value: Any, params: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
        axes = self.mapping(key, value)
        for name, values in axes.items():
            at = f"{key}.{name}"
            if not isinstance(values, list) or not values:
                self.fail(at, f"should be a list of values, and is {kind_of(values)}")
            if any(isinstance(item, (dict, list)) for item in values):
                self.fail(at, "should list single values: text, numbers, true or false")
            if len({json.dumps(item) for item in values}) < len(values):
                self.fail(at, "has the same value twice")
            if name in params:
                self.fail(at, "is in `params` too; keep one of them")
        return {name: tuple(values) for name, values in axes.items()}

    def _notebook(self, key: str, value: Any) -> str:
        path = self._path(key, value)
        if posixpath.splitext(path)[1] not in {".ipynb", ".py", ".md", ".Rmd", ".R", ".jl"}:
            self.fail(key, f"{path!r} is no notebook; take an .ipynb, or a paired .py or .md")
        return path

    def _paths(self, key: str, value: Any) -> tuple[str, ...]:
        if value is None:
            return ()
        if isinstance(value, str):
            return (self._path(key, value),)
        if not isinstance(value, list):
            self.fail(key, f"should be a list of paths, and is {kind_of(value)}")
        found = [self._path(f"{key}.{i}", item) for i, item in enumerate(value)]
        for i, path in enumerate(found):
            if path in found[:i]:
                self.fail(f"{key}.{i}", f"{path!r} is there twice")
        return tuple(found)

    def _path(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip("/. ") or "\0" in value:
            self.fail(key, f"should be a path inside the project, and is {kind_of(value)}")
        if value.startswith(("/", "~", "\\")) or re.match(r"[A-Za-z]:[/\\]", value):
            self.fail(key, f"{value!r} is absolute; write it relative to the folder of mlx.yaml")
        path = posixpath.normpath(value)
        first = path.partition("/")[0]
        if first == "..":
            self.fail(key, f"{value!r} leaves the project; what a stage reads and writes lies inside it")
        if first in {STATE, ".git"}:
            self.fail(key, f"{value!r} is inside {first}, which is not yours to write")
        return path

    def _kernel(self, key: str, value: Any) -> str | None:
        if value is not None and (not isinstance(value, str) or not value):
            self.fail(key, f"should be the name of a kernel, and is {kind_of(value)}")
        return value

    def _seconds(self, key: str, value: Any) -> float | None:
        """Seconds of `90`, `1.5 min` or `2h`."""
        if value is None:
            return None
        found = None if isinstance(value, bool) else _DURATION.fullmatch(str(value).strip())
        seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
        if not seconds > 0:
            self.fail(key, f"should be a time such as 90 (seconds), 5min or 2h, and is {kind_of(value)}")
        return seconds
