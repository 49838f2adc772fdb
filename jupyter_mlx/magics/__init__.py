"""IPython's side: `%%track` and the other magics, thin over the project."""

from __future__ import annotations

from typing import Any

_ATTRIBUTE = "jupyter_mlx_magics"


def load(shell: Any) -> None:
    """Register the magics with a shell; a second time changes nothing."""
    if tracker_of(shell) is not None:
        return
    from .lines import ProjectMagics
    from .track import Tracker

    tracker = Tracker(shell)
    tracker.connect()
    # the shell remembers us, so that a second %load_ext finds the first
    setattr(shell, _ATTRIBUTE, tracker)
    shell.register_magics(ProjectMagics(shell, tracker))


def tracker_of(shell: Any) -> Any:
    """The `Tracker` of a shell that has the magics; None of another."""
    return getattr(shell, _ATTRIBUTE, None)


def unload(shell: Any) -> None:
    """Stop tracking and forget the shell."""
    tracker = tracker_of(shell)
    if tracker is not None:
        tracker.disconnect()
        setattr(shell, _ATTRIBUTE, None)
