"""`%runs` as an interactive table, of ipywidgets alone; static HTML goes with it into the saved notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import TYPE_CHECKING, Any

from jupyter_mlx.errors import MlxError
from jupyter_mlx.ledger.wording import ago, lasted, shown

from . import display
from .telling import warn

if TYPE_CHECKING:
    from jupyter_mlx.ledger.ledger import Page
    from jupyter_mlx.ledger.run import Run
    from jupyter_mlx.project import Project

ROWS = 10
"""Of a page of the interactive table: each cell of it is a widget."""
STATIC_ROWS = 50
FIELDS: dict[str, Callable[[Run], str]] = {
    "status": lambda run: f"{display.SIGNS[run.status]} {run.status}",
    "name": lambda run: run.name,
    "kind": lambda run: run.kind,
    "started": lambda run: ago(run.started_at),
    "duration": lambda run: lasted(run.duration_s),
    "notebook": lambda run: run.notebook or "",
    "tags": lambda run: ", ".join(run.tags),
    "note": lambda run: run.note,
}
_FIRST = ("status", "name", "started", "duration")
_MOST_VALUES = 3
"""Metrics, and params, that are shown at first."""
_SORTED = frozenset({"status", "name", "kind", "started", "duration", "notebook", "note"})


class RunsTable:
    """The runs that a query selects: interactive where the front end has widgets, else a static table."""

    def __init__(self, project: Project, query: str, shell: Any) -> None:
        self._project, self._query = project, query
        self._first = project.ledger.page(query, limit=STATIC_ROWS)
        # a terminal has no front end that could hold widgets
        self._has_widgets = getattr(shell, "kernel", None) is not None
        self._browser: Browser | None = None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Both at once: a front end takes the widget, a saved or exported notebook the HTML."""
        del include, exclude
        table = display.runs_table(self._first.runs)
        found: dict[str, Any] = {"text/plain": repr(table), "text/html": table._repr_html_()}
        if self._has_widgets and self._first.runs:
            try:
                self._browser = self._browser or Browser(self._project, self._query, self._first)
                found = {**self._browser.view._repr_mimebundle_(), **found}
            except Exception as error:
                warn(f"the table is not interactive: {error}")
        return found


