"""Runs that metrics, params and tags are logged into, and which of them is the active one.

Child processes are told of it by their environment: those that are forked have it
anyway, those that are spawned find it there.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from .capture.metrics import number
from .capture.training import hook as training
from .errors import AccessError
from .ledger.given import as_number, as_step
from .ledger.rows import plain
from .ledger.run import FileVersion, How, Run, utc_now

if TYPE_CHECKING:
    from .capture.redact import Redactor
    from .data.workspace import Version
    from .ledger.ledger import Ledger

RUN_VARIABLE = "JUPYTER_MLX_RUN"
"""Names, in a child process, the run that it logs into."""
PROJECT_VARIABLE = "JUPYTER_MLX_PROJECT"
"""Names, in a child process, the folder of the project."""

_active: list[LoggedRun] = []
_begun: deque[tuple[LoggedRun, WeakSet[threading.Thread]]] = deque(maxlen=100)
"""Runs that were activated, the last one first, and the threads that were there before each."""
_owner: ContextVar[LoggedRun | None] = ContextVar("owner", default=None)
"""The run that was active where a task of asyncio was begun."""
_inherited: dict[str, str | None] = {}
"""What this process was told itself, while it tells its children something else."""


def activate(run: LoggedRun) -> None:
    """Make a run the one that `jupyter_mlx.log` and training loops write to, until `deactivate`."""
    training.follow(_training)
    _active.append(run)
    _begun.appendleft((run, WeakSet(threading.enumerate())))
    _owner.set(run)
    _tell_children()


def deactivate(run: LoggedRun) -> None:
    """End what `activate` began; the run that was active before is so again."""
    if run in _active:
        _active.remove(run)
        _owner.set(_active[-1] if _active else None)
        _tell_children()


def deactivate_lost() -> None:
    """End what `activate` began for runs that are not recorded."""
    for run in tuple(_active):
        if isinstance(run, LostRun):
            deactivate(run)


def _tell_children() -> None:
    run = _active[-1] if _active else None
    if run is None or isinstance(run, LostRun):
        found = dict(_inherited)
        _inherited.clear()
    else:
        if not _inherited:
            _inherited.update({name: os.environ.get(name) for name in (RUN_VARIABLE, PROJECT_VARIABLE)})
        found = {RUN_VARIABLE: run.id, PROJECT_VARIABLE: str(run.root)}
    for name, value in found.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _training() -> training.Log | None:
    run = active()
    return None if run is None else run.training()


def active() -> LoggedRun | None:
    """The run that the caller belongs to, None where there is none: the last one, or the one that has begun its thread.

    A thread or task that outlives its run still belongs to it, not to the cell that happens to run.
    """
    owner = _owner.get()
    if owner is not None:
        return owner
    thread = threading.current_thread()
    if thread is not threading.main_thread():
        for run, before in _begun:
            if thread not in before:
                return run
    return _active[-1] if _active else None


class LoggedRun:
    """A run that metrics, params and tags can be added to."""

    def __init__(self, root: Path, ledger: Ledger, redactor: Redactor, run: Run) -> None:
        self.root, self._ledger, self._redactor, self.run = root, ledger, redactor, run
        # seconds are counted by a clock that nobody sets
        self._began = time.monotonic() - max(0.0, (utc_now() - run.started_at).total_seconds())
        self._lost = 0
        self._trainings = 0
        self._by_hand: set[str] = set()
        self._names: dict[str, str] = {}

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Append one step to metrics; no `step` means one after the last.

        Where the disk does not take it, this is told once and the run says so; nothing is raised.

        Raises:
            NotANumberError: a value is no number.
            NotAStepError: `step` is no whole number.
        """
        numbers = {self._name(key): as_number(key, value) for key, value in metrics.items()}
        self._by_hand.update(numbers)
        self._log(numbers, as_step(step))

    def _name(self, key: object) -> str:
        """What a metric is called; a name is looked at for secrets once."""
        name = str(key)
        if name not in self._names:
            self._names[name] = self._redactor.text(name)
        return self._names[name]

    def training(self) -> training.Log:
        """What a training loop that begins now logs by; the second one of the run has names of its own."""
        self._trainings += 1
        prefix = "" if self._trainings == 1 else f"fit{self._trainings}."

        def log(metrics: Mapping[str, Any], step: int) -> None:
            found = {f"{prefix}{key}": number(value) for key, value in metrics.items()}
            # what the user's own code logs is not logged twice
            new = {
                key: float(value)
                for key, value in found.items()
                if value is not None and key not in self._by_hand
            }
            if new:
                self._log(new, int(step))

        return log

    def _log(self, numbers: Mapping[str, float], step: int | None) -> None:
        t = round(time.monotonic() - self._began, 6)
        try:
            self._ledger.log(self.id, numbers, step, t)
        except AccessError as error:
            # a full disk: the user's code goes on, and the run says what it lacks
            if not self._lost:
                warnings.warn(f"steps of run {self.id[:8]} are not recorded: {error}", stacklevel=3)
            self._lost += 1

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Add params, or replace them."""
        self._ledger.set_params(self.id, self._redactor.value(plain(dict(params))))

    def add_input(self, version: Version, how: How = "declared") -> None:
        """Note data that the run reads."""
        self._ledger.add_files(self.id, "input", [file_of(version, how)])

    def add_output(self, version: Version, how: How = "declared") -> None:
        """Note data that the run wrote."""
        self._ledger.add_files(self.id, "output", [file_of(version, how)])

    def wrote(self, path: str) -> bool:
        """Whether it has an output of that path so far."""
        return any(file.path == path for file in self._ledger.get(self.id).outputs)

    def tag(self, *tags: str) -> None:
        """Add tags."""
        known = self._ledger.get(self.id).tags
        self._ledger.edit(self.id, tags=[*known, *map(self._redactor.text, tags)])


class LostRun(LoggedRun):
    """Stands in for a run that the disk did not take: the user's code goes on, and what it logs is lost."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run = Run("", "", "block", "running", utc_now())

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """See `LoggedRun.log`: what is no number is told all the same."""
        for key, value in metrics.items():
            as_number(key, value)
        as_step(step)

    def training(self) -> training.Log:
        """See `LoggedRun.training`."""
        return lambda _metrics, _step: None

    def set_params(self, params: Mapping[str, Any]) -> None:
        """See `LoggedRun.set_params`."""

    def add_input(self, version: Version, how: How = "declared") -> None:
        """See `LoggedRun.add_input`."""

    def add_output(self, version: Version, how: How = "declared") -> None:
        """See `LoggedRun.add_output`."""

    def wrote(self, path: str) -> bool:
        """See `LoggedRun.wrote`."""
        del path
        return False

    def tag(self, *tags: str) -> None:
        """See `LoggedRun.tag`."""


def file_of(version: Version, how: How) -> FileVersion:
    """A version as runs name it."""
    return FileVersion(version.path, str(version.digest), version.size_bytes, how, version.kind)
