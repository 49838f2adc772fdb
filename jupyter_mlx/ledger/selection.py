"""Which runs a query selects, and a page of them in an order.

Each comparison is asked of SQLite by itself, and the rows that fit are joined as
sets: a hundred thousand rows take a tenth of what correlated queries take. A
page begins after the last row of the page before (its sort value and row), not
at a count of rows: runs that arrive meanwhile shift nothing, and the thousandth
page costs what the first does. See decision 020.
"""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import msgspec

from .filters import SORT_FIELDS, select, split
from .query import Both, Comparison, Either, Node, Not, QueryError, parse

FEW = 0.05
"""Up to this part of all runs is sorted by itself; of more, the order is walked until the page is full."""
TEXT_CHARS = 200
"""Texts are sorted by their first characters."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of runs, or all but some."""

    ids: AbstractSet[int]
    but: bool = False

    def __and__(self, other: Rows) -> Rows:
        if self.but and other.but:
            return Rows(self.ids | other.ids, but=True)
        if self.but:
            return Rows(other.ids - self.ids)
        return Rows(self.ids - other.ids if other.but else self.ids & other.ids)

    def __invert__(self) -> Rows:
        return Rows(self.ids, not self.but)

    def __or__(self, other: Rows) -> Rows:
        return ~(~self & ~other)

    def __contains__(self, row: int) -> bool:
        return (row in self.ids) != self.but


@dataclass(frozen=True, slots=True)
class Place:
    """A run in an order: numbers, then texts, then runs without a value."""

    phase: int
    key: Any
    row: int

    def encode(self) -> str:
        """Where the page after this run begins."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode((self.phase, self.key, self.row))).decode()

    @classmethod
    def decode(cls, cursor: str) -> Place:
        """Read what `encode` wrote. Raises QueryError."""
        try:
            data = base64.urlsafe_b64decode(cursor)
            return cls(*msgspec.msgpack.decode(data, type=tuple[int, float | str | None, int]))
        except (ValueError, msgspec.MsgspecError) as error:
            raise QueryError(cursor, 0, "this is not a cursor of a page") from error


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of an order: rows with their keys, as SQL after `SELECT`."""

    what: str
    """Row and key."""
    source: str
    """A table with its condition."""
    few: str
    """The same, of the rows of `chosen` alone."""
    values: tuple[object, ...]
    row: str
    key: str | None


