"""How long a run's page, a comparison and a plot of very many runs take to be there, in real JupyterLab.

    python benchmarks/panel/pages.py

The server and the browser are those of tests/ui; Chromium has to be on PATH.
Wall times from the command to the second frame after all is drawn.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

sys.path += [str(Path(__file__).parents[2] / name) for name in ("tests/ui", "tests")]

from conftest import CHROMIUM, found_chromium, open_lab, start_lab
from playwright.sync_api import sync_playwright

from jupyter_mlx.ledger.run import Run, new_id, utc_now
from jupyter_mlx.project import Project

ROUNDS = 5
RUNS = 10_000
STEPS = 1_000_000
SHOW = """async ([command, args, ready]) => {
  const { commands, shell } = window.jupyterapp;
  const frame = () => new Promise(requestAnimationFrame);
  const started = performance.now();
  await commands.execute(command, args);
  const tab = shell.currentWidget;
  while (!ready.every(each => tab.node.querySelector(each))) {
    await frame();
  }
  await frame();
  await frame();
  const took = performance.now() - started;
  tab.dispose();
  return took;
}"""
"""Execute a command, wait for elements of the tab that it opens, close it; milliseconds."""
MOVE = """async ([command, args, ready]) => {
  const { commands, shell } = window.jupyterapp;
  const frame = () => new Promise(requestAnimationFrame);
  await commands.execute(command, args);
  const tab = shell.currentWidget;
  while (!tab.node.querySelector(ready)) {
    await frame();
  }
  const area = tab.node.querySelector(ready);
  const { left, top, width, height } = area.getBoundingClientRect();
  const found = [];
  for (let at = 0; at < 60; at++) {
    const started = performance.now();
    const clientX = left + width * (0.1 + 0.8 * at / 60);
    const clientY = top + height * (0.2 + 0.6 * ((at * 7) % 60) / 60);
    area.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY, bubbles: true }));
    await frame();
    await frame();
    found.push((performance.now() - started) / 2);
  }
  tab.dispose();
  return found;
}"""
"""Move a pointer over a plot; milliseconds of each frame."""


def fill(project: Project) -> tuple[str, list[str]]:
    """Runs of a sweep, and one of very many steps; the id of that one, and the others', the newest first."""
    chance = random.Random(0)
    ids = []
    for number in range(RUNS):
        lr, depth = 10 ** chance.uniform(-5, -1), chance.randint(1, 12)
        run = Run(
            id=new_id(),
            name=f"trial {number}",
            kind="cell",
            status="finished",
            started_at=utc_now() - timedelta(seconds=RUNS - number),
            duration_s=chance.random(),
            params={"lr": lr, "depth": depth, "opt": chance.choice(["adam", "sgd", "lion"])},
            metrics={"acc": 1 - lr * depth * chance.random(), "loss": chance.random()},
            source=f"model = fit(lr={lr}, depth={depth})\n" * 40,
        )
        project.ledger.insert(run)
        ids.append(run.id)
    for ident in ids[-50:]:
        curve = [(step, 1 / (1 + step * chance.random()), step / 10) for step in range(1000)]
        project.ledger.insert_series(ident, {"loss": curve})
    long = Run(new_id(), "long", "cell", "finished", utc_now(), duration_s=9.0, source="fit()")
    project.ledger.insert(long)
    points = [(step, math.exp(-step / STEPS) + chance.random() / 9, step / 100) for step in range(STEPS)]
    project.ledger.insert_series(long.id, {"loss": points})
    return long.id, ids[::-1]


def measure(page, long: str, ids: list[str]) -> None:
    """Print a row for each page."""
    compare, plot = "jupyter-mlx:compare", "jupyter-mlx:plot-runs"
    drawn = [".mlx-Findings li", ".mlx-CompareTable td", ".mlx-Merge .cm-editor", ".mlx-Chart-line"]
    pages = {
        "a run": ("jupyter-mlx:open-run", {"id": ids[0]}, [".mlx-Chart-line", ".mlx-Code code"]),
        f"a run with {STEPS:,} steps": ("jupyter-mlx:open-run", {"id": long}, [".mlx-Chart-line"]),
        "2 runs compared": (compare, {"ids": ids[:2]}, drawn),
        "50 runs compared": (compare, {"ids": ids[:50]}, [*drawn, ".mlx-Plot-area"]),
        f"{RUNS:,} runs plotted, lines and points": (plot, {}, [".mlx-Plot-area"]),
    }
    print("| what | ms |\n|---|---|")
    for name, asked in pages.items():
        took = [page.evaluate(SHOW, asked) for _ in range(ROUNDS + 1)][1:]
        print(f"| {name} | {statistics.median(took):.0f} |")
    for name, area in (("lines", "[aria-label*=across]"), ("points", "[aria-label*=against]")):
        frames = page.evaluate(MOVE, (plot, {}, f".mlx-Plot-area{area}"))
        print(f"| a frame while the pointer goes over {RUNS:,} {name} | {statistics.median(frames):.0f} |")


def main() -> None:
    """Make a project, fill it, and show it."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        root = Path(name) / "project"
        Project.create(root)
        known = fill(Project.open(root))
        browser = playwright.chromium.launch(executable_path=found_chromium(), args=CHROMIUM)
        with start_lab(Path(name), root) as lab:
            page = open_lab(lab, browser.new_context(viewport={"width": 1400, "height": 1000}))
            measure(page, *known)
        browser.close()


if __name__ == "__main__":
    main()
