"""Which runs wrote what."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .database import Database

_AT_MOST = 1000


class Made(NamedTuple):
    """An output of a run."""

    run: str
    path: str
    digest: str


class Makers:
    """Asks one ledger. Runs in the trash made nothing; the newest stand first."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, path: str, digest: str, before: float) -> list[Made]:
        """What has this digest and was begun before that moment (seconds since the epoch), at this path first."""
        return self._ask(
            "files.digest = ?1 AND started_at < ?2", (digest, before, path), "files.path != ?3, "
        )

    def above(self, path: str, before: float) -> list[Made]:
        """The folders that a path lies in, and that were written as a whole."""
        parts = path.split("/")
        folders = ["/".join(parts[:end]) for end in range(1, len(parts))]
        marks = ",".join("?" * len(folders))
        return self._ask(
            f"files.path IN ({marks}) AND files.kind = 'folder' AND started_at < ?", (*folders, before)
        )

    def within(self, folder: str, before: float) -> list[Made]:
        """What was written below a folder."""
        # a range, so that the index on paths serves: `0` is what follows `/`
        values = (f"{folder}/", f"{folder}0", before)
        return self._ask("files.path >= ?1 AND files.path < ?2 AND started_at < ?3", values)

    def _ask(self, condition: str, values: tuple[object, ...], first: str = "") -> list[Made]:
        found = self._db.read(
            "SELECT runs.id, files.path, files.digest FROM files JOIN runs ON runs.rowid = files.run"
            f" WHERE files.role = 'output' AND trashed_at IS NULL AND {condition}"
            f" ORDER BY {first}started_at DESC LIMIT {_AT_MOST}",
            values,
        )
        return [Made(*row) for row in found]
