"""What a fork waits for, and what it closes: no child may inherit SQLite's state.

SQLite has locks of its own in each process. A child that is forked while
another thread is inside SQLite inherits them locked, and its first query waits
for ever. So queries are made under a lock, and a fork takes it first.

A child that inherits an open connection also believes that it holds the locks
of the file, which are the parent's alone: the parent could take the log of a
ledger away under it. So connections are closed before a fork, and opened again
by the next query on each side. Source: https://www.sqlite.org/howtocorrupt.html,
"Carrying an open database connection across a fork()".
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import Final, Protocol
from weakref import WeakSet


class Connected(Protocol):
    """Has connections."""

    def close(self) -> None:
        """Close them; a later query opens them again."""


NO_FORK: Final = threading.RLock()
"""Held while a thread is where no child may begin."""

ABANDONED: Final[list[object]] = []
"""SQLite connections of a parent process: closing one in a child could checkpoint under the parent."""

_connected: Final[WeakSet[Connected]] = WeakSet()


def close_before_fork(connected: Connected) -> None:
    """Have the connections of something closed before each fork of this process."""
    _connected.add(connected)


def _before() -> None:
    NO_FORK.acquire()
    for each in tuple(_connected):
        with contextlib.suppress(Exception):
            each.close()


if hasattr(os, "register_at_fork"):
    # the forking thread is the child's one thread, so it lets go on both sides
    os.register_at_fork(before=_before, after_in_parent=NO_FORK.release, after_in_child=NO_FORK.release)
