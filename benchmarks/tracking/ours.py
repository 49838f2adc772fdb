"""What tracking costs in a kernel: an empty `%%track` cell, and a step of a metric.

python benchmarks/tracking.py
"""

from __future__ import annotations

import statistics
import tempfile
import time

from IPython.core.interactiveshell import InteractiveShell

import jupyter_mlx as jm
from jupyter_mlx.project import Project

CELLS = 300
STEPS = 10_000


def milliseconds(shell: InteractiveShell, cell: str) -> float:
    """The median time of a cell."""
    found = []
    for _ in range(CELLS):
        started = time.perf_counter()
        shell.run_cell(cell)
        found.append(time.perf_counter() - started)
    return statistics.median(found) * 1000


def main() -> None:
    """Measure, and print a table in Markdown."""
    import os

    with tempfile.TemporaryDirectory() as folder:
        Project.create(folder)
        os.chdir(folder)
        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "jupyter_mlx")
        milliseconds(shell, "%%track\npass")
        bare, tracked = milliseconds(shell, "pass"), milliseconds(shell, "%%track\npass")
        with jm.run("steps"):
            started = time.perf_counter()
            for step in range(STEPS):
                jm.log(x=step, step=step)
            each = (time.perf_counter() - started) / STEPS * 1000
        shell.jupyter_mlx_magics.project.recorder.flush()
        os.chdir("/")
    print("| what | ms |\n|---|---|")
    print(f"| `%%track` on a cell that does nothing, above the bare cell (median) | {tracked - bare:.1f} |")
    print(f"| `jm.log(x=…, step=i)`, each of {STEPS:,} | {each:.3f} |")


if __name__ == "__main__":
    main()
