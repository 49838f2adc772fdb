"""What the runs of a ledger refer to in the store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from .owner import Owner
from .payloads import is_payload
from .rows import detail_json

if TYPE_CHECKING:
    from .database import Database

_DIGEST = re.compile(r"\bb3:[0-9a-f]{64}\b")
_PAGE = 500
_NEWEST = 1000


class Needs:
    """Asks one ledger; runs in the trash count too. Kinds are `file`, `folder` and `object`.

    Files outside the project are left out: the store never had them.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def mentioned(self) -> Iterator[tuple[str, str, str]]:
        """A run's id, kind and digest of whatever could be meant by what runs say, each digest at least once."""
        for row in self._db.read(
            "SELECT min(runs.id), files.kind, files.digest FROM files JOIN runs ON runs.rowid = files.run"
            " WHERE files.kind != 'outside' GROUP BY files.digest, files.kind"
        ):
            yield row[0], row[1], row[2]
        for id_, record, detail in self._details():
            yield from ((id_, "object", digest) for digest in {*digests_in(detail), *filter(None, [record])})

    def used(self) -> Iterator[tuple[str, str, str]]:
        """Run id, kind and digest of all that each run is made of."""
        for row in self._db.read(
            "SELECT runs.id, files.kind, files.digest FROM files JOIN runs ON runs.rowid = files.run"
            " WHERE files.kind != 'outside'"
        ):
            yield row[0], row[1], row[2]
        for id_, record, detail in self._details():
            yield from ((id_, "object", digest) for digest in {*_objects(detail), *filter(None, [record])})

    def knows(self, id_: str) -> bool:
        """Whether there is such a run, or was one until it was purged."""
        query = "SELECT 1 FROM runs WHERE id = ?1 UNION SELECT 1 FROM purged WHERE id = ?1"
        return bool(self._db.read(query, (id_,)))

    def unrecorded(self) -> list[str]:
        """Of the runs that changed last those that ended, and whose process did too before they had a record."""
        found = self._db.read(
            "SELECT id, process FROM (SELECT * FROM runs ORDER BY seq DESC LIMIT ?)"
            " WHERE record IS NULL AND process IS NOT NULL AND status != 'running'",
            (_NEWEST,),
        )
        return [row["id"] for row in found if Owner.decode(row["process"]).is_gone()]

    def _details(self) -> Iterator[tuple[str, str | None, bytes]]:
        last = 0
        query = (
            "SELECT rowid, id, record, detail FROM runs JOIN details ON details.run = rowid"
            f" WHERE rowid > ? ORDER BY rowid LIMIT {_PAGE}"
        )
        while found := self._db.read(query, (last,)):
            last = found[-1]["rowid"]
            for row in found:
                yield row["id"], row["record"], detail_json(row["detail"])


def digests_in(data: bytes | str) -> list[str]:
    """Every digest that stands in a text."""
    return _DIGEST.findall(data if isinstance(data, str) else data.decode("utf-8", "replace"))


def _objects(detail: bytes | str) -> Iterator[str]:
    """The objects that a run's detail is continued in: environment, difference, payloads of outputs."""
    fields: dict[str, Any] = msgspec.json.decode(detail)
    for digest in (fields.get("environment"), fields.get("git", {}).get("diff")):
        if digest:
            yield digest
    for output in fields.get("cell_outputs", ()):
        for payload in (output.get("text"), *(output.get("data") or {}).values()):
            if is_payload(payload):
                yield payload["digest"]
