"""The rows of a run as they are written: each function is one step of a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jupyter_mlx.errors import ConflictError, NotFoundError

from . import rows
from .run import FileVersion, Run
from .series import PART_POINTS, POINT, Point, pack


class RunNotFoundError(NotFoundError):
    """The ledger has no such run."""

    code = "run-not-found"

    def __init__(self, ref: str) -> None:
        super().__init__(ref)
        self.ref = ref

    def __str__(self) -> str:
        return f"no run {self.ref!r}; `jmlx runs list` shows the ids"


class AmbiguousRunError(ConflictError):
    """The beginning of an id fits more than one run."""

    code = "run-ambiguous"

    def __init__(self, ref: str, ids: tuple[str, ...]) -> None:
        super().__init__(ref, ids)
        self.ref, self.ids = ref, ids

    def __str__(self) -> str:
        return f"{self.ref!r} begins the ids of several runs ({', '.join(self.ids)}); give more digits"


def next_seq(db: sqlite3.Connection) -> int:
    """Count one change more."""
    return int(db.execute("UPDATE counter SET seq = seq + 1 RETURNING seq").fetchone()[0])


def touch(db: sqlite3.Connection, run: int) -> None:
    """Note that a run changed now."""
    db.execute("UPDATE runs SET seq = ? WHERE rowid = ?", (next_seq(db), run))


def rowid_of(db: sqlite3.Connection, id_: str) -> int:
    """The row of a run. Raises RunNotFoundError."""
    row = find(db, id_)
    if row is None:
        raise RunNotFoundError(id_)
    return row


def find(db: sqlite3.Connection, id_: str) -> int | None:
    """The row of a run; None where there is none."""
    found = db.execute("SELECT rowid FROM runs WHERE id = ?", (id_,)).fetchone()
    return None if found is None else int(found[0])


def name_of(db: sqlite3.Connection, kind: str, key: str) -> int:
    """The number of a param's (`p`) or metric's (`m`) name."""
    found = db.execute("SELECT id FROM names WHERE kind = ? AND key = ?", (kind, key)).fetchone()
    if found is None:
        found = (db.execute("INSERT INTO names (kind, key) VALUES (?, ?)", (kind, key)).lastrowid,)
    return int(found[0])


def insert_run(
    db: sqlite3.Connection, run: Run, process: str | None = None, record: str | None = None
) -> int | None:
    """Enter a run as it is, without its series; its row, or None where its id is there already."""
    cursor = db.execute(
        "INSERT OR IGNORE INTO runs (id, name, kind, status, started_at, duration_s, notebook, cell_id,"
        " parent, starred, note, seq, process, record, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            run.id, rows.storable(run.name), run.kind, run.status, run.started_at.timestamp(), run.duration_s,
            run.notebook, run.cell_id, run.parent, run.starred, run.note, next_seq(db), process, record,
            run.key or None,
        ),
    )  # fmt: skip
    if not cursor.rowcount:
        return None
    rowid = int(cursor.lastrowid or 0)
    put_detail(db, rowid, run)
    put_parts(db, rowid, run)
    return rowid


def put_detail(db: sqlite3.Connection, run: int, whole: Run) -> None:
    """Write what is shown for one run."""
    db.execute("INSERT OR REPLACE INTO details VALUES (?, ?)", (run, rows.detail_of(whole)))


def put_known(
    db: sqlite3.Connection, id_: str, fields: Mapping[str, Any], inputs: Iterable[FileVersion] = ()
) -> None:
    """Write what is known by now of a running run; of one that does not run, nothing."""
    found = db.execute(
        "SELECT rowid, detail FROM runs JOIN details ON details.run = rowid WHERE id = ? AND status = 'running'",
        (id_,),
    ).fetchone()
    if found is not None:
        detail = rows.with_fields(found[1], fields)
        db.execute("UPDATE details SET detail = ? WHERE run = ?", (detail, found[0]))
        put_files(db, found[0], "input", inputs)
        touch(db, found[0])


def put_values(
    db: sqlite3.Connection, run: int, params: Mapping[str, Any], metrics: Mapping[str, float]
) -> None:
    """Write params and the last values of metrics over those there are."""
    named = [
        (run, name_of(db, kind, key), number, json)
        for kind, key, number, json in rows.values_of(params, metrics)
    ]
    _put(db, "INSERT OR REPLACE INTO named_values VALUES (?, ?, ?, ?)", named)


def put_tags(db: sqlite3.Connection, run: int, tags: Iterable[str]) -> None:
    """Add tags."""
    _put(db, "INSERT OR IGNORE INTO tags VALUES (?, ?)", [(run, tag) for tag in tags])


def put_parts(db: sqlite3.Connection, rowid: int, run: Run) -> None:
    """Write params, metrics, tags and files of a run, added to those there are."""
    put_values(db, rowid, run.params, run.metrics)
    put_tags(db, rowid, run.tags)
    put_files(db, rowid, "input", run.inputs)
    put_files(db, rowid, "output", run.outputs)


def put_files(db: sqlite3.Connection, run: int, role: str, files: Iterable[FileVersion]) -> None:
    """Write what a run read (`input`) or wrote (`output`)."""
    _put(
        db,
        "INSERT OR REPLACE INTO files (run, role, path, digest, size_bytes, how, kind, source, changed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                run, role, file.path, file.digest, file.size_bytes, file.how, file.kind, file.source, file.changed,
            )
            for file in files
        ],
    )  # fmt: skip


def _put(db: sqlite3.Connection, sql: str, found: Sequence[tuple[Any, ...]]) -> None:
    # mostly there is nothing, and a cell waits for it
    if found:
        db.executemany(sql, found)


def next_step(db: sqlite3.Connection, run: int, name: int) -> int:
    """The step after the greatest of a metric."""
    found = db.execute("SELECT max(most) FROM series WHERE run = ? AND name = ?", (run, name)).fetchone()[0]
    return 0 if found is None else int(found) + 1


def add_points(db: sqlite3.Connection, run: int, name: int, points: Sequence[Point]) -> None:
    """Append to the series of a metric: the last part is filled up, then new ones begin."""
    last = db.execute(
        "SELECT part, least, most, points FROM series WHERE run = ? AND name = ? ORDER BY part DESC LIMIT 1",
        (run, name),
    ).fetchone()
    part, least, most, data = last or (0, points[0][0], points[0][0], b"")
    start = 0
    while start < len(points):
        room = PART_POINTS - len(data) // POINT.size
        if room <= 0:
            part, data = part + 1, b""
            least = most = points[start][0]
            continue
        some = points[start : start + room]
        steps = [point[0] for point in some]
        least, most, data = min(least, *steps), max(most, *steps), data + pack(some)
        db.execute(
            "INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?, ?, ?)", (run, name, part, least, most, data)
        )
        start += len(some)
