"""The REST routes of a comparison of several runs: what they have beside each other, their curves, columns of many."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mlx.ledger.compare import changes

from . import wire
from .handler import BadRequestError, ProjectHandler
from .run_handlers import run_ids

if TYPE_CHECKING:
    from jupyter_mlx.ledger.run import Run
    from jupyter_mlx.project import Project

LEAST, MOST = 1, 50
COLUMN_RUNS = 10_000
COLUMNS = 24
LEAST_DRAWN, MOST_DRAWN = 2, 8
"""So many columns are drawn unless they are named."""
KNOWN = 500
PAGE = 1000
POINTS = 1000
COLUMN = re.compile(r"(?:params|metrics)\..{1,500}|started_at|duration_s", re.DOTALL)


class RunsBesideHandler(ProjectHandler):
    """`/compare/runs`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Runs beside each other: their rows, and the packages and files that are not the same in all."""
        ids = run_ids(self.get_query_argument("ids"), LEAST, MOST)
        await self.reply(lambda project: beside(project, ids))


def beside(project: Project, ids: list[str]) -> dict[str, Any]:
    """What a table of these runs shows; each of `packages`, `machine` and `inputs` has a value a run."""
    runs = [project.ledger.get(ident) for ident in ids]
    known: dict[str | None, dict[str, Any]] = {}
    for run in runs:
        if run.environment not in known:
            known[run.environment] = project.known_environment(run)
    environments = [known[run.environment] for run in runs]
    inputs = [{file.path: file.digest for file in run.inputs} for run in runs]
    return {
        "runs": [_whole(run) for run in runs],
        "packages": list(_differing([_versions(each) for each in environments])),
        "inputs": list(_differing(inputs)),
        "seeds": list(_differing([_seeds(run) for run in runs])),
    }


def _whole(run: Run) -> dict[str, Any]:
    return {**wire.run_row(run), "params": run.params, "guessed": run.guessed}


def _versions(environment: Mapping[str, Any]) -> dict[str, Any]:
    packages = environment.get("packages")
    found = dict(packages) if isinstance(packages, Mapping) else {}
    return {**found, **({"python": environment["python"]} if environment.get("python") else {})}


def _seeds(run: Run) -> dict[str, Any]:
    return {
        name: value.get("set") if isinstance(value, Mapping) else value for name, value in run.seeds.items()
    }


def _differing(sides: list[Mapping[str, Any]] | list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What is not the same in all, by name, with the value of each side."""
    names = sorted({change.name for other in sides[1:] for change in changes(sides[0], other)})
    for name in names:
        yield {"name": name, "values": [side.get(name) for side in sides]}


class CurvesHandler(ProjectHandler):
    """`/compare/curves`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The steps of one metric of several runs, thinned as a chart needs them."""
        ids = run_ids(self.get_query_argument("ids"), LEAST, MOST)
        metric, most = self.get_query_argument("metric"), self.number("points", 500, 2, POINTS)
        await self.reply(
            lambda project: {
                "curves": [
                    {"id": ident, **wire.curve(project.ledger.series(ident, metric).get(metric, []), most)}
                    for ident in ids
                ]
            }
        )


class ColumnsHandler(ProjectHandler):
    """`/compare/columns`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Params and metrics of many runs, a list each: what a scatter plot draws."""
        query = self.get_query_argument("query", "")
        names = self.get_query_arguments("column")
        limit = self.number("limit", COLUMN_RUNS, 1, COLUMN_RUNS)
        if len(names) > COLUMNS or not all(COLUMN.fullmatch(name) for name in names):
            raise BadRequestError(
                f"column is `params.NAME`, `metrics.NAME`, `started_at` or `duration_s`, at most {COLUMNS} of them"
            )
        await self.reply(lambda project: columns(project, query, names, limit))


def columns(project: Project, query: str, names: list[str], limit: int) -> dict[str, Any]:
    """The newest `limit` runs of a query; without `names`, the commonest columns that tell runs apart."""
    runs, total = _matching(project, query, limit)
    known, telling = _common(runs)
    chosen = names or (known[:telling] if telling >= LEAST_DRAWN else known)[:MOST_DRAWN]
    return {
        "total": total,
        "ids": [run.id for run in runs],
        "names": [run.name for run in runs],
        "statuses": [run.status for run in runs],
        "columns": {name: _column(runs, name) for name in chosen},
        "known": known[:KNOWN],
    }


def _matching(project: Project, query: str, limit: int) -> tuple[list[Run], int]:
    runs: list[Run] = []
    cursor = None
    while True:
        page = project.ledger.page(query, limit=min(PAGE, limit - len(runs)), cursor=cursor)
        runs += page.runs
        cursor = page.next
        if cursor is None or len(runs) >= limit:
            return runs, page.total


def _common(runs: list[Run]) -> tuple[list[str], int]:
    """The params and metrics by how many runs have them, and how many have more than one value: those come first."""
    values: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for run in runs:
        for kind, named in (("params", run.params), ("metrics", run.metrics)):
            for key, value in named.items():
                name = f"{kind}.{key}"
                counts[name] = counts.get(name, 0) + 1
                seen = values.setdefault(name, set())
                if len(seen) < 2:
                    seen.add(str(value))
    order = sorted(counts, key=lambda name: (len(values[name]) < 2, -counts[name], name))
    return order, sum(len(some) > 1 for some in values.values())


def _column(runs: list[Run], name: str) -> list[Any]:
    kind, _, key = name.partition(".")
    if kind == "params":
        return [wire.shortened(run.params.get(key)) for run in runs]
    if kind == "metrics":
        return [run.metrics.get(key) for run in runs]
    return [run.started_at if name == "started_at" else run.duration_s for run in runs]
