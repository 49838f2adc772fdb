"""What the data commands have in common: their options, and data told to people."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jupyter_mlx.data.checkout import Change
    from jupyter_mlx.data.diff import Diff
    from jupyter_mlx.data.version import Version

    from .face import Face

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


def say_diff(face: Face, path: str, difference: Diff) -> None:
    """Tell the files that differ, a line each, with git's letters."""

    def told(letter: str, inner: str, sizes: str) -> None:
        face.say(f"{letter} {path}/{inner}  {sizes}" if inner else f"{letter} {path}  {sizes}")

    say: Callable[[str, str, str], None] = told
    for change in difference.added:
        say("A", change.path, size(change.after_bytes or 0))
    for change in difference.removed:
        say("D", change.path, size(change.before_bytes or 0))
    for change in difference.modified:
        say("M", change.path, f"{size(change.before_bytes or 0)} -> {size(change.after_bytes or 0)}")
    for change in difference.renamed:
        say("R", f"{change.before_path} -> {change.path}", size(change.after_bytes or 0))
