"""How differences of data are put into words, alike in the terminal, the notebook and the report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .comparing import PathDiff
    from .diff import Diff
    from .tables import TableDiff

MOST_LABELS = 10
"""Pairs of labels that are told; `--json` has all."""


def size(size_bytes: int) -> str:
    """A size for people."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def as_payload(difference: PathDiff) -> dict[str, Any]:
    """A difference as `--json` has it."""
    tables = [{"path": path, **asdict(table)} for path, table in difference.tables.items()]
    left = difference.tables_left
    return {"path": difference.path, **asdict(difference.files), "tables": tables, "tables_left": left}


def told(difference: PathDiff, *, stat: bool = False) -> Iterator[str]:
    """The files that differ, a line each, with git's letters; then how many there are."""
    path, files = difference.path, difference.files
    if not stat:
        yield from _files(path, difference)
    if difference.tables_left and not stat:
        yield f"  {difference.tables_left} more tables were not looked into; `--path` names one"
    yield f"{path}: {_summary(files)}"


def _files(path: str, difference: PathDiff) -> Iterator[str]:
    def line(letter: str, inner: str, sizes: str) -> str:
        return f"{letter} {path}/{inner}  {sizes}" if inner else f"{letter} {path}  {sizes}"

    files = difference.files
    for change in files.added:
        yield line("A", change.path, size(change.after_bytes or 0))
    for change in files.removed:
        yield line("D", change.path, size(change.before_bytes or 0))
    for change in files.modified:
        yield line("M", change.path, f"{size(change.before_bytes or 0)} -> {size(change.after_bytes or 0)}")
        if change.path in difference.tables:
            yield from _table(difference.tables[change.path])
    for change in files.renamed:
        yield line("R", f"{change.before_path} -> {change.path}", size(change.after_bytes or 0))


def _summary(files: Diff) -> str:
    counts = [
        f"{len(found):,} {what}"
        for what, found in (
            ("added", files.added),
            ("removed", files.removed),
            ("modified", files.modified),
            ("renamed", files.renamed),
        )
        if found
    ]
    changes = (*files.added, *files.removed, *files.modified)
    grown = sum((change.after_bytes or 0) - (change.before_bytes or 0) for change in changes)
    return f"{', '.join(counts)} ({'-' if grown < 0 else '+'}{size(abs(grown))})"


def _table(table: TableDiff) -> Iterator[str]:
    if table.problem:
        yield f"    {table.problem}"
        return
    rows = [
        f"{n:,} {what}"
        for n, what in ((table.added, "added"), (table.removed, "removed"), (table.changed, "changed"))
        if n
    ]
    by = f"by {table.key}" if table.key else "no column tells them apart"
    if rows:
        yield f"    rows: {', '.join(rows)} (of {table.rows_before:,}; {by})"
    for column in table.columns:
        if column.before is None:
            yield f"    column {column.name}: added ({column.after or 'empty'})"
        elif column.after is None:
            yield f"    column {column.name}: removed"
        else:
            yield f"    column {column.name}: {column.before or 'empty'} -> {column.after or 'empty'}"
    for name in dict.fromkeys(label.column for label in table.labels):
        became = [label for label in table.labels if label.column == name]
        total = sum(label.rows for label in became)
        shown = ", ".join(f"{label.before}->{label.after} {label.rows:,}" for label in became[:MOST_LABELS])
        more = ", ..." if len(became) > MOST_LABELS else ""
        yield f"    {name}: {total:,} labels changed: {shown}{more}"
    for row in table.rows:
        yield f"    {row.key}: {_values(row.before)} -> {_values(row.after)}"


def _values(values: dict[str, str] | None) -> str:
    if values is None:
        return "(no row)"
    return ", ".join(f"{name}={value}" for name, value in values.items())
