"""What a list of very many runs needs beside its pages: names, groups, ids, thumbnails, one change of many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from . import purging
from .rows import moment
from .selection import Selection
from .writing import rowid_of

if TYPE_CHECKING:
    from datetime import datetime

    from .database import Database
    from .edits import Edits

By: TypeAlias = Literal["notebook", "cell", "sweep", "tag"]

MOST_NAMES = 2000
"""So many names of each kind are told: what completes a word, and what fits a menu."""
NEWEST = 200
"""So many runs say which names matter now."""
MOST_GROUPS = 1000
POINT_DOUBLES = 3
"""A point of a series is step, value and seconds, 8 bytes each."""
# the name of a group is the one of its newest run: SQLite takes bare columns from the row of the maximum
_COUNTS = "count(*) AS count, sum(status = 'running') AS running, sum(status = 'failed') AS failed"
_GROUPS: dict[By, tuple[str, str, str]] = {
    "notebook": ("notebook", "notebook", "runs"),
    "cell": ("cell_id", "name", "runs"),
    "sweep": ("parent", "(SELECT p.name FROM runs AS p WHERE p.id = runs.parent)", "runs"),
    "tag": ("tag", "tag", "runs LEFT JOIN tags ON tags.run = runs.rowid"),
}
"""By what → the key, the name that people read, and the tables."""


@dataclass(frozen=True, slots=True)
class Names:
    """What can be written in a query."""

    params: tuple[str, ...]
    metrics: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one notebook, cell, sweep or tag."""

    key: str | None
    """None: those that have none."""
    name: str
    """Empty where the key is None."""
    notebook: str | None
    """Of its newest run."""
    latest: datetime
    count: int
    running: int
    failed: int


