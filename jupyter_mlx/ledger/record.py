"""A record: a finished run as one immutable object, from which the ledger can be rebuilt.

A record is a line that says what it is, then JSON. The line lets a rebuild
find the records among the objects of a store, without any list of them. A run
with a long series is format 2, which holds it packed: `docs/format.md`, "Records".
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from .rows import finite
from .run import Run, Series
from .series import from_record, to_record

MAGIC = b"mlx-record 1\n"
MAGIC_PACKED = b"mlx-record 2\n"


def encode(run: Run, series: Series) -> bytes:
    """The record of a run with its metric series."""
    fields = asdict(run)
    del fields["seq"]
    told = {key: to_record(points) for key, points in series.items()}
    magic = MAGIC_PACKED if any(isinstance(points, dict) for points in told.values()) else MAGIC
    return magic + msgspec.json.encode(finite({**fields, "series": told}))


def decode(data: bytes) -> tuple[Run, Series] | None:
    """The run and its series; None for bytes that are no record."""
    if not data.startswith((MAGIC, MAGIC_PACKED)):
        return None
    try:
        fields = msgspec.json.decode(data[len(MAGIC) :], type=dict[str, Any])
        series = {key: from_record(points) for key, points in fields.pop("series").items()}
        fields["metrics"] = {key: float(value) for key, value in fields["metrics"].items()}
        return msgspec.convert(fields, Run), series
    except (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError):
        return None
