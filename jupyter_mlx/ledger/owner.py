"""The process that a running run belongs to, so that others can tell when it has died."""

from __future__ import annotations

import math
import os
import platform
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

SURE_S = 2.0
"""So long a process that was looked at closely is taken for alive while there is one of its number."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told apart from a later one of the same number by its start."""

    host: str
    pid: int
    started: float
    """Seconds since the epoch, as psutil tells it."""
    birth: str = ""
    """On Linux, which boot it was and how long after it the process began: no clock that is set moves that."""

    @classmethod
    def here(cls) -> Owner:
        """This process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Owner:
        """A process of this machine that goes on."""
        return _of(pid)

    @classmethod
    def decode(cls, text: str) -> Owner:
        """Read what `encode` wrote."""
        return msgspec.json.decode(text, type=cls)

    def encode(self) -> str:
        """The owner as JSON."""
        return msgspec.json.encode(self).decode()

    def is_gone(self) -> bool:
        """Whether the process has ended; of another machine's it is not known, so False."""
        if self.host != platform.node():
            return False
        if self.pid == os.getpid():
            return False
        if os.name == "posix" and not _exists(self.pid):
            return True
        now = time.monotonic()
        if now - _seen.get(self, -math.inf) < SURE_S:
            return False
        if self._is_another():
            return True
        _seen[self] = now
        return False

    def _is_another(self) -> bool:
        """Whether the process of that number has ended, or is a later one."""
        if self.birth and (found := _state_and_birth(self.pid)):
            return found[0] in "ZX" or found[1] != self.birth
        import psutil

        try:
            process = psutil.Process(self.pid)
            # a clock that is set moves psutil's start time a little
            return process.status() == psutil.STATUS_ZOMBIE or abs(process.create_time() - self.started) > 2
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False


_seen: dict[Owner, float] = {}
"""When each was last looked at closely and found alive."""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _state_and_birth(pid: int) -> tuple[str, str] | None:
    """A process's state, by the letter of proc(5), and its `Owner.birth`; None where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        # the name before it may have spaces and parentheses of its own
        state, *fields = stat.rpartition(b")")[2].split()
        return state.decode(), f"{_boot()} {int(fields[18])}"
    except (OSError, ValueError, IndexError):
        return None


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@cache
def _of(pid: int) -> Owner:
    import psutil

    found = _state_and_birth(pid)
    return Owner(platform.node(), pid, psutil.Process(pid).create_time(), found[1] if found else "")
