"""Runs as JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_mlx.errors import UnavailableError
from jupyter_mlx.ledger.ledger import Ledger

FLAT = ("id", "name", "kind", "status", "started_at", "duration_s", "notebook", "parent", "note")


def write(ledger: Ledger, query: str, kind: str, path: Path | None) -> int:
    """Write the runs of a query to a file, or to stdout; how many."""
    rows = list(_rows(ledger, query))
    data = {"jsonl": _lines, "csv": _csv, "parquet": _parquet}[kind](rows)
    if path is None:
        sys.stdout.buffer.write(data)
    else:
        path.write_bytes(data)
    return len(rows)


def _rows(ledger: Ledger, query: str) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        page = ledger.page(query, limit=1000, cursor=cursor)
        for run in page.runs:
            yield {
                **{name: getattr(run, name) for name in FLAT},
                "tags": list(run.tags),
                "params": run.params,
                "metrics": run.metrics,
            }
        cursor = page.next
        if cursor is None:
            return


def _lines(rows: list[dict[str, Any]]) -> bytes:
    import msgspec

    from jupyter_mlx.ledger.rows import finite

    return b"".join(msgspec.json.encode(finite(row)) + b"\n" for row in rows)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A column for each param and metric."""
    found = {name: row[name] for name in FLAT} | {"tags": " ".join(row["tags"])}
    found |= {f"params.{key}": item for key, item in row["params"].items()}
    return found | {f"metrics.{key}": item for key, item in row["metrics"].items()}


def _csv(rows: list[dict[str, Any]]) -> bytes:
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row)) or list(FLAT)
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue().encode()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    try:
        import pandas as pd
        import pyarrow as pa  # noqa: F401 (the writer)
    except ImportError as error:
        raise UnavailableError("Parquet needs pandas and pyarrow: `pip install pandas pyarrow`") from error
    buffer = io.BytesIO()
    flat = [
        {key: item if isinstance(item, float) else str(item) for key, item in _flat(row).items()}
        for row in rows
    ]
    pd.DataFrame(flat).to_parquet(buffer)
    return buffer.getvalue()
