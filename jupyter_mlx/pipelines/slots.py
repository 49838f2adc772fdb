"""What stages may use at a time: processors, memory, GPUs. Decided from numbers; the machine is read in one place."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jupyter_mlx.errors import UsageError

GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"


class Resources(Protocol):
    """What a stage asks for."""

    @property
    def cpus(self) -> float:
        """Processors."""

    @property
    def memory_bytes(self) -> int | None:
        """Memory that it needs; None where it does not say."""

    @property
    def gpus(self) -> int:
        """GPUs, each for itself alone."""


class TooLargeError(UsageError):
    """A stage asks for more than there is here."""

    code = "too-large"

    def __init__(self, stage: str, what: str, asked: str, there: str) -> None:
        super().__init__(stage, what, asked, there)
        self.stage, self.what, self.asked, self.there = stage, what, asked, there

    def __str__(self) -> str:
        return (
            f"stage {self.stage} asks for {self.asked} {self.what}, and there is {self.there} here; "
            "lower its `resources` in mlx.yaml, or run it on a larger machine"
        )


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is."""

    cpus: float
    memory_bytes: int
    gpus: tuple[str, ...] = ()
    """As CUDA names them: numbers, or `GPU-…`."""

    @classmethod
    def here(cls, jobs: int) -> Machine:
        """This machine; who asks for more stages at a time than it has processors gets them."""
        return cls(max(jobs, processors()), _memory(), _gpus())

    @classmethod
    def anywhere(cls) -> Machine:
        """Machines of which nothing is known here: whoever executes there sees to it that there is enough."""
        return cls(math.inf, sys.maxsize, tuple(map(str, range(1024))))


@dataclass(frozen=True, slots=True)
class Place:
    """What one stage holds."""

    cpus: float
    memory_bytes: int
    gpus: tuple[str, ...]

    @property
    def env(self) -> dict[str, str]:
        """What tells a kernel which GPUs are its own."""
        return {GPU_VARIABLE: ",".join(self.gpus)} if self.gpus else {}


@dataclass
class Slots:
    """Who holds what of the machine."""

    machine: Machine
    _held: dict[str, Place] = field(default_factory=dict)

    def check(self, name: str, asked: Resources) -> None:
        """Make sure that a stage can be executed at all.

        Raises:
            TooLargeError: it asks for more than there is.
        """
        there = self.machine
        if asked.cpus > there.cpus:
            raise TooLargeError(name, "processors", f"{asked.cpus:g}", f"{there.cpus:g}")
        if (asked.memory_bytes or 0) > there.memory_bytes:
            raise TooLargeError(name, "memory", _size(asked.memory_bytes or 0), _size(there.memory_bytes))
        if asked.gpus > len(there.gpus):
            raise TooLargeError(name, "GPUs", str(asked.gpus), str(len(there.gpus) or "none"))

    def take(self, name: str, asked: Resources) -> Place | None:
        """Hold what a stage asks for, until `release`; None while others hold it."""
        held = self._held.values()
        taken = {gpu for place in held for gpu in place.gpus}
        free = [gpu for gpu in self.machine.gpus if gpu not in taken]
        memory = asked.memory_bytes or 0
        if (
            sum(place.cpus for place in held) + asked.cpus > self.machine.cpus
            or sum(place.memory_bytes for place in held) + memory > self.machine.memory_bytes
            or asked.gpus > len(free)
        ):
            return None
        self._held[name] = Place(asked.cpus, memory, tuple(free[: asked.gpus]))
        return self._held[name]

    def release(self, name: str) -> None:
        """Let go of what a stage holds; harmless where it holds nothing."""
        self._held.pop(name, None)


def processors() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _memory() -> int:
    """The memory of this machine, or of the container."""
    import psutil

    whole = int(psutil.virtual_memory().total)
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            whole = min(whole, int(Path(path).read_text("ascii")))
        except (OSError, ValueError):
            continue
    return whole


def _gpus() -> tuple[str, ...]:
    """The GPUs that this process may use: those that it was given, else all that NVIDIA's library sees."""
    given = os.environ.get(GPU_VARIABLE)
    if given is not None:
        return tuple(
            word.strip() for word in given.split(",") if word.strip() not in {"", "-1", "NoDevFiles"}
        )
    try:
        import pynvml  # type: ignore[import-not-found,unused-ignore]  # the extra `gpu`

        pynvml.nvmlInit()
        return tuple(str(i) for i in range(pynvml.nvmlDeviceGetCount()))
    except Exception:
        # no library, no driver, no GPU: each by an exception of its own
        return ()


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.3g} GB"
