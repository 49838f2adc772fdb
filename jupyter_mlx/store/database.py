"""What the indexes over packs have in common: questions about many digests, bulk inserts, whole changes."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from jupyter_mlx.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ASKED_AT_ONCE = 500
"""As many values as one question to SQLite may name."""
_INSERTED_AT_ONCE = 100


def parts(asked: Sequence[bytes], count: int = ASKED_AT_ONCE) -> Iterator[Sequence[bytes]]:
    """So many at a time; without a count, as many as one question to SQLite may name."""
    for start in range(0, len(asked), count):
        yield asked[start : start + count]


def among(some: Sequence[bytes] | Sequence[int], column: str = "digest") -> str:
    """The condition that a column has one of so many values."""
    return f"WHERE {column} IN ({','.join('?' * len(some))})"


def insert(db: sqlite3.Connection, table: str, values: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert what is not there yet: some rows in one statement take less time than one by one."""
    for at in range(0, len(rows), _INSERTED_AT_ONCE):
        some = rows[at : at + _INSERTED_AT_ONCE]
        query = f"INSERT OR IGNORE INTO {table} VALUES {','.join([values] * len(some))}"  # noqa: S608
        db.execute(query, list(chain.from_iterable(some)))


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of the block's changes or none; no other process writes meanwhile."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def access_error(error: sqlite3.Error, path: object) -> AccessError:
    """What SQLite says about a file, in the system's words where there are such."""
    problem = str(error)
    if problem == "unable to open database file":
        # the folder is asked, not the file: to close that would drop SQLite's own locks on it
        try:
            os.close(os.open(Path(str(path)).parent, os.O_RDONLY))
        except OSError as cause:
            return AccessError.of(cause, path)
    refused = _refused(Path(str(path)).parent)
    known = {
        "unable to open database file": refused,
        "attempt to write a readonly database": refused,
        "database or disk is full": "No space left on device",
        "disk I/O error": os.strerror(errno.EIO),
    }
    return AccessError(str(path), known.get(problem, problem))


def _refused(folder: Path) -> str:
    """Why the system takes no file in a folder; where it takes one, it is the permission of the file itself."""
    try:
        with TemporaryFile(dir=folder):
            return os.strerror(errno.EACCES)
    except OSError as error:
        return os.strerror(error.errno or errno.EACCES)


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file itself is wrong, and not the moment (locked, full, read-only)."""
    if isinstance(error, sqlite3.OperationalError):
        return "no such table" in str(error) or "no such column" in str(error)
    return True
