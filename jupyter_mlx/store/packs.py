"""Where each small object is: an SQLite cache of what the pack files say.

The packs are the truth. The cache is brought up to date where a pack is longer
than it was when last looked at, and made anew where it is missing or damaged;
losing it loses nothing.
"""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH108, PTH112, PTH118, PTH120, PTH123, PTH208

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from jupyter_mlx.errors import AccessError
from jupyter_mlx.forking import ABANDONED, NO_FORK, close_before_fork

from . import frames
from .database import access_error, among, insert, is_damage, parts, transaction
from .files import inherit_access, sync_data

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    Row = tuple[bytes, int, int, int]
    """Digest, offset, length, encoding."""
    Found = tuple[int, int, int, bytes, int]
    """Offset, length, encoding, digest, and the number of the pack."""

SUFFIX = ".pack"
CONDEMNED = "condemned"
_VERSION = 2
_PATIENCE_S = 10.0
_CACHE_KIB = 16_000
"""What of the file is kept in memory: digests are asked for in no order, each on a page of its own."""
_SCHEMA = """
CREATE TABLE packs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, "end" INTEGER NOT NULL);
CREATE TABLE objects (digest BLOB PRIMARY KEY, pack INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
  encoding INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE damaged (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE lost (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE large (digest BLOB PRIMARY KEY, stat TEXT NOT NULL) WITHOUT ROWID;
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object's bytes are."""

    pack: str
    offset: int
    length: int
    """As they are stored."""
    encoding: int
    """See `frames`."""


