"""A query and an order as SQL, with every value as a parameter, and pages by keyset.

A page begins after the last row of the page before (its sort value and row
number), not at a count of rows: runs that arrive meanwhile shift nothing, and
the thousandth page costs what the first does.
"""

from __future__ import annotations

import base64
import re
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec

from .query import Both, Comparison, Either, Node, Not, QueryError, parse

TEXT_FIELDS = {
    "id": "id", "name": "name", "kind": "kind", "status": "status", "notebook": "notebook",
    "parent": "parent", "note": "note", "cell": "cell_id",
}  # fmt: skip
NUMBER_FIELDS = {"duration": "duration_s", "duration_s": "duration_s", "seq": "seq"}
TIME_FIELDS = {"started": "started_at", "started_at": "started_at"}
FILE_FIELDS = {"input": "input", "output": "output"}
SORT_FIELDS = TEXT_FIELDS | NUMBER_FIELDS | TIME_FIELDS
_AGO = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week|month|year)s?(?:\s+ago)?\s*")
_SECONDS = {
    "second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2629800, "year": 31557600,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runs, and in which order."""

    where: str
    values: tuple[object, ...]
    order: str
    """An SQL expression without parameters."""
    order_values: tuple[object, ...]
    descending: bool

    @classmethod
    def of(cls, query: str, sort: str) -> Selection:
        """Read a query and a sort key.

        Raises:
            QueryError: the query cannot be read.
        """
        node = parse(query)
        where, values = ("1", []) if node is None else _sql(node, query)
        descending = sort.startswith("-") or not sort
        key = sort.removeprefix("-") or "started"
        order, order_values = _order(key)
        return cls(f"trashed_at IS NULL AND {where}", tuple(values), order, order_values, descending)

    def page(self, columns: str, limit: int, cursor: str | None) -> tuple[str, tuple[object, ...]]:
        """The SQL of one page, and its values."""
        compare, direction = ("<", "DESC") if self.descending else (">", "ASC")
        after = "1"
        after_values: tuple[object, ...] = ()
        if cursor is not None:
            value, rowid = _decode(cursor)
            # rows without a sort value come last, whichever the direction
            if value is None:
                after, after_values = f"(k IS NULL AND rowid {compare} ?)", (rowid,)
            else:
                after = f"(k IS NULL OR k {compare} ? OR (k = ? AND rowid {compare} ?))"
                after_values = (value, value, rowid)
        sql = (
            f"SELECT * FROM (SELECT {columns}, {self.order} AS k FROM runs WHERE {self.where})"
            f" WHERE {after} ORDER BY k IS NULL, k {direction}, rowid {direction} LIMIT ?"
        )
        return sql, (*self.order_values, *self.values, *after_values, limit)

    def count(self) -> tuple[str, tuple[object, ...]]:
        """The SQL that counts the selection, and its values."""
        return f"SELECT count(*) FROM runs WHERE {self.where}", self.values

    @staticmethod
    def cursor(row: sqlite3.Row) -> str:
        """Where the page after this row begins."""
        return base64.urlsafe_b64encode(msgspec.json.encode([row["k"], row["rowid"]])).decode()


def _decode(cursor: str) -> tuple[Any, int]:
    try:
        value, rowid = msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=tuple[Any, int])
    except (ValueError, msgspec.MsgspecError) as error:
        raise QueryError(cursor, 0, "this is not a cursor of a page") from error
    return value, rowid


def _order(key: str) -> tuple[str, tuple[object, ...]]:
    if key in SORT_FIELDS:
        return SORT_FIELDS[key], ()
    kind, name = _split(key)
    one = "(SELECT number FROM vals WHERE run = runs.rowid AND kind = ? AND key = ?)"
    if kind:
        return one, (kind, name)
    # a metric wins over a param of the same name; two look-ups by the whole key, each of one row
    return f"coalesce({one}, {one})", ("m", name, "p", name)


