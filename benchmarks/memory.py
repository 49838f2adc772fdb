"""Free memory that is held while something is measured on a virtual machine."""

from __future__ import annotations

import tempfile
from pathlib import Path


class Filler:
    """Holds the memory that nobody uses, as a cache of nothing that is given up at once.

    The host of a virtual machine may take back what is free; to get it again
    takes 2 to 3 s a GB here, which hits whoever needs it first.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (until the end)
        self._at = 0

    def fill(self) -> None:
        """Read as many zeros, which take no place on the disk, as there is memory free."""
        free = _free_bytes()
        self._file.truncate(self._at + free)
        self._file.seek(self._at)
        buffer = bytearray(8 << 20)
        while self._file.readinto(buffer):  # type: ignore[attr-defined]
            pass
        self._at += free


def _free_bytes() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemFree:"))
