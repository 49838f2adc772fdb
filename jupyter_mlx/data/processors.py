"""Whether a processor is free beside what this process does."""

from __future__ import annotations

import os
import time
from typing import Final

LOOK_S: Final = 0.02
"""Over shorter times than this the clock of the processors says little."""
ROOM: Final = 0.8
"""Of one processor: so much must be left by the others for this thread to be no burden to them."""


class Processors:
    """Asked by one thread that can wait, again and again. Children of the process are not seen."""

    def __init__(self) -> None:
        affinity = getattr(os, "sched_getaffinity", None)
        self._count = len(affinity(0)) if affinity else os.cpu_count() or 1
        self._has_room = False
        self._mark()

    def has_room(self) -> bool:
        """Whether the other threads left a processor free since this was last looked at."""
        wall_s = time.monotonic() - self._at_s
        if wall_s >= LOOK_S:
            others_s = time.process_time() - time.thread_time() - self._others_s
            self._has_room = self._count - others_s / wall_s >= ROOM
            self._mark()
        return self._has_room

    def rest(self) -> None:
        """Let the others work for as long as `has_room` needs to see them."""
        time.sleep(LOOK_S)

    def _mark(self) -> None:
        self._at_s = time.monotonic()
        self._others_s = time.process_time() - time.thread_time()
