"""`%pipeline`: the stages as a table in the output, which changes while they run.

One display is updated, a few times a second at most: it needs no widgets, and
stands in the saved notebook as it was at the end.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from jupyter_mlx.ledger.wording import lasted
from jupyter_mlx.pipelines.events import (
    Event,
    StageCached,
    StageFailed,
    StageFinished,
    StageRetried,
    StageSkipped,
    StageStarted,
    StageWaits,
)
from jupyter_mlx.pipelines.executors.base import CellStarted, Printed
from jupyter_mlx.pipelines.pipeline import NO_STAGES
from jupyter_mlx.pipelines.telling import failure_lines

from .display import Table
from .telling import warn

if TYPE_CHECKING:
    from jupyter_mlx.project import Project

EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Row:
    """A stage in the table."""

    state: str
    at: str = ""
    """Which cell of how many."""
    took: str = ""
    said: str = ""
    """The last line that it printed, or why it is as it is."""


class LiveTable:
    """The table, as a display that is updated."""

    def __init__(self) -> None:
        from IPython.display import display

        self._rows: dict[str, Row] = {}
        self._since: dict[str, float] = {}
        self._shown_at = monotonic()
        self._later: threading.Timer | None = None
        show: Any = display
        self._handle: Any = show(self.table, display_id=True)

    def hear(self, event: Event) -> None:
        """Take in an event, and show it when it is time."""
        name, row = event.name, self._rows.get(event.name, Row(""))
        match event:
            case StageStarted(reason=reason):
                self._since[name] = monotonic()
                row = Row("… running", said=reason)
            case CellStarted(cell=cell, cells=cells):
                row = replace(row, at=f"cell {cell} of {cells}")
            case Printed(line=line):
                row = replace(row, said=line)
            case StageFinished(duration_s=seconds):
                row = replace(row, state="✓ ran", took=lasted(seconds))
            case StageFailed(error=error):
                row = replace(row, state="✗ failed", said=error.problem)
            case StageRetried(attempt=attempt, of=of):
                row = replace(row, state=f"↻ failed {attempt} of {of} times")
            case StageCached():
                row = Row("= known")
            case StageSkipped(reason=reason):
                row = Row("- skipped", said=reason)
            case StageWaits():
                row = Row("… another process is at it")
        self._rows[name] = row
        left_s = EVERY_S - (monotonic() - self._shown_at)
        if left_s <= 0:
            self.show()
        elif self._later is None:
            # a cell that takes long says nothing after it has begun
            self._later = threading.Timer(left_s, self.show)
            self._later.daemon = True
            self._later.start()

    def show(self) -> None:
        """Bring the display up to date."""
        later, self._later = self._later, None
        if later is not None:
            later.cancel()
        self._shown_at = monotonic()
        if self._handle is not None:
            self._handle.update(self.table)

    @property
    def table(self) -> Table:
        """The table as it is now."""
        rows = [
            (name, row.state, row.at, self._took(name, row), row.said)
            for name, row in list(self._rows.items())
        ]
        caption = "" if rows else NO_STAGES
        return Table(("stage", "", "", "took", ""), rows, caption)

    def _took(self, name: str, row: Row) -> str:
        running = row.state.startswith("…") and name in self._since
        return lasted(monotonic() - self._since[name]) if running else row.took


def run(project: Project, stages: Sequence[str]) -> None:
    """Run these stages with what they depend on; what failed is shown below the table, and fails the cell.

    Raises:
        KeyboardInterrupt: the cell was interrupted; a further run goes on from there.
        UsageError: a stage failed.
        MlxError: see `Runner.run`.
    """
    live = LiveTable()
    try:
        found = project.runner().run(stages, listener=live.hear)
    finally:
        live.show()
    for failure in found.failures:
        warn("\n".join([str(failure), *failure_lines(failure, colours=True)]))
    if found.failures:
        names = ", ".join(failure.name for failure in found.failures)
        raise UsageError(f"%pipeline: {names} failed; mend it and run this cell again, it goes on from there")
