"""The ledger: the runs of a project, written by many processes at once and read in pages."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from jupyter_mlx.errors import AccessError

from . import purging, rows
from .browsing import Browsing
from .database import Database
from .edits import Edits
from .makers import Makers
from .needs import Needs
from .owner import Owner
from .places import Places
from .run import FileVersion, Run, Series, utc_now
from .selection import Selection
from .series import unpack
from .steps import Steps
from .writing import (
    AmbiguousRunError,
    RunNotFoundError,
    insert_run,
    put_detail,
    put_files,
    put_known,
    put_parts,
    put_values,
    rowid_of,
    touch,
)

__all__ = ["AmbiguousRunError", "Changes", "Ledger", "Page", "RunNotFoundError"]

LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs of a selection, in its order."""

    runs: tuple[Run, ...]
    """Without detail (source, outputs, files, …): `Ledger.get` has it."""
    next: str | None
    """The cursor of the page after; None at the end."""
    total: int
    seq: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to the ledger after some change number."""

    runs: tuple[Run, ...]
    removed: tuple[str, ...]
    seq: int


class Ledger:
    """The runs of one project. Every method may be called from any thread and process."""

    def __init__(self, path: Path) -> None:
        self._db = Database(path)
        self._steps = Steps(path.parent / "steps", self._db)
        self._edits = Edits(path.parent / "edits.jsonl")
        self.path = path

    def close(self) -> None:
        """Close the connections; a later call opens them again."""
        self._db.close()

    def checkpoint(self) -> None:
        """Bring what the write-ahead log holds into the file itself."""
        self._db.checkpoint()

    # -- writing ---------------------------------------------------------------------------

    def open(self, run: Run) -> None:
        """Enter a run that begins now; this process is its owner."""
        self.insert(run, process=Owner.here().encode())

    def reopen(self, id_: str) -> None:
        """Have a run that ended go on; this process is its owner."""
        with self._db.write() as db:
            run = rowid_of(db, id_)
            owner = Owner.here().encode()
            db.execute("UPDATE runs SET status = 'running', process = ? WHERE rowid = ?", (owner, run))
            touch(db, run)

    def insert(self, run: Run, *, process: str | None = None, record: str | None = None) -> bool:
        """Enter a run as it is; False, and nothing done, where its id is there already."""
        with self._db.write() as db:
            return insert_run(db, run, process, record) is not None

    def insert_series(self, id_: str, series: Series) -> None:
        """Enter the steps of a run's metrics as they are."""
        with self._db.write() as db:
            purging.enter_series(db, rowid_of(db, id_), series)

    def log(self, id_: str, metrics: Mapping[str, float], step: int | None = None, t: float = 0.0) -> None:
        """Append a step to metrics, `t` seconds after the run's start; no step means the next one.

        It is on disk, as the system takes it, when this returns; who reads the ledger brings it in.

        Raises:
            AccessError: it could not be written.
        """
        self._steps.append(id_, metrics, step, t)

    def fold(self) -> bool:
        """Bring what processes logged since into the ledger; whether there was anything."""
        return self._steps.fold()

    def set_params(self, id_: str, params: Mapping[str, Any]) -> None:
        """Add params to a run, or replace them."""
        with self._db.write() as db:
            run = rowid_of(db, id_)
            put_values(db, run, params, {})
            touch(db, run)

    def note(self, id_: str, inputs: Iterable[FileVersion] = (), **fields: Any) -> None:
        """Note what is known of a running run, lest its process be killed; of one that is sealed, nothing changes."""
        with self._db.write() as db:
            put_known(db, id_, fields, list(inputs))

    def add_files(self, id_: str, role: str, files: Sequence[FileVersion]) -> None:
        """Add what a run read (`input`) or wrote (`output`)."""
        with self._db.write() as db:
            run = rowid_of(db, id_)
            put_files(db, run, role, files)
            touch(db, run)

    def finish(self, run: Run) -> Run:
        """Seal a run, and return it as it is then. See `seal`."""
        self.seal(run)
        return self.get(run.id)

    def seal(self, run: Run) -> None:
        """End a run: all but its params, metrics and tags, which are added to those there are."""
        self._steps.close(run.id)
        with self._db.write() as db:
            found = db.execute("SELECT rowid FROM runs WHERE id = ?", (run.id,)).fetchone()
            # the ledger was lost while the run went on: what is known of it begins the new one
            rowid = int(found[0]) if found else insert_run(db, run) or 0
            db.execute(
                "UPDATE runs SET name = ?, status = ?, duration_s = ? WHERE rowid = ?",
                (run.name, run.status, run.duration_s, rowid),
            )
            put_detail(db, rowid, run)
            put_parts(db, rowid, run)
            touch(db, rowid)

    def set_record(self, id_: str, digest: str) -> None:
        """Note the object that is the finished run; until then its process is known, see `Needs.unrecorded`."""
        with self._db.write() as db:
            db.execute("UPDATE runs SET record = ?, process = NULL WHERE id = ?", (digest, id_))

    def edit(
        self,
        ref: str,
        *,
        tags: Sequence[str] | None = None,
        note: str | None = None,
        starred: bool | None = None,
    ) -> Run:
        """Change what people write on a run; None leaves it."""
        changes = {"tags": tags if tags is None else list(tags), "note": note, "starred": starred}
        return self.get(
            self._change(ref, **{name: value for name, value in changes.items() if value is not None})
        )

    def _change(self, ref: str, **changes: Any) -> str:
        id_ = self.resolve(ref)
        self._edits.add(id_, **changes)
        with self._db.write() as db:
            purging.change(db, rowid_of(db, id_), changes)
        return id_

    def trash(self, ref: str) -> str:
        """Hide a run from every list; `untrash` brings it back. Returns its id."""
        return self._change(ref, trashed_at=utc_now().timestamp())

    def untrash(self, ref: str) -> str:
        """Show a run again that was put into the trash. Returns its id."""
        return self._change(ref, trashed_at=None)

    def trashed(self, before: float | None = None) -> tuple[str, ...]:
        """The runs that were put into the trash by then (seconds since the epoch), but for running ones."""
        found = self._db.read(
            "SELECT id FROM runs WHERE trashed_at IS NOT NULL AND (?1 IS NULL OR trashed_at <= ?1)"
            " AND status != 'running' ORDER BY trashed_at",
            (before,),
        )
        return tuple(row["id"] for row in found)

    def purge(self, ids: Sequence[str]) -> int:
        """Forget runs for good; how many bytes shorter the ledger's file is then."""
        return purging.purge(self._db, self._steps, self._edits, ids)

    def rebuild(self, records: Iterable[tuple[str, bytes]]) -> int:
        """Fill this ledger, which is empty, from records (digest and bytes) and edits; how many runs it has."""
        return purging.rebuild(self._db, self._steps, self._edits, records)

    def mark_interrupted(self) -> int:
        """Close the runs whose process on this machine has ended without closing them; how many."""
        return purging.interrupt(self._db)

    # -- reading ---------------------------------------------------------------------------

    def resolve(self, ref: str) -> str:
        """The id of the run whose id begins with `ref`; `last` is the newest one.

        Raises:
            RunNotFoundError: none does.
            AmbiguousRunError: several do.
        """
        if ref == "last":
            found = self._db.read(
                "SELECT id FROM runs WHERE trashed_at IS NULL ORDER BY started_at DESC, rowid DESC LIMIT 1"
            )
        else:
            # a range, not LIKE: `%` in what the user typed is then just a character
            found = self._db.read(
                "SELECT id FROM runs WHERE id >= ? AND id < ? ORDER BY id LIMIT 4", (ref, ref + "\U0010ffff")
            )
        ids = tuple(row["id"] for row in found)
        if not ref or not ids:
            raise RunNotFoundError(ref)
        if len(ids) > 1 and ref not in ids:
            raise AmbiguousRunError(ref, ids)
        return ref if ref in ids else str(ids[0])

    def get(self, ref: str) -> Run:
        """One run, whole. Raises as `resolve`."""
        self._catch_up()
        id_ = self.resolve(ref)
        row = self._db.read(
            f"SELECT {rows.LIGHT}, detail FROM runs JOIN details ON details.run = rowid WHERE id = ?", (id_,)
        )[0]
        run = self._with_values([row])[0]
        files = self._db.read("SELECT * FROM files WHERE run = ? ORDER BY role, path", (row["rowid"],))
        return rows.with_detail(run, row["detail"], files)

    def page(
        self,
        query: str = "",
        sort: str = "",
        limit: int = 100,
        cursor: str | None = None,
        *,
        offset: int = 0,
        trash: bool = False,
        roots: bool = False,
    ) -> Page:
        """Some runs of a selection, without their detail.

        Args:
            query: the query language of `query.parse`; empty selects all but the trash.
            sort: a field, param or metric; a leading `-` reverses; empty is newest first.
            limit: how many at most.
            cursor: `Page.next` of the page before.
            offset: how many runs to pass over.
            trash: select from the trash, and nothing else.
            roots: leave out the runs that stand under another one.

        Raises:
            QueryError: the query, sort or cursor cannot be read.
        """
        self._catch_up()
        with self._db.reading() as db:
            selection = Selection(db, query, trash=trash, roots=roots)
            chosen, after = selection.page(sort, limit, cursor, offset)
            marks = ",".join("?" * len(chosen))
            found = {
                row["rowid"]: row
                for row in db.execute(f"SELECT {rows.LIGHT} FROM runs WHERE rowid IN ({marks})", chosen)
            }
            runs = self._with_values([found[row] for row in chosen])
            return Page(runs, after, selection.total, self.seq())

    def changed_since(self, seq: int, most: int = -1) -> Changes:
        """The runs that changed after that change number, the trashed and purged as `removed`.

        Of the changes the first `most`, where that is not negative; `Changes.seq` says how far they reach.
        """
        self._catch_up()
        now = self.seq()
        changed = self._db.read(
            f"SELECT {rows.LIGHT}, trashed_at FROM runs WHERE seq > ? ORDER BY seq LIMIT ?", (seq, most)
        )
        if len(changed) == most:
            now = changed[-1]["seq"]
        gone = [row["id"] for row in changed if row["trashed_at"] is not None]
        gone += [
            row["id"] for row in self._db.read("SELECT id FROM purged WHERE seq > ? AND seq <= ?", (seq, now))
        ]
        return Changes(self._with_values([r for r in changed if r["trashed_at"] is None]), tuple(gone), now)

    def series(
        self, ref: str, metric: str | None = None, first: int = -LARGEST, last: int = LARGEST
    ) -> Series:
        """The steps of each metric, or of one, from `first` to `last`."""
        self._catch_up()
        found: Series = {}
        for row in self._db.read(
            "SELECT key, points FROM series JOIN names ON names.id = series.name"
            " WHERE run = (SELECT rowid FROM runs WHERE id = ?1) AND (?2 IS NULL OR key = ?2)"
            " AND most >= ?3 AND least <= ?4 ORDER BY key, part",
            (self.resolve(ref), metric, first, last),
        ):
            found.setdefault(row["key"], []).extend(unpack(row["points"]))
        for key, points in found.items():
            points.sort(key=itemgetter(0))  # several processes may have logged out of turn
            if points[0][0] < first or points[-1][0] > last:
                found[key] = [point for point in points if first <= point[0] <= last]
        return found

    def writers(self, path: str, digest: str | None = None) -> tuple[Run, ...]:
        """The runs that wrote a path (at that version, where one is given), newest first, without detail."""
        found = self._db.read(
            f"SELECT {rows.LIGHT} FROM runs WHERE rowid IN (SELECT run FROM files WHERE path = ?1 AND role = 'output'"
            " AND (?2 IS NULL OR digest = ?2)) AND trashed_at IS NULL ORDER BY started_at DESC",
            (path, digest),
        )
        return self._with_values(found)

    def keyed(self, key: str, at_least_s: float = 0.0) -> tuple[str, ...]:
        """The ids of the finished runs with this key that took at least so long, the newest first."""
        query = (
            "SELECT id FROM runs WHERE key = ? AND status = 'finished' AND trashed_at IS NULL AND duration_s >= ?"
            " ORDER BY started_at DESC LIMIT 20"
        )
        return tuple(row["id"] for row in self._db.read(query, (key, at_least_s)))

    def records(self) -> dict[str, str]:
        """Run id → digest of its record."""
        found = self._db.read("SELECT id, record FROM runs WHERE record IS NOT NULL")
        return {row["id"]: row["record"] for row in found}

    @property
    def browsing(self) -> Browsing:
        """What a list of very many runs needs beside its pages."""
        return Browsing(self._db, self._edits)

    @property
    def makers(self) -> Makers:
        """Which runs wrote what."""
        return Makers(self._db)

    @property
    def places(self) -> Places:
        """Which runs the cells of notebooks had."""
        self._catch_up()
        return Places(self._db, self._with_values)

    @property
    def needs(self) -> Needs:
        """What the runs refer to in the store."""
        return Needs(self._db)

    def seq(self) -> int:
        """How many changes there have been."""
        return int(self._db.read("SELECT seq FROM counter")[0][0])

    def data_version(self) -> int:
        """A number that differs once another connection has written."""
        return int(self._db.read("PRAGMA data_version")[0][0])

    def _catch_up(self) -> None:
        """Bring in what others logged, and close the runs of processes that died, where the disk lets us."""
        with suppress(AccessError):
            self.fold()
            self.mark_interrupted()

    def _with_values(self, found: Sequence[sqlite3.Row]) -> tuple[Run, ...]:
        if not found:
            return ()
        ids = [row["rowid"] for row in found]
        marks = ",".join("?" * len(ids))
        values = rows.grouped(
            self._db.read(
                "SELECT run, kind, key, number, json FROM named_values JOIN names ON names.id = name"
                f" WHERE run IN ({marks})",
                tuple(ids),
            )
        )
        tags = rows.grouped(self._db.read(f"SELECT * FROM tags WHERE run IN ({marks})", tuple(ids)))
        return tuple(
            rows.listed(row, values.get(row["rowid"], ()), tags.get(row["rowid"], ())) for row in found
        )
