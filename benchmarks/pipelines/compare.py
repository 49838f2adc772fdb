"""Times notebooks and pipelines beside papermill, ploomber, jupyter-cache and DVC; prints a table with ratios.

    python benchmarks/pipelines/compare.py                 # some minutes, and the installation of the peers
    python benchmarks/pipelines/compare.py --rounds 1 --only notebooks

Peers are in an environment of their own under the user's cache. Seconds are
those of the wall, medians of rounds in turns; beside whole processes stand the
CPU seconds of all that they started, of ours with the warm process and its kernels.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import peers
import psutil
import workloads

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled: this clone may be, too
HERE = Path(__file__).parent
JMLX = [sys.executable, "-m", "jupyter_mlx.cli.main"]
Cost = tuple[float, float]
"""Seconds of the wall, seconds of CPU."""


class Ours:
    """Commands of this environment, with warm processes of their own."""

    def __init__(self, folder: Path) -> None:
        # papermill finds the engine by an entry point, which an installed package has
        self.env = {**os.environ, "JUPYTER_MLX_KERNELS": str(folder)}

    def warm(self) -> list[psutil.Process]:
        """The processes that kernels are copies of."""
        done = subprocess.run(
            [*JMLX, "kernels", "list", "--json"], env=self.env, capture_output=True, text=True, check=True
        )
        return [psutil.Process(row["pid"]) for row in json.loads(done.stdout)]

    def stop(self) -> None:
        """End them all: the next notebook starts cold."""
        subprocess.run([*JMLX, "kernels", "stop", "--now"], env=self.env, capture_output=True, check=True)


def cpu_s() -> float:
    """What this process's ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ran(command: list[str | Path], cwd: Path, ours: Ours | None = None) -> Cost:
    """What a whole process costs."""
    before = {p.pid: sum(p.cpu_times()[:4]) for p in ours.warm()} if ours else {}
    used, started = cpu_s(), time.perf_counter()
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=ours.env if ours else None,
        capture_output=True,
        text=True,
        check=False,
    )
    wall, cpu = time.perf_counter() - started, cpu_s() - used
    if done.returncode:
        sys.exit(f"{command}: {done.stdout[-1000:]}{done.stderr[-2000:]}")
    if ours:
        cpu += sum(sum(p.cpu_times()[:4]) - before.get(p.pid, 0.0) for p in ours.warm())
    return wall, cpu


def median(costs: list[Cost]) -> Cost:
    """Of the wall and of CPU, each by itself."""
    return statistics.median(c[0] for c in costs), statistics.median(c[1] for c in costs)


class Budget(NamedTuple):
    """What we may take, set where a peer took so long: a ratio, then, on any other machine."""

    ours: float
    peer: str
    theirs: float

    def __str__(self) -> str:
        return f"{self.ours} where {self.peer} takes {self.theirs}: ≥ {self.theirs / self.ours:.1f}"


def row(what: str, mine: Cost | float, theirs: dict[str, Cost | float], budget: Budget | str = "") -> None:
    """Print a line of the table: ours, then each peer with how many times longer it takes."""

    def shown(cost: Cost | float) -> str:
        return f"{cost[0]:.2f} ({cost[1]:.2f})" if isinstance(cost, tuple) else f"{cost:.4g}"

    def wall(cost: Cost | float) -> float:
        return cost[0] if isinstance(cost, tuple) else cost

    others = "; ".join(f"{name} {shown(c)}: **{wall(c) / wall(mine):.1f}**" for name, c in theirs.items())
    print(f"| {what} | {shown(mine)} | {budget} | {others} |", flush=True)


# -- notebooks ---------------------------------------------------------------------------------


def library(
    python: Path | str, engine: str, rounds: int, made: dict[str, Path], ours: Ours | None
) -> dict[str, float]:
    """Seconds of each notebook by papermill as a library, in one process."""
    script = [python, HERE / "papermill_side.py", engine, rounds, *made.values()]
    done = subprocess.run(
        list(map(str, script)),
        # a folder with modules of its own, as a clone, would have kernels that are no copies
        cwd=next(iter(made.values())).parent,
        env=ours.env if ours else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: statistics.median(found[str(path)]) for name, path in made.items()}


