"""A comparison of a query as SQL that selects the rows of runs, with every value as a parameter."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .query import Comparison, QueryError
from .rows import to_json

TEXT_FIELDS = {
    "id": "id", "name": "name", "kind": "kind", "status": "status", "notebook": "notebook",
    "parent": "parent", "note": "note", "cell": "cell_id",
}  # fmt: skip
ID_FIELDS = {"id", "parent"}
NUMBER_FIELDS = {"duration": "duration_s", "duration_s": "duration_s", "seq": "seq"}
TIME_FIELDS = {"started": "started_at", "started_at": "started_at"}
FILE_FIELDS = {"input", "output"}
SORT_FIELDS = TEXT_FIELDS | NUMBER_FIELDS | TIME_FIELDS | {"starred": "starred"}
SHORT = 100
"""Characters of JSON up to which texts are in an index."""
LONGEST = 1000
"""Characters of a text that is compared: SQLite refuses patterns that take too long."""
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|sec|second|min|minute|h|hour|d|day|week|month|year)s?\s*")
_SECONDS = {
    "ms": 0.001, "s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400,
    "day": 86400, "week": 604800, "month": 2629800, "year": 31557600,
}  # fmt: skip
DAY = timedelta(days=1)
TRUE, FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of runs, in a column `row`: those that a query selects, or all but those."""

    sql: str
    values: tuple[object, ...] = ()
    but: bool = False


def select(node: Comparison, query: str) -> Found:
    """What selects the runs that fit.

    Raises:
        QueryError: the value is none that the field can be compared with.
    """
    if len(node.text) > LONGEST:
        raise QueryError(query, node.value_at, f"a text of more than {LONGEST} characters can't be compared")
    try:
        node.text.encode()
    except UnicodeEncodeError:
        raise QueryError(query, node.value_at, "the value is no text that can be stored") from None
    if (
        node.name in TEXT_FIELDS
        or node.name in NUMBER_FIELDS
        or node.name in TIME_FIELDS
        or node.name == "starred"
    ):
        inner, values = _field(node, query)
        return Found(f"SELECT rowid AS row FROM runs WHERE {inner}", values)
    if node.name == "tag":
        return _member("SELECT run AS row FROM tags", "tag", node, ())
    if node.name in FILE_FIELDS:
        column = "digest" if node.text.startswith("b3:") else "path"
        return _member("SELECT run AS row FROM files WHERE role = ?", column, node, (node.name,))
    return _named(node)


def split(name: str) -> tuple[str, str]:
    """The kind that a prefix names, `m` or `p` or empty, and the name without it."""
    for prefix, kind in (("metrics.", "m"), ("metric.", "m"), ("params.", "p"), ("param.", "p")):
        if name.startswith(prefix):
            return kind, name.removeprefix(prefix)
    return "", name


def _field(node: Comparison, query: str) -> tuple[str, tuple[object, ...]]:
    if node.name in TEXT_FIELDS:
        column = TEXT_FIELDS[node.name]
        if node.operator == "null":
            return f"({column} IS NULL OR {column} = '')", ()
        if node.name in ID_FIELDS and node.operator == "=" and re.fullmatch("[0-9a-f]{4,15}", node.text):
            return f"substr({column}, 1, {len(node.text)}) = ?", (node.text,)  # as lists show it
        return _text(column, node)
    column = (NUMBER_FIELDS | TIME_FIELDS | {"starred": "starred"})[node.name]
    if node.operator == "null":
        return f"{column} IS NULL", ()
    if node.operator in {"~", "like"}:
        hint = f"{node.name!r} is no text; compare it with = != < <= > or >="
        raise QueryError(query, node.at, hint)
    if node.name == "starred":
        return f"starred {node.operator} ?", (_truth(node, query),)
    if node.name in NUMBER_FIELDS:
        return f"{column} {node.operator} ?", (_number(node, query),)
    low, high = _time(node, query)
    if node.operator == "=" and high > low:
        return f"{column} >= ? AND {column} < ?", (low, high)
    return f"{column} {node.operator} ?", (low,)


def _text(column: str, node: Comparison) -> tuple[str, tuple[object, ...]]:
    if node.operator == "~":
        # SQLite folds the case of ASCII alone, and faster than we can
        fold = "lower" if node.text.isascii() else "folded"
        return f"instr({fold}({column}), {fold}(?)) > 0", (node.text,)
    return f"{column} {node.operator} ?", (node.text,)


