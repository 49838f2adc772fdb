"""Times tracking beside MLflow and exptrack, each in a process of its own; prints a table with ratios.

    python benchmarks/tracking/compare.py
    python benchmarks/tracking/compare.py --quick
    python benchmarks/tracking/compare.py --write docs/benchmarks.md

The peers are installed into an environment of their own under the user's cache.
`--write` puts the table between the marks `<!-- tracking -->` of a document.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers import peers

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled: this clone may be, too
HERE = Path(__file__).parent
SIZES = {"runs": 40, "disk": 200, "steps": 10_000, "cells": 200, "files": 100_000,
         "pages": 10_000, "many": 100_000}  # fmt: skip
QUICK = {"runs": 5, "disk": 20, "steps": 1000, "cells": 20, "files": 1000, "pages": 500, "many": 1000}
ROUNDS = 9
Found = dict[str, dict[str, float]]


def importing(python: Path | str, module: str) -> float:
    """Seconds that an import adds to bare Python: the median of rounds in turns."""
    took: dict[str, list[float]] = {"pass": [], f"import {module}": []}
    for _ in range(ROUNDS):
        for code, found in took.items():
            started = time.perf_counter()
            subprocess.run([python, "-c", code], check=True, capture_output=True)
            found.append(time.perf_counter() - started)
    bare, whole = (statistics.median(found[1:]) for found in took.values())
    return whole - bare


def side(python: Path | str, script: str, sizes: dict[str, int]) -> dict[str, float]:
    """What one side found, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="mlx-tracking-") as folder:
        done = subprocess.run(
            [python, HERE / script, folder, json.dumps(sizes)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        sys.exit(f"{script}: {done.stderr[-2000:]}")
    line = next(line for line in reversed(done.stdout.splitlines()) if line.startswith("{"))
    found: dict[str, float] = json.loads(line)
    return found


def measured(sizes: dict[str, int]) -> Found:
    """Every workload of every side."""
    python = peers()
    found = {
        "jupyter_mlx": side(sys.executable, "ours.py", sizes),
        "MLflow": side(python, "mlflow_side.py", sizes),
        "exptrack": side(python, "exptrack_side.py", sizes),
    }
    for name, (program, module) in {
        "jupyter_mlx": (sys.executable, "jupyter_mlx"), "MLflow": (python, "mlflow"), "exptrack": (python, "exptrack"),
    }.items():  # fmt: skip
        found[name]["import_s"] = importing(program, module)
    return found


def rows(sizes: dict[str, int]) -> list[tuple[str, str, str]]:
    """What, the figure, the budget."""
    some, many = sizes["pages"], sizes["many"]
    return [
        ("import, above bare Python, s", "import_s", "0.05"),
        ("one run, 5 params and 5 metrics, with code, git and packages, ms", "run_ms", ""),
        (
            f"an empty tracked cell, 0.1 s after the one before, {sizes['files']:,} files, ms",
            "cell_later_ms",
            "5",
        ),
        ("the same, at once after the one before, ms", "cell_at_once_ms", "5"),
        ("the same by `--no-lineage`, ms", "no_lineage_at_once_ms", ""),
        ("a cell that is not tracked, in such a kernel, ms", "untracked_at_once_ms", ""),
        (f"{sizes['steps']:,} steps of a metric, one call each, s", "steps_s", "0.3"),
        (f"100 of {some:,} runs by a metric, ms", f"page_sorted_{some}_ms", "10"),
        ("the same, filtered by a metric and a param, ms", f"page_filtered_{some}_ms", "10"),
        (f"100 of {many:,} runs by a metric, ms", f"page_sorted_{many}_ms", "50"),
        ("the same, filtered by a metric and a param, ms", f"page_filtered_{many}_ms", "50"),
        ("disk for a run without outputs, bytes", "disk_bytes", "2,000"),
    ]


def shown(value: float | None) -> str:
    """Three digits."""
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(found: Found, sizes: dict[str, int]) -> str:
    """Figures, budgets, and how many times faster or smaller than each peer."""
    peers = [name for name in found if name != "jupyter_mlx"]
    lines = [f"| what | jupyter_mlx | budget | {' | '.join(f'{peer} | times' for peer in peers)} |"]
    lines.append("|---" * (3 + 2 * len(peers)) + "|")
    for what, key, budget in rows(sizes):
        ours = found["jupyter_mlx"][key]
        cells = [what, shown(ours), budget]
        for peer in peers:
            theirs = found[peer].get(key)
            cells += [shown(theirs), "" if theirs is None or ours <= 0 else f"{theirs / ours:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write where it is asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: whether everything works")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into a document")
    asked = parser.parse_args()
    sizes = QUICK if asked.quick else SIZES
    text = table(measured(sizes), sizes)
    print(text)
    if asked.write:
        document = asked.write.read_text()
        made = re.sub(
            r"(<!-- tracking -->\n).*?(<!-- /tracking -->)",
            lambda m: f"{m[1]}{text}\n{m[2]}",
            document,
            flags=re.DOTALL,
        )
        asked.write.write_text(made)


if __name__ == "__main__":
    main()
