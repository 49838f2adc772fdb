"""Tells the front ends that runs changed, through the server's own event socket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tornado.ioloop import IOLoop, PeriodicCallback

from jupyter_mlx.errors import MlxError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import Logger
    from pathlib import Path

    from jupyter_events.logger import EventLogger

    from .source import ProjectSource

SCHEMA_ID = "https://events.jupyter.org/jupyter_mlx/runs_changed/v1"
SCHEMA = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "Runs changed",
    "description": "Runs of the project were added, changed or removed, or the project itself came or went.",
    "personal-data": False,
    "type": "object",
    "required": ["seq", "runs"],
    "properties": {
        "seq": {"type": "integer", "description": "where the ledger stands; 0 where there is no project"},
        "runs": {
            "type": "array",
            "items": {"type": "string"},
            "description": "ids, never names or values; empty where too many changed to list: ask for all",
        },
    },
}
MOST_IDS = 100
GLANCE_MS = 20
"""So often the time of the ledger's log is read: what is written is told within as much."""
PERIOD_MS = 250
"""So often the ledger itself is asked, for what leaves the log as it is: steps of metrics, a network disk."""
START_S = 2.0
LOOKS_PER_ROUND = 20
"""Every so many looks, runs whose process has died are looked for."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one look at the ledger found new."""

    seq: int
    runs: tuple[str, ...] = ()

    @classmethod
    def of(cls, seq: int, ids: Sequence[str]) -> Change:
        """The change to `seq`, without its ids where they would make a large event."""
        return cls(seq, tuple(ids) if len(ids) <= MOST_IDS else ())


class LedgerWatch:
    """One look at the ledger at a time, always from one thread.

    `look` costs a few microseconds while nothing is written: SQLite's
    `data_version` tells one connection whether another one wrote.
    """

    def __init__(self, source: ProjectSource) -> None:
        self._source = source
        self._root: Path | None = None
        self._version = -1
        self._seq = 0
        self._first = True
        self._looks = 0
        self._log: Path | None = None
        self._stamp: tuple[int, int] | None = None

    def glance(self) -> bool:
        """Whether the ledger was written since the last glance; costs one `stat`, and may come from any thread."""
        if self._log is None:
            return False
        try:
            facts = self._log.stat()
        except OSError:
            return False
        stamp = facts.st_mtime_ns, facts.st_size
        before, self._stamp = self._stamp, stamp
        return before is not None and stamp != before

    def look(self) -> Change | None:
        """What changed since the last look; None for nothing, and on the first."""
        first, self._first = self._first, False
        try:
            project = self._source.project()
        except MlxError:
            return self._project_gone()
        ledger = project.ledger
        self._log = ledger.path.with_name(f"{ledger.path.name}-wal")
        if project.root != self._root:
            self._root, self._version, self._seq = project.root, ledger.data_version(), ledger.seq()
            return None if first else Change(self._seq)
        self._looks += 1
        # our own connection's writes leave its data_version as it is
        own = ledger.fold()
        if self._looks % LOOKS_PER_ROUND == 0:
            own = bool(ledger.mark_interrupted()) or own
        version = ledger.data_version()
        if version == self._version and not own:
            return None
        changes = ledger.changed_since(self._seq)
        self._version = version
        if changes.seq == self._seq:
            return None
        self._seq = changes.seq
        return Change.of(changes.seq, [run.id for run in changes.runs] + list(changes.removed))

    def _project_gone(self) -> Change | None:
        if self._root is None:
            return None
        self._root = self._log = None
        return Change(0)


class Announcer:
    """Looks at the ledger when its log is written, and four times a second anyway, and emits what it finds.

    It begins a moment after the server, so that a panel that was open while the
    server was restarted hears of changes again; or with the first request.
    """

    def __init__(self, source: ProjectSource, events: EventLogger, log: Logger) -> None:
        self._watch = LedgerWatch(source)
        self._events = events
        self._log = log
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="jupyter_mlx-watch")
        self._timer: PeriodicCallback | None = None
        self._glances = PeriodicCallback(self._glance, GLANCE_MS)
        self._failing = False
        events.register_event_schema(SCHEMA)

    def start_later(self, loop: IOLoop) -> None:
        """Begin once the server has come up."""
        loop.call_later(START_S, self.start)

    def start(self) -> None:
        """Begin, on the current loop; a second call does nothing."""
        if self._timer is None:
            self._timer = PeriodicCallback(self._tick, PERIOD_MS)
            self._timer.start()
            self._glances.start()
            # what comes after this moment is news, not what comes after the first period
            IOLoop.current().add_callback(self._tick)

    async def _glance(self) -> None:
        if self._watch.glance():
            await self._tick()

    async def _tick(self) -> None:
        try:
            change = await IOLoop.current().run_in_executor(self._thread, self._watch.look)
        except Exception:
            # a face's last resort: told once, since this comes round four times a second
            if not self._failing:
                self._log.exception("jupyter_mlx: the ledger could not be watched; trying on")
            self._failing = True
            return
        self._failing = False
        if change is not None:
            self._events.emit(schema_id=SCHEMA_ID, data={"seq": change.seq, "runs": list(change.runs)})
