"""What the system counts of this process: memory, its peak, bytes read and written.

Linux is read by files that stay open, one call each: a cell that does nothing pays
for every call twice, since others of our threads wait for the interpreter between
them. Elsewhere psutil. Source: proc(5).
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import lru_cache
from typing import Any


class Process:
    """This process, by psutil."""

    def __init__(self, pid: int) -> None:
        import psutil

        self._process: Any = psutil.Process(pid)

    def memory_bytes(self) -> int:
        """Resident memory now."""
        return int(self._process.memory_info().rss)

    def io_bytes(self) -> tuple[int, ...]:
        """Bytes read and written so far; empty where the system does not count them."""
        with suppress(Exception):
            counted = self._process.io_counters()
            return counted.read_bytes, counted.write_bytes
        return ()

    def forget_peak(self) -> bool:
        """Have the system count the peak from now on; whether it does."""
        return False

    def peak_bytes(self) -> int:
        """The most memory since `forget_peak`."""
        return 0


class LinuxProcess(Process):
    """This process, by the files of /proc."""

    def __init__(self, pid: int) -> None:
        del pid
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._files = {
            name: os.open(f"/proc/self/{name}", os.O_RDONLY | os.O_CLOEXEC)
            for name in ("statm", "io", "status")
        }
        self._clear = -1
        with suppress(OSError):
            self._clear = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)

    def memory_bytes(self) -> int:
        """See `Process.memory_bytes`."""
        return int(os.pread(self._files["statm"], 256, 0).split()[1]) * self._page_bytes

    def io_bytes(self) -> tuple[int, ...]:
        """See `Process.io_bytes`; by read and write calls, cached or not."""
        with suppress(OSError, ValueError, IndexError):
            words = os.pread(self._files["io"], 512, 0).split()
            return int(words[1]), int(words[3])
        return ()

    def forget_peak(self) -> bool:
        """See `Process.forget_peak`."""
        with suppress(OSError):
            return self._clear >= 0 and os.write(self._clear, b"5") == 1
        return False

    def peak_bytes(self) -> int:
        """See `Process.peak_bytes`."""
        with suppress(OSError, ValueError, IndexError):
            return int(os.pread(self._files["status"], 4096, 0).partition(b"VmHWM:")[2].split()[0]) * 1024
        return 0


@lru_cache(maxsize=1)
def this_process(pid: int) -> Process:
    """The process of this id, which is the present one: a forked one asks anew."""
    if sys.platform == "linux":
        with suppress(OSError):
            return LinuxProcess(pid)
    return Process(pid)
