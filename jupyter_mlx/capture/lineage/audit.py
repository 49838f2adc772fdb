"""Files that Python code of this process opens, by an audit hook.

What it misses: files that native code opens without Python (pyarrow, polars,
h5py, …) and other processes. Source: PEP 578, and the events' table at
https://docs.python.org/3/library/audit_events.html.

A hook cannot be removed, so there is one a process, with a switch. Inside it
the path is made absolute at once, since the working folder may change.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
SKIPPED = frozenset(
    {".mlx", ".git", ".ipynb_checkpoints", "__pycache__", ".venv", "node_modules", "site-packages"}
)
"""Folders whose files are never data of a run."""


@dataclass(slots=True)
class Touched:
    """The files that were opened while it listened, as absolute paths, in the order of their first opening."""

    root: str
    """Only files below it count; `/`-terminated."""
    read: dict[str, None] = field(default_factory=dict)
    written: dict[str, None] = field(default_factory=dict)

    def note(self, path: str, *, writes: bool) -> None:
        """A file was opened."""
        if not path.startswith(self.root):
            return
        if writes:
            self.written[path] = None
        elif path not in self.written:
            self.read[path] = None

    def paths(self, role: str) -> list[str]:
        """What was `read` or `written`, relative to the root, without what is no data; only what is there now."""
        found = self.read if role == "read" else self.written
        relative = [path[len(self.root) :] for path in found]
        return [path for path in relative if is_data(path) and Path(self.root, path).is_file()]


def is_data(path: str) -> bool:
    """Whether a path below the project can be data: nothing in git's, Jupyter's, our own or a package's folders."""
    parts = path.split("/")
    return SKIPPED.isdisjoint(parts) and not path.endswith((".mlx", ".pyc")) and parts[-1] != "mlx.lock"


class _Switch:
    """The hook's state: who listens, and which thread is our own."""

    def __init__(self) -> None:
        self.listeners: tuple[Touched, ...] = ()
        self.installed = False
        self.quiet = threading.local()


_switch = _Switch()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _switch.listeners or event not in _EVENTS or getattr(_switch.quiet, "on", False):
        return
    try:
        for path, writes in _EVENTS[event](arguments):
            absolute = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 (links are resolved after the cell)
            for listener in _switch.listeners:
                listener.note(absolute, writes=writes)
    except (TypeError, ValueError, OSError):
        # the hook runs inside the user's own call, which must not fail by it
        return


def _opened(arguments: tuple[Any, ...]) -> Iterator[tuple[Any, bool]]:
    path, mode, flags = arguments
    if not isinstance(path, int):
        yield (
            path,
            bool((flags or 0) & WRITING) or (isinstance(mode, str) and not set("wax+").isdisjoint(mode)),
        )


def _renamed(arguments: tuple[Any, ...]) -> Iterator[tuple[Any, bool]]:
    yield arguments[1], True


def _connected(arguments: tuple[Any, ...]) -> Iterator[tuple[Any, bool]]:
    if arguments[0] not in (":memory:", ""):
        yield arguments[0], False


_EVENTS = {"open": _opened, "os.rename": _renamed, "sqlite3.connect": _connected}


@contextmanager
def quiet() -> Iterator[None]:
    """While the block runs, this thread's own opening of files is not noted: it is ours, not the cell's."""
    before = getattr(_switch.quiet, "on", False)
    _switch.quiet.on = True
    try:
        yield
    finally:
        _switch.quiet.on = before


def listen(root: Path) -> Touched:
    """Begin to note the files below `root`; `stop` ends it."""
    if not _switch.installed:
        sys.addaudithook(_hook)
        _switch.installed = True
    touched = Touched(os.path.join(os.path.abspath(root), ""))  # noqa: PTH100, PTH118
    _switch.listeners = (*_switch.listeners, touched)
    return touched


def stop(touched: Touched) -> None:
    """Note no more."""
    _switch.listeners = tuple(listener for listener in _switch.listeners if listener is not touched)
