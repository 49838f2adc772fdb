"""What mlx.yaml says, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from jupyter_mlx.errors import AccessError, ConfigError, NoProjectError, NotFoundError

NAME = "mlx.yaml"
PARAMS = "params.yaml"
STATE = ".mlx"

Command: TypeAlias = "str | tuple[str, ...]"
"""A line for the shell, or arguments that go past it."""


class UnknownRemoteError(NotFoundError):
    """mlx.yaml has no such remote."""

    code = "unknown-remote"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        if not self.known:
            return f"{NAME} has no remote; `jmlx remote add {self.name or 'origin'} FOLDER` gives it one"
        what = f"no remote {self.name!r}" if self.name else "several remotes, and none is called 'origin'"
        return f"{NAME} has {what}; name one of {', '.join(self.known)}"


@dataclass(frozen=True, slots=True)
class Remote:
    """A store elsewhere that the project pushes to and pulls from."""

    name: str
    url: str
    options: Mapping[str, str | int | bool] = field(default_factory=dict)
    """What else it takes to reach it: an endpoint, a profile; never a secret."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a stage takes of its machine while it runs."""

    cpus: float = 1
    memory_bytes: int | None = None
    """None where nothing is said of it."""
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class StageConfig:
    """One entry of `stages:`, before its matrix is expanded."""

    name: str
    notebook: str
    """Relative to the project, as all paths here; `/`-separated, normalised. Empty for a command."""
    params: Mapping[str, Any] = field(default_factory=dict)
    matrix: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Parameter name → the values it takes in turn."""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    kernel: str | None = None
    timeout_s: float | None = None
    """The longest that one cell may take; of a command, the whole."""
    command: Command | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Parameter name → the environment variable that holds its value, which is written nowhere."""
    retries: int = 0
    """How often a failed execution is tried again."""
    retry_delay_s: float = 0.0
    resources: Resources = field(default_factory=Resources)
    when: str | None = None
    """The condition of `Condition.parse`; a stage whose condition does not hold is left out."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of mlx.yaml."""

    remotes: Mapping[str, Remote] = field(default_factory=dict)
    stages: Mapping[str, StageConfig] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    """Dotted key → its line, counted from 1."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What params.yaml says: values for `${…}`, and below the name of a stage its parameters."""
    value_lines: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> Config:
        """Read the mlx.yaml of the project at `root`.

        Raises:
            NoProjectError: there is no mlx.yaml.
            ConfigError: it is malformed; file, line and key are named.
            AccessError: it cannot be read.
        """
        try:
            data = (root / NAME).read_bytes()
        except FileNotFoundError:
            raise NoProjectError(str(root)) from None
        except OSError as error:
            raise AccessError.of(error, root / NAME) from error
        from .check import Check
        from .parameters import laid_over
        from .text import parsed

        plain, lines = parsed(root, data)
        return laid_over(root, Check(lines).config(plain))

    def remote(self, name: str | None = None) -> Remote:
        """The remote of that name; without one, `origin`, or the only one there is.

        Raises:
            UnknownRemoteError: there is none.
        """
        known = tuple(self.remotes)
        wanted = name or ("origin" if "origin" in known or len(known) != 1 else known[0])
        if wanted not in self.remotes:
            raise UnknownRemoteError(name or "", known)
        return self.remotes[wanted]

    def error(self, key: str, problem: str) -> ConfigError:
        """A complaint about the value at `key`, with its line; params.yaml's where it stands there."""
        top, _, rest = key.partition(".")
        stage, _, name = rest.partition(".params.")
        if top == "stages" and name and key not in self.lines and f"{stage}.{name}" in self.value_lines:
            return complaint(self.value_lines, f"{stage}.{name}", problem, PARAMS)
        return complaint(self.lines, key, problem)


def complaint(lines: Mapping[str, int], key: str, problem: str, file: str = NAME) -> ConfigError:
    """The line of `key`, or of the nearest key above it that has one."""
    at = key
    while at and at not in lines:
        at = at.rpartition(".")[0]
    return ConfigError(file, lines.get(at, 0), key, problem)
