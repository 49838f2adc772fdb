"""How two versions of a table differ: rows, columns, and for labels which became which.

Memory is bounded: rows are known by 64-bit hashes, and a table with more rows
than fit is compared in parts, each a share of the keys.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

from .tablefiles import Table, UncomparedError, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .tablefiles import Row


Values: TypeAlias = "tuple[str, ...]"

_KEYS = ("id", "path", "file", "filename", "file_name", "name", "key", "image", "uuid", "index")
"""Columns that may tell rows apart, the likeliest first; then the first column."""
_FEW_COLUMNS = 8
_FEW_VALUES = 100
_FEW_LABELS = 2
_LABEL_BITS = 16
"""Enough to number the values of so few labels: 101 x 101 pairs at the most."""
_LABEL_MASK = (1 << _LABEL_BITS) - 1
_SEEN = -(1 << 100)
_ROWS_IN_MEMORY = 1_000_000
_MOST_ROWS = 2_000_000
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
            if self.rows > _MOST_ROWS:
                raise UncomparedError(f"its rows are not compared: there are more than {_MOST_ROWS:,}")
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


class _NotUniqueError(Exception):
    """A column has one value twice, so that it tells no rows apart."""


class _Comparison:
    """Two tables, and what they have in common."""

    def __init__(self, before: Table, after: Table, rows_in_memory: int) -> None:
        self._before, self._after = _Profile(before), _Profile(after)
        self._common = [name for name in before.columns if name in set(after.columns)]
        self._parts = 1 + max(self._before.rows, self._after.rows) // rows_in_memory
        self._became: Counter[tuple[str, str, str]] = Counter()
        self._wanted: dict[int, None] = {}
        """Hashes of the keys of rows that are shown."""

    def result(self, examples: int) -> TableDiff:
        """All differences: by the first column that tells rows apart, if there is one."""
        by_name = {name.lower(): name for name in reversed(self._common)}
        likely = [by_name[name] for name in _KEYS if name in by_name] + self._common[:1]
        for key in dict.fromkeys(likely):
            self._became.clear()
            self._wanted.clear()
            try:
                counts = [self._keyed(part, key, examples) for part in range(self._parts)]
            except _NotUniqueError:
                continue
            return self._told(counts, key)
        return self._told([self._unkeyed(part) for part in range(self._parts)], None)

    def _told(self, counts: list[tuple[int, int, int]], key: str | None) -> TableDiff:
        added, removed, changed = (sum(column) for column in zip(*counts, strict=True))
        became = self._became.most_common() if key else ()
        return TableDiff(
            self._before.rows,
            self._after.rows,
            added,
            removed,
            changed,
            key,
            self._columns(),
            tuple(Relabelled(*names, count) for names, count in became),
            self._examples(key) if key and self._wanted else (),
        )

    def _columns(self) -> tuple[Column, ...]:
        before, after = self._before.types, self._after.types
        return tuple(
            Column(name, before.get(name), after.get(name))
            for name in dict.fromkeys([*before, *after])
            if before.get(name) != after.get(name)
        )

    def _labels(self, key: str) -> list[str]:
        """The columns of few values, where the table has few columns."""
        few = self._before.few & self._after.few - {key}
        found = [name for name in self._common if name in few]
        return found if len(self._common) <= _FEW_COLUMNS and len(found) <= _FEW_LABELS else []

    def _keyed(self, part: int, key: str, examples: int) -> tuple[int, int, int]:
        """Rows of one part that came, went and changed, by their keys."""
        labels = self._labels(key)
        known: list[Values] = []
        numbers: dict[Values, int] = {}
        before: dict[int, int] = {}
        for digest, whole, values in self._hashed(self._before.table, part, key, labels):
            number = numbers.setdefault(values, len(known))
            if number == len(known):
                known.append(values)
            if digest in before:
                raise _NotUniqueError
            before[digest] = (whole << _LABEL_BITS) + number  # one number takes less room than two
        added = changed = 0
        for digest, whole, values in self._hashed(self._after.table, part, key, labels):
            old = before.get(digest)
            before[digest] = _SEEN
            if old == _SEEN:
                raise _NotUniqueError
            if old is None:
                added += 1
            elif old >> _LABEL_BITS != whole:
                changed += 1
                for name, one, other in zip(labels, known[old & _LABEL_MASK], values, strict=True):
                    if one != other:
                        self._became[name, one, other] += 1
            else:
                continue
            if len(self._wanted) < examples:
                self._wanted[digest] = None
        gone = [digest for digest, old in before.items() if old != _SEEN]
        self._wanted.update(dict.fromkeys(gone[: examples - len(self._wanted)]))
        return added, len(gone), changed

    def _unkeyed(self, part: int) -> tuple[int, int, int]:
        count: Counter[int] = Counter()
        for _, whole, _ in self._hashed(self._before.table, part, None, []):
            count[whole] += 1
        for _, whole, _ in self._hashed(self._after.table, part, None, []):
            count[whole] -= 1
        return -sum(n for n in count.values() if n < 0), sum(n for n in count.values() if n > 0), 0

    def _hashed(
        self, table: Table, part: int, key: str | None, labels: list[str]
    ) -> Iterator[tuple[int, int, Values]]:
        """Of each row of this part: the hash of its key, of all common columns, and its labels."""
        places = {name: at for at, name in enumerate(table.columns)}
        common, labelled = (_getter([places[name] for name in names]) for names in (self._common, labels))
        at, parts = places[key] if key else -1, self._parts
        for row in table.rows():
            whole = hash(common(row))
            digest = hash(row[at]) if key else whole
            if parts == 1 or digest % parts == part:
                yield digest, whole, labelled(row)

    def _examples(self, key: str) -> tuple[ChangedRow, ...]:
        before, after = (self._rows(side.table, key) for side in (self._before, self._after))
        found = []
        for digest in self._wanted:
            old, new = before.get(digest), after.get(digest)
            named = (old or new or {}).get(key, "")
            if old and new:
                differ = [name for name in self._common if old[name] != new[name]]
                old, new = ({name: row[name] for name in differ} for row in (old, new))
            found.append(ChangedRow(named, old, new))
        return tuple(found)

    def _rows(self, table: Table, key: str) -> dict[int, dict[str, str]]:
        at = table.columns.index(key)
        return {
            hash(row[at]): dict(zip(table.columns, row, strict=True))
            for row in table.rows()
            if hash(row[at]) in self._wanted
        }


def _getter(places: list[int]) -> Callable[[Row], Values]:
    """What takes the cells at these places out of a row, as a tuple."""
    if not places:
        return lambda _: ()
    if len(places) == 1:
        return lambda row: (row[places[0]],)
    return itemgetter(*places)
