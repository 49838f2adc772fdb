"""The files that a process holds open or has mapped, by /proc (Linux).

They show what nothing else does: a handle that an earlier cell opened, and a
memory map, whose reads and writes make no event. `watcher.py` loads it by its
path: it imports `os` only. Source: proc(5).
"""

from __future__ import annotations

import os

_DELETED = b" (deleted)"


def held(pid: int, root: bytes, skipped: bytes) -> dict[bytes, tuple[bytes, int, int]]:
    """The open files below `root` and not below `skipped`: number → path, flags, position."""
    found: dict[bytes, tuple[bytes, int, int]] = {}
    folder = b"/proc/%d/fd" % pid
    try:
        numbers = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return found
    for number in numbers:
        try:
            path = os.readlink(folder + b"/" + number)  # noqa: PTH115
            if path.startswith(root) and not path.startswith(skipped) and not path.endswith(_DELETED):
                found[number] = (path, *_standing(b"/proc/%d/fdinfo/" % pid + number))
        except (OSError, KeyError, ValueError):
            # closed since the listing
            continue
    return found


def _standing(path: bytes) -> tuple[int, int]:
    """The flags of a handle, and how far it was read or written."""
    with open(path, "rb") as file:  # noqa: PTH123
        facts = dict(line.split(b":", 1) for line in file.read().splitlines() if b":" in line)
    return int(facts[b"flags"], 8), int(facts[b"pos"])


def mapped(pid: int, root: bytes, skipped: bytes) -> dict[bytes, bool]:
    """The files below `root` and not below `skipped` that are mapped → whether writing to the map writes the file."""
    found: dict[bytes, bool] = {}
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:  # noqa: PTH123
            data = file.read()
    except OSError:
        return found
    at = data.find(b" " + root)
    while at >= 0:
        line = data[data.rfind(b"\n", 0, at) + 1 : data.find(b"\n", at)]
        # address, permissions (r w x, then `s` for shared), offset, device, inode, path
        fields = line.split(None, 5)
        path, permissions = fields[5], fields[1]
        if not path.startswith(skipped) and not path.endswith(_DELETED):
            writes = permissions[1:2] == b"w" and permissions[3:4] == b"s"
            found[path] = found.get(path, False) or writes
        at = data.find(b" " + root, at + 1)
    return found
