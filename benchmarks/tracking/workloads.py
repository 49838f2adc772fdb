"""What every side does: the same params, metrics, counts and questions. Imports nothing but the library."""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PARAMS = {"lr": 0.1, "depth": 3, "opt": "adam", "batch": 32, "seed": 7}
METRICS = {"acc": 0.9, "loss": 0.1, "f1": 0.8, "auc": 0.95, "time": 1.5}
NAMES = ("train", "evaluate", "prepare")
SOURCE = "model = fit(X, y, lr=lr, depth=depth)\nacc = model.score(X2, y2)\n" * 4
PAGES = {"sorted": ("", "-acc"), "filtered": ("acc > 0.5 and lr < 0.1", "-acc")}
"""Query and order."""
PAUSES = {"at_once": 0.0, "later": 0.1}
"""How long a cell comes after the one before, in seconds."""


def some_params(draw: random.Random, number: int) -> dict[str, Any]:
    """Params of one run."""
    return {**PARAMS, "lr": 10 ** draw.uniform(-4, 0), "depth": draw.randint(1, 10), "seed": number}


def some_metrics(draw: random.Random) -> dict[str, float]:
    """Metrics of one run."""
    return {name: draw.random() for name in METRICS}


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def median_ms(action: Callable[[int], object], count: int) -> float:
    """The median of so many calls, in milliseconds."""
    return statistics.median(seconds(lambda: action(number)) for number in range(1, count + 1)) * 1000  # noqa: B023


def cell_ms(shell: Any, cell: str, count: int, pause_s: float = 0.0) -> float:
    """The median time of a cell in IPython, so long after the one before, in milliseconds."""
    took = []
    for _ in range(count):
        time.sleep(pause_s)
        took.append(seconds(lambda: shell.run_cell(cell)))
    return statistics.median(took) * 1000


def many_files(folder: Path, count: int) -> None:
    """So many small files, a thousand in a folder."""
    for at in range(count):
        if at % 1000 == 0:
            (folder / f"{at // 1000:04}").mkdir(parents=True)
        (folder / f"{at // 1000:04}" / f"{at}.txt").write_text(str(at))


def disk_bytes(folder: Path) -> int:
    """Bytes in all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def told(main: Callable[[Path, dict[str, int]], dict[str, float]]) -> None:
    """Run a side in the folder and with the sizes of its arguments; print what it found as JSON, last."""
    found = main(Path(sys.argv[1]), json.loads(sys.argv[2]))
    print("\n" + json.dumps(found))
