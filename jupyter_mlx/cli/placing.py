"""`--executor` and `--scheduler`: where the stages of a command run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jupyter_mlx.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from jupyter_mlx.pipelines.executors.base import Executor
    from jupyter_mlx.pipelines.runner import Runner

    from .face import Face

F = TypeVar("F", bound=Callable[..., Any])


def executor_options(function: F) -> F:
    """Give a command the two options."""
    executor = click.option(
        "--executor", type=click.Choice(["local", "dask"]), default="local", help="Where stages run."
    )
    scheduler = click.option(
        "--scheduler", metavar="URL", help="Of Dask: tcp://HOST:PORT; without it, a local cluster."
    )
    return executor(scheduler(function))


def placed(face: Face, executor: str, scheduler: str | None) -> Runner:
    """The project's runner, told where stages run.

    Raises:
        UsageError: a scheduler is given, and the executor is not Dask.
    """
    if scheduler and executor != "dask":
        raise UsageError("--scheduler is of Dask; give `--executor dask` too")
    runner = face.project.runner()
    if executor == "dask":
        runner.use(lambda slots: _dask(face, scheduler, slots))
    return runner


def _dask(face: Face, scheduler: str | None, slots: int) -> Executor:
    from jupyter_mlx.pipelines.executors.dask import DaskExecutor
    from jupyter_mlx.pipelines.executors.luggage import Home, Way

    project = face.project
    way = None
    try:
        remote = project.config.remote(None)
        # a folder is named from the project's; secrets of this machine's settings stay here
        url = remote.url if ":" in remote.url else str((project.root / remote.url).resolve())
        way = Way(url, remote.options)
    except NotFoundError:
        pass
    home = Home(project.root, project.store, lambda: project.ledger, way)
    return DaskExecutor(scheduler, slots, home, face.note)
