"""A lock that a fork waits for.

SQLite has locks of its own in each process. A child that is forked while
another thread is inside SQLite inherits them locked, and its first query waits
for ever. So queries are made under this lock, and a fork takes it first.
"""

from __future__ import annotations

import os
import threading
from typing import Final

NO_FORK: Final = threading.RLock()
"""Held while a thread is where no child may begin."""

ABANDONED: Final[list[object]] = []
"""SQLite connections of a parent process: closing one in a child could checkpoint under the parent."""

if hasattr(os, "register_at_fork"):
    # the forking thread is the child's one thread, so it lets go on both sides
    os.register_at_fork(
        before=NO_FORK.acquire, after_in_parent=NO_FORK.release, after_in_child=NO_FORK.release
    )
