"""What a run used: CPU seconds and peak memory of this process."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meter:
    """A moment from which the use is counted."""

    wall_s: float
    cpu_s: float

    @classmethod
    def start(cls) -> Meter:
        """Begin now."""
        return cls(time.perf_counter(), time.process_time())

    @property
    def elapsed_s(self) -> float:
        """Wall seconds since the start."""
        return time.perf_counter() - self.wall_s

    def read(self) -> dict[str, float]:
        """`cpu_s` since the start, and `peak_memory_bytes` of the process so far."""
        found = {"cpu_s": time.process_time() - self.cpu_s}
        if sys.platform != "win32":
            import resource

            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            # Linux counts kibibytes, macOS bytes. Source: getrusage(2) of each
            found["peak_memory_bytes"] = peak if sys.platform == "darwin" else peak * 1024
        return found
