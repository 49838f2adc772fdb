"""jupyter_mlx: versions of data, tracked runs and reproducible pipelines, inside the notebook.

    import jupyter_mlx as jm

    jm.log(accuracy=0.93, step=1)              # into the run that is active
    with jm.run("train", lr=0.1) as run: ...   # a run in a script
    jm.runs("accuracy > 0.9")                  # the runs as a DataFrame

In a notebook, `%load_ext jupyter_mlx` gives `%%track` and the other magics.
Importing this package loads nothing heavy: every name is fetched on its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .api import (
        load,
        log,
        log_artifact,
        log_figure,
        log_histogram,
        log_model,
        log_table,
        open,  # noqa: A004 (the name that DESIGN gives it)
        run,
        runs,
    )
    from .errors import MlxError
    from .project import Project

_HOMES = {
    "MlxError": "errors",
    "Project": "project",
    **dict.fromkeys(
        (
            "load", "log", "log_artifact", "log_figure", "log_histogram", "log_model", "log_table", "open", "run",
            "runs",
        ),
        "api",
    ),
}  # fmt: skip

__all__ = [
    "MlxError",
    "Project",
    "__version__",
    "load",
    "log",
    "log_artifact",
    "log_figure",
    "log_histogram",
    "log_model",
    "log_table",
    "open",
    "run",
    "runs",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext jupyter_mlx`: register the magics."""
    from .magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext jupyter_mlx`: take the magics away."""
    from .magics import unload

    unload(shell)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyter-mlx"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "jupyter_mlx"}]


def _load_jupyter_server_extension(server: Any) -> None:
    from .server.app import load

    load(server)
