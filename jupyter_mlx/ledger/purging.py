"""What takes runs away for good, and what brings a lost ledger back: from records and edits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import record
from .owner import Owner
from .rows import with_problem
from .writing import add_points, find, insert_run, name_of, next_seq, put_tags, rowid_of, touch

if TYPE_CHECKING:
    from .database import Database
    from .edits import Edits
    from .run import Series
    from .steps import Steps


def change(db: sqlite3.Connection, run: int, changes: Mapping[str, Any]) -> None:
    """Apply what people write on a run: `tags`, `note`, `starred`, `trashed_at`; what is left out stays."""
    if "tags" in changes:
        db.execute("DELETE FROM tags WHERE run = ?", (run,))
        put_tags(db, run, changes["tags"])
    for name in ("note", "starred", "trashed_at"):
        if name in changes:
            db.execute(f"UPDATE runs SET {name} = ? WHERE rowid = ?", (changes[name], run))
    touch(db, run)


def enter_series(db: sqlite3.Connection, run: int, series: Series) -> None:
    """Enter the steps of a run's metrics as they are."""
    for key, points in series.items():
        if points:
            add_points(db, run, name_of(db, "m", key), points)


def forget(db: sqlite3.Connection, id_: str) -> None:
    """Take a run away, and remember that it was there."""
    db.execute("INSERT OR IGNORE INTO purged VALUES (?, ?)", (id_, next_seq(db)))
    db.execute("DELETE FROM runs WHERE id = ?", (id_,))


def purge(database: Database, steps: Steps, edits: Edits, ids: Sequence[str]) -> int:
    """Take runs away; how many bytes shorter the ledger's file is then."""
    database.checkpoint()
    before = database.path.stat().st_size
    for id_ in ids:
        edits.add(id_, purged=True)
        with database.write() as db:
            forget(db, id_)
        steps.forget(id_)
    database.compact()
    return max(0, before - database.path.stat().st_size)


def rebuild(database: Database, steps: Steps, edits: Edits, records: Iterable[tuple[str, bytes]]) -> int:
    """Fill an empty ledger from records, given as digest and bytes, and edits; how many runs it has then."""
    with database.write() as db:
        for digest, data in records:
            found = record.decode(data)
            row = None if found is None else insert_run(db, found[0], record=digest)
            if found is not None and row is not None:
                enter_series(db, row, found[1])
        for line in edits:
            _apply(db, line)
    # what is in a record is not folded again
    steps.pass_over()
    return int(database.read("SELECT count(*) FROM runs")[0][0])


def _apply(db: sqlite3.Connection, line: Mapping[str, Any]) -> None:
    id_ = str(line.get("run"))
    if line.get("purged"):
        forget(db, id_)
        return
    run = find(db, id_)
    if run is not None:
        change(db, run, line)


KILLED = (
    "its process ended in the middle: what it wrote, showed and used was not recorded, nor all that it read"
)


def interrupt(database: Database) -> int:
    """Close the runs whose process on this machine has ended without closing them; how many."""
    stale = [
        row["id"]
        for row in database.read(
            "SELECT id, process FROM runs WHERE status = 'running' AND process IS NOT NULL"
        )
        if Owner.decode(row["process"]).is_gone()
    ]
    if stale:
        with database.write() as db:
            for id_ in stale:
                run = rowid_of(db, id_)
                if db.execute(
                    "UPDATE runs SET status = 'interrupted' WHERE rowid = ? AND status = 'running'", (run,)
                ).rowcount:
                    (detail,) = db.execute("SELECT detail FROM details WHERE run = ?", (run,)).fetchone()
                    said = with_problem(detail, KILLED)
                    db.execute("UPDATE details SET detail = ? WHERE run = ?", (said, run))
                touch(db, run)
    return len(stale)
