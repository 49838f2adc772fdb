"""The files that this process holds open, by /proc (Linux): handles that an earlier cell opened.

Source: proc(5).
"""

# Paths are strings here: Path objects would cost more than the look itself.
# ruff: noqa: PTH115, PTH208

from __future__ import annotations

import os
from dataclasses import dataclass

_DELETED = " (deleted)"
_ACCESS = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True, slots=True)
class Handle:
    """An open file."""

    path: str
    flags: int
    """As it was opened."""
    position: int
    """How far it was read or written."""

    @property
    def reads(self) -> bool:
        """Whether it may be read by it."""
        return self.flags & _ACCESS != os.O_WRONLY

    @property
    def writes(self) -> bool:
        """Whether it may be written by it."""
        return bool(self.flags & _ACCESS)


def held(root: str) -> dict[str, Handle]:
    """Number → handle, of the open files below `root`, which ends with `/`; nothing where there is no /proc."""
    found = {}
    try:
        numbers = os.listdir("/proc/self/fd")
    except OSError:
        return {}
    for number in numbers:
        try:
            path = os.readlink(f"/proc/self/fd/{number}")
            if path.startswith(root) and not path.endswith(_DELETED):
                found[number] = _handle(number, path)
        except (OSError, KeyError, ValueError):
            # closed since the listing
            continue
    return found


def _handle(number: str, path: str) -> Handle:
    file = os.open(f"/proc/self/fdinfo/{number}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        lines = os.read(file, 4096).splitlines()
    finally:
        os.close(file)
    facts = dict(line.split(b":", 1) for line in lines if b":" in line)
    return Handle(path, int(facts[b"flags"], 8), int(facts[b"pos"]))
