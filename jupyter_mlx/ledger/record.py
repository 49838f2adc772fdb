"""A record: a finished run as one immutable object, from which the ledger can be rebuilt.

A record is a line that says what it is, then JSON. The line lets a rebuild
find the records among the objects of a store, without any list of them.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import msgspec

from .rows import finite
from .run import Failure, FileVersion, Run

MAGIC = b"mlx-record 1\n"
Series = dict[str, list[tuple[int, float, float]]]


def encode(run: Run, series: Series) -> bytes:
    """The record of a run with its metric series."""
    fields = asdict(run)
    del fields["seq"]
    return MAGIC + msgspec.json.encode(finite({**fields, "series": series}))


def decode(data: bytes) -> tuple[Run, Series] | None:
    """The run and its series; None for bytes that are no record."""
    if not data.startswith(MAGIC):
        return None
    try:
        fields: dict[str, Any] = msgspec.json.decode(data[len(MAGIC) :])
        series = {
            key: [(step, float(value), t) for step, value, t in points]
            for key, points in fields.pop("series").items()
        }
        return _run(fields), series
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        return None


def _run(fields: dict[str, Any]) -> Run:
    error = fields.pop("error")
    started_at = datetime.fromisoformat(fields.pop("started_at").replace("Z", "+00:00"))
    files = {role: tuple(FileVersion(**file) for file in fields.pop(role)) for role in ("inputs", "outputs")}
    metrics = {key: float(value) for key, value in fields.pop("metrics").items()}
    for name in ("tags", "slice", "cell_outputs"):
        fields[name] = tuple(fields[name])
    run = Run(started_at=started_at, metrics=metrics, **files, **fields)
    if error:
        run = replace(run, error=Failure(error["ename"], error["evalue"], tuple(error["traceback"])))
    return run
