"""The slice of a cell, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slice:
    """What a cell depends on."""

    cells: tuple[str, ...] = ()
    """The sources, in the order of execution."""
    notes: tuple[str, ...] = ()
    """What makes the notebook, as it stands now, another one than the slice."""


NO_SLICE = Slice()
