"""exptrack's side, run by the Python of its own environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import workloads as w
from exptrack import Experiment
from IPython.core.interactiveshell import InteractiveShell


def one_run(number: int) -> None:
    """A run with its params and metrics."""
    with Experiment(f"r{number}", params=w.PARAMS) as run:
        for name, value in w.METRICS.items():
            run.log_metric(name, value)


def steps(count: int) -> float:
    """Seconds of so many steps of one metric."""
    with Experiment("steps") as run:
        return w.seconds(lambda: [run.log_metric("loss", 1 / (step + 1), step=step) for step in range(count)])


def cells(count: int) -> dict[str, float]:
    """Milliseconds that its hooks add to a cell that does nothing; it makes no run of a cell."""
    shell = InteractiveShell.instance()
    bare = {pause: w.cell_ms(shell, "pass", count, pause) for pause in w.PAUSES.values()}
    shell.run_line_magic("load_ext", "exptrack")
    w.cell_ms(shell, "pass", 20)
    return {
        f"cell_{name}_ms": w.cell_ms(shell, "pass", count, pause) - bare[pause]
        for name, pause in w.PAUSES.items()
    }


def main(folder: Path, sizes: dict[str, int]) -> dict[str, float]:
    """All workloads in a folder."""
    os.chdir(folder)
    subprocess.run([sys.executable, "-m", "exptrack", "init"], check=False, capture_output=True)
    one_run(0)
    found = {"run_ms": w.median_ms(one_run, sizes["runs"])}
    before = w.disk_bytes(folder)
    w.median_ms(one_run, sizes["disk"])
    found["disk_bytes"] = (w.disk_bytes(folder) - before) / sizes["disk"]
    found["steps_s"] = steps(sizes["steps"])
    return found | cells(sizes["cells"])


if __name__ == "__main__":
    w.told(main)
