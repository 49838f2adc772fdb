"""`page`: some runs as one HTML document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from jupyter_mlx.data.wording import size
from jupyter_mlx.differences import figures
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError, NotFoundError
from jupyter_mlx.ledger.compare import changes
from jupyter_mlx.ledger.payloads import unfold
from jupyter_mlx.ledger.run import utc_now
from jupyter_mlx.ledger.wording import ago, cell_heading, lasted, shown, side, unchanged

from . import code, outputs
from .charts import HEIGHT, WIDTH, Chart, chart

if TYPE_CHECKING:
    from jinja2 import Template

    from jupyter_mlx.ledger.compare import Comparison
    from jupyter_mlx.ledger.run import Run
    from jupyter_mlx.project import Project

MOST_OUTPUTS = 200
MOST_FILES = 500
MOST_CHARTS = 60
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is fetched and no script runs, whatever stands in the page."""


@dataclass(frozen=True, slots=True)
class RunView:
    """One run, in what the template shows."""

    run: Run
    facts: list[tuple[str, str]]
    charts: list[Chart]
    outputs: list[outputs.Shown]
    environment: Mapping[str, Any]
    more: Mapping[str, int]
    """How many are left out, by what."""


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """Two runs side by side, in what the template shows."""

    found: Comparison
    a: Run
    b: Run
    figures: list[tuple[str, str | None, str | None]]
    """The name of each, and its `data:` address in both."""


@dataclass(frozen=True, slots=True)
class Row:
    """A param or metric that is not the same in all runs."""

    kind: str
    name: str
    values: list[Any]


def page(project: Project, runs: Sequence[Run]) -> str:
    """Some runs, whole, as one HTML document: it needs no network, and nothing in it runs.

    Args:
        project: whose runs they are.
        runs: as `Ledger.get` gives them. Of several, what differs comes first.
    """
    series = {run.id: project.ledger.series(run.id) for run in runs}
    several = len(runs) > 1
    names = dict.fromkeys(name for run in runs for name in series[run.id]) if several else {}
    together = [
        chart(name, {run.id[:8]: series[run.id].get(name, ()) for run in runs})
        for name in list(names)[:MOST_CHARTS]
        if any(len(series[run.id].get(name, ())) > 1 for run in runs)
    ]
    return _template().render(
        runs=[_view(project, run, series[run.id]) for run in runs],
        rows=_rows(runs) if several else [],
        charts=[one for one in together if one is not None],
        comparisons=[_comparison(project, runs[0], other) for other in runs[1:]],
        project=project.root.name,
        now=utc_now(),
        policy=POLICY,
    )


def _view(project: Project, run: Run, series: Mapping[str, Any]) -> RunView:
    drawn = [
        chart(name, {"": points}) for name, points in list(series.items())[:MOST_CHARTS] if len(points) > 1
    ]
    environment = project.known_environment(run)
    more = {
        "charts": max(0, len(series) - MOST_CHARTS),
        "outputs": max(0, len(run.cell_outputs) - MOST_OUTPUTS),
    }
    return RunView(
        run,
        [(name, text) for name, text in _facts(run, environment) if text],
        [one for one in drawn if one is not None],
        list(_outputs(project, run)),
        environment,
        more,
    )


def _facts(run: Run, environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "started", f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC"
    yield "took", lasted(run.duration_s)
    yield "notebook", run.notebook or ""
    yield "part of run", (run.parent or "")[:8]
    yield "tags", ", ".join(run.tags)
    command = run.command
    yield "begun by", " ".join(map(str, [command.get("script", ""), *command.get("argv", ())])).strip()
    commit = str(run.git.get("commit", ""))[:12]
    branch = f" on {run.git['branch']}" if run.git.get("branch") else ""
    yield (
        "git",
        f"{commit}{branch}{' and uncommitted changes' if run.git.get('dirty') else ''}" if commit else "",
    )
    yield "seeds", "; ".join(_seed(name, value) for name, value in run.seeds.items())
    yield "CPU time", lasted(run.resources.get("cpu_s"))
    peak = run.resources.get("peak_memory_bytes")
    yield "peak memory", size(int(peak)) if isinstance(peak, (int, float)) else ""
    yield "Python", str(environment.get("python") or "")
    yield "machine", ", ".join(str(environment[key]) for key in ("os", "cpu") if environment.get(key))


def _seed(name: str, value: Any) -> str:
    given = value.get("set") if isinstance(value, Mapping) else value
    return f"{name} = {side(given)}" if given not in (None, [], ()) else f"{name} not set"


def _outputs(project: Project, run: Run) -> Iterator[outputs.Shown]:
    for output in run.cell_outputs[:MOST_OUTPUTS]:
        try:
            found = outputs.shown(unfold(output, project.store, Digest.parse))
        except (NotFoundError, CorruptError):
            found = outputs.Shown("absent", note="an output is not in this store; `jmlx pull` fetches it")
        if found is not None:
            yield found


def _rows(runs: Sequence[Run]) -> list[Row]:
    """The params and metrics that are not the same in all runs."""
    rows = []
    for kind in ("params", "metrics"):
        values: list[dict[str, Any]] = [getattr(run, kind) for run in runs]
        differing = {change.name for other in values[1:] for change in changes(values[0], other)}
        names = dict.fromkeys(name for each in values for name in each if name in differing)
        rows += [Row(kind[:-1], name, [each.get(name) for each in values]) for name in names]
    return rows


def _comparison(project: Project, a: Run, b: Run) -> ComparisonView:
    found = project.comparison(a.id, b.id)
    shown_in = [pictures(project, run) for run in (a, b)]
    names = [change.name for change in found.of_kind("figure")]
    return ComparisonView(
        found, a, b, [(name, shown_in[0].get(name), shown_in[1].get(name)) for name in names]
    )


def pictures(project: Project, run: Run) -> dict[str, str | None]:
    """The figures of a run by name, each as a `data:` address; None where its object is not here."""
    found: dict[str, str | None] = {}
    for name, data in figures(run).items():
        try:
            found[name] = outputs.image(unfold({"data": data}, project.store, Digest.parse)["data"])
        except (NotFoundError, CorruptError):
            found[name] = None
    return found


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    surroundings = Environment(
        loader=PackageLoader("jupyter_mlx.reporting", "."),
        autoescape=True,  # of every file: a name in a run may hold HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    surroundings.filters |= {
        "ago": ago,
        "coloured": code.coloured,
        "heading": cell_heading,
        "shown": shown,
        "side": side,
        "size": size,
    }
    surroundings.globals |= {
        "code_style": code.style_sheet,
        "unchanged": unchanged,
        "chart_width": WIDTH,
        "chart_height": HEIGHT,
        "most_files": MOST_FILES,
    }
    return surroundings.get_template("page.html.j2")
