"""Whose a file is that only the file system told of: of the stages that ran at the time, whose code names it best."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from .pipeline import overlap
from .stage import Stage


class Nearness(IntEnum):
    """How nearly code names a file."""

    NOT = 0
    LOOSELY = 1
    """By its base name: it may mean a file of that name elsewhere."""
    FOLDER = 2
    EXACTLY = 3


@dataclass(frozen=True, slots=True)
class Names:
    """The texts in the code of a stage that may be names of files."""

    folder: str
    """Where its code stands."""
    texts: frozenset[str]

    @classmethod
    def of(cls, stage: Stage, texts: Iterable[str]) -> Names:
        """Of a stage: `models/{seed}.pt` names the file of its own parameters."""
        found = set(texts)
        found |= {_filled(text, stage.params) for text in found if "{" in text}
        return cls(posixpath.dirname(stage.notebook), frozenset(found))

    def nearness(self, path: str) -> Nearness:
        """How nearly they name the file at `path`, relative to the project."""
        known = (path, posixpath.relpath(path, self.folder or "."))
        if not self.texts.isdisjoint(known):
            return Nearness.EXACTLY
        if not self.texts.isdisjoint({posixpath.dirname(each) for each in known} - {""}):
            return Nearness.FOLDER
        base = posixpath.basename(path)
        is_loose = base in self.texts or any(text.endswith(f"/{base}") for text in self.texts)
        return Nearness.LOOSELY if is_loose else Nearness.NOT


def _filled(text: str, params: Mapping[str, Any]) -> str:
    for name, value in params.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


@dataclass(frozen=True, slots=True)
class Beside:
    """A stage that ran at the same time as another."""

    name: str
    names: Names
    reads: tuple[str, ...]
    """What it is known to read: declared, seen when it last ran, or seen by now."""
    writes: tuple[str, ...]

    def owns(self, path: str, nearness: Nearness, role: str) -> bool:
        """Whether it has touched a file rather than the stage whose code names it as nearly as that."""
        if role == "input" and nearness >= Nearness.FOLDER:
            # many may read a file; one too many is less than one too few
            return nearness == Nearness.FOLDER and _any_overlap(path, self.writes)
        if nearness == Nearness.EXACTLY:
            return _any_overlap(path, self.writes)
        return _any_overlap(path, (*self.reads, *self.writes)) or self.names.nearness(path) > nearness

    def may_own(self, path: str, nearness: Nearness, role: str) -> bool:
        """Whether nothing says which of the two it was."""
        if role == "input" and nearness >= Nearness.FOLDER:
            return False
        return self.names.nearness(path) == nearness


def is_own(
    path: str, role: str, names: Names, beside: Iterable[Beside], unsure: Callable[[str, str], None]
) -> bool:
    """Whether a file that only the file system told of is that of the stage with these names.

    `unsure` is told a path, and the other stage, where nothing says whose it is.
    """
    nearness = names.nearness(path)
    if nearness == Nearness.NOT:
        return False
    others = tuple(beside)
    if any(other.owns(path, nearness, role) for other in others):
        return False
    rival = next((other.name for other in others if other.may_own(path, nearness, role)), "")
    if rival:
        unsure(path, rival)
    return not rival


def _any_overlap(path: str, others: Iterable[str]) -> bool:
    return any(overlap(path, other) for other in others)
