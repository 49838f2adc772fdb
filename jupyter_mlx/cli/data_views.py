"""What the data commands have in common: their options, and data told to people."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from jupyter_mlx.data.wording import as_payload, size, told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mlx.data.checkout import Change
    from jupyter_mlx.data.comparing import PathDiff
    from jupyter_mlx.data.version import Version

    from .face import Face

__all__ = [
    "as_json",
    "as_payload",
    "count",
    "force_option",
    "link_option",
    "paths_argument",
    "say_changes",
    "say_diff",
    "size",
]

LINKS = ("auto", "reflink", "hardlink", "symlink", "copy")
paths_argument = click.argument("paths", nargs=-1)
link_option = click.option(
    "--link", type=click.Choice(LINKS), default="auto", show_default=True, help="How large files are made."
)
force_option = click.option("--force", is_flag=True, help="Replace changed files too; they are stored first.")


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


def say_diff(face: Face, difference: PathDiff, *, stat: bool = False) -> None:
    """Tell the files that differ, a line each, with git's letters; then how many there are."""
    for line in told(difference, stat=stat):
        face.say(line)