class Browser:
    """The interactive table: filter, sort, page, choose columns, look into a run, compare two."""

    def __init__(self, project: Project, query: str, first: Page) -> None:
        import ipywidgets as w
        from ipywidgets.widgets.widget_bool import CheckboxStyle
        from ipywidgets.widgets.widget_string import HTMLStyle

        self._w, self._project, self._query = w, project, query
        self._sort = ""
        self._cursors: list[str | None] = [None]
        self._page = first
        self._marked: dict[str, None] = {}
        # shared: each would be one more message for every cell of the table
        self._slim = w.Layout(width="auto", margin="0", min_width="0")
        self._styles = {
            "html": HTMLStyle(),
            "box": CheckboxStyle(),
            "head": w.ButtonStyle(button_color="transparent"),
        }
        values = [*_names("metrics", first.runs), *_names("params", first.runs)]
        shown_first = [*_FIRST, *(name for kind in ("metrics", "params") for name in _some(values, kind))]
        self._filter = w.Text(
            value=query, placeholder="acc > 0.9 and tag = best", description="Filter", continuous_update=False,
            layout=w.Layout(width="60%"),
        )  # fmt: skip
        self._columns = w.SelectMultiple(options=[*FIELDS, *values], value=shown_first, rows=8)
        self._problem, self._below = w.HTML(), w.HTML()
        self._grid = w.GridBox([], layout=w.Layout(grid_gap="0 0.5em"))
        self._compare = w.Button(description="Compare the two", disabled=True)
        self._back = w.Button(icon="chevron-left", tooltip="newer", layout=w.Layout(width="3em"))
        self._on = w.Button(icon="chevron-right", tooltip="older", layout=w.Layout(width="3em"))
        self._count = w.Label()
        folded = w.Accordion([self._columns], selected_index=None, titles=("Columns",))
        bar = w.HBox([self._back, self._on, self._count, self._compare])
        self.view = w.VBox([self._filter, self._problem, self._grid, bar, folded, self._below])
        self._filter.observe(lambda change: self._search(change["new"]), "value")
        self._columns.observe(lambda _: self._draw(), "value")
        self._compare.on_click(lambda _: self._show_difference())
        self._back.on_click(lambda _: self._turn(-1))
        self._on.on_click(lambda _: self._turn(1))
        self._load()

    def _search(self, query: str) -> None:
        before = self._query
        self._query, self._cursors = query, [None]
        if not self._load():
            self._query = before

    def _order(self, column: str) -> None:
        """Sort by a column; a second time, the other way round. The newest run is first without any."""
        self._sort = column if self._sort == f"-{column}" else f"-{column}"
        self._cursors = [None]
        self._load()

    def _turn(self, by: int) -> None:
        if by > 0 and self._page.next:
            self._cursors.append(self._page.next)
        elif by < 0 and len(self._cursors) > 1:
            self._cursors.pop()
        self._load()

    def _load(self) -> bool:
        """Ask the ledger; where it can't be asked so, say why, and leave the table as it was."""
        try:
            self._page = self._project.ledger.page(self._query, self._sort, ROWS, self._cursors[-1])
        except MlxError as error:
            self._problem.value = (
                f"<pre style='color: var(--jp-error-color1, firebrick)'>{escape(str(error))}</pre>"
            )
            return False
        self._problem.value = ""
        self._draw()
        return True

    def _draw(self) -> None:
        columns = list(self._columns.value)
        cells: list[Any] = [self._text(""), self._head("run", None)]
        cells += [self._head(name, name if name in _SORTED or "." in name else None) for name in columns]
        for run in self._page.runs:
            cells += self._row(run, columns)
        old = self._grid.children
        self._grid.layout.grid_template_columns = f"2em 7.5em repeat({len(columns)}, minmax(3em, auto))"
        self._grid.children = cells
        for cell in old:
            cell.close()
        first = (len(self._cursors) - 1) * ROWS + 1 if self._page.runs else 0
        self._count.value = (
            f"{first} to {first + len(self._page.runs) - (1 if first else 0)} of {self._page.total}"
        )
        self._back.disabled, self._on.disabled = len(self._cursors) == 1, self._page.next is None

    def _head(self, name: str, sort: str | None) -> Any:
        mark = {name: " ▲", f"-{name}": " ▼"}.get(self._sort, "") if sort else ""
        if sort is None:
            return self._text(f"<b>{escape(name)}</b>")
        head = self._button(f"{name}{mark}", f"sort by {name}")
        head.on_click(lambda _: self._order(sort))
        return head

    def _row(self, run: Run, columns: Iterable[str]) -> list[Any]:
        box = self._w.Checkbox(
            value=run.id in self._marked, indent=False, layout=self._slim, style=self._styles["box"]
        )
        box.observe(lambda change: self._mark(run.id, on=change["new"]), "value")
        opener = self._button(run.id[:8], "show this run below")
        opener.on_click(lambda _: self._show_run(run.id))
        return [box, opener, *(self._text(_cell(_value(run, name))) for name in columns)]

    def _button(self, text: str, tooltip: str) -> Any:
        return self._w.Button(
            description=text, tooltip=tooltip, layout=self._slim, style=self._styles["head"]
        )

    def _text(self, html: str) -> Any:
        return self._w.HTML(html, layout=self._slim, style=self._styles["html"])

    def _mark(self, id_: str, *, on: bool) -> None:
        self._marked.pop(id_, None)
        if on:
            self._marked[id_] = None
        self._compare.disabled = len(self._marked) != 2

    def _show_difference(self) -> None:
        self._show(lambda: display.Difference(self._project.comparison(*self._marked))._repr_html_())

    def _show_run(self, id_: str) -> None:
        from jupyter_mlx.reporting.page import page

        def framed() -> str:
            whole = page(self._project, [self._project.ledger.get(id_)])
            # an empty sandbox: no script of a run's outputs, no origin
            style = "width: 100%; height: 32em; border: 1px solid var(--jp-border-color2, #ccc)"
            return (
                f'<iframe sandbox="" title="run {id_[:8]}" style="{style}" srcdoc="{escape(whole)}"></iframe>'
            )

        self._show(framed)

    def _show(self, make: Callable[[], str]) -> None:
        try:
            self._below.value = make()
        except MlxError as error:
            self._below.value = f"<pre>{escape(str(error))}</pre>"


def _names(kind: str, runs: Iterable[Run]) -> list[str]:
    """The metrics or params that runs have, as columns."""
    return list(dict.fromkeys(f"{kind}.{name}" for run in runs for name in getattr(run, kind)))


def _some(names: Iterable[str], kind: str) -> list[str]:
    return [name for name in names if name.startswith(f"{kind}.")][:_MOST_VALUES]


def _value(run: Run, column: str) -> str:
    if column in FIELDS:
        return FIELDS[column](run)
    kind, _, name = column.partition(".")
    values = getattr(run, kind)
    return shown(values[name]) if name in values else ""


def _cell(text: str) -> str:
    style = "overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 22em"
    return f"<div style='{style}' title=\"{escape(text)}\">{escape(text)}</div>"
