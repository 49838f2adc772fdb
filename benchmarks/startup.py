"""How long people wait before anything happens: import, and the whole process of a small command.

    python benchmarks/startup.py

Peers (DVC, MLflow) are installed into an environment of their own, made in a
temporary folder, and measured in the same run, in turns with ours.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled: this clone may be, too
ROUNDS = 15


def seconds(command: list[str], folder: Path) -> float:
    """Wall seconds of a whole process."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=False, capture_output=True)
    return time.perf_counter() - started


def in_turns(commands: dict[str, tuple[list[str], Path]]) -> dict[str, float]:
    """The median of each command, measured one after another in each round, after one round to warm up."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(ROUNDS + 1):
        for name, (command, folder) in commands.items():
            took = seconds(command, folder)
            if number:
                found[name].append(took)
    return {name: statistics.median(values) for name, values in found.items()}


def peers(folder: Path) -> Path:
    """An environment with the peers; the folder of its programs."""
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", "dvc", "mlflow"], check=True)
    return folder / "bin"


def small_projects(folder: Path, programs: Path) -> tuple[Path, Path]:
    """The same three small files, tracked by us and by DVC."""
    made = []
    for name, setup in (
        (
            "ours",
            [
                [sys.executable, "-m", "jupyter_mlx.cli.main", "init"],
                [sys.executable, "-m", "jupyter_mlx.cli.main", "add", "a", "b", "c"],
            ],
        ),
        ("dvc", [[programs / "dvc", "init", "-q"], [programs / "dvc", "add", "-q", "a", "b", "c"]]),
    ):
        project = folder / name
        project.mkdir()
        subprocess.run(["git", "init", "-q"], cwd=project, check=True)
        for path in "abc":
            (project / path).write_text(path * 1000)
        for command in setup:
            subprocess.run(command, cwd=project, check=True, capture_output=True)
        made.append(project)
    return made[0], made[1]


def main() -> None:
    """Measure, and print a table in Markdown."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        programs = peers(folder / "peers")
        ours, dvc = small_projects(folder, programs)
        python, peer_python = sys.executable, str(programs / "python")
        found = in_turns(
            {
                "python": ([python, "-c", "pass"], ours),
                "import jupyter_mlx": ([python, "-c", "import jupyter_mlx"], ours),
                "import mlflow": ([peer_python, "-c", "import mlflow"], ours),
                "jmlx status": ([python, "-m", "jupyter_mlx.cli.main", "status"], ours),
                "dvc status": ([str(programs / "dvc"), "status"], dvc),
                "jmlx --version": ([python, "-m", "jupyter_mlx.cli.main", "--version"], ours),
                "dvc --version": ([str(programs / "dvc"), "--version"], dvc),
            }
        )
    bare = found["python"]
    print("| what | ours, s | peer, s | ratio | budget |\n|---|---|---|---|---|")
    for what, mine, theirs, less, budget in (
        ("import, above bare Python (MLflow)", "import jupyter_mlx", "import mlflow", bare, "0.05 s"),
        # set where DVC took 0.32 s: on any other machine it is a ratio
        (
            *("status of three small files, whole process (DVC)", "jmlx status", "dvc status", 0.0),
            f"0.12 where DVC takes 0.32: ≥ {0.32 / 0.12:.1f}",
        ),
        ("--version, whole process (DVC)", "jmlx --version", "dvc --version", 0.0, ""),
    ):
        one, other = found[mine] - less, found[theirs] - less
        print(f"| {what} | {one:.3f} | {other:.3f} | {other / one:.1f} | {budget} |")
    print(f"\nBare Python: {bare:.3f} s. Medians of {ROUNDS} rounds, in turns.")


if __name__ == "__main__":
    main()
