"""Values as the output of a cell: HTML without scripts, and text beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from jupyter_mlx.ledger.compare import Comparison
from jupyter_mlx.ledger.run import Run
from jupyter_mlx.ledger.wording import differences, lasted, pairs

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


def comparison_table(found: Comparison) -> Table:
    """What differs, a row each, the code first."""
    rows = [("code", "", line, "") for line in found.code]
    rows += differences(found)
    return Table(("", "", found.a[:8], found.b[:8]), rows, "" if rows else "the runs do not differ")
