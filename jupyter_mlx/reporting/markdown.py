"""A run of the pipeline as Markdown, for a pull request: what ran, what differs from the main branch, figures.

The branch to compare with is known by its `mlx.lock`; names, reasons and
problems are other people's text, and stand in it as text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlx.errors import CorruptError, NotFoundError
from jupyter_mlx.ledger.wording import lasted, plain, shown
from jupyter_mlx.pipelines import lock
from jupyter_mlx.pipelines.result import Result

if TYPE_CHECKING:
    from jupyter_mlx.ledger.run import Run
    from jupyter_mlx.project import Project

SIGNS = {"finished": "✅ ran", "failed": "❌ failed", "interrupted": "⏸️ interrupted", "running": "⏳ running"}
KNOWN = "known"
PNG = "image/png"
_UNSAFE = re.compile(r"([\\`*_{}\[\]()#+!|~@-])")


@dataclass(frozen=True, slots=True)
class Base:
    """What to compare with."""

    name: str
    """As people call it: `origin/main`."""
    results: Mapping[str, Result] = field(default_factory=dict)


def base_at(root: Path, rev: str) -> Base:
    """The results of the lock at a git revision; none where there was no lock.

    Raises:
        BadRevisionError: git does not know it.
        ConfigError: the lock there is malformed.
    """
    from jupyter_mlx.data import git

    commit = git.resolve(root, rev)
    try:
        # `./`: the project need not be the top of its repository
        text = git.run(root, "show", f"{commit}:./{lock.NAME}").decode("utf-8", "replace")
    except git.GitError:
        return Base(rev)
    return Base(rev, lock.parse(text))


def markdown(project: Project, whole: Run | None, base: Base | None, figures: Path | None = None) -> str:
    """The report: of the run `whole` of the pipeline, and of all that the lock knows.

    Figures are written into the folder `figures`, and referred to by its name.
    """
    results = lock.read(project.root)
    runs = _latest(project, whole)
    names = sorted({*results, *runs})
    parts = [_heading(whole, runs, names)]
    if names:
        parts.append(_stages(names, runs, results, base))
    parts += filter(None, [_metrics(project, names, runs, results, base), _failures(runs)])
    if figures is not None:
        parts += _figures(project, runs, figures)
    return "\n\n".join(parts) + "\n"


def _latest(project: Project, whole: Run | None) -> dict[str, Run]:
    """Stage → its last run in this run of the pipeline."""
    if whole is None:
        return {}
    page = project.ledger.page(f'parent = "{whole.id}"', sort="started", limit=10_000)
    return {run.name: project.ledger.get(run.id) for run in page.runs}


def _heading(whole: Run | None, runs: Mapping[str, Run], names: Sequence[str]) -> str:
    counts = [(sum(run.status == status for run in runs.values()), sign) for status, sign in SIGNS.items()]
    told = [f"{count} {sign.split()[1]}" for count, sign in counts if count]
    known = len(names) - len(runs)
    told += [f"{known} {KNOWN}"] if known else []
    took = f" in {lasted(whole.duration_s)}" if whole is not None and whole.duration_s else ""
    return f"## Pipeline: {', '.join(told) or 'nothing has run'}{took}"


def _stages(
    names: Sequence[str], runs: Mapping[str, Run], results: Mapping[str, Result], base: Base | None
) -> str:
    rows = []
    for name in names:
        run = runs.get(name)
        state = SIGNS[run.status] if run else KNOWN
        rows.append((text(name), state, lasted(run.duration_s) if run else "", _change(name, results, base)))
    against = f"against {text(base.name)}" if base else ""
    return _table(("stage", "", "took", against), rows)


def _change(name: str, results: Mapping[str, Result], base: Base | None) -> str:
    """What differs in the stage from the base, in the words of a plan."""
    if base is None or name not in results:
        return ""
    before = base.results.get(name)
    if before is None:
        return "new"
    changes = results[name].fingerprint.changes(before.fingerprint)
    outputs = [
        f"{path} differs"
        for path, version in results[name].outputs.items()
        if path in before.outputs and before.outputs[path].digest != version.digest
    ]
    return text(", ".join((*changes, *outputs))) or "the same"


def _metrics(
    project: Project,
    names: Sequence[str],
    runs: Mapping[str, Run],
    results: Mapping[str, Result],
    base: Base | None,
) -> str:
    rows = []
    for name in names:
        now = runs[name].metrics if name in runs else _metrics_of(project, results.get(name))
        then = _metrics_of(project, base.results.get(name)) if base else {}
        for metric in sorted({*now, *then}):
            a, b = then.get(metric), now.get(metric)
            delta = f"{b - a:+.5g}" if a is not None and b is not None and a != b else ""
            rows.append((text(name), text(metric), *(["" if a is None else shown(a)] if base else []),
                         "" if b is None else shown(b), *([delta] if base else [])))  # fmt: skip
    if not rows:
        return ""
    head = ("stage", "metric", *([text(base.name)] if base else []), "now", *(["difference"] if base else []))
    return "### Metrics\n\n" + _table(head, rows)


def _metrics_of(project: Project, result: Result | None) -> Mapping[str, float]:
    """The metrics of a result: of its run where that is here, else those that the lock holds."""
    if result is None:
        return {}
    try:
        return project.ledger.get(result.run).metrics
    except NotFoundError:
        held: Mapping[str, float] = getattr(result, "metrics", {})
        return held


def _failures(runs: Mapping[str, Run]) -> str:
    parts = []
    for name, run in runs.items():
        if run.status == "failed" and run.error is not None:
            trace = "\n".join(plain(frame) for frame in run.error.traceback) or run.error.evalue
            # a fence longer than any in the text
            fence = "`" * (max((len(ticks) for ticks in re.findall("`+", trace)), default=2) + 1)
            fence = fence if len(fence) > 2 else "```"
            parts.append(
                f"<details><summary>❌ {_html(name)}: {_html(run.error.ename)}</summary>\n\n"
                f"{fence}text\n{trace[-20_000:]}\n{fence}\n\n</details>"
            )
    return "\n\n".join(parts)


def _figures(project: Project, runs: Mapping[str, Run], folder: Path) -> Iterator[str]:
    written = list(_written(project, runs, folder))
    if written:
        yield "### Figures"
        yield from (f"![{text(name)}]({folder.name}/{file})" for name, file in written)


def _written(project: Project, runs: Mapping[str, Run], folder: Path) -> Iterator[tuple[str, str]]:
    for name, run in runs.items():
        try:
            found = [o["data"][PNG] for o in project.cell_outputs(run) if PNG in o.get("data", {})]
        except (NotFoundError, CorruptError):
            continue
        for number, figure in enumerate(found, 1):
            file = f"{re.sub('[^A-Za-z0-9=,.-]', '_', name)}-{number}.png"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(base64.b64decode(_joined(figure)))
            yield name, file


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell or " " for cell in line) + " |" for line in lines)


def text(value: str) -> str:
    """A text as Markdown shows it, in one line: nothing in it is markup, a link or a mention."""
    flat = " ".join(value.split())
    return _html(_UNSAFE.sub(r"\\\1", flat)).replace("\\@", "@\u200b")


def _html(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _joined(payload: Any) -> str:
    return payload if isinstance(payload, str) else "".join(payload)
