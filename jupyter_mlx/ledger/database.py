"""The ledger's SQLite file: opened, migrated, and one connection for each thread and process.

WAL lets readers and one writer work at once; on a network file system it does
not hold, and the rollback journal is used. Source:
https://www.sqlite.org/wal.html ("All processes using a database must be on the
same host computer").
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from jupyter_mlx.errors import AccessError, CorruptError, UnavailableError
from jupyter_mlx.forking import ABANDONED, NO_FORK

from .mounts import is_shared
from .series import PackPoints

PATIENCE_S = 30.0
"""How long a writer waits for another: far longer than any write takes."""
JOURNAL_VARIABLE = "JUPYTER_MLX_LEDGER_JOURNAL"
"""`wal` or `delete` says how the ledger is written, where the kind of file system is not told rightly."""
WORTH = 10
"""A file of which this part is empty is written anew by a purge."""
NOT_A_DATABASE = {"file is not a database", "database disk image is malformed"}


class DamagedLedgerError(CorruptError):
    """The ledger's file cannot be read as a database."""

    code = "ledger-damaged"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; `jmlx doctor --rebuild` makes it again from the records"


class NewerLedgerError(UnavailableError):
    """A later version of jupyter_mlx wrote the ledger."""

    code = "ledger-newer"

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(path, found, known)
        self.path, self.found, self.known = path, found, known

    def __str__(self) -> str:
        return (
            f"{self.path} has format {self.found}, this version of jupyter_mlx knows {self.known}; "
            "`pip install --upgrade jupyter-mlx`"
        )


class Database:
    """Connections to one file, and transactions on them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, opened and migrated on its first use.

        Raises:
            AccessError: the file or its folder cannot be opened.
            DamagedLedgerError: the file is not a database.
            NewerLedgerError: a later version wrote it.
        """
        # a connection must not cross a fork: the child's first use opens its own
        if getattr(self._local, "pid", None) != os.getpid():
            ABANDONED.append(getattr(self._local, "connection", None))
            self._local.connection = self._open()
            self._local.pid = os.getpid()
        found = self._local.connection
        assert isinstance(found, sqlite3.Connection)
        return found

    def close(self) -> None:
        """Close this thread's connection."""
        if getattr(self._local, "pid", None) == os.getpid():
            with NO_FORK:
                self._local.connection.close()
            self._local.connection = None
        self._local.pid = None

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that has the write lock from its start."""
        with NO_FORK, told(self.path):
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction in which all queries see the same state."""
        with NO_FORK, told(self.path):
            connection = self.connection()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    def compact(self) -> None:
        """Give back the pages of what was deleted, where they are worth writing the file anew."""
        pages, free = (self.read(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count"))
        if free * WORTH > pages:
            self.read("VACUUM")
            self.checkpoint()

    def checkpoint(self) -> None:
        """Bring what the write-ahead log holds into the file itself."""
        self.read("PRAGMA wal_checkpoint(TRUNCATE)")

    def read(self, sql: str, values: tuple[object, ...] | dict[str, object] = ()) -> list[sqlite3.Row]:
        """All rows of one query."""
        with NO_FORK, told(self.path):
            return self.connection().execute(sql, values).fetchall()

    def _open(self) -> sqlite3.Connection:
        with told(self.path):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise AccessError.of(error, self.path.parent) from error
            # autocommit: transactions are begun by `write` alone
            connection = sqlite3.connect(
                self.path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            patiently(lambda: self._set_up(connection))
            return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        wanted = os.environ.get(JOURNAL_VARIABLE) or ("delete" if is_shared(self.path.parent) else "wal")
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != wanted:
            connection.execute(f"PRAGMA journal_mode = {'delete' if wanted == 'delete' else 'wal'}")
        # NORMAL loses no consistency; a power cut may lose the last commits, and
        # each finished run is also an object, which is synced
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.create_function("folded", 1, _folded, deterministic=True)
        self._migrate(connection)
        # after the migrations: one that makes a table anew drops the old one
        connection.execute("PRAGMA foreign_keys = ON")

    def _migrate(self, connection: sqlite3.Connection) -> None:
        steps = sorted(
            (
                entry
                for entry in files("jupyter_mlx.ledger.migrations").iterdir()
                if entry.name.endswith(".sql")
            ),
            key=lambda entry: entry.name,
        )
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == len(steps):
            return
        if version > len(steps):
            raise NewerLedgerError(str(self.path), version, len(steps))
        connection.create_aggregate("pack_points", 3, PackPoints)  # type: ignore[arg-type]
        connection.execute("BEGIN IMMEDIATE")
        try:
            # another process may have migrated while this one waited for the lock
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            for step in steps[version:]:
                for statement in statements(step.read_text(encoding="utf-8")):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(steps)}")
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def _folded(text: Any) -> Any:
    return text.casefold() if isinstance(text, str) else text


def patiently(set_up: Callable[[], None]) -> None:
    """Try again while others hold the file: a change of the journal's kind does not wait by itself."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return set_up()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def statements(script: str) -> Iterator[str]:
    """The single statements of an SQL script: `executescript` would commit between them."""
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            yield part
            part = ""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, which say the next step."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        problem = str(error)
        if problem in NOT_A_DATABASE:
            raise DamagedLedgerError(str(path), problem) from error
        known = {
            "unable to open database file": "Permission denied",
            "attempt to write a readonly database": "Permission denied",
            "database or disk is full": "No space left on device",
        }
        raise AccessError(str(path), known.get(problem, problem)) from error
