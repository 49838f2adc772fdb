"""How far each stage is, in its run in the ledger: other processes and the panel read it there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from jupyter_mlx.errors import MlxError

from .executors.base import CellStarted, Printed

EVERY_S = 0.5
"""So often at most the progress of one stage is written: a writing of the ledger costs about a millisecond."""

Write: TypeAlias = Callable[[str, Mapping[str, Any]], None]


@dataclass
class Progress:
    """Writes where stages are, each at its own pace."""

    write: Write
    """Run id, and what to note of it."""
    _runs: dict[str, str] = field(default_factory=dict)
    _now: dict[str, dict[str, Any]] = field(default_factory=dict)
    _written: dict[str, float] = field(default_factory=dict)
    _unwritten: set[str] = field(default_factory=set)

    def begin(self, name: str, run: str) -> None:
        """Follow a stage, whose run is open."""
        self._runs[name], self._now[name] = run, {}

    def hear(self, message: CellStarted | Printed) -> None:
        """Take in a message of a stage."""
        if message.name not in self._runs:
            return
        now = self._now[message.name]
        if isinstance(message, CellStarted):
            now |= {"cell": message.cell, "cells": message.cells}
        else:
            now["line"] = message.line
        self._unwritten.add(message.name)
        self.flush()

    def end(self, name: str) -> None:
        """Forget a stage: what it came to is its run's own."""
        self._runs.pop(name, None)
        self._unwritten.discard(name)

    def flush(self) -> None:
        """Write what is due."""
        now = time.monotonic()
        for name in [n for n in self._unwritten if now >= self._due(n)]:
            self._unwritten.discard(name)
            self._written[name] = now
            # nobody's work stops because a progress bar could not be written
            with suppress(MlxError):
                self.write(self._runs[name], self._now[name])

    def next_s(self) -> float | None:
        """Seconds until `flush` has something to write; None where all is written."""
        now = time.monotonic()
        return min((max(0.0, self._due(name) - now) for name in self._unwritten), default=None)

    def _due(self, name: str) -> float:
        return self._written.get(name, -EVERY_S) + EVERY_S