class Selection:
    """The runs of one query, as they are at this moment; `db` is in a transaction."""

    def __init__(
        self, db: sqlite3.Connection, query: str = "", *, trash: bool = False, roots: bool = False
    ) -> None:
        self._db, self._trash = db, trash
        node = parse(query)
        trashed = Rows(self._rows("SELECT rowid AS row FROM runs WHERE trashed_at IS NOT NULL"))
        self.rows = trashed if trash else ~trashed
        if node is not None:
            self.rows = self._chosen(node, query) & self.rows
        if roots:
            # a child whose parent is gone stands by itself
            self.rows &= ~Rows(
                self._rows(
                    "SELECT rowid AS row FROM runs AS child WHERE parent IS NOT NULL AND EXISTS"
                    " (SELECT 1 FROM runs WHERE id = child.parent AND trashed_at IS NULL)"
                )
            )
        self._all: int = db.execute("SELECT count(*) FROM runs").fetchone()[0]
        self.total = self._all - len(self.rows.ids) if self.rows.but else len(self.rows.ids)

    def page(
        self, sort: str, limit: int, cursor: str | None, offset: int = 0
    ) -> tuple[list[int], str | None]:
        """The rows of a page, and the cursor of the next one; `offset` rows are passed over first."""
        found: list[Place] = []
        after = None if cursor is None else Place.decode(cursor)
        descending = sort.startswith("-") or not sort
        for number, phase in enumerate(self._phases(sort.removeprefix("-") or "started")):
            if after is not None and number < after.phase:
                continue
            start = after if after is not None and number == after.phase else None
            if offset and not self.rows.ids:
                rows = self._db.execute(f"SELECT count(*) FROM {phase.source}", phase.values).fetchone()[0]
                if rows <= offset:
                    offset -= rows
                    continue
            for pairs in self._walk(phase, descending, start, limit + 1, offset):
                found += [Place(number, key, row) for row, key in pairs]
                if len(found) > limit:
                    return [each.row for each in found[:limit]], found[limit - 1].encode()
            offset = max(0, offset - self._passed)
        return [each.row for each in found], None

    def _chosen(self, node: Node, query: str) -> Rows:
        if isinstance(node, Comparison):
            found = select(node, query)
            return Rows(self._rows(found.sql, found.values), found.but)
        if isinstance(node, Not):
            return ~self._chosen(node.part, query)
        chosen = self._chosen(node.parts[0], query)
        for part in node.parts[1:]:
            if isinstance(node, Both):
                chosen &= self._chosen(part, query)
            else:
                assert isinstance(node, Either)
                chosen |= self._chosen(part, query)
        return chosen

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> set[int]:
        # one text of all of them is made and read in a third of the time that a Python object each takes
        text = self._db.execute(f"SELECT json_group_array(row) FROM ({sql})", values).fetchone()[0]
        return msgspec.json.decode(text, type=set[int])

    def _phases(self, key: str) -> Iterator[Phase]:
        if key in SORT_FIELDS:
            column = f"runs.{SORT_FIELDS[key]}"
            for has in ("IS NOT NULL", "IS NULL"):
                live = "NOT NULL" if self._trash else "NULL"
                where = f"WHERE {column} {has} AND trashed_at IS {live}"
                yield Phase(
                    f"runs.rowid, {column}", f"runs {where}",
                    f"json_each(?) AS chosen CROSS JOIN runs ON runs.rowid = chosen.value {where}", (),
                    "runs.rowid", column if has == "IS NOT NULL" else None,
                )  # fmt: skip
            return
        name = self._name(key)
        texts = f"substr(named_values.json, 1, {TEXT_CHARS})"
        for column, has in (("number", "number IS NOT NULL"), (texts, "number IS NULL")):
            yield Phase(
                f"run, {column}", f"named_values WHERE name = ? AND {has}",
                f"json_each(?) AS chosen CROSS JOIN named_values ON run = chosen.value AND name = ? WHERE {has}",
                (name,), "run", column,
            )  # fmt: skip
        without = "WHERE NOT EXISTS (SELECT 1 FROM named_values WHERE run = runs.rowid AND name = ?)"
        yield Phase(
            "runs.rowid, NULL", f"runs {without}",
            f"json_each(?) AS chosen CROSS JOIN runs ON runs.rowid = chosen.value {without}", (name,),
            "runs.rowid", None,
        )  # fmt: skip

    def _name(self, key: str) -> int:
        """The number of a name; of a metric and a param of one name, the metric's."""
        kind, name = split(key)
        found = self._db.execute(
            "SELECT id FROM names WHERE key = ? AND (? = '' OR kind = ?) ORDER BY kind", (name, kind, kind)
        ).fetchone()
        return -1 if found is None else int(found[0])

    def _walk(
        self, phase: Phase, descending: bool, after: Place | None, limit: int, skip: int
    ) -> Iterator[list[tuple[int, Any]]]:
        """The chosen rows of one phase with their keys, in its order, from a place on, but for the first `skip`."""
        chosen: tuple[object, ...] = ()
        self._passed = 0
        # all rows are selected: SQLite passes over the first ones itself
        jump = 0 if self.rows.ids else skip
        # of so many rows about a page is chosen
        source, batch = (
            phase.source,
            limit + int(1.3 * (limit + skip - jump) * self._all / max(1, self.total)),
        )
        if not self.rows.but and len(self.rows.ids) <= max(100, FEW * self._all):
            source, batch = phase.few, len(self.rows.ids) + 1
            chosen = (msgspec.json.encode(list(self.rows.ids)).decode(),)
        sign, direction = ("<", "DESC") if descending else (">", "ASC")
        order = f"{phase.key} {direction}, " if phase.key else ""
        while True:
            place: tuple[object, ...] = ()
            begin = ""
            if after is not None and phase.key:
                begin, place = f" AND ({phase.key}, {phase.row}) {sign} (?, ?)", (after.key, after.row)
            elif after is not None:
                begin, place = f" AND {phase.row} {sign} ?", (after.row,)
            cursor = self._db.cursor()
            cursor.row_factory = None
            found = cursor.execute(
                f"SELECT {phase.what} FROM {source}{begin} ORDER BY {order}{phase.row} {direction} LIMIT ? OFFSET ?",
                (*chosen, *phase.values, *place, batch, jump),
            ).fetchall()
            ids, but = self.rows.ids, self.rows.but
            pairs = [pair for pair in found if (pair[0] in ids) != but]
            yield pairs[max(0, skip - jump - self._passed) :]
            self._passed += len(pairs) + jump
            if len(found) < batch:
                return
            after = Place(0, found[-1][1], found[-1][0])
            batch, jump = min(batch * 4, 50_000), 0
