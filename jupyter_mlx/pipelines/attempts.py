"""How often a stage was tried, and when it is tried again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .stage import Stage


@dataclass
class Attempts:
    """The failures of one command's stages."""

    _made: dict[str, int] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    """Stage → the moment, on the monotonic clock, before which it is not tried again."""

    def again(self, stage: Stage) -> bool:
        """Count a failure; whether the stage is to be tried once more."""
        self._made[stage.name] = self.made(stage) + 1
        if self.made(stage) > stage.retries:
            return False
        self._due[stage.name] = time.monotonic() + stage.retry_delay_s
        return True

    def made(self, stage: Stage) -> int:
        """How often it failed so far."""
        return self._made.get(stage.name, 0)

    def rests(self, stage: Stage) -> bool:
        """Whether its delay is not over yet."""
        return self._due.get(stage.name, 0.0) > time.monotonic()

    def next_s(self) -> float | None:
        """Seconds until the next delay is over; None where none runs."""
        left = [due - time.monotonic() for due in self._due.values()]
        return min((s for s in left if s > 0), default=None)
