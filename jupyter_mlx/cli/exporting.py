"""Runs as JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from jupyter_mlx.errors import AccessError, UnavailableError
from jupyter_mlx.ledger.rows import finite

if TYPE_CHECKING:
    from jupyter_mlx.ledger.ledger import Ledger
    from jupyter_mlx.ledger.run import Run

FLAT = (
    "id", "name", "kind", "status", "started_at", "duration_s", "notebook", "cell_id", "parent", "note", "starred",
)  # fmt: skip
FORMULA = re.compile(r"[=+\-@\t\r]")
"""How a cell begins that a spreadsheet would execute. Source: OWASP, "CSV Injection"."""


def write(ledger: Ledger, query: str, kind: str, path: Path | None, *, full: bool = False) -> int:
    """Write the runs of a query to a file, or to stdout; how many.

    A file appears when it is whole. `full` adds to JSON lines code, files, series and the rest.

    Raises:
        UnavailableError: Parquet needs pyarrow.
        AccessError: the file can't be written.
    """
    with _target(path) as file:
        if kind == "jsonl":
            return _lines(file, ledger, query, full=full)
        return (_csv if kind == "csv" else _parquet)(file, ledger, query)


@contextmanager
def _target(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        return
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        os.replace(part, path)  # noqa: PTH105
    except OSError as error:
        raise AccessError.of(error, path) from error
    finally:
        part.unlink(missing_ok=True)


def _runs(ledger: Ledger, query: str) -> Iterator[Run]:
    cursor = None
    while True:
        page = ledger.page(query, limit=1000, cursor=cursor)
        yield from page.runs
        cursor = page.next
        if cursor is None:
            return


def _lines(file: BinaryIO, ledger: Ledger, query: str, *, full: bool) -> int:
    count = 0
    for run in _runs(ledger, query):
        if full:
            row: dict[str, Any] = {**asdict(ledger.get(run.id)), "series": ledger.series(run.id)}
        else:
            row = {name: getattr(run, name) for name in (*FLAT, "tags", "params", "metrics")}
        file.write(msgspec.json.encode(finite(row)) + b"\n")
        count += 1
    return count


def _flat(run: Run) -> dict[str, Any]:
    """A column for each param and metric; what is nested as JSON."""
    found = {name: getattr(run, name) for name in FLAT}
    found["started_at"] = run.started_at.isoformat()
    found["tags"] = msgspec.json.encode(run.tags).decode()
    found |= {f"params.{key}": _cell(value) for key, value in run.params.items()}
    return found | {f"metrics.{key}": value for key, value in run.metrics.items()}


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, (list, dict)):
        return msgspec.json.encode(value).decode()
    return value


def _columns(ledger: Ledger, query: str) -> list[str]:
    """All columns, the fixed ones first, then params and metrics as they come."""
    names = dict.fromkeys((*FLAT, "tags"))
    for run in _runs(ledger, query):
        names |= dict.fromkeys(f"params.{key}" for key in run.params)
        names |= dict.fromkeys(f"metrics.{key}" for key in run.metrics)
    return list(names)


def _csv(file: BinaryIO, ledger: Ledger, query: str) -> int:
    import io

    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    names, count = _columns(ledger, query), 0
    writer = csv.writer(text)
    writer.writerow([_inert(name) for name in names])
    for run in _runs(ledger, query):
        row = _flat(run)
        writer.writerow([_inert(row.get(name, "")) for name in names])
        count += 1
    text.detach()
    return count


def _inert(value: Any) -> Any:
    """A cell that no spreadsheet executes: a text that begins like a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def _parquet(file: BinaryIO, ledger: Ledger, query: str) -> int:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise UnavailableError("Parquet needs pyarrow: `pip install pyarrow`") from error
    rows = [_flat(run) for run in _runs(ledger, query)]
    names = dict.fromkeys((*FLAT, "tags", *(name for row in rows for name in row)))
    columns = {name: _typed([row.get(name) for row in rows]) for name in names}
    parquet.write_table(pa.table(columns), file)
    return len(rows)


def _typed(values: list[Any]) -> list[Any]:
    """Values of one type: as they are where they are that, else as the texts that JSON has for them."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {int, float} and float in kinds:
        return [None if value is None else float(value) for value in values]
    if len(kinds) <= 1:
        return values
    return [
        value if value is None or isinstance(value, str) else msgspec.json.encode(finite(value)).decode()
        for value in values
    ]