def _split(name: str) -> tuple[str, str]:
    """The table's kind that a prefix names, and the name without it."""
    for prefix, kind in (("metrics.", "m"), ("params.", "p")):
        if name.startswith(prefix):
            return kind, name.removeprefix(prefix)
    return "", name


def _sql(node: Node, query: str) -> tuple[str, list[object]]:
    if isinstance(node, Comparison):
        return _comparison(node, query)
    if isinstance(node, Not):
        inner, values = _sql(node.part, query)
        return f"NOT coalesce({inner}, 0)", values
    parts = [_sql(part, query) for part in node.parts]
    word = " AND " if isinstance(node, Both) else " OR "
    assert isinstance(node, (Both, Either))
    return f"({word.join(sql for sql, _ in parts)})", [value for _, values in parts for value in values]


def _comparison(node: Comparison, query: str) -> tuple[str, list[object]]:
    if node.name in TEXT_FIELDS:
        return _compare(TEXT_FIELDS[node.name], node.operator, str(node.value))
    if node.name == "starred":
        return _compare("starred", node.operator, int(str(node.value).lower() in {"true", "yes", "1", "1.0"}))
    if node.name in NUMBER_FIELDS:
        return _compare(NUMBER_FIELDS[node.name], node.operator, _number(node, query))
    if node.name in TIME_FIELDS:
        return _compare(TIME_FIELDS[node.name], node.operator, _time(node, query))
    if node.name == "tag":
        return _member("SELECT run FROM tags WHERE", "tag", node, [])
    if node.name in FILE_FIELDS:
        column = "digest" if str(node.value).startswith("b3:") else "path"
        return _member("SELECT run FROM files WHERE role = ? AND", column, node, [FILE_FIELDS[node.name]])
    return _value(node)


def _compare(column: str, operator: str, value: object) -> tuple[str, list[object]]:
    if operator == "~":
        return f"instr(lower({column}), lower(?)) > 0", [str(value)]
    if operator == "!=":
        return f"{column} IS NOT ?", [value]
    return f"{column} {operator} ?", [value]


def _member(select: str, column: str, node: Comparison, before: list[object]) -> tuple[str, list[object]]:
    """Runs that have one row (a tag, a file) that fits; `!=` means that none of them is it."""
    wanted = "=" if node.operator == "!=" else node.operator
    inner, values = _compare(column, wanted, str(node.value))
    word = "NOT IN" if node.operator == "!=" else "IN"
    return f"rowid {word} ({select} {inner})", [*before, *values]


def _value(node: Comparison) -> tuple[str, list[object]]:
    """A metric or a param: by its number, or a param's text."""
    kind, name = _split(node.name)
    only = "AND kind = ?" if kind else ""
    first = [name, *([kind] if kind else [])]
    if isinstance(node.value, float):
        inner, values = _compare("number", "=" if node.operator == "!=" else node.operator, node.value)
    else:
        # the JSON of a text has quotes around it, of true and null it has not
        text = "(CASE WHEN json LIKE '\"%' THEN json_extract(json, '$') ELSE json END)"
        inner, values = _compare(text, "=" if node.operator == "!=" else node.operator, node.value)
    word = "NOT IN" if node.operator == "!=" else "IN"
    return f"rowid {word} (SELECT run FROM vals WHERE key = ? {only} AND {inner})", [*first, *values]


def _number(node: Comparison, query: str) -> float:
    try:
        return float(node.value)
    except ValueError as error:
        raise QueryError(query, node.at, f"{node.name!r} is compared with a number") from error


def _time(node: Comparison, query: str) -> float:
    """A moment as seconds since the epoch: `2 days ago`, `today`, `2026-11-21T10:00`; UTC unless it says else."""
    text = str(node.value)
    now = datetime.now(timezone.utc)
    if match := _AGO.fullmatch(text):
        return (now - timedelta(seconds=float(match[1]) * _SECONDS[match[2]])).timestamp()
    if text in {"today", "yesterday"}:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return (midnight - timedelta(days=text == "yesterday")).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        hint = f"{node.name!r} is compared with a time such as '2 days ago' or '2026-11-21'"
        raise QueryError(query, node.at, hint) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
