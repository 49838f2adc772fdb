"""The magics beside `%%track`: runs, comparison, data, pipeline, notes, snapshots."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class

from jupyter_mlx.errors import MlxError

from . import display
from .arguments import texts
from .options import track_help
from .saved import behind
from .telling import warn
from .track import Tracker

if TYPE_CHECKING:
    from .widgets import RunsTable


def told(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turn our errors into IPython's one-line `UsageError`."""

    @functools.wraps(method)
    def call(self: Any, *arguments: Any) -> Any:
        try:
            return method(self, *arguments)
        except MlxError as error:
            raise UsageError(f"%{method.__name__}: {error}") from error

    return call


@magics_class
class ProjectMagics(Magics):
    """The line magics of a project."""

    def __init__(self, shell: Any, tracker: Tracker) -> None:
        super().__init__(shell)
        self._tracker = tracker

    @cell_magic("track")  # type: ignore[arg-type]  # its stub does not know that it takes a name
    def track_cell(self, line: str, cell: str) -> None:
        """See `track_help`; only reached where `%%track` is below another cell magic."""
        del line, cell
        raise UsageError("%%track must be the first line of its cell, above other cell magics")

    track_cell.__doc__ = track_help.__doc__

    @line_magic
    def track(self, line: str) -> None:
        """`%track on` records every cell from the next one on, `%track off` ends it."""
        words = texts("%track", line)
        if words not in (["on"], ["off"]):
            raise UsageError("%track on, or %track off; to record one cell, put %%track on its first line")
        self._tracker.every_cell = words == ["on"]

    @line_magic
    @told
    def runs(self, line: str) -> RunsTable:
        """`%runs [QUERY]`: the runs as an interactive table, for example `%runs acc > 0.9 and kind = cell`."""
        from .widgets import RunsTable

        return RunsTable(self._tracker.project, line.strip(), self.shell)

    @line_magic
    @told
    def compare(self, line: str) -> display.Difference:
        """`%compare A B`: how two runs differ; a run is named by the first digits of its id, or `last`."""
        words = texts("%compare", line)
        if len(words) != 2:
            raise UsageError("%compare A B: the ids of two runs (%runs shows them)")
        return display.Difference(self._tracker.project.comparison(*words))

    @line_magic
    @told
    def restore(self, line: str) -> display.Table:
        """`%restore RUN [PATH]`: a run's cells and files into a new folder, beside the open notebook."""
        words = texts("%restore", line)
        if not 1 <= len(words) <= 2:
            raise UsageError("%restore RUN [PATH]: the id of a run (%runs shows them)")
        project = self._tracker.project
        open_now = self._tracker.witness.identify(project.root).notebook
        found = project.restore_run(words[0], "".join(words[1:]), open_now=open_now)
        rows = [(str(path), "") for path in found.made] + [("", text) for text in found.left]
        return display.Table(("restored", ""), rows)

    @line_magic
    @told
    def reproduce(self, line: str) -> display.Table:
        """`%reproduce RUN [--rtol X] [--atol X] [--env]`: make a run again in a fresh kernel, and compare."""
        from .reproducing import reproduced

        return reproduced(self._tracker.project, line)

    @line_magic
    @told
    def snapshot(self, line: str) -> display.Table:
        """`%snapshot [MESSAGE]`: the notebook as it is saved, with the versions of all tracked data."""
        project = self._tracker.project
        path = self._tracker.witness.identify(project.root).notebook
        if path is None:
            raise UsageError(
                "%snapshot: this kernel does not know its notebook; `jmlx snapshot NOTEBOOK` does it"
            )
        old = behind(project.root / path, self.shell)
        if old:
            warn(old)
        return display.runs_table([project.snapshot(path, line.strip())])

    @line_magic
    @told
    def data(self, line: str) -> display.Table:
        """`%data`: the tracked data and its state."""
        del line
        rows = [(found["path"], found["state"]) for found in self._tracker.project.data_status()]
        return display.Table(
            ("path", "state"), rows, "" if rows else "no data is tracked; `!jmlx add PATH` does it"
        )

    @line_magic
    @told
    def pipeline(self, line: str) -> None:
        """`%pipeline [STAGE…]`: run the pipeline, only what changed; how far each stage is stands in the output."""
        from .pipeline import run

        run(self._tracker.project, texts("%pipeline", line))

    @line_magic
    @told
    def note(self, line: str) -> None:
        """`%note TEXT`: write a note on the newest run."""
        if not line.strip():
            raise UsageError("%note TEXT: what to remember of the newest run")
        ledger = self._tracker.project.ledger
        ledger.edit(ledger.resolve("last"), note=self._tracker.project.redactor.text(line.strip()))