def _member(select: str, column: str, node: Comparison, before: tuple[object, ...]) -> Found:
    """Runs that have one row (a tag, a file) that fits."""
    if node.operator == "null":
        return Found(select, before, but=True)
    inner, values = _text(column, node)
    word = "AND" if before else "WHERE"
    return Found(f"{select} {word} {inner}", (*before, *values))


def _named(node: Comparison) -> Found:
    """A metric or a param: numbers compare as numbers, texts as texts."""
    kind, key = split(node.name)
    names = f"name IN (SELECT id FROM names WHERE key = ?{' AND kind = ?' if kind else ''})"
    first = (key, kind) if kind else (key,)
    if node.operator == "null":
        return Found(
            f"SELECT run AS row FROM named_values WHERE {names} AND json IS NOT 'null'", first, but=True
        )
    parts, values = [], []
    for inner, those in _alternatives(node):
        parts.append(f"SELECT run AS row FROM named_values WHERE {names} AND {inner}")
        values += [*first, *those]
    return Found(" UNION ALL ".join(parts), tuple(values))


# the JSON of a text has quotes around it, of all else it has not
_JSON_TEXT = "(CASE WHEN json LIKE '\"%' THEN json_extract(json, '$') ELSE json END)"


def _alternatives(node: Comparison) -> list[tuple[str, tuple[object, ...]]]:
    if node.operator in {"~", "like"}:
        return [_text(_JSON_TEXT, node)]
    found: list[tuple[str, tuple[object, ...]]] = []
    number = as_number(node.text)
    if number is not None:
        found.append((f"number {node.operator} ?", (number,)))
    if node.operator == "=":
        json = to_json(node.text)
        # the index values_by_text is of short texts
        length = f"length(json) {'<=' if len(json) <= SHORT else '>'} {SHORT}"
        found.append((f"number IS NULL AND {length} AND json IN (?, ?)", (json, node.text)))
        if node.text in {"true", "false"}:
            found.append(("number IN (0, 1) AND json = ?", (node.text,)))
    elif isinstance(node.value, str):
        text = f"number IS NULL AND json LIKE '\"%' AND {_JSON_TEXT} {node.operator} ?"
        found.append((text, (node.text,)))
    return found


def as_number(text: str) -> float | None:
    """The number that a text says; None for no number and for NaN, which is equal to nothing."""
    try:
        found = float(text)
    except ValueError:
        return None
    return None if math.isnan(found) or "_" in text or text != text.strip() else found


def _truth(node: Comparison, query: str) -> int:
    if node.text.lower() in TRUE | FALSE:
        return int(node.text.lower() in TRUE)
    raise QueryError(query, node.value_at, f"{node.name!r} is true or false")


def _number(node: Comparison, query: str) -> float:
    """A number; of a duration, also `5 min`, in seconds."""
    if match := _SPAN.fullmatch(node.text):
        return float(match[1]) * _SECONDS[match[2]]
    found = as_number(node.text)
    if found is None:
        raise QueryError(query, node.value_at, f"{node.name!r} is compared with a number")
    return found


def _time(node: Comparison, query: str) -> tuple[float, float]:
    """A moment as seconds since the epoch, of a day its begin and end; UTC unless it says else.

    `2 days ago`, `today`, `2026-11-21`, `2026-11-21T10:00`.
    """
    text = node.text.strip()
    now = datetime.now(timezone.utc)
    try:
        if match := _SPAN.fullmatch(text.removesuffix("ago")):
            moment = (now - timedelta(seconds=float(match[1]) * _SECONDS[match[2]])).timestamp()
            return moment, moment
        if text in {"today", "yesterday"}:
            day = now.replace(hour=0, minute=0, second=0, microsecond=0) - DAY * (text == "yesterday")
            return day.timestamp(), (day + DAY).timestamp()
        # Python 3.10 does not read the Z
        found = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
        found = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
        return found.timestamp(), (found + DAY if len(text) == len("2026-11-21") else found).timestamp()
    except (ValueError, OverflowError) as error:
        hint = f"{node.name!r} is compared with a time such as '2 days ago' or '2026-11-21'"
        raise QueryError(query, node.value_at, hint) from error
