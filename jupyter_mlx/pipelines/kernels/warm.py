"""The warm process: single-threaded, imports only, copied whenever a kernel is asked for.

It is started by `calling.py` with its listening socket as standard input; see
`originals` for the conversation.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any, Final

from jupyter_mlx.pipelines.kernels.originals import Original

BASE: Final = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.datapub", "ipykernel.debugger",
    "IPython.core.completer", "IPython.core.magics", "tornado.platform.asyncio", "asyncio", "sqlite3",
)  # fmt: skip
"""What every kernel imports by itself."""


def main(path: str, idle_s: str) -> None:
    """Serve on standard input, the socket that is bound to `path`."""
    listening = socket.socket(fileno=os.dup(0))
    if os.fork():
        # not a child of whoever happened to need a kernel first
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    # the last entry is where our own modules are; a kernel does not have it
    kernel_path = sys.path[:-1]
    WarmProcess(listening, path, float(idle_s), kernel_path).serve()


class WarmProcess(Original):
    """Imports what notebooks import, and nothing else; see `Original`."""

    def __init__(self, listening: socket.socket, path: str, idle_s: float, kernel_path: list[str]) -> None:
        super().__init__(listening, path, idle_s)
        self.kernel_path = kernel_path
        self.refused: dict[str, str] = {}
        self._libraries: set[str] = set()
        self._base: frozenset[str] = frozenset()
        self._env = dict(os.environ)

    def get_ready(self) -> None:
        """See `Original.get_ready`."""
        from importlib import import_module

        # what ipykernel says before it imports anything else, and matplotlib reads when it is imported
        os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        for name in BASE:
            with contextlib.suppress(ImportError):
                import_module(name)
        self._base = frozenset(sys.modules)
        gc.disable()
        self._settle()

    def _settle(self) -> None:
        """Have the garbage collector leave alone what is imported; remember the files that it came from."""
        gc.collect()
        gc.freeze()
        self.remember_files()

    def refusal(self, request: Mapping[str, Any]) -> str:
        """See `Original.refusal`."""
        from jupyter_mlx.pipelines.kernels.preloading import libraries, preload

        if self.is_stale:
            self.close()
            return "stale"
        self.refused.update(request["refused"])
        self._libraries |= set(libraries(request["preload"]))
        known = len(sys.modules)
        whole = preload(request["preload"], self.refused)
        if not whole:
            self.close()
            return f"spoilt {json.dumps(self.refused)}"
        if len(sys.modules) > known:
            self._settle()
        return "shadowed" if self._shadowed(request["cwd"]) else ""

    def _shadowed(self, folder: str) -> bool:
        """Whether the notebook's own folder has a module of the name of one that is imported already."""
        ahead = {name.partition(".")[0] for name in sys.modules.keys() - self._base}
        paths = (os.path.join(folder, name) for name in ahead)
        return any(os.path.exists(f"{path}.py") or os.path.exists(f"{path}/__init__.py") for path in paths)

    def become(self, request: Mapping[str, Any], streams: list[int], conversation: socket.socket) -> None:
        """See `Original.become`."""
        from jupyter_mlx.pipelines.kernels.becoming import become_kernel

        imported_env = [n for n in os.environ if n not in self._env and n != "MPLBACKEND"]
        known = {"path": self.kernel_path, "imported_env": imported_env}
        become_kernel({**request, **known}, streams, conversation)

    def described(self) -> dict[str, Any]:
        """See `Original.described`."""
        return {"libraries": sorted(self._libraries & sys.modules.keys()), "refused": self.refused}
