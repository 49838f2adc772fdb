"""The pipeline drawn: as lines for a terminal, and as a Mermaid graph."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .pipeline import Pipeline


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
