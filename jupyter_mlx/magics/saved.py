"""Whether a notebook on disk is what the kernel has executed: the front end alone knows what it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def behind(notebook: Path, shell: Any) -> str:
    """Why the saved notebook is older than the cells that ran, with the next step; empty where nothing says so.

    A cell is missing in it, or the outputs are of earlier executions.
    """
    cells = _code_cells(notebook)
    if cells is None:
        return ""
    history = shell.history_manager.input_hist_raw
    now = len(history) - 1  # the number of this cell: IPython counts on before or after it, by version
    counts = [count for cell in cells if isinstance(count := cell.get("execution_count"), int)]
    # after a restart the numbers begin again: higher ones say nothing
    before = [count for count in counts if count < now]
    raw = history[-1].strip()
    sources = {_source(cell) for cell in cells}
    if raw and raw not in sources:
        return _told(notebook, "without this cell")
    if (
        now > 1
        and max(before, default=0) < now - 1
        and len(before) == len(counts)
        and history[now - 1].strip()
    ):
        return _told(notebook, f"before cell [{now - 1}] had run")
    return ""


def _told(notebook: Path, how: str) -> str:
    return f"{notebook.name} was saved {how}: save it (Ctrl+S) and take the snapshot again to have it as it is shown"


def _code_cells(notebook: Path) -> list[dict[str, Any]] | None:
    """The code cells of a saved notebook; None of one that can't be read, and of text, which has no outputs."""
    if notebook.suffix != ".ipynb":
        return None
    try:
        cells = json.loads(notebook.read_bytes())["cells"]
        return [cell for cell in cells if cell.get("cell_type") == "code"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return (source if isinstance(source, str) else "".join(map(str, source))).strip()
