"""The versions of what a run reads, taken while they are what it reads.

A large input is stored beside the run as soon as it is opened, on a processor
that the run leaves free; what is not done when the run ends is done after it.
One that the run is about to change is stored before: afterwards nobody could.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from jupyter_mlx.afterwards import afterwards
from jupyter_mlx.errors import MlxError
from jupyter_mlx.store.copying import by_itself

from .processors import Processors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .workspace import Version, Workspace

WAIT_BYTES: Final = 64 << 20
"""A file up to this size is stored before the run changes it; a larger one would keep the run waiting."""
WAIT_S: Final = 2.0
"""How long a run may be kept waiting in all."""
LATE_BYTES: Final = 8 << 20
"""From this size on nobody waits at the run's end until an input is stored."""
PACE_BYTES_S: Final = 50 << 20
"""A free processor is waited for as if so much was stored a second: then it costs a long run a thirtieth at most."""


class Inputs:
    """Keeps the inputs of one run. `opened` may be called in the middle of anything."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._kept: dict[str, Version] = {}
        self._looks: dict[str, tuple[int, int, int] | None] = {}
        """How each file looked when it was opened."""
        self._changed = threading.Condition()
        self._storing = ""
        """What the thread beside is at."""
        self._closed = self._is_awaited = False
        self._patience_s = WAIT_S

    def opened(self, path: str) -> None:
        """Have `path` stored beside the caller."""
        self._looks.setdefault(path, self._look(path))
        _asked.put((self, path))

    def changing(self, path: str) -> None:
        """Store `path` now, before it is changed, unless that takes too long."""
        self.replacing(path)
        if path in self._kept or self._patience_s <= 0:
            return
        with self._waiting(), suppress(OSError):
            if (self._workspace.root / path).stat().st_size <= WAIT_BYTES:
                self._keep(path)

    def replacing(self, path: str) -> None:
        """Have an earlier run's input stored now, before it is changed, unless that takes too long."""
        earlier = _late.get(self._key(path))
        if earlier is not None and self._patience_s > 0:
            with self._waiting():
                earlier.hasten(path, self._patience_s)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._patience_s -= time.monotonic() - started

    def close(self) -> None:
        """Begin with no more; what is just being stored is waited for, unless it is large."""
        self._closed = True
        with self._changed:
            self._changed.wait_for(lambda: not self._storing or self._is_large(self._storing))

    def kept(self, path: str) -> Version | None:
        """The version that `path` had; None where it was not kept."""
        return self._kept.get(path)

    def put_off(self, path: str) -> bool:
        """Have `path` stored after the run, by `finish`, where it is too large to be waited for."""
        if path not in self._looks:
            self._looks[path] = self._look(path)
        if not self._is_large(path):
            return False
        _late[self._key(path)] = self
        return True

    def finish(self, path: str) -> Version | None:
        """The version of what was put off; None where the file is another one by now, or can't be stored."""
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._storing != path)
            if path not in self._kept:
                self._keep(path)
            return self._kept.get(path)
        finally:
            if _late.get(self._key(path)) is self:
                del _late[self._key(path)]

    def hasten(self, path: str, patience_s: float) -> None:
        """Wait until what was put off is stored, but not for ever: it is about to be changed."""
        self._is_awaited = True
        with self._changed:
            if self._changed.wait_for(lambda: self._storing != path, patience_s) and path not in self._kept:
                self._keep(path)

    def keep_beside(self, path: str) -> None:
        """In the thread beside: store one file, unless the run has ended meanwhile."""
        with self._changed:
            if self._closed or path in self._kept:
                return
            self._storing = path
        try:
            with by_itself(_Turn(self, path).take):
                self._keep(path)
        finally:
            with self._changed:
                self._storing = ""
                self._changed.notify_all()

    def is_awaited(self, path: str) -> bool:
        """Whether somebody waits until `path` is stored."""
        return self._is_awaited or (self._closed and not self._is_large(path)) or afterwards().is_awaited

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

    def _is_large(self, path: str) -> bool:
        look = self._looks.get(path)
        return look is not None and look[1] >= LATE_BYTES

    def _key(self, path: str) -> str:
        return str(self._workspace.root / path)

    def size_bytes(self, path: str) -> int:
        """How long `path` was when it was opened."""
        look = self._looks.get(path)
        return look[1] if look else 0


class _Turn:
    """When the thread beside may go on with a file: while a processor is free, or somebody waits for it."""

    def __init__(self, inputs: Inputs, path: str) -> None:
        self._inputs, self._path = inputs, path
        self._processors = Processors()
        self._until_s = time.monotonic() + inputs.size_bytes(path) / PACE_BYTES_S
        self._hurries = False

    def take(self) -> bool:
        """Wait for it; whether to go on without further threads. Who hurries once goes on hurrying."""
        while not (self._hurries or self._inputs.is_awaited(self._path)):
            if time.monotonic() >= self._until_s or self._processors.has_room():
                return True
            self._processors.rest()
        self._hurries = True
        return False


_asked: queue.SimpleQueue[tuple[Inputs, str]] = queue.SimpleQueue()
_late: dict[str, Inputs] = {}
"""What is still to be stored of runs that have ended: absolute path → whose it is."""
_started = threading.Lock()


def begin(workspace: Workspace) -> Inputs:
    """Keep the inputs of a run from now on."""
    with _started:
        if not any(thread.name == _NAME for thread in threading.enumerate()):
            threading.Thread(target=_work, name=_NAME, daemon=True).start()
    return Inputs(workspace)


def is_put_off(workspace: Workspace, path: str) -> bool:
    """Whether a run that has ended is still to have `path` stored."""
    return str(workspace.root / path) in _late


_NAME: Final = "jupyter-mlx-inputs"


def _work() -> None:
    while True:
        inputs, path = _asked.get()
        inputs.keep_beside(path)