def notebooks(folder: Path, programs: Path, ours: Ours, rounds: int) -> None:
    """One notebook at a time, as a library and as a command."""
    kinds = {
        "tiny": workloads.TINY, "medium": workloads.MEDIUM, "none": [], "cells": workloads.trivial(100),
        "loud": workloads.loud(40, 200), "quiet": workloads.loud(40, 0),
    }  # fmt: skip
    made = {name: workloads.write(folder / f"{name}.ipynb", cells) for name, cells in kinds.items()}
    theirs = library(programs / "python", "nbclient", rounds, made, None)
    mine = library(sys.executable, "mlx", rounds, made, ours)
    row("tiny notebook, library", mine["tiny"], {"papermill": theirs["tiny"]})
    row(
        "medium notebook, library",
        mine["medium"],
        {"papermill": theirs["medium"]},
        Budget(0.45, "papermill", 2.75),
    )
    each = [(found["cells"] - found["none"]) * 10 for found in (mine, theirs)]
    row("a cell that does nothing, ms", each[0], {"papermill": each[1]}, Budget(4, "papermill", 10.5))
    loud = [found["loud"] - found["quiet"] for found in (mine, theirs)]
    row(
        "40 outputs of 200 kB, more than 40 small ones",
        loud[0],
        {"papermill": loud[1]},
        Budget(0.2, "papermill", 1.5),
    )
    flags = ["--no-progress-bar", made["medium"], folder / "out.ipynb"]
    sides: dict[str, Callable[[], Cost]] = {
        "ours": lambda: ran([sys.executable, "-m", "papermill", "--engine", "mlx", *flags], folder, ours),
        "cold": lambda: _cold(
            lambda: ran([sys.executable, "-m", "papermill", "--engine", "mlx", *flags], folder, ours), ours
        ),
        "papermill": lambda: ran([programs / "papermill", *flags], folder),
    }
    found: dict[str, list[Cost]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name in ("cold", "ours", "papermill"):
            found[name].append(sides[name]())
    peer: dict[str, Cost | float] = {"papermill": median(found["papermill"])}
    row("medium notebook, `papermill` command, warm", median(found["ours"]), peer)
    row("the same, the first of the day", median(found["cold"]), peer)


def _cold(measure: Callable[[], Cost], ours: Ours) -> Cost:
    ours.stop()
    return measure()


# -- pipelines ---------------------------------------------------------------------------------


def project(folder: Path, medium: int, count: int) -> None:
    """Our project: `medium` notebooks that know nothing of each other, or two chains of `count` stages."""
    folder.mkdir()
    lines = ["stages:"]
    if medium:
        for number in range(medium):
            workloads.write(folder / f"m{number}.ipynb", [*workloads.MEDIUM, str(number)])
            lines.append(f"  m{number}: {{notebook: m{number}.ipynb}}")
    for number, (name, inputs, outputs) in enumerate(workloads.stages(count)):
        workloads.write(folder / f"{name}.ipynb", workloads.stage(number))
        lines.append(
            f"  {name}: {{notebook: {name}.ipynb, inputs: {json.dumps(inputs)}, outputs: {json.dumps(outputs)}}}"
        )
    (folder / "mlx.yaml").write_text("\n".join(lines) + "\n")


def for_ploomber(folder: Path, count: int) -> None:
    """The same stages for ploomber: `upstream` and `product` are its own parameters."""
    folder.mkdir()
    tasks = []
    for number, (name, _, outputs) in enumerate(workloads.stages(count)):
        upstream = f"['s{number - 2}']" if number > 1 else "None"
        cells = [f"upstream = {upstream}\nproduct = None", *workloads.stage(number)]
        path = workloads.write(folder / f"{name}.ipynb", cells)
        node = json.loads(path.read_text())
        node["cells"][0]["metadata"]["tags"] = ["parameters"]
        path.write_text(json.dumps(node))
        product = f"{{nb: out/{name}.ipynb, data: {outputs[0]}}}"
        tasks.append(f"  - {{source: {name}.ipynb, name: {name}, product: {product}}}")
    executor = "executor: {dotted_path: ploomber.executors.Parallel, processes: 2}\n"
    (folder / "pipeline.yaml").write_text(executor + "tasks:\n" + "\n".join(tasks) + "\n")


def for_dvc(folder: Path, programs: Path, count: int) -> None:
    """The same stages for DVC, each a papermill command."""
    folder.mkdir()
    lines = ["stages:"]
    for number, (name, inputs, outputs) in enumerate(workloads.stages(count)):
        workloads.write(folder / f"{name}.ipynb", workloads.stage(number))
        deps = json.dumps([f"{name}.ipynb", *inputs])
        command = f"{programs}/papermill --no-progress-bar {name}.ipynb out-{name}.ipynb"
        lines.append(f"  {name}: {{cmd: '{command}', deps: {deps}, outs: {json.dumps(outputs)}}}")
    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")
    for command in (["git", "init", "-q"], [programs / "dvc", "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)


def for_jupyter_cache(folder: Path, programs: Path, count: int) -> None:
    """The same notebooks for jupyter-cache, which knows no order: they are executed one after another."""
    folder.mkdir()
    for number, (name, _, _) in enumerate(workloads.stages(count)):
        workloads.write(folder / f"{name}.ipynb", workloads.stage(number))
    for words in (["cache", "list"], ["notebook", "add", *(f"s{i}.ipynb" for i in range(count))]):
        subprocess.run(
            [programs / "jcache", *words], cwd=folder, check=True, capture_output=True, input=b"y\n"
        )


def pipelines(folder: Path, programs: Path, ours: Ours, count: int) -> None:
    """A pipeline as each runs it with two processes: first, and with nothing changed."""
    project(folder / "ours", 0, count)
    for_ploomber(folder / "ploomber", count)
    for_dvc(folder / "dvc", programs, count)
    for_jupyter_cache(folder / "jcache", programs, count)
    commands: dict[str, tuple[list[str | Path], str]] = {
        "ploomber": ([programs / "ploomber", "build"], "ploomber"),
        "dvc repro": ([programs / "dvc", "repro"], "dvc"),
        "jupyter-cache": (
            [programs / "jcache", "project", "execute", "-t", "120", "-e", "local-parallel"],
            "jcache",
        ),
    }
    ours.stop()
    run: list[str | Path] = [*JMLX, "run", "-j", "2"]
    for what, budget in (
        (f"{count} notebooks, first", Budget(3, "ploomber", 9.4)),
        (f"{count} notebooks, nothing changed", Budget(0.2, "ploomber", 3.5)),
    ):
        mine = ran(run, folder / "ours", ours)
        theirs: dict[str, Cost | float] = {
            name: ran(command, folder / place) for name, (command, place) in commands.items()
        }
        row(what, mine, theirs, budget)


def many(folder: Path, programs: Path, ours: Ours, count: int) -> None:
    """Medium notebooks that know nothing of each other, two at a time."""
    project(folder / "many", count, 0)
    theirs = folder / "theirs"
    theirs.mkdir()
    for number in range(count):
        shutil.copy(folder / "many" / f"m{number}.ipynb", theirs)
    # two at a time, by the shell's own xargs
    line = f"seq 0 {count - 1} | xargs -P 2 -I N {programs}/papermill --no-progress-bar mN.ipynb oN.ipynb"
    ours.stop()
    mine = ran([*JMLX, "run", "-j", "2"], folder / "many", ours)
    peer = ran(["sh", "-c", line], theirs)
    row(
        f"{count} medium notebooks, 2 at a time, first", mine, {"papermill": peer}, Budget(5, "papermill", 34)
    )


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stages", type=int, default=10)
    parser.add_argument("--many", type=int, default=20)
    parser.add_argument("--only", choices=["notebooks", "pipelines", "many"], nargs="*")
    asked = parser.parse_args()
    parts = asked.only or ["notebooks", "pipelines", "many"]
    programs = peers.programs()
    with tempfile.TemporaryDirectory(prefix="mlx-bench-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        (folder / "kernels").mkdir()
        ours = Ours(folder / "kernels")
        print("| what | ours, s (CPU) | budget | peers, s (CPU): times as long |\n|---|---|---|---|")
        try:
            if "notebooks" in parts:
                notebooks(folder, programs, ours, asked.rounds)
            if "pipelines" in parts:
                pipelines(folder, programs, ours, asked.stages)
            if "many" in parts:
                many(folder, programs, ours, asked.many)
        finally:
            ours.stop()


if __name__ == "__main__":
    main()
