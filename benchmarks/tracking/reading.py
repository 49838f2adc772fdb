"""Times what `%%track` adds to reading a large CSV with pandas, in pairs, in turns; prints a table.

    python benchmarks/tracking/reading.py --disk /dev/shm
    python benchmarks/tracking/reading.py --disk /dev/shm --rounds 9 --fill-memory
    python benchmarks/tracking/reading.py --disk /dev/shm --megabytes 50 --rounds 2

Each reading is a process of its own. `first`: the project's store has not got the
file, so that it is hashed and stored, beside the cell where a processor is free and
after it. `again`: it has. The seconds are those of the cell, until the next one can begin.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from memory import Filler

KINDS = ("plain", "first", "again")
NAME = "large.csv"
CELL = f"import pandas as pd\nframe = pd.read_csv({NAME!r})"


def make(path: Path, megabytes: int) -> None:
    """A table of numbers and a word, of about that size."""
    import numpy as np

    draw = np.random.default_rng(1)
    lines = [
        ",".join([*(f"{number:.6f}" for number in row), "alpha", str(at)])
        for at, row in enumerate(draw.normal(size=(10_000, 8)))
    ]
    block = "\n".join(lines).encode() + b"\n"
    with path.open("wb") as file:
        file.write(b"a,b,c,d,e,f,g,h,word,number\n")
        while file.tell() < megabytes << 20:
            file.write(block)


def read_once(kind: str) -> dict[str, float]:
    """One reading in this process, in the folder where it stands: seconds of the cell, and of the processor."""
    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

    del pd  # its import is no part of the reading
    shell = InteractiveShell.instance()
    if kind != "plain":
        shell.run_line_magic("load_ext", "jupyter_mlx")
        shell.run_cell("%%track\npass")
        # what is recorded once in a kernel's life, as its packages, is no part of the reading
        from jupyter_mlx.afterwards import afterwards

        afterwards().flush()
    cell = CELL if kind == "plain" else f"%%track\n{CELL}"
    started, used = time.perf_counter(), os.times()
    result = shell.run_cell(cell)
    result.raise_error()
    wall_s, now = time.perf_counter() - started, os.times()
    found = {"wall_s": wall_s, "user_s": now.user - used.user, "system_s": now.system - used.system}
    if kind == "plain":
        return found
    from jupyter_mlx.project import Project

    project = Project.open()
    project.recorder.flush()
    (run,) = (run for run in project.ledger.page().runs if "frame" in project.ledger.get(run.id).source)
    assert [(file.path, file.changed) for file in project.ledger.get(run.id).inputs] == [(NAME, False)]
    return found


def measured(folder: Path, rounds: int, filler: Filler | None) -> dict[str, list[dict[str, float]]]:
    """Every kind of reading, in turns; the first round warms up."""
    from jupyter_mlx.project import Project

    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for _ in range(rounds + 1):
        for kind in KINDS:
            if kind == "first":
                shutil.rmtree(folder / ".mlx", ignore_errors=True)
                (folder / "mlx.yaml").unlink(missing_ok=True)
                Project.create(folder)
            if kind == "again":
                # the ledger alone is new: the runs of the first reading would be looked for, too
                (folder / ".mlx/ledger.db").unlink()
            if filler is not None:
                filler.fill()
            done = subprocess.run(
                [sys.executable, Path(__file__).resolve(), "--once", kind],
                cwd=folder, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                sys.exit(f"{kind}: {done.stdout[-500:]}{done.stderr[-2000:]}")
            found[kind].append(json.loads(done.stdout.splitlines()[-1]))
    return {kind: values[1:] for kind, values in found.items()}


def table(found: dict[str, list[dict[str, float]]]) -> str:
    """Medians, and the median of the ratios of each pair."""
    lines = [
        "| reading | wall, s | more, % | processor, s: user | more, % | system | more, % |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, values in found.items():
        cells = [kind]
        for name in ("wall_s", "user_s", "system_s"):
            ratio = statistics.median(
                value[name] / plain[name] for value, plain in zip(values, found["plain"], strict=True)
            )
            cells += [f"{statistics.median(value[name] for value in values):.2f}", f"{100 * (ratio - 1):.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--disk", default=None, metavar="FOLDER", help="where the files are")
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--fill-memory",
        action="store_true",
        help="hold free memory, which the host of a virtual machine may take",
    )
    parser.add_argument("--once", choices=KINDS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.once:
        print("\n" + json.dumps(read_once(asked.once)))
        return
    with tempfile.TemporaryDirectory(prefix="mlx-reading-", dir=asked.disk) as name:
        folder = Path(name)
        make(folder / NAME, asked.megabytes)
        print(table(measured(folder, asked.rounds, Filler() if asked.fill_memory else None)))


if __name__ == "__main__":
    main()
