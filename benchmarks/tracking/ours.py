"""Our side: every workload of `workloads.py`, and what only we do."""

from __future__ import annotations

import os
import random
import statistics
from datetime import timedelta
from functools import partial
from pathlib import Path

import workloads as w

import jupyter_mlx as jm
from jupyter_mlx.ledger.run import Run, new_id, utc_now
from jupyter_mlx.project import Project


def one_run(number: int) -> None:
    """A run with its params and metrics, sealed and recorded."""
    with jm.run(f"r{number}", **w.PARAMS) as run:
        run.log(w.METRICS)


def steps(count: int) -> float:
    """Seconds of so many steps of one metric, and of bringing them in at the end."""
    with jm.run("steps"):
        took = w.seconds(lambda: [jm.log(loss=1 / (step + 1), step=step) for step in range(count)])
        return took + w.seconds(Project.open().ledger.fold)


def cells(project: Project, sizes: dict[str, int]) -> dict[str, float]:
    """Milliseconds that tracking adds to a cell that does nothing, in a kernel that has tracked before.

    The project has very many files. Cells come one after the other, or some time after the one before.
    """
    from IPython.core.interactiveshell import InteractiveShell

    w.many_files(project.root / "files", sizes["files"])
    shell = InteractiveShell.instance()
    kinds = {"cell": "%%track\npass", "untracked": "pass", "no_lineage": "%%track --no-lineage\npass"}
    bare = {pause: w.cell_ms(shell, "pass", sizes["cells"], pause) for pause in w.PAUSES.values()}
    shell.run_line_magic("load_ext", "jupyter_mlx")
    w.cell_ms(shell, "%%track\npass", 20)
    return {
        f"{kind}_{name}_ms": w.cell_ms(shell, cell, sizes["cells"], pause) - bare[pause]
        for name, pause in w.PAUSES.items()
        for kind, cell in kinds.items()
    }


def disk(project: Project, count: int) -> float:
    """Bytes that a run of a small cell takes, in the ledger and as a record."""

    def taken() -> int:
        project.recorder.flush()
        project.ledger.checkpoint()
        project.ledger.close()
        # the logs, locks and shared memory of SQLite are as large for one run as for a million
        lasting = [project.state / "ledger.db", *(project.state / "store" / "packs").iterdir()]
        return sum(path.stat().st_size for path in [*lasting, project.state / "store" / "index.db"])

    before = taken()
    for number in range(count):
        run = project.recorder.open(kind="cell", name=f"r{number}", params=w.PARAMS, source=w.SOURCE)
        run.log(w.METRICS)
        run.finish()
    return (taken() - before) / count


def fill(project: Project, count: int) -> None:
    """So many finished runs."""
    draw, now = random.Random(1), utc_now()
    project.ledger._db.connection().execute("PRAGMA synchronous = OFF")
    for at in range(count):
        run = Run(
            new_id(), draw.choice(w.NAMES), "cell", "finished", now - timedelta(seconds=count - at), 1.0,
            params=w.some_params(draw, at), metrics=w.some_metrics(draw), source=w.SOURCE,
        )  # fmt: skip
        project.ledger.insert(run)


def pages(folder: Path, count: int) -> dict[str, float]:
    """Milliseconds of a page of 100 runs as the server answers: filtered and sorted by a metric."""
    from jupyter_mlx.server.handlers import page
    from jupyter_mlx.server.wire import encode

    project = Project.create(folder / f"runs-{count}")
    fill(project, count)
    found = {}
    for name, (query, sort) in w.PAGES.items():
        which = {"query": query, "sort": sort, "limit": 100, "offset": 0}
        ask = partial(page, project, which)
        took = [w.seconds(lambda ask=ask: encode(ask())) for _ in range(7)]
        found[f"page_{name}_{count}_ms"] = statistics.median(took[1:]) * 1000
    return found


def main(folder: Path, sizes: dict[str, int]) -> dict[str, float]:
    """All workloads in a folder."""
    project = Project.create(folder / "project")
    os.chdir(project.root)
    one_run(0)
    found = {"run_ms": w.median_ms(one_run, sizes["runs"]), "disk_bytes": disk(project, sizes["disk"])}
    found["steps_s"] = steps(sizes["steps"])
    found |= cells(project, sizes)
    for count in (sizes["pages"], sizes["many"]):
        found |= pages(folder, count)
    return found


if __name__ == "__main__":
    w.told(main)
