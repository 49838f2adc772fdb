"""What a gc asks of the pack index, and tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import frames
from .database import transaction
from .pack_rows import PackRows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable

    from .packs import PackIndex


def beginning(index: PackIndex, first: int) -> list[tuple[bytes, int, int, int, int]]:
    """Digest, number of the pack, offset, stored length and encoding of all whose digest begins with that byte."""
    end = bytes([first + 1]) if first < 255 else b"\xff" * 33
    query = "SELECT * FROM objects WHERE digest >= ? AND digest < ?"
    return index.run(lambda db: db.execute(query, (bytes([first]), end)).fetchall())


def recipes(index: PackIndex) -> list[bytes]:
    """The large objects that are stored in chunks."""
    query = f"SELECT digest FROM objects WHERE encoding = {frames.RECIPE}"  # noqa: S608
    return index.run(lambda db: [row[0] for row in db.execute(query)])


def numbers(index: PackIndex) -> dict[int, str]:
    """The packs that the index knows, by their numbers in it."""
    return index.run(lambda db: dict(db.execute("SELECT id, name FROM packs")))


def filled(index: PackIndex) -> dict[str, int]:
    """Pack → how many of its bytes are frames that the index names."""
    per_pack = f"SELECT pack, sum(length + {frames.FRAME_BYTES}) FROM objects GROUP BY pack"  # noqa: S608

    def work(db: sqlite3.Connection) -> dict[str, int]:
        sums = dict(db.execute(per_pack))
        return {name: sums.get(number, 0) for number, name in db.execute("SELECT id, name FROM packs")}

    return index.run(work)


def drop(index: PackIndex, digests: Collection[bytes]) -> None:
    """Take objects out of the index, durably: from now on they are absent."""

    def work(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA synchronous = FULL")
        try:
            with transaction(db):
                db.executemany("DELETE FROM objects WHERE digest = ?", ((digest,) for digest in digests))
                db.executemany("DELETE FROM lost WHERE digest = ?", ((digest,) for digest in digests))
        finally:
            db.execute("PRAGMA synchronous = NORMAL")

    index.run(work)


def forget_large(index: PackIndex, digests: Iterable[bytes]) -> None:
    """Forget what the files of these large objects looked like: they were removed on purpose."""

    def work(db: sqlite3.Connection) -> None:
        with transaction(db):
            db.executemany("DELETE FROM large WHERE digest = ?", ((digest,) for digest in digests))

    index.run(work)


def rows(index: PackIndex, pack: str) -> PackRows:
    """The objects that the index names in a pack."""
    query = (
        "SELECT digest, offset, length, encoding FROM objects"
        " WHERE pack = (SELECT id FROM packs WHERE name = ?)"
    )

    def work(db: sqlite3.Connection) -> PackRows:
        found = PackRows()
        for row in db.execute(query, (pack,)):
            found.add(*row)
        return found

    return index.run(work)


def replace(index: PackIndex, old: str, new: str, moved: PackRows, size: int) -> None:
    """Note that a pack was rewritten: `moved` is what was kept, with its places there.

    Without a new name, nothing was.
    """

    def work(db: sqlite3.Connection) -> None:
        with transaction(db):
            row = db.execute("SELECT id FROM packs WHERE name = ?", (old,)).fetchone()
            if row:
                db.execute("DELETE FROM objects WHERE pack = ?", row)
                db.execute("DELETE FROM packs WHERE id = ?", row)
            if new:
                db.execute('INSERT INTO packs (name, size, "end") VALUES (?, ?, ?)', (new, size, size))
                number = db.execute("SELECT id FROM packs WHERE name = ?", (new,)).fetchone()[0]
                values = ((digest, number, *place) for digest, *place in moved.by_digest())
                db.executemany("INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?, ?)", values)

    index.run(work)


def faults(index: PackIndex) -> tuple[set[bytes], set[bytes]]:
    """The objects that were found damaged, and those that were lost with their packs; neither was stored again."""

    def work(db: sqlite3.Connection) -> tuple[set[bytes], set[bytes]]:
        damaged, lost = (
            {row[0] for row in db.execute(f"SELECT digest FROM {table}")}  # noqa: S608
            for table in ("damaged", "lost")
        )
        return damaged, lost

    return index.run(work)


def forget_faults(index: PackIndex, digests: Iterable[bytes]) -> None:
    """Nothing needs these any more that were damaged or lost."""
    rows = [(digest,) for digest in digests]

    def work(db: sqlite3.Connection) -> None:
        with transaction(db):
            for table in ("damaged", "lost"):
                db.executemany(f"DELETE FROM {table} WHERE digest = ?", rows)  # noqa: S608

    if rows:
        index.run(work)
