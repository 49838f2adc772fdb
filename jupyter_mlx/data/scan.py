"""The stat cache: a file whose stat is unchanged has the digest that it had.

A cache in SQLite, `.mlx/scan.db`, one row a folder. It is thrown away where it
is damaged; losing it costs a rehash.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from jupyter_mlx.forking import ABANDONED, NO_FORK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Look: TypeAlias = tuple[int, int, int, int]
"""Of one file: size, mtime_ns, ctime_ns, inode."""
Known: TypeAlias = dict[bytes, tuple[int, int, int, int, bytes]]
"""Of one folder: name → the look, and the 32 bytes of the digest that it had then."""

_VERSION = 1
_TICK_NS = 50_000_000
_COARSE_NS = 2_000_000_000
_DECODER = msgspec.msgpack.Decoder(Known)
_ENCODER = msgspec.msgpack.Encoder()
T = TypeVar("T")


class StatCache:
    """The cache of one project; any number of threads and processes share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._pid = os.getpid()

    def load(self, folder: bytes) -> Known:
        """What is known of the files of `folder`, a path relative to the project."""

        def work(db: sqlite3.Connection) -> bytes | None:
            row = db.execute("SELECT files FROM folders WHERE path = ?", (folder,)).fetchone()
            return row[0] if row else None

        if not self._path.exists():
            return {}
        with contextlib.suppress(msgspec.DecodeError):
            found = self._run(work)
            if found is not None:
                return _DECODER.decode(found)
        return {}

    def load_below(self, folder: bytes) -> dict[bytes, Known]:
        """`load` of `folder` and of every folder below it."""

        def work(db: sqlite3.Connection) -> list[tuple[bytes, bytes]]:
            query = "SELECT path, files FROM folders WHERE path = ?1 OR (path >= ?2 AND path < ?3)"
            return db.execute(query, (folder, folder + b"/", folder + b"0")).fetchall()

        if not self._path.exists():
            return {}
        with contextlib.suppress(msgspec.DecodeError):
            return {path: _DECODER.decode(files) for path, files in self._run(work) or ()}
        return {}

    def keep(self, folders: Mapping[bytes, Known]) -> None:
        """Remember the files of these folders; where that fails, the next look reads them again."""

        def work(db: sqlite3.Connection) -> None:
            rows = [(path, _ENCODER.encode(known)) for path, known in folders.items()]
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.executemany("INSERT OR REPLACE INTO folders VALUES (?, ?)", rows)

        if folders:
            self._run(work)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """The answer of `work`; None where the cache can't be used. It is never worth an error."""
        for _ in range(2):
            try:
                with NO_FORK:
                    return work(self._connect())
            except sqlite3.OperationalError:
                return None
            except sqlite3.DatabaseError:
                self._discard()
        return None

    def _connect(self) -> sqlite3.Connection:
        """This process's connection: closing one after each call would checkpoint each time."""
        if self._db is not None and self._pid != os.getpid():
            ABANDONED.append(self._db)
            self._db = None
        if self._db is None:
            self._db, self._pid = self._open(), os.getpid()
        return self._db

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            found = db.execute("PRAGMA user_version").fetchone()[0]
            if found != _VERSION:
                _require_new(found)
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("CREATE TABLE IF NOT EXISTS folders (path BLOB PRIMARY KEY, files BLOB NOT NULL)")
                db.execute(f"PRAGMA user_version = {_VERSION}")
            db.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            db.close()
            raise
        return db

    def _discard(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = None
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                Path(f"{self._path}{suffix}").unlink()


def _require_new(found: int) -> None:
    if found:
        raise sqlite3.DatabaseError("another format")


def look_of(stat: os.stat_result) -> Look:
    """What of a file's stat tells whether it was written to."""
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def is_settled(look: Look, read_at_ns: int) -> bool:
    """Whether a later write must show in the look, so that the look may be trusted from then on.

    A file written in the same tick of the clock in which it was read could change
    again without a trace. Source: git, racy-git.txt.
    """
    _, mtime, ctime, _ = look
    coarse = mtime % 1_000_000_000 == 0 and ctime % 1_000_000_000 == 0
    return max(mtime, ctime) + (_COARSE_NS if coarse else _TICK_NS) < read_at_ns
