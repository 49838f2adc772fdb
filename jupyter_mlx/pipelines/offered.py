"""What papermill finds by the entry point `papermill.engine`: the engine, imported when it is used.

papermill loads every engine in the middle of its own import, so an engine that
imports papermill would be asked for before it is there.
"""

from __future__ import annotations

from typing import Any


class Offered:
    """Stands for `engine.MlxEngine`."""

    def __getattr__(self, name: str) -> Any:
        """Whatever papermill asks an engine for."""
        from .engine import MlxEngine

        return getattr(MlxEngine, name)


mlx = Offered()
