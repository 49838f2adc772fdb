"""The stat cache: a file whose stat is unchanged has the digest that it had.

A cache in SQLite, `.mlx/scan.db`, one row a folder, of a large one some. It is
thrown away where it is damaged; losing it costs a rehash.
"""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH108, PTH110

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import msgspec

from jupyter_mlx.forking import ABANDONED, NO_FORK, close_before_fork

from .manifest import Entry
from .marks import Marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Look: TypeAlias = bytes
"""Of one file: size, mtime_ns, ctime_ns, inode, as 32 bytes."""

# a mark is the look, the kind, and the digest that the file had then
KIND_AT = 32
DIGEST_AT = 33
KINDS = (b"\x00", b"\x01")
"""FILE and PROGRAM, as a mark has them."""
_LOOK = struct.Struct("<QqqQ")
_WRAP = 1 << 63


class Whole(NamedTuple):
    """What a folder's listing came to when its files had the marks of the row."""

    others: tuple[Entry, ...]
    """Its folders and links, by name."""
    digest: bytes
    """Of the manifest."""
    size_bytes: int
    files: int


class Row(NamedTuple):
    """What is known of one folder."""

    files: Marks
    whole: Whole | None = None
    """None where a file of the folder is not in `files`."""


NOTHING = Row(Marks())

_VERSION = 3
_TICK_NS = 50_000_000
_COARSE_NS = 2_000_000_000
_WHOLE = msgspec.msgpack.Decoder(Whole)
_ENCODER = msgspec.msgpack.Encoder()
T = TypeVar("T")


class StatCache:
    """The cache of one project; any number of threads and processes share it."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._db: sqlite3.Connection | None = None
        self._pid = os.getpid()
        close_before_fork(self)

    def close(self) -> None:
        """Let go of the file; the next look opens it again."""
        if self._db is not None and self._pid == os.getpid():
            self._db.close()
            self._db = None

    def load(self, folder: bytes) -> Row:
        """What is known of `folder`, a path relative to the project."""
        if self._db is None and not os.path.exists(self._path):
            return NOTHING

        def work(db: sqlite3.Connection) -> Row:
            query = "SELECT files, whole FROM folders WHERE path = ? ORDER BY part"
            marks, first = Marks(), None
            # in one statement, so that all parts are of one moment
            for files, whole in db.execute(query, (folder,)):
                marks.take(files)
                first = first or whole
            return Row(marks, _WHOLE.decode(first) if first else None)

        with contextlib.suppress(msgspec.DecodeError):
            return self._run(work) or NOTHING
        return NOTHING

    def keep(self, rows: Iterable[tuple[bytes, Row]]) -> None:
        """Remember these folders; where that fails, the next look reads their files again."""
        known = list(rows)

        def work(db: sqlite3.Connection) -> None:
            with db:
                db.execute("BEGIN IMMEDIATE")
                for path, row in known:
                    db.execute("DELETE FROM folders WHERE path = ?", (path,))
                    db.executemany("INSERT INTO folders VALUES (?, ?, ?, ?)", _parts(path, row))

        if known:
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
                db.execute(
                    "CREATE TABLE IF NOT EXISTS folders (path BLOB NOT NULL, part INTEGER NOT NULL,"
                    " files BLOB NOT NULL, whole BLOB, PRIMARY KEY (path, part))"
                )
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
                os.unlink(self._path + suffix)


def _parts(path: bytes, row: Row) -> Iterator[tuple[bytes, int, bytes, bytes | None]]:
    whole = _ENCODER.encode(row.whole) if row.whole else None
    for part, files in enumerate(row.files.encoded() if row.files else (_ENCODER.encode({}),)):
        yield path, part, files, whole
        whole = None


def _require_new(found: int) -> None:
    if found:
        raise sqlite3.DatabaseError("another format")


def look_of(stat: os.stat_result) -> Look:
    """What of a file's stat tells whether it was written to."""
    try:
        return _LOOK.pack(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    except struct.error:  # a time beyond the year 2262, which anyone can set
        times = stat.st_mtime_ns % _WRAP, stat.st_ctime_ns % _WRAP
        return _LOOK.pack(stat.st_size, *times, stat.st_ino)


def entry_of(name: bytes, mark: bytes) -> Entry:
    """A file as an entry of a manifest."""
    return Entry(name, mark[KIND_AT], mark[DIGEST_AT:], size_of(mark), 1)


def size_of(mark: bytes) -> int:
    """The size in bytes that a look or a mark tells."""
    return int.from_bytes(mark[:8], "little")


def is_settled(look: bytes, read_at_ns: int) -> bool:
    """Whether a later write must show in the look, so that the look may be trusted from then on.

    A file written in the same tick of the clock in which it was read could change
    again without a trace. Source: git, racy-git.txt.
    """
    _, mtime, ctime, _ = _LOOK.unpack_from(look)
    if max(mtime, ctime) + _COARSE_NS < read_at_ns:
        return True
    coarse = mtime % 1_000_000_000 == 0 and ctime % 1_000_000_000 == 0
    return not coarse and max(mtime, ctime) + _TICK_NS < read_at_ns
