"""The cells that a shell has executed so far, each with its id and how it ended."""

from __future__ import annotations

from typing import Any

from jupyter_mlx.capture.slice import Slice
from jupyter_mlx.capture.slicing import Executed, Slicer

from .options import split


class History:
    """IPython's own history, with what it does not keep: cell ids, and whether a cell ran to its end."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._slicer = Slicer()
        self._executed: dict[int, Executed] = {}

    def note(self, result: Any) -> str:
        """A cell has ended; its source as slices have it, empty for one that none can have."""
        if result is None or result.execution_count is None:
            return ""
        source = _below(result.info.raw_cell or "")
        self._executed[result.execution_count] = Executed(
            source, getattr(result.info, "cell_id", None), whole=bool(result.success)
        )
        return source

    def slice_of(self, source: str, cell_id: str | None) -> Slice:
        """The earlier cells that a cell depends on, which is about to be executed."""
        return self._slicer.slice_of(source, self._earlier(), cell_id)

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
        return known if known is not None and known.source == source else Executed(source)


def _below(raw: str) -> str:
    """A cell without its `%%track` line."""
    if "%%track" not in raw:
        return raw
    found = split(raw)
    return found[1] if found else raw
