"""What a small pipeline costs, beside papermill alone on the same notebooks.

Prints medians in seconds and the ratio to papermill's command, measured in the
same run: absolute figures are not stable from machine to machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

JMLX = [sys.executable, "-m", "jupyter_mlx.cli.main"]
PAPERMILL = [sys.executable, "-m", "papermill", "--no-progress-bar"]


def make(root: Path, notebooks: int) -> None:
    """A project of `notebooks` tiny stages, two chains side by side."""
    root.mkdir(parents=True)
    lines = ["stages:"]
    for i in range(notebooks):
        cells = [f"from pathlib import Path\nPath('s{i}.txt').write_text('{i}')", "print('done')"]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        node = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            metadata={"kernelspec": spec, "language_info": {"name": "python"}},
        )
        (root / f"s{i}.ipynb").write_text(nbformat.writes(node))
        inputs = f"s{i - 2}.txt" if i > 1 else ""
        lines.append(f"  s{i}: {{notebook: s{i}.ipynb, inputs: [{inputs}], outputs: [s{i}.txt]}}")
    (root / "mlx.yaml").write_text("\n".join(lines) + "\n")


def seconds(command: list[str], cwd: Path) -> float:
    """The wall time of a whole process."""
    started = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    return time.perf_counter() - started


def row(what: str, measured: list[float], peer: float) -> None:
    median = statistics.median(measured)
    print(f"{what:<44} {median:8.3f} s   {median / peer:6.2f} of papermill")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notebooks", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        make(root, options.notebooks)
        peer = sum(seconds([*PAPERMILL, f"s{i}.ipynb", "/dev/null"], root) for i in range(options.notebooks))
        print(f"{f'papermill, {options.notebooks} notebooks one by one':<44} {peer:8.3f} s")
        row("jmlx run, first", [seconds([*JMLX, "run"], root)], peer)
        row("jmlx run --force -j 1", [seconds([*JMLX, "run", "--force", "-j", "1"], root)], peer)
        row(
            "jmlx run, nothing changed", [seconds([*JMLX, "run"], root) for _ in range(options.repeats)], peer
        )
        row(
            "jmlx plan, nothing changed",
            [seconds([*JMLX, "plan"], root) for _ in range(options.repeats)],
            peer,
        )
        one = seconds([*PAPERMILL, "s0.ipynb", "/dev/null"], root)
        row("jmlx exec of one, against one of papermill", [seconds([*JMLX, "exec", "s0.ipynb"], root)], one)


if __name__ == "__main__":
    main()
