"""How two versions of a table differ: rows, columns, and for labels which became which.

Memory is bounded: rows are known by 64-bit hashes, and a table with more rows
than fit is compared in parts, each a share of the keys.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from .tablefiles import Table, UncomparedError, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


Values: TypeAlias = "tuple[str, ...]"
_Seen: TypeAlias = "dict[int, tuple[int, Values]]"

_KEYS = ("id", "path", "file", "filename", "file_name", "name", "key", "image", "uuid", "index")
"""Columns that may tell rows apart, the likeliest first; then the first column."""
_FEW_COLUMNS = 8
_FEW_VALUES = 100
_ROWS_IN_MEMORY = 250_000
_RANK = {"": 0, "integer": 1, "number": 2, "text": 3}


@dataclass(frozen=True, slots=True)
class Column:
    """A column that came, went, or holds another type."""

    name: str
    before: str | None
    """Its type; None where there was none."""
    after: str | None


@dataclass(frozen=True, slots=True)
class Relabelled:
    """How often one value of a column of few values became another."""

    column: str
    before: str
    after: str
    rows: int


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """One row that differs, for people."""

    key: str
    before: dict[str, str] | None
    """The values that differ, by column; of a row that went, all. None of one that came."""
    after: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class TableDiff:
    """What differs between two tables."""

    rows_before: int = 0
    rows_after: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    """Rows with the same key and other values; 0 where no column is a key."""
    key: str | None = None
    """The column that tells rows apart."""
    columns: tuple[Column, ...] = ()
    labels: tuple[Relabelled, ...] = ()
    """Where a table has few columns: which values became which, the most frequent first."""
    rows: tuple[ChangedRow, ...] = ()
    """Examples, as many as were asked for."""
    problem: str = ""
    """Why the rows were not compared."""


def compare(
    before: Callable[[], Table],
    after: Callable[[], Table],
    examples: int = 0,
    rows_in_memory: int = _ROWS_IN_MEMORY,
) -> TableDiff:
    """Compare two tables, with at most so many rows as examples; `problem` says why that can't be.

    `rows_in_memory` is how many are held at once; larger tables are read several times.
    """
    try:
        return _Comparison(before(), after(), rows_in_memory).result(examples)
    except UncomparedError as error:
        return TableDiff(problem=str(error))


class _Profile:
    """What one pass over a table tells: rows, types, and which columns have few values."""

    def __init__(self, table: Table) -> None:
        self.table, self.rows = table, 0
        self.types = dict(table.types)
        values: list[set[str] | None] = [set() for _ in table.columns]
        kinds = [""] * len(table.columns)
        for row in table.rows():
            self.rows += 1
            for at, text in enumerate(row):
                seen = values[at]
                if seen is not None and text not in seen:
                    seen.add(text)
                    if len(seen) > _FEW_VALUES:
                        values[at] = None
                if not table.types and kinds[at] != "text":
                    kinds[at] = max(kinds[at], type_of(text), key=_RANK.__getitem__)
        if not table.types:
            self.types = dict(zip(table.columns, kinds, strict=True))
        # of ten rows, each value stands there twice or more
        self.few = {
            name
            for name, seen in zip(table.columns, values, strict=True)
            if seen and 2 * len(seen) <= self.rows
        }


class _Comparison:
    """Two tables, and what they have in common."""

    def __init__(self, before: Table, after: Table, rows_in_memory: int) -> None:
        self._most = rows_in_memory
        self._before, self._after = _Profile(before), _Profile(after)
        self._common = [name for name in before.columns if name in set(after.columns)]
        self._key = self._find_key()
        few = self._before.few & self._after.few - {self._key}
        small = len(self._common) <= _FEW_COLUMNS and self._key is not None
        self._labels = [name for name in self._common if name in few] if small else []
        self._parts = 1 + max(self._before.rows, self._after.rows) // self._most

    def result(self, examples: int) -> TableDiff:
        """All differences."""
        added = removed = changed = 0
        became: Counter[tuple[str, str, str]] = Counter()
        wanted: dict[int, None] = {}
        for part in range(self._parts):
            keyed = self._keyed(part, became, wanted, examples) if self._key else self._unkeyed(part)
            added, removed, changed = added + keyed[0], removed + keyed[1], changed + keyed[2]
        return TableDiff(
            self._before.rows,
            self._after.rows,
            added,
            removed,
            changed,
            self._key,
            self._columns(),
            tuple(Relabelled(*names, count) for names, count in became.most_common()),
            self._examples(wanted) if wanted else (),
        )

    def _columns(self) -> tuple[Column, ...]:
        before, after = self._before.types, self._after.types
        return tuple(
            Column(name, before.get(name), after.get(name))
            for name in dict.fromkeys([*before, *after])
            if before.get(name) != after.get(name)
        )

    def _find_key(self) -> str | None:
        by_name = {name.lower(): name for name in reversed(self._common)}
        likely = [by_name[name] for name in _KEYS if name in by_name] + self._common[:1]
        for name in dict.fromkeys(likely):
            if self._is_unique(self._before.table, name) and self._is_unique(self._after.table, name):
                return name
        return None

    def _is_unique(self, table: Table, name: str) -> bool:
        at, parts = table.columns.index(name), 1 + self._rows_of(table) // (4 * self._most)
        for part in range(parts):
            seen: set[int] = set()
            for row in table.rows():
                digest = hash(row[at])
                if digest % parts == part:
                    if digest in seen:
                        return False
                    seen.add(digest)
        return True

    def _rows_of(self, table: Table) -> int:
        return self._before.rows if table is self._before.table else self._after.rows

    def _hashed(self, table: Table, part: int) -> Iterator[tuple[int, int, Values]]:
        """Of each row of this part: the hash of its key, of all common columns, and its labels."""
        places = {name: at for at, name in enumerate(table.columns)}
        common = [places[name] for name in self._common]
        labels = [places[name] for name in self._labels]
        key = places[self._key] if self._key else None
        for row in table.rows():
            whole = hash(tuple([row[at] for at in common]))
            digest = whole if key is None else hash(row[key])
            if digest % self._parts == part:
                yield digest, whole, tuple([row[at] for at in labels])

    def _keyed(
        self, part: int, became: Counter[tuple[str, str, str]], wanted: dict[int, None], examples: int
    ) -> tuple[int, int, int]:
        shared: dict[Values, Values] = {}  # the same few labels stand in many rows
        before: _Seen = {
            digest: (whole, shared.setdefault(labels, labels))
            for digest, whole, labels in self._hashed(self._before.table, part)
        }
        added = changed = 0
        for digest, whole, labels in self._hashed(self._after.table, part):
            old = before.pop(digest, None)
            if old is None:
                added += 1
            elif old[0] != whole:
                changed += 1
                for name, one, other in zip(self._labels, old[1], labels, strict=True):
                    if one != other:
                        became[name, one, other] += 1
            else:
                continue
            if len(wanted) < examples:
                wanted[digest] = None
        for digest in before:
            if len(wanted) >= examples:
                break
            wanted[digest] = None
        return added, len(before), changed

    def _unkeyed(self, part: int) -> tuple[int, int, int]:
        count: Counter[int] = Counter()
        for _, whole, _ in self._hashed(self._before.table, part):
            count[whole] += 1
        for _, whole, _ in self._hashed(self._after.table, part):
            count[whole] -= 1
        return -sum(n for n in count.values() if n < 0), sum(n for n in count.values() if n > 0), 0

    def _examples(self, wanted: dict[int, None]) -> tuple[ChangedRow, ...]:
        before, after = (self._rows(side.table, wanted) for side in (self._before, self._after))
        found = []
        for digest in wanted:
            old, new = before.get(digest), after.get(digest)
            key = (old or new or {}).get(self._key or "", "")
            if old and new:
                differ = [name for name in self._common if old[name] != new[name]]
                old, new = ({name: row[name] for name in differ} for row in (old, new))
            found.append(ChangedRow(key, old, new))
        return tuple(found)

    def _rows(self, table: Table, wanted: dict[int, None]) -> dict[int, dict[str, str]]:
        at = table.columns.index(self._key or "")
        return {
            hash(row[at]): dict(zip(table.columns, row, strict=True))
            for row in table.rows()
            if hash(row[at]) in wanted
        }
