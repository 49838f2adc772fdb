"""Files that were written since a moment, by looking at all of them.

It costs a `stat` a file, so it is the way out where nothing else tells.
"""

from __future__ import annotations

import os
import time

from .places import SKIPPED

SLACK_NS = 20_000_000
"""How far the clock that file systems stamp with may be behind: a tick, or two."""


def now_ns() -> int:
    """The moment, by the clock that file systems stamp with where it can be read."""
    coarse = getattr(time, "CLOCK_REALTIME_COARSE", None)
    return time.clock_gettime_ns(coarse) if coarse is not None else time.time_ns() - SLACK_NS


def written_since(root: str, moment_ns: int, limit_s: float) -> tuple[list[str], bool]:
    """The files below `root` whose ctime is that moment or later, and whether the time was enough for all."""
    found: list[str] = []
    waiting = [root]
    end = time.monotonic() + limit_s
    while waiting:
        if time.monotonic() > end:
            return found, False
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in SKIPPED:
                            waiting.append(entry.path)
                    elif entry.stat(follow_symlinks=False).st_ctime_ns >= moment_ns:
                        found.append(entry.path)
        except OSError:
            continue
    return found, True
