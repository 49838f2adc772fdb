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
from contextlib import closing, contextmanager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from jupyter_mlx.errors import AccessError, CorruptError, UnavailableError
from jupyter_mlx.forking import NO_FORK, close_before_fork

from .mounts import is_shared
from .series import PackPoints

if TYPE_CHECKING:
    from importlib.abc import Traversable

PATIENCE_S = 30.0
"""How long a writer waits for another: far longer than any write takes."""
JOURNAL_VARIABLE = "JUPYTER_MLX_LEDGER_JOURNAL"
"""`wal` or `delete` says how the ledger is written, where the kind of file system is not told rightly."""
WORTH = 10
"""A file of which this part is empty is written anew by a purge."""
NOT_A_DATABASE = {"file is not a database", "database disk image is malformed"}
FAILED = "disk I/O error"
"""What SQLite says of a disk that fails; the file on it may be whole."""


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


class _Held:
    """A connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection: sqlite3.Connection | None = connection

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Database:
    """Connections to one file, and transactions on them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._held: WeakSet[_Held] = WeakSet()
        """Those of all threads; a thread that ends takes its own along."""
        close_before_fork(self)

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, opened and migrated on its first use.

        Raises:
            AccessError: the file or its folder cannot be opened.
            DamagedLedgerError: the file is not a database.
            NewerLedgerError: a later version wrote it.
        """
        held: _Held | None = getattr(self._local, "held", None)
        if held is None or held.connection is None:
            held = self._local.held = _Held(self._open())
            self._held.add(held)
        assert held.connection is not None
        return held.connection

    def close(self) -> None:
        """Close the connections of all threads."""
        with NO_FORK:
            for held in tuple(self._held):
                held.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that has the write lock from its start."""
        with NO_FORK, self._told():
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                _roll_back(connection)
                raise
            connection.commit()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction in which all queries see the same state."""
        with NO_FORK, self._told():
            connection = self.connection()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                _roll_back(connection)

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
        with NO_FORK, self._told():
            return self.connection().execute(sql, values).fetchall()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn SQLite's errors into ours, which say the next step."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            problem = str(error)
            if problem in NOT_A_DATABASE:
                self._let_go()
                problem = self._damage()
                if problem:
                    raise DamagedLedgerError(str(self.path), problem) from error
                error = sqlite3.OperationalError(FAILED)
            elif problem == FAILED:
                self._let_go()
            from jupyter_mlx.store.database import access_error  # on use: it brings the store's parts along

            raise access_error(error, self.path) from error

    def _let_go(self) -> None:
        """Have this thread's connection opened anew: after a disk failed, an old one fails on when it is back."""
        held: _Held | None = getattr(self._local, "held", None)
        if held is not None:
            with suppress(sqlite3.Error):
                held.close()
            held.connection = None

    def _damage(self) -> str:
        """What is wrong with the file itself; empty where a disk that failed made it look so."""
        try:
            with closing(_connected(f"{self.path.as_uri()}?mode=rw", uri=True)) as connection:
                found: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.OperationalError:
            return ""
        except sqlite3.DatabaseError as error:
            return str(error)
        return "" if found == "ok" else found

    def _open(self) -> sqlite3.Connection:
        with self._told():
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise AccessError.of(error, self.path.parent) from error
            if self._is_only_read():
                return self._open_to_read()
            connection = _connected(self.path)
            patiently(lambda: self._set_up(connection))
            return connection

    def _is_only_read(self) -> bool:
        return self.path.exists() and not os.access(self.path.parent, os.W_OK)

    def _open_to_read(self) -> sqlite3.Connection:
        """Of a disk that is not to be written; one of an earlier version is migrated in memory."""
        log = self.path.with_name(f"{self.path.name}-wal")
        # nobody can change it: SQLite need not lock it, for which it would write a file beside
        is_whole = not log.exists() or not log.stat().st_size
        connection = _connected(f"{self.path.as_uri()}?{'immutable=1' if is_whole else 'mode=ro'}", uri=True)
        if connection.execute("PRAGMA user_version").fetchone()[0] < len(_migrations()):
            disk, connection = connection, _connected(":memory:")
            disk.backup(connection)
            disk.close()
        _define(connection)
        self._migrate(connection)
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        wanted = os.environ.get(JOURNAL_VARIABLE) or ("delete" if is_shared(self.path.parent) else "wal")
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != wanted:
            connection.execute(f"PRAGMA journal_mode = {'delete' if wanted == 'delete' else 'wal'}")
        # NORMAL loses no consistency; a power cut may lose the last commits, and
        # each finished run is also an object, which is synced
        connection.execute("PRAGMA synchronous = NORMAL")
        _define(connection)
        self._migrate(connection)
        # after the migrations: one that makes a table anew drops the old one
        connection.execute("PRAGMA foreign_keys = ON")

    def _migrate(self, connection: sqlite3.Connection) -> None:
        steps = _migrations()
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


def _connected(place: Path | str, *, uri: bool = False) -> sqlite3.Connection:
    # autocommit: transactions are begun by `write` alone
    connection = sqlite3.connect(
        place, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False, uri=uri
    )
    connection.row_factory = sqlite3.Row
    return connection


def _define(connection: sqlite3.Connection) -> None:
    """Add the functions that our queries use."""
    connection.create_function("folded", 1, _folded, deterministic=True)


@cache
def _migrations() -> tuple[Traversable, ...]:
    """The steps from nothing to the present format, in their order."""
    found = files("jupyter_mlx.ledger.migrations").iterdir()
    return tuple(
        sorted((entry for entry in found if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    )


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


def _roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction; where the disk failed in it, SQLite has done so already, or can't."""
    with suppress(sqlite3.Error):
        connection.rollback()
