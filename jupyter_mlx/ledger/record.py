"""A record: a finished run as one immutable object, from which the ledger can be rebuilt.

A record is a line that says what it is, then JSON. The line lets a rebuild
find the records among the objects of a store, without any list of them. A run
with a long series is format 2, which holds it packed: `docs/format.md`, "Records".
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec

from .rows import finite
from .run import Run, Series
from .series import from_record, to_record

MAGIC = b"mlx-record 1\n"
MAGIC_PACKED = b"mlx-record 2\n"
NEEDED = {"id", "name", "kind", "status", "started_at", "metrics"}
EMPTY = {
    name: value
    for name, value in asdict(Run("", "", "cell", "finished", datetime.min)).items()  # noqa: DTZ901 (left out)
    if name not in NEEDED
}
"""What a run has where nothing is said of it: a record leaves these out."""


def encode(run: Run, series: Series) -> bytes:
    """The record of a run with its metric series."""
    facts = {
        name: value
        for name, value in asdict(run).items()
        if name != "seq" and (name in NEEDED or value != EMPTY[name])
    }
    told = {key: to_record(points) for key, points in series.items()}
    magic = MAGIC_PACKED if any(isinstance(points, dict) for points in told.values()) else MAGIC
    return magic + msgspec.json.encode(finite({**facts, "series": told}))


def decode(data: bytes) -> tuple[Run, Series] | None:
    """The run and its series; None for bytes that are no record."""
    if not data.startswith((MAGIC, MAGIC_PACKED)):
        return None
    try:
        facts = msgspec.json.decode(data[len(MAGIC) :], type=dict[str, Any])
        series = {key: from_record(points) for key, points in facts.pop("series").items()}
        facts["metrics"] = {key: float(value) for key, value in facts["metrics"].items()}
        return msgspec.convert(facts, Run), series
    except (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError):
        return None
