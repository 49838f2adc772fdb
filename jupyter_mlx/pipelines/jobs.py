"""What a stage's job has beside its notebook: parameters in the environment, secrets, code around the cells."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from jupyter_mlx.logged import PROJECT_VARIABLE

from . import observing, secrets
from .executors.base import Job
from .references import written
from .sources import NotebookFacts
from .stage import Stage

PARAMS_VARIABLE = "MLX_PARAMS"
"""In the environment of a command: all of its parameters, as JSON."""
PARAM_PREFIX = "MLX_PARAM_"
"""In the environment of a command: each of its parameters, text as it is."""


def equipped(job: Job, stage: Stage, facts: NotebookFacts) -> Job:
    """The job with all that the stage takes.

    Raises:
        SecretMissingError: the environment does not hold a secret.
    """
    env = {**job.env, **secrets.environment(stage)}
    if stage.command is not None:
        env |= {f"{PARAM_PREFIX}{name}": written(value) for name, value in stage.params.items()}
        env[PARAMS_VARIABLE] = json.dumps(dict(stage.params))
        log = str(Path(job.executed).with_suffix(".log"))
        return replace(job, env=env, command=stage.command, executed=log, observed=True)
    if facts.language != "python":
        return replace(job, env=env)
    before = "\n".join(filter(None, (job.prologue, secrets.prologue(stage, facts.cells))))
    return replace(
        job,
        env=env,
        prologue="\n".join(filter(None, (before, observing.prologue(PROJECT_VARIABLE)))),
        epilogue="\n".join(filter(None, (observing.epilogue(), job.epilogue))),
    )
