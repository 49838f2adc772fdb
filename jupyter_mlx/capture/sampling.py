"""One thread that looks once a second at what all running runs use.

It waits while nothing runs, so that a short cell does not pay for it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

EVERY_S = 1.0
IDLE_S = 60.0
"""After so long without a run the thread sleeps until the next one."""
MOST = 600
"""A series keeps so many samples at most; of a longer run every second, fourth, … one."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look."""

    t: float
    """Seconds since the run's start."""
    cpu_s: float
    """Processor seconds of the process so far."""
    memory_bytes: int
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None


class Samples:
    """The looks at one run."""

    def __init__(self, look: Callable[[], Sample]) -> None:
        self.kept: list[Sample] = []
        self._look = look
        self._stride, self._skipped = 1, 0

    def add(self, gpu: tuple[float, int] | None = None) -> None:
        """Look now."""
        self._skipped += 1
        if self.kept and self._skipped < self._stride and len(self.kept) > 1:
            return
        self._skipped = 0
        sample = self._look()
        if gpu is not None:
            sample = Sample(sample.t, sample.cpu_s, sample.memory_bytes, *gpu)
        self.kept.append(sample)
        if len(self.kept) > MOST:
            self.kept = self.kept[::2]
            self._stride *= 2

    def gpu(self) -> dict[str, Any]:
        """The most memory and the mean utilisation; empty without a GPU."""
        seen = [sample for sample in self.kept if sample.gpu_percent is not None]
        if not seen:
            return {}
        return {
            "peak_gpu_memory_bytes": max(sample.gpu_memory_bytes or 0 for sample in seen),
            "mean_gpu_percent": sum(sample.gpu_percent or 0 for sample in seen) / len(seen),
        }

    def series(self) -> dict[str, list[Any]]:
        """A list for each quantity, `t` in seconds; the processor's is of the time since the sample before."""
        pairs = list(zip(self.kept, self.kept[1:], strict=False))
        found: dict[str, list[Any]] = {
            "t": [round(sample.t, 3) for _, sample in pairs],
            "cpu_percent": [
                round(100 * (after.cpu_s - before.cpu_s) / max(after.t - before.t, 1e-9), 1)
                for before, after in pairs
            ],
            "memory_bytes": [sample.memory_bytes for _, sample in pairs],
        }
        if self.gpu():
            found["gpu_percent"] = [sample.gpu_percent for _, sample in pairs]
            found["gpu_memory_bytes"] = [sample.gpu_memory_bytes for _, sample in pairs]
        return found


class _Thread:
    """The thread of one process, and whom it looks at."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.followed: list[Samples] = []
        self._wake = threading.Event()
        self._begun = False

    def begin(self) -> None:
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._run, name="jupyter-mlx-samples", daemon=True).start()
        if not self._wake.is_set():
            self._wake.set()

    def _run(self) -> None:
        idle_s = 0.0
        while True:
            time.sleep(EVERY_S)
            for samples in tuple(self.followed):
                # a process may forbid to be looked at; the run goes on
                with suppress(Exception):
                    samples.add(_gpu())
            idle_s = 0.0 if self.followed else idle_s + EVERY_S
            if idle_s > IDLE_S:
                self._wake.clear()
                if not self.followed:
                    self._wake.wait()
                idle_s = 0.0


_thread = _Thread()


def follow(samples: Samples) -> bool:
    """Look at a run once a second; whether it is the only one."""
    global _thread  # noqa: PLW0603 (a forked process has no thread of its own)
    if _thread.pid != os.getpid():
        _thread = _Thread()
    _thread.followed.append(samples)
    _thread.begin()
    return len(_thread.followed) == 1


def leave(samples: Samples) -> None:
    """Look at a run no more."""
    if samples in _thread.followed:
        _thread.followed.remove(samples)


def _gpu() -> tuple[float, int] | None:
    """The mean utilisation in percent and the bytes used, of all GPUs; None without any."""
    found = gpus()
    if not found:
        return None
    nvml, handles = found
    used = [nvml.nvmlDeviceGetMemoryInfo(handle).used for handle in handles]
    busy = [nvml.nvmlDeviceGetUtilizationRates(handle).gpu for handle in handles]
    return sum(busy) / len(busy), int(sum(used))


@cache
def gpus() -> tuple[Any, list[Any]] | None:
    """NVIDIA's library, by nvidia-ml-py, and its devices; None where there is none."""
    with suppress(Exception):
        import pynvml  # type: ignore[import-not-found,unused-ignore]  # the extra `gpu`

        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(at) for at in range(pynvml.nvmlDeviceGetCount())]
        if handles:
            return pynvml, handles
    return None
