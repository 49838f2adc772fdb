"""Which runs the cells of a notebook had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import rows

if TYPE_CHECKING:
    import sqlite3

    from .database import Database
    from .run import Run

_OF_A_CELL = "notebook = ?1 AND cell_id IS NOT NULL AND kind = 'cell' AND trashed_at IS NULL"


@dataclass(frozen=True, slots=True)
class CellRuns:
    """The runs of one cell."""

    cell_id: str
    count: int
    last: Run
    """With its source, without the rest of its detail."""
    before: Run | None
    """The one before the last, without detail."""


@dataclass(frozen=True, slots=True)
class Places:
    """Asks one ledger. Runs in the trash are left out."""

    db: Database
    listed: Callable[[Sequence[sqlite3.Row]], tuple[Run, ...]]
    """Rows of `rows.LIGHT` as runs with their values."""

    def of(self, notebook: str) -> list[CellRuns]:
        """Each cell of a notebook that was recorded, in no order; the path is the project's."""
        found = self.db.read(
            f"SELECT {rows.LIGHT}, count, place, detail FROM"
            " (SELECT rowid AS run, COUNT(*) OVER (PARTITION BY cell_id) AS count, ROW_NUMBER() OVER"
            " (PARTITION BY cell_id ORDER BY started_at DESC, rowid DESC) AS place FROM runs"
            f" WHERE {_OF_A_CELL}) AS ranked JOIN runs ON runs.rowid = ranked.run"
            " LEFT JOIN details ON details.run = runs.rowid AND place = 1 WHERE place <= 2",
            (notebook,),
        )
        runs = self._runs(found)
        before = {row["cell_id"]: run for row, run in zip(found, runs, strict=True) if row["place"] == 2}
        return [
            CellRuns(row["cell_id"], row["count"], run, before.get(row["cell_id"]))
            for row, run in zip(found, runs, strict=True)
            if row["place"] == 1
        ]

    def history(self, notebook: str, cell_id: str, limit: int) -> tuple[Run, ...]:
        """The runs of one cell, the newest first, with their sources."""
        found = self.db.read(
            f"SELECT {rows.LIGHT}, detail FROM runs JOIN details ON details.run = rowid"
            f" WHERE {_OF_A_CELL} AND cell_id = ?2 ORDER BY started_at DESC, rowid DESC LIMIT ?3",
            (notebook, cell_id, limit),
        )
        return self._runs(found)

    def _runs(self, found: Sequence[sqlite3.Row]) -> tuple[Run, ...]:
        return tuple(
            run if row["detail"] is None else rows.with_detail(run, row["detail"], ())
            for row, run in zip(found, self.listed(found), strict=True)
        )