class PackIndex:
    """The cache over one folder of packs; any number of threads and processes share it."""

    def __init__(self, path: str, packs: str) -> None:
        self._path, self._packs = path, packs
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        close_before_fork(self)

    def find(self, digest: bytes) -> Place | None:
        """Where the object is; None where the cache knows of none."""
        query = (
            "SELECT name, offset, length, encoding FROM objects JOIN packs ON packs.id = objects.pack"
            " WHERE digest = ?"
        )
        row = self.run(lambda db: db.execute(query, (digest,)).fetchone())
        return Place(*row) if row else None

    def find_many(self, digests: Collection[bytes]) -> dict[str, list[Found]]:
        """Where those are that the cache knows of, by pack, as they lie in it."""
        asked = sorted(digests)  # as they lie in the table

        def work(db: sqlite3.Connection) -> dict[str, list[Found]]:
            found: dict[int, list[Found]] = {}
            for some in parts(asked):
                query = f"SELECT offset, length, encoding, digest, pack FROM objects {among(some)}"  # noqa: S608
                for row in db.execute(query, some):
                    found.setdefault(row[4], []).append(row)
            names = dict(db.execute("SELECT id, name FROM packs"))
            return {names[pack]: sorted(places) for pack, places in sorted(found.items())}

        return self.run(work) if asked else {}

    def present(self, digests: Collection[bytes]) -> set[bytes]:
        """Those of `digests` that are in a pack."""
        asked = list(digests)

        def work(db: sqlite3.Connection) -> set[bytes]:
            found: set[bytes] = set()
            if not db.execute("SELECT 1 FROM objects LIMIT 1").fetchone():
                return found
            for some in parts(asked):
                query = f"SELECT digest FROM objects {among(some)}"  # noqa: S608
                found.update(map(itemgetter(0), db.execute(query, some)))
            return found

        return self.run(work) if asked else set()

    def digests(self) -> list[bytes]:
        """Every object in a pack."""
        return self.run(lambda db: [row[0] for row in db.execute("SELECT digest FROM objects")])

    def total_bytes(self) -> int:
        """The length of all small objects together."""
        return int(self.run(lambda db: db.execute("SELECT total(length) FROM objects").fetchone()[0]))

    def state(self, pack: str) -> tuple[int, int] | None:
        """How long the pack was when last looked at, and where its last whole frame ended."""
        query = 'SELECT size, "end" FROM packs WHERE name = ?'
        row: tuple[int, int] | None = self.run(lambda db: db.execute(query, (pack,)).fetchone())
        return row

    def add(self, pack: str, rows: Iterable[Row], size: int, end: int) -> None:
        """Note the objects of a pack, whose bytes are already durable."""
        ordered = sorted(rows)

        def work(db: sqlite3.Connection) -> None:
            with transaction(db):
                _note(db, pack, ordered, size, end)

        self.run(work)

    def condemn(self, digest: bytes) -> None:
        """Note that the bytes of an object are damaged: it counts as absent, so that a put heals it."""

        def work(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.execute("DELETE FROM objects WHERE digest = ?", (digest,))
                db.execute("INSERT OR IGNORE INTO damaged VALUES (?)", (digest,))

        with contextlib.suppress(AccessError):  # a store that can't be written is still read
            self.run(work)

    def condemned(self, digest: bytes) -> bool:
        """Whether the object was found damaged, and not stored again since."""
        query = "SELECT 1 FROM damaged WHERE digest = ?"
        return self.run(lambda db: db.execute(query, (digest,)).fetchone()) is not None

    def was_here(self, digest: bytes) -> bool:
        """Whether the store once held the object, which is nowhere in its packs now: damaged, or lost."""
        query = "SELECT 1 FROM damaged WHERE digest = ?1 UNION SELECT 1 FROM lost WHERE digest = ?1"
        query += " UNION SELECT 1 FROM large WHERE digest = ?1"
        return self.run(lambda db: db.execute(query, (digest,)).fetchone()) is not None

    def stat_of(self, digest: bytes) -> str | None:
        """What the file of a large object looked like when its bytes were last known to be right."""
        row = self.run(lambda db: db.execute("SELECT stat FROM large WHERE digest = ?", (digest,)).fetchone())
        return row[0] if row else None

    def note_stat(self, digest: bytes, stat: str) -> None:
        """See `stat_of`."""
        self.run(lambda db: db.execute("INSERT OR REPLACE INTO large VALUES (?, ?)", (digest, stat)))

    def names(self) -> list[str]:
        """The packs in the folder."""
        try:
            return sorted(name for name in os.listdir(self._packs) if name.endswith(SUFFIX))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise AccessError.of(error, self._packs) from None

    def catch_up(self, *, wait: bool) -> None:
        """Look at the packs again and note what the cache does not know.

        A pack that a living writer holds is left to that writer; with `wait` its
        end is awaited first.
        """
        self.run(lambda db: self._look(db, wait=wait))

    def open(self) -> None:
        """Be ready: done before a pack is locked, for making the cache waits for whoever holds one."""
        self.run(lambda db: db)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None and self._pid == os.getpid():
            self._connection.close()
        self._connection = None

    # the connection

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The answer of `work`, given the cache; where that is damaged it is made anew, and `work` asked again."""
        if self._pid != os.getpid():
            self._after_fork()
        with NO_FORK:
            try:
                return work(self._connect())
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise access_error(error, self._path) from None
            self._discard()
            try:
                return work(self._connect())
            except sqlite3.DatabaseError as error:
                raise access_error(error, self._path) from None

    def _after_fork(self) -> None:
        if self._connection is not None:
            ABANDONED.append(self._connection)
        self._connection, self._pid = None, os.getpid()

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            folder = os.path.dirname(self._path)
            writable = os.path.isdir(folder) and os.access(folder, os.W_OK)
            target = self._path if writable else ":memory:"
            db = sqlite3.connect(target, timeout=30, isolation_level=None, check_same_thread=False)
            self._connection = db
            db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if writable:
                inherit_access(self._path, folder)  # SQLite gives its other files the same
            if version == _VERSION:
                db.execute("PRAGMA synchronous = NORMAL")
                self._look(db, wait=False)
            else:
                self._create(db, writable=writable)
        return self._connection

    def _create(self, db: sqlite3.Connection, *, writable: bool) -> None:
        with self._alone() if writable else contextlib.nullcontext():
            found = db.execute("PRAGMA user_version").fetchone()[0]
            if found not in {0, _VERSION}:
                # a later version's cache: ours to replace, as it is theirs
                raise sqlite3.DatabaseError("another format")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if found == 0:
                with transaction(db):
                    for statement in _SCHEMA.strip().split(";\n"):
                        db.execute(statement)
                    db.execute(f"PRAGMA user_version = {_VERSION}")
        self._look(db, wait=True)

    def _discard(self) -> None:
        """Throw the cache away."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        with self._alone():
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    os.unlink(self._path + suffix)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        fd = os.open(self._path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        inherit_access(self._path + ".lock", os.path.dirname(self._path))
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    # looking at the packs

    def _look(self, db: sqlite3.Connection, *, wait: bool) -> None:
        known = {name: (size, end) for name, size, end in db.execute('SELECT name, size, "end" FROM packs')}
        names = self.names()
        if not known.keys() <= set(names) and self._lose(db, names):
            known = {}
        for name in names:
            self._look_at(db, name, known.get(name, (0, 0)), wait=wait)

    @staticmethod
    def _lose(db: sqlite3.Connection, names: list[str]) -> bool:
        """Forget the packs where one is gone: what it held may be in another one as well."""
        with transaction(db):
            # a gc takes a pack out of the cache first and removes it then: that one is not lost
            gone = [row for row in db.execute("SELECT name, id FROM packs") if row[0] not in names]
            for _, number in gone:
                db.execute("INSERT OR IGNORE INTO lost SELECT digest FROM objects WHERE pack = ?", (number,))
            if gone:
                db.execute("DELETE FROM objects")
                db.execute("DELETE FROM packs")
        return bool(gone)

    def _look_at(self, db: sqlite3.Connection, name: str, known: tuple[int, int], *, wait: bool) -> None:
        size, end = known
        try:
            fd = os.open(os.path.join(self._packs, name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            if os.fstat(fd).st_size == size or not _await_writer(fd, _PATIENCE_S if wait else 0):
                return
            found = os.fstat(fd)
            if not found.st_nlink:  # removed by a gc, which held it until then
                return
            now = found.st_size
            start = end if size < now else 0
            rows, end = _read(fd, start, now)
            condemned = read_condemned(os.path.dirname(self._path)).get(name, set())
            rows = [row for row in rows if row[:2] not in condemned]
            sync_data(fd)  # a writer that was killed may have left it to us
            with transaction(db):
                _note(db, name, sorted(rows), now, end)
        finally:
            os.close(fd)


def read_condemned(store: str) -> dict[str, set[tuple[bytes, int]]]:
    """The frames that a gc took out, digest and offset, by the pack that still has them. See docs/format.md."""
    found: dict[str, set[tuple[bytes, int]]] = {}
    with contextlib.suppress(FileNotFoundError), open(f"{store}/{CONDEMNED}", encoding="ascii") as file:
        for line in file:
            pack, offset, digest = line.split()
            found.setdefault(pack, set()).add((bytes.fromhex(digest), int(offset)))
    return found


def new_name() -> str:
    """A name for a new pack."""
    return os.urandom(8).hex() + SUFFIX


def _read(fd: int, start: int, end: int) -> tuple[list[Row], int]:
    """The whole frames of a pack, and where the last of them ends."""
    rows: list[Row] = []
    last = start
    for frame in frames.scan(fd, start, end):
        if frame.whole:
            rows.append((frame.digest, frame.offset, frame.stored, frame.encoding))
            last = frame.end
    return rows, last


def _note(db: sqlite3.Connection, pack: str, rows: list[Row], size: int, end: int) -> None:
    db.execute(
        'INSERT INTO packs (name, size, "end") VALUES (?1, ?2, ?3) '
        'ON CONFLICT (name) DO UPDATE SET size = ?2, "end" = ?3',
        (pack, size, end),
    )
    number = db.execute("SELECT id FROM packs WHERE name = ?", (pack,)).fetchone()[0]
    insert(db, "objects", f"(?, {int(number)}, ?, ?, ?)", rows)
    for table in ("damaged", "lost"):
        if db.execute(f"SELECT 1 FROM {table}").fetchone():  # noqa: S608
            db.executemany(f"DELETE FROM {table} WHERE digest = ?", ((row[0],) for row in rows))  # noqa: S608


def _await_writer(fd: int, patience_s: float) -> bool:
    """Whether no writer holds the pack, or one did for so long that it is read beside it."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if not patience_s:
                return False
            if time.monotonic() > deadline:
                return True
            time.sleep(0.01)
