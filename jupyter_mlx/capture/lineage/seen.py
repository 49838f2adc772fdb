"""What a run was seen to read and write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .audit import Look


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file that a run read or wrote."""

    path: str
    """Relative to the project, `/`-separated; absolute outside of it."""
    real: str
    """Where its bytes are, absolute, links resolved."""
    role: Literal["input", "output"]
    how: Literal["seen", "weak"]
    """`seen`: the run's own code did it. `weak`: somebody did it while the run ran."""
    source: str
    """What saw it, comma-separated."""
    inside: bool
    """Whether its bytes are the project's, so that they may be stored."""
    changed: bool = False
    """Of an input: whether it is another one now than when it was first touched, or may be."""
    gone: bool = False
    """Of an input: whether it is not there any more."""
    more: bool = False
    """Of an input: whether nothing of it was read, and it is one because something was written behind it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All files of a run."""

    files: tuple[SeenFile, ...] = ()
    incomplete: tuple[str, ...] = ()
    """Why some may be missing, each with the next step."""
    looked: Mapping[str, str] = field(default_factory=dict)
    """What was found out without reading; see `looking`."""
    removed: tuple[str, ...] = ()
    """Files that were there when the run began and that it removed, as it named them."""

    def role(self, role: Literal["input", "output"]) -> list[SeenFile]:
        """The inputs, or the outputs."""
        return [file for file in self.files if file.role == role]


def is_same(before: Look | None, after: Look | None) -> bool:
    """Whether a file is as it was; a further name of it (a hard link) changes nothing but its ctime."""
    if before is None or after is None:
        return before is after
    return before[:3] == after[:3] and (before[3] == after[3] or before[4] != after[4])
