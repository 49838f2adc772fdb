"""What the panel's page holds while it is looked at for an hour: its heap and nodes, every few minutes.

    python benchmarks/panel/hour.py [--minutes 60] [--every 5]

The panel with 10,000 runs and the page of a run that is training are open.
Twice a second a run enters the ledger, ends, gets a note and goes into the trash, and
the training run logs twenty steps of two metrics, as other processes would.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from compare import browser, fill, holding, panel, start_lab  # noqa: E402
from conftest import run_command  # noqa: E402

from jupyter_mlx.ledger.run import Run, new_id, utc_now  # noqa: E402
from jupyter_mlx.project import Project  # noqa: E402

RUNS = 10_000
TURN_S = 0.5
STEPS = 20


def turn(project: Project, training: str, number: int) -> None:
    """What happens in a project twice a second."""
    ledger = project.ledger
    one = Run(new_id(), f"live {number}", "cell", "running", utc_now(), source="x = 1")
    ledger.insert(one)
    for step in range(number * STEPS, (number + 1) * STEPS):
        ledger.log(training, {"loss": 1 / (1 + step), "acc": step % 97 / 97}, step=step, t=step / 10)
    ledger.edit(one.id, note=f"note {number}")
    ledger.seal(replace(one, status="finished", duration_s=0.1, metrics={"acc": number % 89 / 89}))
    ledger.trash(one.id)


def main() -> None:
    """Print a row at each mark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=5, help="minutes between the rows")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlx-hour-") as name, browser() as chromium:
        root = Path(name, "project")
        project = Project.create(root)
        fill(project, RUNS)
        training = Run(new_id(), "training", "cell", "running", utc_now(), source="fit()")
        project.ledger.insert(training)
        with start_lab(Path(name), root) as lab:
            page = panel(lab, chromium.new_context(viewport={"width": 1280, "height": 800}))
            run_command(page, "jupyter-mlx:open-run", id=training.id)
            held, began, number, mark = holding(page), time.monotonic(), 0, 0.0
            print("| minutes | turns | heap, MiB | nodes |\n|---|---|---|---|", flush=True)
            while (gone_s := time.monotonic() - began) <= asked.minutes * 60 + 1:
                if gone_s >= mark:
                    heap, nodes = held()
                    print(f"| {gone_s / 60:.0f} | {number:,} | {heap:.1f} | {nodes:,} |", flush=True)
                    mark += asked.every * 60
                turn(project, training.id, number)
                number += 1
                time.sleep(TURN_S)


if __name__ == "__main__":
    main()
