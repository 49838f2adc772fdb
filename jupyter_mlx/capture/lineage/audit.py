"""Files that Python code of this process opens, by an audit hook.

What it misses: files that native code opens without Python (pyarrow, polars,
h5py, …) and other processes. A hook cannot be removed, so there is one a
process, with a switch. Inside it is done only what can't be done later: the
path is made absolute, since the working folder may change, and the file is
looked at before it is overwritten.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from .events import GONE, MADE, READ, TOUCHES, UNSURE, UPDATED, absolute, look
from .looking import TOO_MANY, names
from .places import SKIPPED, Places

MINE = 32
"""A thread that this run may have started did it; without, one that was there before."""
CHANGES = MADE | UPDATED | GONE
LISTS = frozenset({"os.listdir", "os.scandir"})
"""The events of a folder's names being asked for; `glob` makes them, too."""
MOST_LISTED = 1000
"""Folders whose names are noted, of one run."""
_IMPORTING = ("<frozen importlib._bootstrap_external>", "importlib/metadata/__init__.py")
"""Code that lists folders for what it can import."""
LARGE_BYTES = 1 << 20
"""From this size on an input is told of as soon as it is opened."""

Look: TypeAlias = "tuple[int, int, int, int, int]"
"""Inode, size, mtime_ns, ctime_ns, number of names."""


class Keeper(Protocol):
    """Is told of inputs while they are what the run read."""

    def opened(self, path: str) -> None:
        """A large file of the project was opened for reading.

        Called in the middle of anything: it may only put the path into a queue.
        """

    def changing(self, path: str) -> None:
        """A file that the run read is about to be changed by it, and will be when this returns."""

    def replacing(self, path: str) -> None:
        """The same, of a large file that the run did not read: one before it may have."""


@dataclass(slots=True)
class Touch:
    """What was done to one path."""

    before: Look | None
    """What was there when it was first touched."""
    first: int
    bits: int

    @property
    def size_bytes(self) -> int:
        """Of what was there; 0 where nothing was."""
        return self.before[1] if self.before else 0


@dataclass(slots=True)
class Listener:
    """The files that were touched while it listened."""

    places: Places
    keeper: Keeper | None = None
    touched: dict[str, Touch] = field(default_factory=dict)
    """By absolute path, in the order of their first touch."""
    unsure: dict[str, int] = field(default_factory=dict)
    """Paths that may be relative to another folder than the working one."""
    strangers: frozenset[int] = frozenset()
    """Threads that were there before."""
    listed: dict[str, str] = field(default_factory=dict)
    """Folder → its names when they were first asked for; see `looking`."""

    def knows(self, path: object, what: int) -> bool:
        """Whether nothing new is said: most files are opened more than once, so this comes first and is quick."""
        known = self.touched.get(path) if isinstance(path, str) else None
        return known is not None and (what & ~UNSURE | MINE) & ~known.bits == 0

    def note(self, path: str, what: int) -> None:
        """A file is about to be touched."""
        if threading.get_ident() not in self.strangers:
            what |= MINE
        known = self.touched.get(path)
        if known is None:
            known = self.touched[path] = Touch(look(path), what, 0)
            if what & READ and not what & GONE and known.size_bytes >= LARGE_BYTES:
                self._tell(path, "opened")
        is_first = what & CHANGES and not known.bits & CHANGES
        if is_first and known.size_bytes and (known.bits & READ or what & (READ | UPDATED)):
            self._tell(path, "changing")
        elif is_first and known.size_bytes >= LARGE_BYTES:
            self._tell(path, "replacing")
        known.bits |= what

    def lists(self, folder: str) -> None:
        """A folder is about to be listed."""
        if folder in self.listed or threading.get_ident() in self.strangers:
            return
        inside = f"{folder}{os.sep}".startswith(self.places.root)
        if not SKIPPED.isdisjoint(Path(folder).parts) or not (inside or self.places.outside(folder)):
            return
        with quiet():
            if len(self.listed) < MOST_LISTED:
                self.listed[folder] = names(folder)
            else:
                self.listed[""] = TOO_MANY

    def _tell(self, path: str, event: Literal["opened", "changing", "replacing"]) -> None:
        inner = self.places.inside(path) if self.keeper else None
        if inner is not None:
            with quiet():
                getattr(self.keeper, event)(inner)


class Taker(Protocol):
    """Takes what the hook sees."""

    places: Places
    unsure: dict[str, int]

    def knows(self, path: object, what: int) -> bool:
        """Whether nothing new is said by this."""

    def note(self, path: str, what: int) -> None:
        """A file is about to be touched."""


class _Switch:
    """The hook's state: who listens, and which threads are our own."""

    def __init__(self) -> None:
        self.listeners: tuple[Taker, ...] = ()
        self.installed = False
        self.quiet = threading.local()


_switch = _Switch()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    listeners = _switch.listeners
    if not listeners:
        return
    decode = TOUCHES.get(event)
    if decode is None:
        if event in LISTS and not getattr(_switch.quiet, "on", False):
            _list(arguments[0], sys._getframe(1).f_code.co_filename)
        return
    if getattr(_switch.quiet, "on", False):
        return
    try:
        for given, what in decode(arguments):
            if len(listeners) == 1 and listeners[0].knows(given, what):
                continue
            path = absolute(given)
            for listener in listeners:
                if not listener.places.counts(path):
                    continue
                if what & UNSURE and given is not path and not os.path.isabs(given):  # noqa: PTH117
                    listener.unsure[os.path.normpath(os.fsdecode(given))] = what & ~UNSURE
                else:
                    listener.note(path, what & ~UNSURE)
    except Exception:  # noqa: S110 (it runs inside the user's own call, which must not fail by it)
        pass


def _list(given: Any, asked_by: str) -> None:
    """Note that a folder is listed, but for what can be imported."""
    if isinstance(given, int) or asked_by.endswith(_IMPORTING):
        return
    try:
        path = absolute("." if given is None else given).rstrip(os.sep)
        for listener in _switch.listeners:
            if isinstance(listener, Listener):
                listener.lists(path)
    except Exception:  # noqa: S110 (see `_hook`)
        pass


@contextmanager
def quiet() -> Iterator[None]:
    """While the block runs, this thread's own opening of files is not noted: it is ours, not the cell's."""
    before = getattr(_switch.quiet, "on", False)
    _switch.quiet.on = True
    try:
        yield
    finally:
        _switch.quiet.on = before


def listen(places: Places, keeper: Keeper | None = None) -> Listener:
    """Begin to note files; `stop` ends it. Threads that are there now, but for this one, are strangers."""
    if not _switch.installed:
        sys.addaudithook(_hook)
        _switch.installed = True
    others = {thread.ident or 0 for thread in threading.enumerate()} - {threading.get_ident()}
    listener = Listener(places, keeper, strangers=frozenset(others))
    _switch.listeners = (*_switch.listeners, listener)
    return listener


def stop(listener: Listener) -> None:
    """Note no more."""
    _switch.listeners = tuple(other for other in _switch.listeners if other is not listener)


def listens() -> bool:
    """Whether anything does in this process."""
    return bool(_switch.listeners)


def listen_only(listener: Taker | None) -> None:
    """In a child that was forked: what listened in the parent does no more, but for `listener`."""
    _switch.listeners = (listener,) if listener else ()
