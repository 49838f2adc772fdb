"""What Python's audit events say of files: which path, and what is done to it.

The hook of this process loads it, and so does the hook in child processes, by
its path alone and with whatever Python they are: it imports `os` only.

Source: PEP 578, and the table at https://docs.python.org/3/library/audit_events.html.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

READ = 1
"""Opened for reading."""
MADE = 2
"""Begun anew: opened so that the old content goes, or put into place by a rename or a link."""
UPDATED = 4
"""Opened for writing, with what was there kept."""
GONE = 8
"""Removed, or renamed to elsewhere."""
UNSURE = 16
"""The path is relative to a folder that the event does not tell."""
PUT = 64
"""With `MADE`: by a rename, so that a folder may have come with all that is in it."""
NEEDED = 128
"""With `UPDATED`: what was there could be read, or had to be there; without it, only more was written."""

_ACCESS = os.O_WRONLY | os.O_RDWR
_FRESH = os.O_TRUNC | os.O_EXCL
_KIND, _REGULAR = 0o170000, 0o100000
_NO_FILE = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", 0)


def _opened(arguments: Any) -> tuple[tuple[Any, int], ...]:
    path, mode, flags = arguments
    if isinstance(path, int) or flags is None or flags & _NO_FILE:
        return ()
    what = READ if not flags & _ACCESS else MADE if flags & _FRESH else UPDATED
    if what == UPDATED and (flags & _ACCESS != os.O_WRONLY or not flags & os.O_CREAT):
        what |= NEEDED
    # os.open has no mode, and may have been given a dir_fd
    return ((path, what | UNSURE if mode is None else what),)


def _renamed(arguments: Any) -> tuple[tuple[Any, int], ...]:
    old, new, old_folder, new_folder = arguments
    return (
        (old, READ | GONE | (UNSURE if old_folder != -1 else 0)),
        (new, MADE | PUT | (UNSURE if new_folder != -1 else 0)),
    )


def _linked(arguments: Any) -> tuple[tuple[Any, int], ...]:
    old, new, old_folder, new_folder = arguments
    return (
        (old, READ | (UNSURE if old_folder != -1 else 0)),
        (new, MADE | (UNSURE if new_folder != -1 else 0)),
    )


def _removed(arguments: Any) -> tuple[tuple[Any, int], ...]:
    return ((arguments[0], GONE | (UNSURE if arguments[1] != -1 else 0)),)


def _truncated(arguments: Any) -> tuple[tuple[Any, int], ...]:
    return () if isinstance(arguments[0], int) else ((arguments[0], UPDATED | NEEDED),)


def _connected(arguments: Any) -> tuple[tuple[Any, int], ...]:
    name = os.fsdecode(arguments[0])
    if name.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        name = unquote(urlsplit(name).path)
    return () if name in ("", ":memory:") else ((name, UPDATED | NEEDED),)


TOUCHES = {
    "open": _opened,
    "os.rename": _renamed,
    "os.link": _linked,
    "os.remove": _removed,
    "os.truncate": _truncated,
    "sqlite3.connect": _connected,
}
"""Event → what takes its arguments and gives (path, what) pairs."""


def absolute(path: Any) -> str:
    """The path from `/` on; the working folder may be another one later."""
    found: str = os.fsdecode(path)
    if found[:1] != "/":
        # on Windows this is the way for every path
        found = os.getcwd() + "/" + found if os.sep == "/" else os.path.abspath(found)  # noqa: PTH100, PTH109
    if "/." in found or "//" in found:
        # what `..` means behind a link only the disk knows
        found = os.path.realpath(found) if "/../" in found else os.path.normpath(found)
    return found


def look(path: str) -> tuple[int, int, int, int, int] | None:
    """Inode, size, mtime_ns, ctime_ns and number of names of a file; None where no file is."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    if found.st_mode & _KIND != _REGULAR:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_nlink)


def record(token: object, path: str, what: int) -> bytes:
    """What a child process appends to the log: token, what, look, path; ended by NUL, which no path holds."""
    there = ",".join(map(str, look(path) or ())) or "-"
    return "{} {} {} ".format(token, what, there).encode() + os.fsencode(path) + b"\0"  # noqa: UP032
