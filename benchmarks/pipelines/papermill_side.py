"""papermill as a library in one process: `papermill_side.py ENGINE ROUNDS NOTEBOOK…` prints the seconds of each.

The first round is not counted: imports are paid, and a warm process is warm.
"""

from __future__ import annotations

import json
import sys
import time

import papermill


def main(engine: str, rounds: str, *notebooks: str) -> None:
    """Execute the notebooks in turns."""
    found: dict[str, list[float]] = {notebook: [] for notebook in notebooks}
    for number in range(int(rounds) + 1):
        for notebook in notebooks:
            started = time.perf_counter()
            papermill.execute_notebook(
                notebook, f"{notebook}.out.ipynb", engine_name=engine, progress_bar=False
            )
            if number:
                found[notebook].append(time.perf_counter() - started)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
