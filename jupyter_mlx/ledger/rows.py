"""Between a `Run` and its rows in the ledger."""

from __future__ import annotations

import math
import re
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import Any, TypeAlias

import msgspec

from .run import Failure, FileVersion, Run, Value

DETAIL = (
    "source", "slice", "slice_notes", "guessed", "seeds", "command", "key", "variables", "cell_outputs",
    "environment", "git", "error", "resources", "incomplete", "problems", "notebook_how",
    "progress",
)  # fmt: skip
"""The fields of a run that are shown, never searched: one JSON value."""

SHORT = 400
"""A detail of fewer bytes is kept as it is."""
SOME = 1000
"""So many numbers of an array are kept; of more, what `str` makes of it."""
_ODD = re.compile(rb"null|\d{19}")
NAN = '"NaN"'
"""What stands for NaN, which SQL has not, as JSON."""

LIGHT = "rowid, id, name, kind, status, started_at, duration_s, notebook, cell_id, parent, starred, note, seq, process"
"""The columns that `listed` reads."""

ValueRow: TypeAlias = tuple[str, str, "float | None", "str | None"]


def plain(value: Any, depth: int = 0) -> Value:
    """A value as JSON can say it: numpy's scalars as numbers, datetimes and the rest as text.

    Nesting past 20 levels, and what refers to itself, becomes text.
    """
    if isinstance(value, str):
        return storable(value)
    if type(value) in (bool, int, float) or value is None:
        return value
    if depth > 20:
        return repr(value)[:200]
    if isinstance(value, Mapping):
        return {storable(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, type):  # `numpy.float32` is no number
        for ask, most in (("item", 1), ("tolist", SOME)):
            give = getattr(value, ask, None)
            if callable(give) and _size(value) <= most:
                # a tensor of torch's `meta` device has no numbers to give
                with suppress(TypeError, ValueError, RuntimeError):
                    return plain(give(), depth + 1)
    return storable(str(value))


def _size(value: Any) -> int:
    """How many numbers an array or tensor has; of torch's, `size` is a method and gives the shape."""
    ask = getattr(value, "numel", None)
    found = ask() if callable(ask) else getattr(value, "size", 1 if not hasattr(value, "tolist") else None)
    return found if isinstance(found, int) else SOME + 1


def storable(text: str) -> str:
    r"""A text as UTF-8 can say it: half a surrogate pair becomes `\udc80`, as Python writes it."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def number(value: Any) -> float | None:
    """The number that a query compares: None for what is no number, and for NaN, which SQL has not."""
    if isinstance(value, (int, float)) and not (isinstance(value, float) and math.isnan(value)):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return None


def to_json(value: Any) -> str:
    """A value as JSON text; NaN and the infinities as the strings that Python prints."""
    return _as_json(value).decode()


def finite(value: Any) -> Any:
    """Replace the numbers that JSON cannot say by the strings `NaN`, `Infinity`, `-Infinity`."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 63:
        return str(value)
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def detail_of(run: Run) -> bytes:
    """The `detail` column of a run."""
    fields = {name: getattr(run, name) for name in DETAIL}
    fields["error"] = asdict(run.error) if run.error else None
    return _packed({name: value for name, value in fields.items() if value})


def with_fields(detail: bytes | str, fields: Mapping[str, Any]) -> bytes:
    """A `detail` column that says something else of some things."""
    return _packed({**msgspec.json.decode(detail_json(detail)), **fields})


def with_problem(detail: bytes | str, problem: str) -> bytes:
    """A `detail` column that says of one thing more what could not be recorded."""
    problems = msgspec.json.decode(detail_json(detail)).get("problems", ())
    return with_fields(detail, {"problems": [*problems, problem]})


def _packed(fields: Mapping[str, Any]) -> bytes:
    data = _as_json(fields)
    return data if len(data) < SHORT else zlib.compress(data)


def _as_json(value: Any) -> bytes:
    """See `to_json`; what JSON can say as it is, as nearly all of it, is not walked through."""
    try:
        data = msgspec.json.encode(value)
    except (OverflowError, ValueError, TypeError):
        data = b"null"
    # NaN and the infinities, and perhaps a huge number
    return msgspec.json.encode(finite(value)) if _ODD.search(data) else data


def detail_json(detail: bytes | str) -> bytes:
    """The JSON of a `detail` column, which is compressed where it is long."""
    data = detail.encode() if isinstance(detail, str) else detail
    return data if data.startswith(b"{") else zlib.decompress(data)


def values_of(params: Mapping[str, Value], metrics: Mapping[str, float]) -> list[ValueRow]:
    """Names with their values: (kind, key, number, json)."""
    rows: list[ValueRow] = [("p", key, number(value), to_json(value)) for key, value in params.items()]
    for key, value in metrics.items():
        found = number(value)
        rows.append(("m", key, found, NAN if found is None else None))
    return rows


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as a UTC datetime."""
    return datetime.fromtimestamp(seconds, timezone.utc)


def listed(row: sqlite3.Row, values: Iterable[sqlite3.Row] = (), tags: Iterable[sqlite3.Row] = ()) -> Run:
    """A run as lists show it: its row, with params, metrics and tags, without detail."""
    params: dict[str, Value] = {}
    metrics: dict[str, float] = {}
    for value in values:
        if value["kind"] == "p":
            params[value["key"]] = msgspec.json.decode(value["json"])
        else:
            metrics[value["key"]] = math.nan if value["number"] is None else value["number"]
    return Run(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        status=row["status"],
        started_at=moment(row["started_at"]),
        duration_s=row["duration_s"],
        params=params,
        metrics=metrics,
        tags=tuple(tag["tag"] for tag in tags),
        notebook=row["notebook"],
        cell_id=row["cell_id"],
        parent=row["parent"],
        starred=bool(row["starred"]),
        note=row["note"],
        seq=row["seq"],
    )


def with_detail(run: Run, detail: bytes, files: Iterable[sqlite3.Row]) -> Run:
    """The run with all that is shown for one run."""
    fields = msgspec.json.decode(detail_json(detail))
    versions = [(row["role"], version(row)) for row in files]
    error = fields.get("error")
    return replace(
        run,
        source=fields.get("source", ""),
        slice=tuple(fields.get("slice", ())),
        slice_notes=tuple(fields.get("slice_notes", ())),
        guessed=tuple(fields.get("guessed", ())),
        seeds=fields.get("seeds", {}),
        command=fields.get("command", {}),
        key=fields.get("key", ""),
        variables=fields.get("variables", {}),
        cell_outputs=tuple(fields.get("cell_outputs", ())),
        environment=fields.get("environment"),
        git=fields.get("git", {}),
        error=Failure(error["ename"], error["evalue"], tuple(error["traceback"])) if error else None,
        resources=fields.get("resources", {}),
        progress=fields.get("progress", {}),
        problems=tuple(fields.get("problems", ())),
        notebook_how=fields.get("notebook_how", ""),
        incomplete=tuple(fields.get("incomplete", ())),
        inputs=tuple(found for role, found in versions if role == "input"),
        outputs=tuple(found for role, found in versions if role == "output"),
    )


def version(row: sqlite3.Row) -> FileVersion:
    """A file of a run."""
    return FileVersion(
        path=row["path"],
        digest=row["digest"],
        size_bytes=row["size_bytes"],
        how=row["how"],
        kind=row["kind"],
        source=row["source"],
        changed=bool(row["changed"]),
    )


def grouped(found: Iterable[sqlite3.Row]) -> dict[int, list[sqlite3.Row]]:
    """Rows by their run."""
    groups: dict[int, list[sqlite3.Row]] = {}
    for row in found:
        groups.setdefault(row["run"], []).append(row)
    return groups
