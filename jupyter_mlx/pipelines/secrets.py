"""Secrets of a stage: from the environment to its kernel, and written nowhere on the way.

The values travel in the environment of the kernel (`MLX_SECRET_NAME`), whose
name has the redactor take them out of all that is recorded. A command has each
under the parameter's own name, too. In a notebook a hook sets the variables
after the cells up to `parameters`, so that the default there does not win.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from jupyter_mlx.capture.redact import DECLARED
from jupyter_mlx.errors import NotFoundError, UsageError

from .stage import Stage

SHORTEST = 4
"""Characters of a secret; a shorter text stands in too many places to be taken out of all."""


class SecretMissingError(NotFoundError):
    """The environment does not hold a secret that a stage takes."""

    code = "secret-missing"

    def __init__(self, stage: str, name: str, variable: str) -> None:
        super().__init__(stage, name, variable)
        self.stage, self.name, self.variable = stage, name, variable

    def __str__(self) -> str:
        return (
            f"stage {self.stage} takes the secret {self.name} from the environment variable "
            f"{self.variable}, which is not set; `export {self.variable}=…` sets it for this shell"
        )


class SecretTooShortError(UsageError):
    """A secret is too short to be kept out of what is recorded."""

    code = "secret-too-short"

    def __init__(self, stage: str, name: str, variable: str) -> None:
        super().__init__(stage, name, variable)
        self.stage, self.name, self.variable = stage, name, variable

    def __str__(self) -> str:
        return (
            f"stage {self.stage} takes the secret {self.name} from {self.variable}, which has fewer than "
            f"{SHORTEST} characters: such a text cannot be kept out of logs; take a longer one"
        )


def secrets_of(stage: Stage, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Parameter → value.

    Raises:
        SecretMissingError: the environment does not hold one.
        SecretTooShortError: one could not be kept out of what is recorded.
    """
    there = os.environ if environment is None else environment
    for name, variable in stage.secrets.items():
        if not there.get(variable):
            raise SecretMissingError(stage.name, name, variable)
        if len(there[variable]) < SHORTEST:
            raise SecretTooShortError(stage.name, name, variable)
    return {name: there[variable] for name, variable in stage.secrets.items()}


def environment(stage: Stage) -> dict[str, str]:
    """What the environment of the stage holds of its secrets; raises SecretMissingError."""
    values = secrets_of(stage)
    found = {f"{DECLARED}{name}": value for name, value in values.items()}
    return found if stage.command is None else {**values, **found}


def given(named: Mapping[str, str], params: Mapping[str, object]) -> dict[str, str]:
    """What the environment holds of parameters that were given by hand where others take secrets."""
    values = {name: str(params[name]) for name in named if params.get(name) is not None}
    return {f"{DECLARED}{name}": value for name, value in values.items() if len(value) >= SHORTEST}


def prologue(stage: Stage, cells: int) -> str:
    """Code that sets the variables in a Python kernel; `cells` are those up to the `parameters` cell."""
    if not stage.secrets:
        return ""
    names = json.dumps(sorted(stage.secrets))
    return f"__import__({__name__!r}, fromlist=['x']).inject(get_ipython(), {names}, {cells})"


def inject(shell: object, names: list[str], cells: int) -> None:
    """In the kernel: set the secrets now, and again after each of the first `cells` cells."""
    left = cells

    def put(*_: object) -> None:
        nonlocal left
        shell.user_ns.update({name: os.environ[f"{DECLARED}{name}"] for name in names})  # type: ignore[attr-defined]
        left -= 1
        if left < 0 and _:
            shell.events.unregister("post_run_cell", put)  # type: ignore[attr-defined]

    put()
    if cells:
        shell.events.register("post_run_cell", put)  # type: ignore[attr-defined]
