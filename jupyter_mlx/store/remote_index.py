"""Where each object of a remote is: an SQLite cache of the remote's listings.

The listings at the remote are the truth; they are immutable, so each is fetched
once. Losing the cache costs fetching them again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jupyter_mlx.forking import ABANDONED, NO_FORK

from .database import ASKED_AT_ONCE, access_error, among, insert, transaction
from .listing import PACK_HEADER, PIECE, Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_VERSION = 1
_SCHEMA = """
CREATE TABLE listed (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE packs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, condemned INTEGER NOT NULL DEFAULT 0);
CREATE TABLE holds (listed INTEGER NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY (listed, pack)) WITHOUT ROWID;
CREATE TABLE blocks (id INTEGER PRIMARY KEY, pack INTEGER NOT NULL, offset INTEGER NOT NULL, stored INTEGER NOT NULL,
  length INTEGER NOT NULL, encoding INTEGER NOT NULL);
CREATE TABLE objects (digest BLOB NOT NULL, block INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
  kind INTEGER NOT NULL, PRIMARY KEY (digest, block)) WITHOUT ROWID;
CREATE TABLE leaves (leaf BLOB NOT NULL, object BLOB NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (leaf, object))
  WITHOUT ROWID;
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

T = TypeVar("T")


class At(NamedTuple):
    """Where a block is."""

    pack: str
    offset: int
    stored: int
    length: int
    encoding: int
    condemned: int


class Place(NamedTuple):
    """Where an object is at a remote."""

    digest: bytes
    block: int
    start: int
    """In its block, when that is expanded."""
    length: int
    kind: int


