"""The cells that a shell has executed so far, each with its id and how it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jupyter_mlx.capture.slice import Slice
from jupyter_mlx.capture.slicing import Executed, Slicer

from .identity import cells_told
from .options import split


class History:
    """IPython's own history, with what it does not keep: cell ids, and whether a cell ran to its end."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._slicer = Slicer()
        self._executed: dict[int, Executed] = {}
        self._cells: dict[str, frozenset[str]] = {}
        """The code cells that a notebook has, as the front end said last."""
        self._homes: dict[str, str] = {}
        """Cell id → the notebook that had it when it was executed."""

    def note(self, result: Any) -> str:
        """A cell has ended; its source as slices have it, empty for one that none can have."""
        if result is None or result.execution_count is None:
            return ""
        source = _below(result.info.raw_cell or "")
        cell_id = getattr(result.info, "cell_id", None)
        self._executed[result.execution_count] = Executed(source, cell_id, whole=bool(result.success))
        self._look(cell_id)
        return source

    def _look(self, cell_id: str | None) -> None:
        """Note which cells the notebook has by now, where the front end says it."""
        told = cells_told(self._shell)
        if told is None:
            return
        notebook, cells = told
        self._cells[notebook] = cells
        # a console on the same kernel has ids that no notebook has
        if cell_id in cells:
            self._homes[cell_id] = notebook

    def slice_of(self, source: str, cell_id: str | None) -> Slice:
        """The earlier cells that a cell depends on, which is about to be executed."""
        self._look(cell_id)
        return self._slicer.slice_of(source, self._earlier(), cell_id)

    def executed(self) -> list[str]:
        """The sources of all cells that were executed before the one that is about to be."""
        return [cell.source for cell in self._earlier()]

    def _earlier(self) -> list[Executed]:
        raw = self._shell.history_manager.input_hist_raw
        count = len(raw)
        if raw and raw[-1] is not None:
            # with store_history the cell itself is the last of them already
            count = min(count, self._shell.execution_count)
        return [self._as_executed(at, raw[at]) for at in range(1, count)]

    def _as_executed(self, at: int, raw: str) -> Executed:
        source = _below(raw)
        known = self._executed.get(at)
        # the count begins again after a reset; and cells before %load_ext were not seen
        if known is None or known.source != source:
            return Executed(source)
        return replace(known, gone=True) if self._is_gone(known.cell_id) else known

    def _is_gone(self, cell_id: str | None) -> bool:
        home = self._homes.get(cell_id or "")
        return home is not None and cell_id not in self._cells[home]


def _below(raw: str) -> str:
    """A cell without its `%%track` line."""
    if "%%track" not in raw:
        return raw
    found = split(raw)
    return found[1] if found else raw
