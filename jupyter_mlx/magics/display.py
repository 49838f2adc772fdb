"""Values as the output of a cell: HTML without scripts, and text beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from jupyter_mlx.ledger.compare import Comparison
from jupyter_mlx.ledger.run import Run
from jupyter_mlx.ledger.wording import cell_heading, differences, lasted, pairs, unchanged

SIGNS = {"finished": "✓", "failed": "✗", "interrupted": "⏸", "running": "…"}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that a notebook shows as a table and a terminal as columns."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:left'>{escape(name)}</th>" for name in self.head)
        body = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        caption = f"<caption style='text-align:left'>{escape(self.caption)}</caption>" if self.caption else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __repr__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.head))]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
        ]
        return "\n".join(line.rstrip() for line in ([self.caption] if self.caption else []) + text)


def runs_table(runs: Iterable[Run]) -> Table:
    """Runs, a row each."""
    rows = [
        (
            run.id[:8], f"{SIGNS[run.status]} {run.status}", run.kind, run.name,
            f"{run.started_at.astimezone():%Y-%m-%d %H:%M}",
            lasted(run.duration_s),
            pairs(run.params), pairs(run.metrics),
        )
        for run in runs
    ]  # fmt: skip
    return Table(("run", "status", "kind", "name", "started", "took", "params", "metrics"), rows)


@dataclass(frozen=True, slots=True)
class Difference:
    """How two runs differ: a ranked table, then code or cells, data, and what was printed, folded."""

    found: Comparison

    def _repr_html_(self) -> str:
        table = self._table()._repr_html_()
        folds = "".join(
            f"<details><summary>{escape(heading)}</summary><pre>{''.join(map(_diff_line, lines))}</pre></details>"
            for heading, lines in self._parts()
        )
        return table + folds + f"<p>{escape(unchanged(self.found))}</p>"

    def __repr__(self) -> str:
        parts = ["\n".join([heading, *lines]) for heading, lines in self._parts()]
        return "\n\n".join(filter(None, [repr(self._table()), *parts, unchanged(self.found)]))

    def _table(self) -> Table:
        rows = list(differences(self.found))
        caption = "" if rows else "the runs do not differ"
        return Table(("", "", self.found.a[:8], self.found.b[:8], ""), rows, caption)

    def _parts(self) -> Iterator[tuple[str, Sequence[str]]]:
        inside = self.found.inside
        yield from ((cell_heading(cell), cell.lines) for cell in inside.cells)
        if self.found.code and not inside.cells:
            yield "code", self.found.code
        yield from ((f"data {detail.path}", detail.lines) for detail in inside.data)
        if inside.text:
            yield "printed and shown", inside.text


def _diff_line(line: str) -> str:
    colour = {"+": "var(--jp-success-color0, green)", "-": "var(--jp-error-color0, firebrick)"}.get(line[:1])
    text = escape(line) + "\n"
    return f"<span style='color:{colour}'>{text}</span>" if colour else text
