"""Values as JSON says them: the shapes of openapi.yaml."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_mlx.ledger.series import thin

if TYPE_CHECKING:
    from jupyter_mlx.ledger.browsing import Group
    from jupyter_mlx.ledger.run import FileVersion, Run
    from jupyter_mlx.ledger.series import Point

ROW_CHARS = 1000
"""Characters of a param in a list; `runs/{id}` has it whole."""
CURVE_POINTS = 1000
"""So many points of each metric come with a run: more than a chart has pixels; `runs/{id}/series` has all."""

Series = Mapping[str, Sequence[tuple[int, float, float]]]


def encode(value: object) -> bytes:
    """`value` as one JSON document that every browser reads."""
    return msgspec.json.encode(plain(value))


def plain(value: object) -> object:
    """`value` in what JSON can say; a number that it cannot say becomes its name."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return _time(value)
    return str(value)


def run_row(run: Run, children: int = 0) -> dict[str, Any]:
    """A run as a list shows it, with how many runs stand under it."""
    return {
        "id": run.id,
        "name": run.name,
        "kind": run.kind,
        "status": run.status,
        "started_at": _time(run.started_at),
        "duration_s": run.duration_s,
        "params": {key: shortened(value) for key, value in run.params.items()},
        "metrics": run.metrics,
        "tags": run.tags,
        "notebook": run.notebook,
        "parent": run.parent,
        "starred": run.starred,
        "note": run.note,
        "children": children,
    }


def group(found: Group) -> dict[str, Any]:
    """Some runs that belong together."""
    return {
        "key": found.key,
        "name": found.name,
        "notebook": found.notebook,
        "latest": _time(found.latest),
        "count": found.count,
        "running": found.running,
        "failed": found.failed,
    }


def run_detail(run: Run, series: Series, environment: Mapping[str, Any], children: int = 0) -> dict[str, Any]:
    """A run as its own tab shows it, but for its outputs, which are asked for apart."""
    error = run.error
    return {
        **run_row(run, children),
        "params": run.params,
        "source": run.source,
        "slice": run.slice,
        "slice_notes": run.slice_notes,
        "guessed": run.guessed,
        "seeds": run.seeds,
        "inputs": [_file(version) for version in run.inputs],
        "outputs": [_file(version) for version in run.outputs],
        "cell_outputs": run.cell_outputs,
        "environment": environment,
        "git": run.git,
        "error": error and {"ename": error.ename, "evalue": error.evalue, "traceback": error.traceback},
        "cell_id": run.cell_id,
        "resources": run.resources,
        "incomplete": run.incomplete,
        "problems": run.problems,
        "progress": run.progress,
        "series": {name: thin(points, CURVE_POINTS) for name, points in series.items()},
        "points": {name: len(points) for name, points in series.items()},
    }


def shortened(value: Any) -> Any:
    """A param as a list shows it: of a long text its beginning."""
    return value[:ROW_CHARS] + "…" if isinstance(value, str) and len(value) > ROW_CHARS else value


def curve(points: Sequence[Point], most: int) -> dict[str, Any]:
    """A metric's steps as a chart draws them."""
    return {"count": len(points), "points": thin(points, most)}


def _file(version: FileVersion) -> dict[str, Any]:
    return {
        "path": version.path,
        "digest": version.digest,
        "size_bytes": version.size_bytes,
        "how": version.how,
        "kind": version.kind,
        "source": version.source,
        "changed": version.changed,
    }


def _time(moment: datetime) -> str:
    # always with a fraction, so that times in order are texts in order
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