class RemoteIndex:
    """The cache for one remote; any number of threads and processes share it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()

    # the listings

    def listed(self) -> set[str]:
        """The blobs of listings that were read already."""
        return self._run(lambda db: {row[0] for row in db.execute("SELECT name FROM listed")})

    def add(self, name: str, packs: Iterable[tuple[str, Listing]]) -> None:
        """Note what a blob of listings says."""
        self.add_all([(name, list(packs))])

    def add_all(self, listed: Sequence[tuple[str, Sequence[tuple[str, Listing]]]]) -> None:
        """Note what some blobs of listings say: many at once take less time than one by one."""

        def work(db: sqlite3.Connection) -> None:
            with transaction(db):
                objects: list[tuple[Any, ...]] = []
                for name, packs in listed:
                    done = db.execute("INSERT OR IGNORE INTO listed (name) VALUES (?)", (name,))
                    for pack, listing in packs if done.rowcount else ():
                        number = _note_pack(db, pack, listing, objects)
                        db.execute("INSERT OR IGNORE INTO holds VALUES (?, ?)", (done.lastrowid, number))
                objects.sort()  # in the order of the table
                insert(db, "objects", "(?, ?, ?, ?, ?)", objects)

        self._run(work)

    def forget(self, names: Iterable[str]) -> None:
        """These blobs of listings are gone from the remote, and with them the packs that no other lists."""

        def work(db: sqlite3.Connection) -> None:
            with transaction(db):
                for name in names:
                    db.execute(
                        "DELETE FROM holds WHERE listed IN (SELECT id FROM listed WHERE name = ?)", (name,)
                    )
                    db.execute("DELETE FROM listed WHERE name = ?", (name,))
                db.execute("DELETE FROM packs WHERE id NOT IN (SELECT pack FROM holds)")
                db.execute("DELETE FROM blocks WHERE pack NOT IN (SELECT id FROM packs)")
                db.execute("DELETE FROM objects WHERE block NOT IN (SELECT id FROM blocks)")

        self._run(work)

    def condemn(self, packs: Iterable[str]) -> None:
        """These packs, and no others, are damaged or about to go: what is in them counts as absent."""
        wanted = [(name,) for name in packs]

        def work(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.execute("UPDATE packs SET condemned = 0 WHERE condemned")
                db.executemany("UPDATE packs SET condemned = 1 WHERE name = ?", wanted)

        self._run(work)

    def condemn_also(self, packs: Iterable[str]) -> None:
        """These packs too are condemned; see `condemn`."""
        wanted = [(name,) for name in packs]
        self._run(lambda db: db.executemany("UPDATE packs SET condemned = 1 WHERE name = ?", wanted))

    @property
    def any_condemned(self) -> bool:
        """Whether there is a condemned pack: then a manifest's presence says nothing about what it names."""
        query = "SELECT EXISTS (SELECT 1 FROM packs WHERE condemned)"
        return bool(self._run(lambda db: db.execute(query).fetchone()[0]))

    # the objects

    def present(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of `digests` that lie in a pack which is not condemned."""

        def work(db: sqlite3.Connection) -> set[bytes]:
            query = "SELECT digest FROM objects {}"
            if db.execute("SELECT 1 FROM packs WHERE condemned").fetchone():
                query = (
                    "SELECT digest FROM objects JOIN blocks ON blocks.id = block "
                    "JOIN packs ON packs.id = pack AND NOT condemned {}"
                )
            return {row[0] for row in _asked(db, query, sorted(digests))}

        return self._run(work) if digests else set()

    def places(self, digests: Sequence[bytes]) -> tuple[list[Place], dict[int, At]]:
        """Where each of those is that the remote has, in the order of the packs; and the blocks.

        A condemned pack is the last choice.
        """

        def work(db: sqlite3.Connection) -> tuple[list[Place], dict[int, At]]:
            rows = list(_asked(db, "SELECT * FROM objects {}", sorted(digests)))
            blocks = self._blocks(db, {row[1] for row in rows})
            found: dict[bytes, tuple[Any, ...]] = {}
            for row in rows:
                if row[0] not in found or blocks[found[row[0]][1]].condemned:
                    found[row[0]] = row
            return [Place._make(row) for row in sorted(found.values(), key=itemgetter(1, 2))], blocks

        return self._run(work) if digests else ([], {})

    @staticmethod
    def _blocks(db: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, At]:
        query = (
            "SELECT blocks.id, name, offset, stored, length, encoding, condemned "
            "FROM blocks JOIN packs ON packs.id = pack {}"
        )
        return {row[0]: At._make(row[1:]) for row in _asked(db, query, sorted(numbers), "blocks.id")}

    def everywhere(self, digest: bytes) -> tuple[list[Place], dict[int, At]]:
        """Each place of one object, the best first; and the blocks."""

        def work(db: sqlite3.Connection) -> tuple[list[Place], dict[int, At]]:
            rows = [Place._make(row) for row in _asked(db, "SELECT * FROM objects {}", [digest])]
            blocks = self._blocks(db, {place.block for place in rows})
            return sorted(rows, key=lambda place: blocks[place.block].condemned), blocks

        return self._run(work)

    def digests(self) -> Iterator[tuple[bytes, int]]:
        """Every object once, with its kind; pieces of large objects are left out."""
        last = b""
        query = "SELECT DISTINCT digest, kind FROM objects WHERE digest > ? AND kind != ? ORDER BY digest LIMIT 5000"
        while True:
            after = last
            rows = self._run(lambda db, after=after: db.execute(query, (after, PIECE)).fetchall())  # type: ignore[misc]
            yield from rows
            if not rows:
                return
            last = rows[-1][0]

    # versions of large objects that share leaves

    def note_leaves(self, digest: bytes, leaves: Iterable[tuple[bytes, int]]) -> None:
        """Remember what a large object that was sent or fetched is made of."""
        rows, offset = [], 0
        for leaf, size in leaves:
            rows.append((leaf, digest, offset))
            offset += size

        def work(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.executemany("INSERT OR IGNORE INTO leaves VALUES (?, ?, ?)", sorted(rows))

        self._run(work)

    def sharing(self, leaves: Sequence[bytes]) -> list[bytes]:
        """The large objects that were sent or fetched and share a leaf with these, most first."""
        counts: dict[bytes, int] = {}

        def work(db: sqlite3.Connection) -> None:
            for row in _asked(db, "SELECT object FROM leaves {}", leaves, "leaf"):
                counts[row[0]] = counts.get(row[0], 0) + 1

        self._run(work)
        return sorted(counts, key=lambda digest: -counts[digest])

    def leaves_of(self, digest: bytes) -> list[tuple[bytes, int]]:
        """The leaves of an object that `sharing` named, in order, each with its offset in the object."""
        query = "SELECT leaf, offset FROM leaves WHERE object = ? ORDER BY offset"
        return self._run(lambda db: db.execute(query, (digest,)).fetchall())

    # small facts

    def note(self, key: str, value: str) -> None:
        """Remember a fact about the remote."""
        self._run(lambda db: db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value)))

    def noted(self, key: str) -> str | None:
        """What `note` was told."""
        row = self._run(lambda db: db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone())
        return row[0] if row else None

    def close(self) -> None:
        """Let go of the file."""
        with NO_FORK:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    # the connection

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._pid != os.getpid():
            ABANDONED.append(self._connection)
            self._pid, self._connection = os.getpid(), None
        with NO_FORK:  # the one lock of the threads here too
            try:
                return work(self._connect())
            except sqlite3.OperationalError as error:
                raise access_error(error, self._path) from None
            except sqlite3.DatabaseError:
                self._discard()
            try:
                return work(self._connect())
            except sqlite3.DatabaseError as error:
                raise access_error(error, self._path) from None

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            target = ":memory:"
            if self._path is not None:
                with contextlib.suppress(OSError):
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                if os.access(self._path.parent, os.W_OK):
                    target = str(self._path)
            db = sqlite3.connect(target, timeout=30, isolation_level=None, check_same_thread=False)
            self._connection = db
            found = db.execute("PRAGMA user_version").fetchone()[0]
            if found not in {0, _VERSION}:
                raise sqlite3.DatabaseError("another format")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")  # a cache: what a power cut damages is thrown away
            db.execute("PRAGMA cache_size = -16000")
            if not found:
                self._create(db)
        return self._connection

    @staticmethod
    def _create(db: sqlite3.Connection) -> None:
        with transaction(db):
            if not db.execute("PRAGMA user_version").fetchone()[0]:
                for statement in _SCHEMA.strip().split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {_VERSION}")

    def _discard(self) -> None:
        """Throw the cache away."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        if self._path is not None:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)


def _note_pack(db: sqlite3.Connection, pack: str, listing: Listing, objects: list[tuple[Any, ...]]) -> int:
    """Note a pack and its blocks; what is in them is added to `objects`."""
    row = db.execute("SELECT id FROM packs WHERE name = ?", (pack,)).fetchone()
    if row:
        return int(row[0])
    number = int(db.execute("INSERT INTO packs (name) VALUES (?)", (pack,)).lastrowid or 0)
    block_id = int(db.execute("SELECT coalesce(max(id), 0) FROM blocks").fetchone()[0])
    offset = len(PACK_HEADER)
    blocks: list[tuple[int, ...]] = []
    for block in listing.blocks:
        block_id += 1
        blocks.append((block_id, number, offset, block.stored, block.length, block.encoding))
        offset += block.stored
        start = 0
        for digest, length, kind in block.items:
            objects.append((digest, block_id, start, length, kind))
            start += length
    db.executemany("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?)", blocks)
    return number


def _asked(
    db: sqlite3.Connection, query: str, wanted: Sequence[bytes] | Sequence[int], column: str = "digest"
) -> Iterator[tuple[Any, ...]]:
    """The rows for these keys, as many at a time as one question may name."""
    for at in range(0, len(wanted), ASKED_AT_ONCE):
        some = wanted[at : at + ASKED_AT_ONCE]
        yield from db.execute(query.format(among(some, column)), some)
