"""What the data commands have in common: their options, and data told to people."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jupyter_mlx.data.checkout import Change
    from jupyter_mlx.data.comparing import PathDiff
    from jupyter_mlx.data.diff import Diff
    from jupyter_mlx.data.tables import TableDiff
    from jupyter_mlx.data.version import Version

    from .face import Face

MOST_LABELS = 10
"""Pairs of labels that are shown; `--json` has all."""
LINKS = ("auto", "reflink", "hardlink", "symlink", "copy")
paths_argument = click.argument("paths", nargs=-1)
link_option = click.option(
    "--link", type=click.Choice(LINKS), default="auto", show_default=True, help="How large files are made."
)
force_option = click.option("--force", is_flag=True, help="Replace changed files too; they are stored first.")


def size(size_bytes: int) -> str:
    """A size for people."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def count(files: int) -> str:
    """How many files, for people."""
    return "1 file" if files == 1 else f"{files:,} files"


def as_json(version: Version) -> dict[str, Any]:
    """A version as `--json` has it."""
    return {**asdict(version), "digest": str(version.digest)}


def say_changes(face: Face, changes: Iterable[Change]) -> None:
    """Tell what a checkout did, a line for each path."""
    done = [change for change in changes if change]
    for change in done:
        removed = f", {count(change.removed)} removed" if change.removed else ""
        face.say(f"{change.path}: {count(change.written)} written ({size(change.size_bytes)}){removed}")
    if not done:
        face.say("the data is as its pointers say")


def as_payload(difference: PathDiff) -> dict[str, Any]:
    """A difference as `--json` has it."""
    tables = [{"path": path, **asdict(table)} for path, table in difference.tables.items()]
    left = difference.tables_left
    return {"path": difference.path, **asdict(difference.files), "tables": tables, "tables_left": left}


def say_diff(face: Face, difference: PathDiff, *, stat: bool = False) -> None:
    """Tell the files that differ, a line each, with git's letters; then how many there are."""
    path, files = difference.path, difference.files

    def told(letter: str, inner: str, sizes: str) -> None:
        face.say(f"{letter} {path}/{inner}  {sizes}" if inner else f"{letter} {path}  {sizes}")

    say: Callable[[str, str, str], None] = told
    for change in () if stat else files.added:
        say("A", change.path, size(change.after_bytes or 0))
    for change in () if stat else files.removed:
        say("D", change.path, size(change.before_bytes or 0))
    for change in () if stat else files.modified:
        say("M", change.path, f"{size(change.before_bytes or 0)} -> {size(change.after_bytes or 0)}")
        if change.path in difference.tables:
            _say_table(face, difference.tables[change.path])
    for change in () if stat else files.renamed:
        say("R", f"{change.before_path} -> {change.path}", size(change.after_bytes or 0))
    if difference.tables_left and not stat:
        face.say(f"  {difference.tables_left} more tables were not looked into; `--path` names one")
    face.say(f"{path}: {_summary(files)}")


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


def _say_table(face: Face, table: TableDiff) -> None:
    if table.problem:
        face.say(f"    {table.problem}")
        return
    rows = [
        f"{n:,} {what}"
        for n, what in ((table.added, "added"), (table.removed, "removed"), (table.changed, "changed"))
        if n
    ]
    by = f"by {table.key}" if table.key else "no column tells them apart"
    if rows:
        face.say(f"    rows: {', '.join(rows)} (of {table.rows_before:,}; {by})")
    for column in table.columns:
        if column.before is None:
            face.say(f"    column {column.name}: added ({column.after or 'empty'})")
        elif column.after is None:
            face.say(f"    column {column.name}: removed")
        else:
            face.say(f"    column {column.name}: {column.before or 'empty'} -> {column.after or 'empty'}")
    for name in dict.fromkeys(label.column for label in table.labels):
        became = [label for label in table.labels if label.column == name]
        total = sum(label.rows for label in became)
        shown = ", ".join(f"{label.before}->{label.after} {label.rows:,}" for label in became[:MOST_LABELS])
        more = ", ..." if len(became) > MOST_LABELS else ""
        face.say(f"    {name}: {total:,} labels changed: {shown}{more}")
    for row in table.rows:
        face.say(f"    {row.key}: {_values(row.before)} -> {_values(row.after)}")


def _values(values: dict[str, str] | None) -> str:
    if values is None:
        return "(no row)"
    return ", ".join(f"{name}={value}" for name, value in values.items())
