"""A record: a finished run as one immutable object, from which the ledger can be rebuilt.

A record is a line that says what it is, then compressed JSON. The line lets a
rebuild find the records among the objects of a store, without any list of them.
Formats 1 and 2, which were not compressed, are read: `docs/format.md`, "Records".
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import msgspec

from .rows import finite
from .run import Run, Series
from .series import from_record, to_record

MAGIC = b"mlx-record 3\n"
MAGIC_PLAIN = (b"mlx-record 1\n", b"mlx-record 2\n")
MOST_BYTES = 1 << 30
"""Of a record that is expanded: a larger one is none that we wrote."""
NEEDED = {"id", "name", "kind", "status", "started_at", "metrics"}
EMPTY = {
    name: value
    for name, value in asdict(Run("", "", "cell", "finished", datetime.min)).items()  # noqa: DTZ901 (left out)
    if name not in NEEDED
}
"""What a run has where nothing is said of it: a record leaves these out."""


def encode(run: Run, series: Series) -> bytes:
    """The record of a run with its metric series."""
    # not `asdict`: what is nested is copied by it, and encoded as well without
    said = ((field.name, getattr(run, field.name)) for field in fields(run))
    facts = {
        name: value for name, value in said if name != "seq" and (name in NEEDED or value != EMPTY[name])
    }
    told = {key: to_record(points) for key, points in series.items()}
    return MAGIC + zlib.compress(msgspec.json.encode(finite({**facts, "series": told})))


def decode(data: bytes) -> tuple[Run, Series] | None:
    """The run and its series; None for bytes that are no record."""
    try:
        facts = msgspec.json.decode(text(data), type=dict[str, Any])
        series = {key: from_record(points) for key, points in facts.pop("series").items()}
        facts["metrics"] = {key: float(value) for key, value in facts["metrics"].items()}
        return msgspec.convert(facts, Run), series
    except (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError):
        return None


def text(data: bytes) -> bytes:
    """The JSON of a record; empty for bytes that are none."""
    head, body = data[: len(MAGIC)], data[len(MAGIC) :]
    if head in MAGIC_PLAIN:
        return body
    try:
        return zlib.decompressobj().decompress(body, MOST_BYTES) if head == MAGIC else b""
    except zlib.error:
        return b""
