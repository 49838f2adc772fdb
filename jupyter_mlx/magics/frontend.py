"""What a front end asks of a kernel by the user expressions of a silent request: nothing of it shows in a notebook."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .track import Tracker


@dataclass(frozen=True, slots=True)
class Standing:
    """How tracking stands in a kernel."""

    tracking: bool
    """Whether every cell is recorded, as `%track on` has it."""

    def _repr_json_(self) -> dict[str, Any]:
        return asdict(self)


def begin(shell: Any, *, track: bool | None = None) -> Standing:
    """Register the magics where they are not yet; with `track`, have every cell recorded, or no longer."""
    from . import load, tracker_of

    load(shell)
    tracker: Tracker = tracker_of(shell)
    if track is not None:
        tracker.every_cell = track
    return Standing(tracker.every_cell)
