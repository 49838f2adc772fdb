"""The audit hook of a tracked cell in the Python processes that it starts.

This folder stands first in their PYTHONPATH, so `site` imports this module. It
installs the hook, goes out of `sys.path`, and lets the `sitecustomize` that it
stands before be imported. It runs in any Python from 3.7 on and must never harm it.
"""

# It is no part of a package, and must start quickly: no pathlib.
# ruff: noqa: INP001, PTH100, PTH118, PTH120

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LOG = "JUPYTER_MLX_LINEAGE"
_TOKEN = "JUPYTER_MLX_LINEAGE_TOKEN"  # noqa: S105 (no secret)
_ROOT = "JUPYTER_MLX_LINEAGE_ROOT"
_SYSTEM = ("/usr/", "/proc/", "/sys/", "/dev/", "/etc/")
_HERE = os.path.dirname(os.path.abspath(__file__))


def _install(log: str) -> None:
    """Write what this process touches to the log."""
    from importlib.machinery import SourceFileLoader

    path = os.path.join(os.path.dirname(_HERE), "events.py")
    events = SourceFileLoader("_jupyter_mlx_events", path).load_module()
    if sys.modules.get("_jupyter_mlx_events") is events:
        del sys.modules["_jupyter_mlx_events"]
    root = os.path.join(os.environ.get(_ROOT, ""), "")
    own = tuple(os.path.join(folder, "") for folder in {sys.prefix, sys.base_prefix, sys.exec_prefix})
    token = os.environ.get(_TOKEN, "0")
    known: dict[tuple[str, int], None] = {}
    state = {"pid": 0, "file": -1}

    def hook(event: str, arguments: Any) -> None:
        decode = events.TOUCHES.get(event)
        if decode is None:
            return
        try:
            for given, what in decode(arguments):
                path = events.absolute(given)
                if (path, what) in known or path == log or path.startswith(own):
                    continue
                if path.startswith(_SYSTEM) and not path.startswith(root):
                    continue
                if state["pid"] != os.getpid():
                    # `log` is set aside above, so that this does not come here again
                    state["pid"] = os.getpid()
                    known.clear()
                    state["file"] = os.open(log, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
                known[path, what] = None
                os.write(state["file"], events.record(token, path, what))
        except Exception:
            # the hook runs inside the program's own call, which must not fail by it
            return

    sys.addaudithook(hook)


def _go_on() -> None:
    """Import the module that this one stands before, if there is one."""
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or ".") != _HERE]
    sys.path_importer_cache.pop(_HERE, None)
    from importlib.machinery import PathFinder

    found = PathFinder.find_spec("sitecustomize")
    if found is not None and found.loader is not None:
        found.loader.exec_module(sys.modules[__name__])


try:
    if os.environ.get(_LOG):
        _install(os.environ[_LOG])
except Exception:  # noqa: S110
    # a process that can't be watched runs all the same
    pass
_go_on()
