"""The versions of what a run reads, taken while they are what it reads.

A large input is stored beside the run as soon as it is opened. One that the run
is about to change is stored before: afterwards nobody could.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from jupyter_mlx.errors import MlxError
from jupyter_mlx.store.copying import by_itself

if TYPE_CHECKING:
    from .workspace import Version, Workspace

WAIT_BYTES = 64 << 20
"""A file up to this size is stored before the run changes it; a larger one would keep the run waiting."""
WAIT_S = 2.0
"""How long a run may be kept waiting in all."""


class Inputs:
    """Keeps the inputs of one run. `opened` may be called in the middle of anything."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._kept: dict[str, Version] = {}
        self._looks: dict[str, tuple[int, int, int] | None] = {}
        """How each file looked when it was opened."""
        self._busy = threading.Lock()
        self._closed = False
        self._patience_s = WAIT_S

    def opened(self, path: str) -> None:
        """Have `path` stored beside the caller."""
        self._looks.setdefault(path, self._look(path))
        _asked.put((self, path))

    def changing(self, path: str) -> None:
        """Store `path` now, before it is changed, unless that takes too long."""
        if path in self._kept or self._patience_s <= 0:
            return
        started = time.monotonic()
        with suppress(OSError):
            if (self._workspace.root / path).stat().st_size <= WAIT_BYTES:
                self._keep(path)
        self._patience_s -= time.monotonic() - started

    def close(self) -> None:
        """Keep no more; what is just being stored is waited for."""
        self._closed = True
        with self._busy:
            pass

    def kept(self, path: str) -> Version | None:
        """The version that `path` had; None where it was not kept."""
        return self._kept.get(path)

    def keep_beside(self, path: str) -> None:
        """In the thread beside: store one file, unless the run has ended meanwhile."""
        with self._busy:
            if not self._closed and path not in self._kept:
                with by_itself(lambda: not self._closed):
                    self._keep(path)

    def _keep(self, path: str) -> None:
        # what can't be stored now is told when the run ends and it is tried again
        with suppress(MlxError, OSError):
            version = self._workspace.save(path)
            # a thread that came late has stored what the run wrote, not what it read
            if path not in self._looks or self._looks[path] == self._look(path):
                self._kept.setdefault(path, version)

    def _look(self, path: str) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._workspace.root / path)  # noqa: PTH116 (in the middle of anything: the shortest way)
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


_asked: queue.SimpleQueue[tuple[Inputs, str]] = queue.SimpleQueue()
_started = threading.Lock()


def begin(workspace: Workspace) -> Inputs:
    """Keep the inputs of a run from now on."""
    with _started:
        if not any(thread.name == _NAME for thread in threading.enumerate()):
            threading.Thread(target=_work, name=_NAME, daemon=True).start()
    return Inputs(workspace)


_NAME = "jupyter-mlx-inputs"


def _work() -> None:
    while True:
        inputs, path = _asked.get()
        inputs.keep_beside(path)
