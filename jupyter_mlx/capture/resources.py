"""What a run used: processor seconds, memory, bytes read and written, and the GPU's, where there is one.

Peak memory is that of the run, not of the process's whole life: Linux counts it
anew when asked to. Source: proc(5), `/proc/pid/clear_refs`, value 5. The mean and the
series come from one sample a second, taken by one thread for the whole process.
"""

from __future__ import annotations

import os
import time
from typing import Any

from .process import this_process
from .sampling import Sample, Samples, follow, leave

LONG_S = 10.0
"""A run of so many seconds or more keeps the series of its use."""


class Meter:
    """Counts from one moment on."""

    def __init__(self) -> None:
        self._process = this_process(os.getpid())
        self._started_s = time.perf_counter()
        self._cpu_s, self._children_s = time.process_time(), _children_s()
        self._io = self._process.io_bytes()
        self._samples = Samples(self._sample)
        self._samples.add()
        self._counts_peak = follow(self._samples) and self._process.forget_peak()

    @classmethod
    def start(cls) -> Meter:
        """Begin now."""
        return cls()

    @property
    def elapsed_s(self) -> float:
        """Wall seconds since the start."""
        return time.perf_counter() - self._started_s

    def read(self) -> dict[str, Any]:
        """What was used since the start; the counting ends.

        `cpu_s` (with ended child processes, which are also alone in `children_cpu_s`),
        `peak_memory_bytes`, `mean_memory_bytes`, `read_bytes` and `written_bytes` (by read
        and write calls, cached or not), of GPUs `peak_gpu_memory_bytes` and
        `mean_gpu_percent`; of a long run `series`: `t` and one list for each of
        `cpu_percent`, `memory_bytes`, `gpu_percent`, `gpu_memory_bytes`.
        """
        elapsed_s = self.elapsed_s
        leave(self._samples)
        self._samples.add()
        children_s = _children_s() - self._children_s
        found: dict[str, Any] = {"cpu_s": time.process_time() - self._cpu_s + children_s}
        if children_s:
            found["children_cpu_s"] = children_s
        memory = [sample.memory_bytes for sample in self._samples.kept]
        found["peak_memory_bytes"] = max(*memory, self._process.peak_bytes() if self._counts_peak else 0)
        found["mean_memory_bytes"] = sum(memory) // len(memory)
        for name, before, after in zip(
            ("read_bytes", "written_bytes"), self._io, self._process.io_bytes(), strict=False
        ):
            found[name] = after - before
        found |= self._samples.gpu()
        if elapsed_s >= LONG_S:
            found["series"] = self._samples.series()
        return found

    def _sample(self) -> Sample:
        cpu_s = time.process_time() + _children_s()
        return Sample(self.elapsed_s, cpu_s, self._process.memory_bytes())


def _children_s() -> float:
    """Processor seconds of the child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system
