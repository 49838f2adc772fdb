"""What differs inside two runs, which only the store can tell: data, notebooks, what was printed, figures."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from .digest import Digest
from .errors import CorruptError, MlxError, NotFoundError
from .ledger.cells import Cell, CellChange, compare_cells, source_of
from .ledger.compare import Comparison, Detail, Inside
from .ledger.payloads import is_payload, unfold

if TYPE_CHECKING:
    from .data.workspace import Workspace
    from .ledger.run import FileVersion, Run

EXAMPLES = 5
"""Rows of each table that are told."""
MOST_LINES = 200
"""Lines about one path, and lines of text that differ."""
_MOST_COMPARED = 10_000
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LARGEST_TEXT = 1 << 20
_LARGEST_NOTEBOOK = 64 << 20


def compare(
    workspace: Workspace, a: Run, b: Run, environments: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> Comparison:
    """How two runs differ, down to rows, labels, cells and figures where their objects are here."""
    inside = Inside(
        data=tuple(_data(workspace, a.inputs, b.inputs)),
        cells=_cells(workspace, a, b),
        text=_text(workspace, a, b),
        figures=tuple(_figures(a, b)),
    )
    return Comparison.of(a, b, environments, inside)


def notebook_cells(workspace: Workspace, run: Run) -> list[Cell] | None:
    """The cells of the notebook that a run kept; None where it kept none that can be read.

    Raises:
        ObjectNotFoundError, CorruptObjectError: its object is not here, or damaged.
    """
    kept = [file for file in run.outputs if file.kind == "file" and file.path.endswith(".ipynb")]
    kept.sort(key=lambda file: (file.path != run.notebook, PurePosixPath(file.path).name))
    if not kept or kept[0].size_bytes > _LARGEST_NOTEBOOK:
        return None
    return cells_of(workspace.store.get(Digest.parse(kept[0].digest)))


def cells_of(data: bytes) -> list[Cell] | None:
    """The cells of a notebook's bytes, older formats brought to format 4; None where they are no notebook."""
    try:
        notebook = json.loads(data)
        if notebook.get("nbformat", 4) < 4:
            import nbformat

            notebook = nbformat.reads(data.decode("utf-8"), as_version=4)
        cells = notebook["cells"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return [cell for cell in cells if isinstance(cell, Mapping)] if isinstance(cells, list) else None


def readable_cells(workspace: Workspace, run: Run) -> list[Cell] | None:
    """The cells of the notebook that a run kept; None where there is none, or its object is not here."""
    try:
        return notebook_cells(workspace, run)
    except (NotFoundError, CorruptError):
        return None


def script(run: Run, cells: list[Cell] | None) -> str:
    """The code of a run as one script: all cells of the notebook that it kept, else its slice and its source."""
    if cells is None:
        parts = [*run.slice, run.source]
        return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"
    return "\n\n".join(_percent(cell) for cell in cells) + "\n"


def _percent(cell: Cell) -> str:
    """A cell in the percent format of scripts; what is no code is commented out."""
    source = source_of(cell)
    if cell.get("cell_type") == "code":
        return f"# %%\n{source}"
    lines = [f"# {line}".rstrip() for line in source.splitlines()]
    return "\n".join([f"# %% [{cell.get('cell_type', 'raw')}]", *lines])


def _cells(workspace: Workspace, a: Run, b: Run) -> tuple[CellChange, ...]:
    before, after = readable_cells(workspace, a), readable_cells(workspace, b)
    return () if before is None or after is None else compare_cells(before, after)


def _data(
    workspace: Workspace, before: tuple[FileVersion, ...], after: tuple[FileVersion, ...]
) -> Iterator[Detail]:
    old, new = ({file.path: file for file in files if file.kind != "outside"} for files in (before, after))
    for path in sorted(old.keys() & new.keys()):
        if old[path].digest != new[path].digest:
            yield _inside(workspace, path, old[path], new[path])


def _inside(workspace: Workspace, path: str, old: FileVersion, new: FileVersion) -> Detail:
    from .data.comparing import State
    from .data.wording import as_payload, told

    before, after = (State({path: workspace.named(file)}) for file in (old, new))
    try:
        found = list(workspace.compare(before, after, EXAMPLES))
    except NotFoundError:
        return Detail(
            path, (f"{path}: what differs in it is not known here; `jmlx pull` fetches the versions",)
        )
    except MlxError as error:
        return Detail(path, (f"{path}: {error}",))
    lines = [line for difference in found for line in told(difference)]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"... ({len(lines) - MOST_LINES} more)", lines[-1]]
    return Detail(path, tuple(lines), as_payload(found[0]) if found else None)


def _text(workspace: Workspace, a: Run, b: Run) -> tuple[str, ...]:
    before, after = ("\n".join(_printed(workspace, run)).splitlines() for run in (a, b))
    if max(len(before), len(after)) > _MOST_COMPARED:
        return ()
    names = f"run {a.id[:8]}", f"run {b.id[:8]}"
    lines = tuple(difflib.unified_diff(before, after, *names, n=1, lineterm=""))
    more = len(lines) - MOST_LINES
    return lines if more <= 0 else (*lines[:MOST_LINES], f"... ({more} more)")


def _printed(workspace: Workspace, run: Run) -> Iterator[str]:
    """What a run printed to stdout and showed as nothing but text; what is large or not here is passed over."""
    for output in run.cell_outputs:
        text: Any = None
        if output.get("output_type") == "stream" and output.get("name") == "stdout":
            text = {"text": output.get("text", "")}
        elif set(output.get("data", ())) == {"text/plain"}:
            text = {"text": output["data"]["text/plain"]}
        if text is None or (is_payload(text["text"]) and text["text"]["size_bytes"] > _LARGEST_TEXT):
            continue
        try:
            yield _COLOURS.sub("", str(unfold(text, workspace.store, Digest.parse)["text"]))
        except (NotFoundError, CorruptError):
            continue


def figures(run: Run) -> dict[str, dict[str, Any]]:
    """The figures of a run, by name: each the data of its output."""
    found: dict[str, dict[str, Any]] = {}
    for output in run.cell_outputs:
        data = output.get("data") or {}
        if any(mime.startswith("image/") for mime in data):
            own = (output.get("metadata") or {}).get("jupyter_mlx") or {}
            name = (
                str(own.get("name") or f"figure {len(found) + 1}") if isinstance(own, Mapping) else "figure"
            )
            found[name if name not in found else f"{name} ({len(found) + 1})"] = data
    return found


def _figures(a: Run, b: Run) -> Iterator[tuple[str, str | None, str | None]]:
    before, after = ({name: _name_of(data) for name, data in figures(run).items()} for run in (a, b))
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _name_of(data: Mapping[str, Any]) -> str:
    """The digest of an image, whether it is an object or stands in the output."""
    mime = min(
        (mime for mime in data if mime.startswith("image/")), key=lambda mime: (mime.endswith("+xml"), mime)
    )
    payload = data[mime]
    if is_payload(payload):
        return str(payload["digest"])
    text = payload if isinstance(payload, str) else "".join(map(str, payload))
    try:
        raw = text.encode() if mime.endswith("+xml") else base64.b64decode(text)
    except (binascii.Error, ValueError):
        raw = text.encode("utf-8", "surrogatepass")
    return str(Digest.of(raw))
