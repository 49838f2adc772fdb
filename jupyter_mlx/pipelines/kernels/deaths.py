"""Why a kernel ended: its exit status, and what the system counted meanwhile."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

_CRASHES = {"SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"}


class Witness:
    """Remembers, at a kernel's start, how often the system had run out of memory until then."""

    def __init__(self) -> None:
        self._kills = _kills()

    def story(self, status: int | None) -> str:
        """In a few words, how a kernel ended that was to go on."""
        if status is None:
            return "the kernel died: it ended by itself"
        if status >= 0:
            return f"the kernel died: it ended by itself with exit code {status}"
        name = _name(-status)
        if name == "SIGKILL":
            return f"the kernel died: {self._killed()} ({name})"
        if name in _CRASHES:
            return f"the kernel died: it crashed in native code ({name})"
        return f"the kernel died: it was ended by {name}"

    def _killed(self) -> str:
        grown = [where for where, count in _kills().items() if count > self._kills.get(where, count)]
        if "group" in grown:
            return "out of memory, by the limit of its control group"
        if grown:
            return "out of memory; the machine had none left and ended it"
        return "it was killed from outside"


def _name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _kills() -> dict[str, int]:
    """How many processes were killed for want of memory: in our control group, and on the machine."""
    found = {}
    for where, path in (("group", _group()), ("machine", Path("/proc/vmstat"))):
        with suppress(OSError, ValueError):
            if path is not None:
                lines = dict(line.split() for line in path.read_text().splitlines())
                found[where] = int(lines["oom_kill"]) if "oom_kill" in lines else 0
    return found


def _group() -> Path | None:
    """The file that counts the kills of this process's control group."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                return Path(f"/sys/fs/cgroup{path.rstrip('/')}/memory.events")
            if "memory" in controllers.split(","):
                return Path(f"/sys/fs/cgroup/memory{path.rstrip('/')}/memory.oom_control")
    return None
