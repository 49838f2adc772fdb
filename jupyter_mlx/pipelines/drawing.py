"""The pipeline drawn: as lines for a terminal, as a Mermaid graph, and as a picture."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from .layering import layout
from .pipeline import Pipeline
from .stage import Stage

MARGIN, GAP, HEIGHT, STEP = 12, 24, 30, 70
"""Pixels: around the picture, between boxes, of a box, from a layer to the next."""
LETTER = 7.3
"""The mean width of a letter."""
STYLE = """\
  .stage rect { fill: #eef3fb; stroke: #5b7db1; } .command rect { fill: #f4f0e6; stroke: #a08a55; }
  text { font: 13px system-ui, sans-serif; fill: #1d2733; text-anchor: middle; dominant-baseline: central; }
  path { fill: none; stroke: #8a97a8; stroke-width: 1.4; }
  @media (prefers-color-scheme: dark) {
    .stage rect { fill: #22304a; } .command rect { fill: #3a3423; } text { fill: #e6ebf2; }
  }"""


def tree(pipeline: Pipeline) -> Iterator[str]:
    """Each stage under those that it reads from, as an indented tree.

    A stage that depends on several stands under the last of them, and names the others.
    """
    children: dict[str, list[str]] = {}
    for stage in pipeline.stages:
        above = pipeline.upstream[stage.name]
        last = next((s.name for s in reversed(pipeline.stages) if s.name in above), "")
        children.setdefault(last, []).append(stage.name)

    def branch(name: str, indent: str) -> Iterator[str]:
        below = children.get(name, [])
        for i, child in enumerate(below):
            last = i + 1 == len(below)
            stem = "" if not name else ("└─ " if last else "├─ ")
            others = sorted(pipeline.upstream[child] - {name})
            also = f"  (and {', '.join(others)})" if others else ""
            yield f"{indent}{stem}{child}{also}"
            yield from branch(child, indent + ("" if not name else "   " if last else "│  "))

    yield from branch("", "")


def mermaid(pipeline: Pipeline) -> Iterator[str]:
    """The pipeline in Mermaid's language, which GitHub and JupyterLab draw."""
    yield "flowchart TD"
    ids = {stage.name: f"s{i}" for i, stage in enumerate(pipeline.stages)}
    for stage in pipeline.stages:
        yield f'  {ids[stage.name]}["{_label(stage.name)}"]'
    for stage in pipeline.stages:
        for name in sorted(pipeline.upstream[stage.name]):
            yield f"  {ids[name]} --> {ids[stage.name]}"


def _label(name: str) -> str:
    """A name in which nothing is Mermaid's or HTML's own."""
    return re.sub(r"[^\w@=,. -]", lambda found: f"#{ord(found[0])};", name)


def svg(pipeline: Pipeline) -> Iterator[str]:
    """The pipeline as an SVG picture, light or dark as the reader's page is; it holds no script and loads nothing."""
    widths = {stage.name: max(60.0, LETTER * len(stage.name) + 20) for stage in pipeline.stages}
    upstream = {stage.name: pipeline.upstream[stage.name] & widths.keys() for stage in pipeline.stages}
    found = layout(upstream, widths, GAP)
    wide, high = found.width + 2 * MARGIN, max(0, found.layers - 1) * STEP + HEIGHT + 2 * MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high}" width="{wide:.0f}" '
        f'height="{high}" role="img" aria-label="Pipeline of {len(widths)} stages">'
    )
    yield f"<style>\n{STYLE}\n</style>"
    for points in found.edges:
        yield f'<path d="{_curve(points)}"/>'
    for stage in pipeline.stages:
        x, layer = found.places[stage.name]
        kind = "stage" if stage.command is None else "stage command"
        yield f'<g class="{kind}"><title>{html.escape(_about(stage))}</title>'
        left, top, width = x + MARGIN - widths[stage.name] / 2, layer * STEP + MARGIN, widths[stage.name]
        yield f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{HEIGHT}" rx="5"/>'
        yield f'<text x="{x + MARGIN:.1f}" y="{top + HEIGHT / 2:.0f}">{html.escape(stage.name)}</text></g>'
    yield "</svg>"


def _curve(points: Sequence[tuple[float, int]]) -> str:
    """An edge from the lower side of a box to the upper side of another, upright at each layer."""
    x, layer = points[0]
    y = layer * STEP + MARGIN + HEIGHT
    parts = [f"M{x + MARGIN:.1f} {y}"]
    for next_x, next_layer in points[1:]:
        top = next_layer * STEP + MARGIN
        middle = (y + top) / 2
        parts.append(f"C{x + MARGIN:.1f} {middle} {next_x + MARGIN:.1f} {middle} {next_x + MARGIN:.1f} {top}")
        if next_layer != points[-1][1]:
            parts.append(f"V{top + HEIGHT}")
        x, y = next_x, top + HEIGHT
    return "".join(parts)


def _about(stage: Stage) -> str:
    """What is shown where the pointer rests on a stage."""
    command = stage.command if isinstance(stage.command, str) else " ".join(stage.command or ())
    lines = [stage.name, stage.notebook or command]
    lines += [f"reads {path}" for path in stage.inputs] + [f"writes {path}" for path in stage.outputs]
    return "\n".join(lines)