class Browsing:
    """Asks one ledger, and changes what people write on its runs, many at a time."""

    def __init__(self, database: Database, edits: Edits) -> None:
        self._db, self._edits = database, edits

    def names(self) -> Names:
        """What runs outside the trash have: params and metrics, those of most of the newest runs first, and tags."""
        found: dict[str, list[str]] = {"p": [], "m": []}
        for kind in found:
            rows = self._db.read(
                "SELECT key FROM names LEFT JOIN (SELECT name, count(*) AS often FROM named_values WHERE run IN ("
                " SELECT rowid FROM runs WHERE trashed_at IS NULL ORDER BY started_at DESC, rowid DESC LIMIT ?)"
                " GROUP BY name) AS used ON used.name = id WHERE kind = ? AND (often IS NOT NULL OR EXISTS ("
                " SELECT 1 FROM named_values AS v JOIN runs ON runs.rowid = v.run"
                " WHERE v.name = id AND runs.trashed_at IS NULL))"
                " ORDER BY ifnull(often, 0) DESC, key LIMIT ?",
                (NEWEST, kind, MOST_NAMES),
            )
            found[kind] = [row["key"] for row in rows]
        tags = self._db.read(
            "SELECT DISTINCT tag FROM tags JOIN runs ON runs.rowid = tags.run"
            " WHERE trashed_at IS NULL ORDER BY tag LIMIT ?",
            (MOST_NAMES,),
        )
        return Names(tuple(found["p"]), tuple(found["m"]), tuple(row["tag"] for row in tags))

    def groups(self, by: By, query: str = "", *, trash: bool = False) -> tuple[Group, ...]:
        """The groups that a selection falls into, the one of the newest run first; at most `MOST_GROUPS`.

        A run with several tags is in the group of each.

        Raises:
            QueryError: the query cannot be read.
        """
        key, name, tables = _GROUPS[by]
        with self._db.reading() as db:
            rows = Selection(db, query, trash=trash).rows
            found = db.execute(
                f"SELECT {key} AS key, {name} AS name, notebook, max(started_at) AS latest, {_COUNTS} FROM {tables}"
                f" WHERE runs.rowid {'NOT IN' if rows.but else 'IN'} (SELECT value FROM json_each(?))"
                " GROUP BY 1 ORDER BY latest DESC LIMIT ?",
                (msgspec.json.encode(list(rows.ids)).decode(), MOST_GROUPS),
            ).fetchall()
        return tuple(
            Group(
                row["key"],
                (row["name"] or row["key"]) if row["key"] is not None else "",
                row["notebook"],
                moment(row["latest"]),
                row["count"],
                row["running"],
                row["failed"],
            )
            for row in found
        )

    def ids(self, selection: Mapping[str, Any], sort: str, offset: int, limit: int) -> tuple[list[str], int]:
        """The ids of a part of a selection in its order, and how many there are in all.

        Args:
            selection: the arguments of `Selection`: `query`, `trash`, `roots`.
            sort: as of `Ledger.page`.
            offset: how many runs to pass over.
            limit: how many ids at most.

        Raises:
            QueryError: the query or the sort cannot be read.
        """
        with self._db.reading() as db:
            chosen = Selection(db, **selection)
            rows, _ = chosen.page(sort, limit, None, offset)
            found = db.execute(
                "SELECT runs.id FROM json_each(?) AS chosen JOIN runs ON runs.rowid = chosen.value ORDER BY chosen.key",
                (msgspec.json.encode(rows).decode(),),
            )
            return [row["id"] for row in found], chosen.total

    def children(self, ids: Sequence[str]) -> dict[str, int]:
        """How many children each of some runs has; those without are left out."""
        found = self._db.read(
            "SELECT parent, count(*) AS count FROM runs"
            " WHERE parent IN (SELECT value FROM json_each(?)) AND trashed_at IS NULL GROUP BY parent",
            (msgspec.json.encode(ids).decode(),),
        )
        return {row["parent"]: row["count"] for row in found}

    def sparks(self, ids: Sequence[str], metric: str, most: int = 40) -> dict[str, list[float]]:
        """The shape of one metric in each of some runs: about `most` of its values, from the first to the last."""
        parts: dict[str, list[memoryview[float]]] = {}
        for row in self._db.read(
            "SELECT runs.id, points FROM series JOIN runs ON runs.rowid = series.run"
            " WHERE runs.id IN (SELECT value FROM json_each(?))"
            " AND series.name = (SELECT id FROM names WHERE kind = 'm' AND key = ?) ORDER BY run, part",
            (msgspec.json.encode(ids).decode(), metric),
        ):
            # what is not drawn is not unpacked: a million points are a slice
            parts.setdefault(row["id"], []).append(memoryview(row["points"]).cast("d"))
        return {id_: _some(found, most) for id_, found in parts.items()}

    def change(
        self,
        ids: Sequence[str],
        *,
        add: Sequence[str] = (),
        drop: Sequence[str] = (),
        **changes: Any,
    ) -> int:
        """Change what people write on many runs, all of them or none; how many there were.

        Args:
            ids: whole ids.
            add: tags that each is to have.
            drop: tags that none is to have.
            changes: `starred`, `note`, `trashed_at` (None brings a run back from the trash).

        Raises:
            RunNotFoundError: there is no run with one of these ids.
            AccessError: it could not be written.
        """
        done: dict[str, dict[str, Any]] = {}
        with self._db.write() as db:
            for id_ in ids:
                run, own = rowid_of(db, id_), dict(changes)
                if add or drop:
                    tags = [row["tag"] for row in db.execute("SELECT tag FROM tags WHERE run = ?", (run,))]
                    own["tags"] = [tag for tag in dict.fromkeys([*tags, *add]) if tag not in drop]
                purging.change(db, run, own)
                done[id_] = own
            for id_, own in done.items():
                self._edits.add(id_, **own)
        return len(done)


def _some(parts: Sequence[memoryview[float]], most: int) -> list[float]:
    """Every so many-th value of a series in parts, and the last one."""
    count = sum(len(part) for part in parts) // POINT_DOUBLES
    stride, skip = max(1, math.ceil(count / most)), 0
    found: list[float] = []
    for part in parts:
        values = part[1::POINT_DOUBLES]
        found += values[skip::stride].tolist()
        skip = (skip - len(values)) % stride
    last = parts[-1][-2]
    return found if (count - 1) % stride == 0 else [*found, last]
