"""Files that Python child processes open, by the same hook in each of them.

A child gets the hook by a folder that stands first in its PYTHONPATH, or, when
it is forked, with the memory of its parent. It appends what it touches to one
log. Missed: children with `-I`, `-E` or an environment of their own, and those
that are no Python.
"""

from __future__ import annotations

import itertools
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlx.store.files import TEMP_PREFIX

from . import audit
from .events import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .audit import Look
    from .places import Places

LOG_VARIABLE = "JUPYTER_MLX_LINEAGE"
"""Names, in a child process, the log."""
TOKEN_VARIABLE = "JUPYTER_MLX_LINEAGE_TOKEN"  # noqa: S105 (no secret)
"""Tells, in a child process, which run started it: a number that grows."""
ROOT_VARIABLE = "JUPYTER_MLX_LINEAGE_ROOT"
"""Names, in a child process, the project's folder."""
HOOK = str(Path(__file__).with_name("in_child"))
MAX_BYTES = 1 << 20
"""A log that is longer begins anew with the next run."""
_WORDS = 3

_tokens = itertools.count(1)


def set_for_children(environ: Mapping[str, str]) -> frozenset[str]:
    """Which variables of an environment are there for a run's children alone: of the user's there were none."""
    ours = frozenset({LOG_VARIABLE, TOKEN_VARIABLE, ROOT_VARIABLE})
    # as often as there are runs at once
    is_alone = set(environ.get("PYTHONPATH", "").split(os.pathsep)) == {HOOK}
    return ours | {"PYTHONPATH"} if is_alone else ours


@dataclass(frozen=True, slots=True)
class ChildTouch:
    """What a child process did to a file."""

    path: str
    what: int
    before: Look | None
    mine: bool
    """Whether the run started the process; one that was there before belongs to nobody."""


class ChildLog:
    """The log of this process's children, and the environment that leads them to it."""

    def __init__(self, folder: Path) -> None:
        """Make the log in `folder`. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        # named as every temporary file, and locked: it is swept when this process has ended, and not before
        self.path = folder / f"{TEMP_PREFIX}{os.urandom(16).hex()}"
        self._file = os.open(
            self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600
        )
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._listening: list[Listening] = []

    def listen(self, places: Places) -> Listening:
        """Have the children that are started from now on write to the log. Raises OSError."""
        size = self.size_bytes
        if size > MAX_BYTES and not self._listening:
            os.ftruncate(self._file, 0)
            size = 0
        found = Listening(self, places, next(_tokens), size)
        found.enter()
        self._listening.append(found)
        _logs[:] = [self]
        return found

    @property
    def size_bytes(self) -> int:
        """How long it is now."""
        return os.fstat(self._file).st_size

    @property
    def is_gone(self) -> bool:
        """Whether somebody removed it."""
        return os.fstat(self._file).st_nlink == 0

    def since(self, start: int) -> bytes:
        """What was written from there on."""
        size = self.size_bytes - start
        return os.pread(self._file, size, start) if size > 0 else b""

    def left(self, listening: Listening) -> None:
        """A run has ended."""
        self._listening = [other for other in self._listening if other is not listening]

    def writer(self) -> Writer | None:
        """What listens in a child that was forked just now; None where no run listens."""
        if not self._listening:
            return None
        newest = self._listening[-1]
        return Writer(newest.places, self.path, newest.token)

    def close(self) -> None:
        """Take the log away."""
        os.close(self._file)
        self.path.unlink(missing_ok=True)


class Listening:
    """One run that hears of its children."""

    def __init__(self, log: ChildLog, places: Places, token: int, start: int) -> None:
        self.log, self.places, self.token, self.start = log, places, token, start
        self._before: dict[str, str | None] = {}
        self._ours: dict[str, str] = {}

    def enter(self) -> None:
        """Set the environment of children."""
        old = os.environ.get("PYTHONPATH")
        self._ours = {
            LOG_VARIABLE: str(self.log.path),
            TOKEN_VARIABLE: str(self.token),
            ROOT_VARIABLE: self.places.root,
            "PYTHONPATH": os.pathsep.join([HOOK, *([old] if old else [])]),
        }
        for name, value in self._ours.items():
            self._before[name] = os.environ.get(name)
            os.environ[name] = value

    def leave(self) -> None:
        """Restore the environment, where nobody else has set it since."""
        self.log.left(self)
        for name, value in self._before.items():
            if os.environ.get(name) == self._ours[name]:
                _restore(name, value)

    def finish(self) -> list[ChildTouch]:
        """Restore the environment, and say what the children touched until now. Raises OSError."""
        self.leave()
        records = self.log.since(self.start).split(b"\0")
        # the last is what a child is just writing, or nothing
        return [touch for touch in map(self._parse, records[:-1]) if touch is not None]

    def _parse(self, data: bytes) -> ChildTouch | None:
        words = data.split(b" ", _WORDS)
        if len(words) <= _WORDS:
            return None
        try:
            token, what = int(words[0]), int(words[1])
            numbers = [int(number) for number in words[2].split(b",")] if words[2] != b"-" else None
        except ValueError:
            return None
        before = tuple(numbers) if numbers and len(numbers) == 5 else None
        return ChildTouch(os.fsdecode(words[_WORDS]), what, before, token >= self.token)  # type: ignore[arg-type]


def _restore(name: str, value: str | None) -> None:
    if value is None:
        del os.environ[name]
    else:
        os.environ[name] = value


class Writer:
    """Listens in a forked child, and writes to the log."""

    def __init__(self, places: Places, log: Path, token: int) -> None:
        self.places, self._log, self._token = places, log, token
        self.unsure: dict[str, int] = {}
        self._known: set[tuple[str, int]] = set()
        self._file = -1

    def knows(self, path: object, what: int) -> bool:
        """Whether it is in the log already."""
        return isinstance(path, str) and (path, what) in self._known

    def note(self, path: str, what: int) -> None:
        """A file is about to be touched."""
        if (path, what) in self._known:
            return
        self._known.add((path, what))
        if self._file < 0:
            with audit.quiet():
                self._file = os.open(self._log, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        os.write(self._file, record(self._token, path, what))


_logs: list[ChildLog] = []


def _in_child() -> None:
    """A child was forked: what listened in the parent is not its own."""
    writer = _logs[0].writer() if _logs and audit.listens() else None
    audit.listen_only(writer)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
