"""Runs as rich draws them in a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Group
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from jupyter_mlx.ledger.compare import Comparison
from jupyter_mlx.ledger.run import FileVersion, Run
from jupyter_mlx.ledger.wording import ago, cell_heading, differences, lasted, pairs, unchanged
from jupyter_mlx.origins import Origin

SIGNS = {
    "finished": ("✓", "green"), "failed": ("✗", "red"), "interrupted": ("◼", "yellow"), "running": ("▶", "blue"),
}  # fmt: skip


def sign(run: Run) -> Text:
    """The status, by sign and colour."""
    mark, colour = SIGNS[run.status]
    return Text(mark, style=colour)


def rows_of(runs: Iterable[Run]) -> Table:
    """Runs, a row each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "run", "kind", "name", "started"):
        table.add_column(name, no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("metrics")
    table.add_column("params")
    for run in runs:
        table.add_row(
            sign(run), run.id[:8], run.kind, Text(run.name), ago(run.started_at), lasted(run.duration_s),
            Text(pairs(run.metrics)), Text(pairs(run.params)),
        )  # fmt: skip
    return table


def detail(run: Run, environment: dict[str, Any], origins: tuple[Origin, ...] = ()) -> Group:
    """One run, whole."""
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column()
    for name, text in _facts(run, environment):
        if text:
            facts.add_row(name, Text(text))
    parts: list[Any] = [Text.assemble(sign(run), f" {run.kind} ", (run.name, "bold"), f"  {run.id}"), facts]
    parts += _files("inputs", run.inputs) + _made_by(origins) + _files("outputs", run.outputs)
    parts += [Text(f"incomplete: {problem}", style="yellow") for problem in run.incomplete]
    if run.source:
        parts += [
            Text("code", style="bold"),
            Syntax(run.source.rstrip(), "python", background_color="default"),
        ]
    if run.error:
        parts.append(
            Text.from_ansi("\n".join(run.error.traceback) or f"{run.error.ename}: {run.error.evalue}")
        )
    return Group(*parts)


def _facts(run: Run, environment: dict[str, Any]) -> list[tuple[str, str]]:
    git = run.git.get("commit", "")[:12] + (" and uncommitted changes" if run.git.get("dirty") else "")
    return [
        ("status", run.status),
        ("started", f"{run.started_at.astimezone():%Y-%m-%d %H:%M:%S} ({ago(run.started_at)})"),
        ("took", lasted(run.duration_s)),
        ("notebook", run.notebook or ""),
        ("parent", run.parent or ""),
        ("params", pairs(run.params, 50)),
        ("metrics", pairs({key: value for key, value in run.metrics.items() if key not in run.guessed}, 50)),
        ("guessed metrics", pairs({key: run.metrics[key] for key in run.guessed if key in run.metrics}, 50)),
        ("tags", ", ".join(run.tags)),
        ("note", run.note),
        ("slice", "\n".join(run.slice_notes)),
        ("seeds", pairs({name: of["set"] for name, of in run.seeds.items() if "set" in of}, 50)),
        ("used", _used(run.resources)),
        ("git", git),
        (
            "python",
            f"{environment['python']}, {len(environment['packages'])} packages" if environment else "",
        ),
    ]


def _used(resources: dict[str, Any]) -> str:
    parts = [f"{resources['cpu_s']:.3g} s of processors"] if "cpu_s" in resources else []
    for key, what in (("peak_memory_bytes", "at most"), ("peak_gpu_memory_bytes", "at most, on the GPU,")):
        if key in resources:
            parts.append(f"{what} {resources[key] / 1e6:,.0f} MB")
    return ", ".join(parts)


def _files(heading: str, files: tuple[FileVersion, ...]) -> list[Any]:
    if not files:
        return []
    table = Table(box=None, pad_edge=False, show_header=False)
    for file in files:
        size = f"{file.size_bytes:,} bytes"
        how = file.how + (", changed meanwhile" if file.changed else "")
        table.add_row("  ", Text(file.path), file.digest[3:15], Text(size, justify="right"), how)
    return [Text(heading, style="bold"), table]


def reason(run: Run, origins: tuple[Origin, ...]) -> Group:
    """Why a run wrote what it wrote: its params, inputs with their origins, and code."""
    parts: list[Any] = [Text(f"  with {key} = {value}") for key, value in run.params.items()]
    parts += [
        Text(f"  from {file.path} at {file.digest[3:15]} ({file.how}{', changed meanwhile' if file.changed else ''})")
        for file in run.inputs
    ]  # fmt: skip
    parts += _made_by(origins)
    if run.source:
        parts += [
            Text("code", style="bold"),
            Syntax(run.source.rstrip(), "python", background_color="default"),
        ]
    return Group(*parts)


def _made_by(origins: tuple[Origin, ...]) -> list[Any]:
    """The runs that made the inputs, and theirs, as a tree; nothing where none is known."""
    if not any(origin.makers for origin in origins):
        return []
    tree = Tree(Text("made by", style="bold"), guide_style="dim")
    _grow(tree, origins)
    return [tree]


def _grow(tree: Tree, origins: tuple[Origin, ...]) -> None:
    for origin in origins:
        for maker in origin.makers:
            run = maker.run
            above = ", as above" if maker.is_repeated else ""
            line = f"{origin.path} ← run {run.id[:8]} {run.name} ({run.kind}, {ago(run.started_at)}{above})"
            _grow(tree.add(Text(line)), maker.origins)
        if not origin.makers:
            tree.add(Text(f"{origin.path} ← no recorded run", style="dim"))


def difference(found: Comparison) -> Group | Text:
    """How two runs differ: a ranked table, then the code or the cells, the data, and what was printed."""
    if found.same:
        return Text("the runs do not differ")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "", found.a[:8], found.b[:8], ""):
        table.add_column(name)
    for row in differences(found):
        table.add_row(*(Text(cell) for cell in row))
    parts: list[Any] = [table]
    for cell in found.inside.cells:
        parts += _part(cell_heading(cell), cell.lines)
    if found.code and not found.inside.cells:
        parts += _part("code", found.code)
    for detail in found.inside.data:
        parts += [Text(f"\ndata {detail.path}", style="bold"), Text("\n".join(detail.lines))]
    if found.inside.text:
        parts += _part("printed and shown", found.inside.text)
    same = unchanged(found)
    return Group(*parts, *([Text(f"\n{same}", style="dim")] if same else []))


def _part(heading: str, lines: tuple[str, ...]) -> list[Any]:
    body = [Syntax("\n".join(lines), "diff", background_color="default")] if lines else []
    return [Text(f"\n{heading}", style="bold"), *body]
