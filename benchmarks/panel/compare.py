"""Times the panel in real JupyterLab and Chromium, beside MLflow's page with the same runs; prints a table.

    python benchmarks/panel/compare.py
    python benchmarks/panel/compare.py --quick
    python benchmarks/panel/compare.py --write docs/benchmarks.md

MLflow is installed into an environment of its own under the user's cache.
`--write` puts the table between the marks `<!-- panel -->` of a document.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("tests/ui", "tests", "benchmarks/tracking")]

from conftest import CHROMIUM, Lab, found_chromium, free_port, open_lab, start_lab  # noqa: E402
from ours import fill  # noqa: E402
from peers import peers  # noqa: E402
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright  # noqa: E402

from jupyter_mlx.project import Project  # noqa: E402

HERE = Path(__file__).parent
SIZES = {"runs": 10_000, "many": 100_000, "rounds": 5, "frames": 400, "updates": 2000}
QUICK = {"runs": 500, "many": 2000, "rounds": 2, "frames": 60, "updates": 100}
Found = dict[str, float]

# what a page does between a question and the frame in which the answer is seen; `done` is asked after each change
TIMED = """async ([act, done]) => {
  const ready = new Function('return (' + done + ')()');
  const started = performance.now();
  new Function(act)();
  await new Promise(resolve => {
    const look = () => { if (ready()) { observer.disconnect(); resolve(); } };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    look();
  });
  // the frame after the next is after it was painted
  await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return performance.now() - started;
}"""
SCROLL = """async ([frames, px]) => {
  const table = document.querySelector('.mlx-Table');
  const times = [];
  let empty = 0;
  let last = await new Promise(requestAnimationFrame);
  for (let i = 0; i < frames; i++) {
    table.scrollTop += px;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
    empty += document.querySelector('.mlx-Row[aria-busy=true]') ? 1 : 0;
  }
  return { times, empty };
}"""
SHOWN = "() => document.querySelector('.mlx-Row .mlx-Row-name') !== null"


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or found_chromium()
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield chromium
        chromium.close()


def timed(page: Page, act: str, done: str) -> float:
    """Milliseconds from an action, given as JavaScript, until what it asks for is painted."""
    took: float = page.evaluate(TIMED, [act, done])
    return took


def first_paint(lab: Lab, context: BrowserContext, rounds: int) -> float:
    """The median time from the command that shows the panel to its rows."""
    took = []
    for _ in range(rounds):
        page = open_lab(lab, context)
        took.append(timed(page, "jupyterapp.commands.execute('jupyter-mlx:show-runs')", SHOWN))
        page.close()
    return statistics.median(took)


def panel(lab: Lab, context: BrowserContext) -> Page:
    """A page with the panel open and filled."""
    page = open_lab(lab, context)
    timed(page, "jupyterapp.commands.execute('jupyter-mlx:show-runs')", SHOWN)
    return page


def sorting(page: Page, rounds: int) -> float:
    """The median time from a click that sorts by a metric to the rows in their new order."""
    took = []
    page.evaluate("document.querySelector('.mlx-Table').scrollTop = 0")
    # a row that is still to come has no id
    top = ".mlx-Row[id][aria-rowindex='2']"
    page.wait_for_selector(top)
    for number in range(rounds):
        by = ("-acc", "acc")[number % 2]
        first = page.locator(top).get_attribute("id")
        done = f"() => ![null, {first!r}].includes(document.querySelector({top!r})?.id ?? null)"
        took.append(
            timed(page, f"jupyterapp.commands.execute('jupyter-mlx:sort-runs', {{ by: {by!r} }})", done)
        )
    return statistics.median(took)


def scrolling(page: Page, frames: int) -> Found:
    """Frames while the list is scrolled by ten rows in each, and how long a jump takes to be filled."""
    seen = page.evaluate(SCROLL, [frames, 240])
    filled = "() => document.querySelector('.mlx-Row') && !document.querySelector('.mlx-Row[aria-busy=true]')"
    jump = "const table = document.querySelector('.mlx-Table'); table.scrollTop = table.scrollHeight"
    jumps = [timed(page, f"{jump} * {part}", filled) for part in (0.5, 0.25, 0.75, 0.1, 0.9)]
    times = sorted(seen["times"])
    return {
        "frame_ms": statistics.median(times),
        "frame_p95_ms": times[int(len(times) * 0.95)],
        "empty_frames": seen["empty"] / frames,
        "jump_ms": statistics.median(jumps),
    }


def holding(page: Page) -> Callable[[], tuple[float, int]]:
    """What tells the MiB of a page's heap, without garbage, and the number of its nodes."""
    tools = page.context.new_cdp_session(page)
    tools.send("HeapProfiler.enable")

    def held() -> tuple[float, int]:
        page.wait_for_timeout(1000)
        tools.send("HeapProfiler.collectGarbage")
        heap = tools.send("Runtime.getHeapUsage")["usedSize"] / 2**20
        return heap, tools.send("Memory.getDOMCounters")["nodes"]

    return held


def memory(page: Page, project: Project, updates: int) -> Found:
    """What the heap and the nodes of the page grow by in the second half of many live updates."""
    held = holding(page)
    ident = project.ledger.page(limit=1).runs[0].id
    marks = []
    for half in range(2):
        for number in range(updates // 2):
            project.ledger.edit(ident, note=f"{half} {number}")
            time.sleep(0.02)
        marks.append(held())
    (before, nodes_before), (after, nodes_after) = marks
    return {"heap_mib": after, "heap_growth_mib": after - before, "nodes_growth": nodes_after - nodes_before}


def ours(folder: Path, chromium: Browser, sizes: dict[str, int]) -> Found:
    """All of the panel."""
    found: Found = {}
    for name in ("runs", "many"):
        project = Project.create(folder / name)
        fill(project, sizes[name])
        with start_lab(folder / f"{name}-home", project.root) as lab:
            context = chromium.new_context(viewport={"width": 1280, "height": 800})
            found[f"paint_{name}_ms"] = first_paint(lab, context, sizes["rounds"])
            page = panel(lab, context)
            if name == "many":
                found |= scrolling(page, sizes["frames"])
            found[f"sort_{name}_ms"] = sorting(page, sizes["rounds"])
            if name == "runs":
                found |= memory(page, project, sizes["updates"])
            context.close()
    return found


# the rows of MLflow's table, which is an AG Grid
ROWS = "[...document.querySelectorAll('.ag-center-cols-container .ag-row, .ag-pinned-left-cols-container .ag-row')]"
TEXT = f"{ROWS}.slice(0, 3).map(row => row.textContent).join('|')"


@contextmanager
def mlflow_server(folder: Path, count: int) -> Iterator[str]:
    """MLflow's server on so many runs in SQLite; its address."""
    python, port = peers(), free_port()
    code = (
        f"import sys; sys.path.insert(0, {str(HERE.parent / 'tracking')!r}); import mlflow, mlflow_side, pathlib;"
        f"mlflow.set_tracking_uri('sqlite:///{folder}/runs.db'); mlflow.search_runs(['0'], max_results=1);"
        f"path = pathlib.Path({str(folder / 'runs.db')!r}); mlflow_side.fill(path, {count});"
        # its page fails on runs without a tag
        "import sqlite3; db = sqlite3.connect(path);"
        """db.execute("INSERT INTO tags (key, value, run_uuid) SELECT 'mlflow.runName', name, run_uuid FROM runs");"""
        "db.commit()"
    )
    env = dict(os.environ, MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
    subprocess.run([python, "-c", code], check=True, cwd=folder, env=env, capture_output=True)
    command = [python, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/runs.db"]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
            cwd=folder, env=env, stdout=log, stderr=log,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            if server.poll() is not None:
                raise RuntimeError(f"MLflow did not start:\n{(folder / 'server.log').read_text()[-2000:]}")
            try:
                urllib.request.urlopen(f"{url}/health", timeout=60)
            except OSError:
                time.sleep(0.5)
            else:
                break
        yield url
    finally:
        server.terminate()
        server.wait()


def theirs(folder: Path, chromium: Browser, sizes: dict[str, int]) -> Found:
    """MLflow's page: from its start page to the rows of the experiment, and to another order."""
    paint, order = [], []
    with mlflow_server(folder, sizes["runs"]) as url:
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        for _ in range(sizes["rounds"]):
            page = context.new_page()
            page.goto(f"{url}/#/")
            # it asks its server for something all the time, so that its network is never idle
            page.get_by_text("Experiments").first.wait_for()
            page.wait_for_timeout(2000)
            paint.append(timed(page, "location.hash = '#/experiments/0/runs'", f"() => {ROWS}.length > 0"))
            page.wait_for_timeout(1000)
            before = page.evaluate(TEXT)
            query = "orderByKey=metrics.%60acc%60&orderByAsc=false"
            order.append(
                timed(
                    page,
                    f"location.hash = '#/experiments/0/runs?{query}'",
                    f"() => {ROWS}.length > 0 && {TEXT} !== {before!r}",
                )
            )
            page.close()
        context.close()
    return {"paint_runs_ms": statistics.median(paint), "sort_runs_ms": statistics.median(order)}


def rows(sizes: dict[str, int]) -> list[tuple[str, str, str]]:
    """What, the figure, the budget."""
    some, many = f"{sizes['runs']:,}", f"{sizes['many']:,}"
    return [
        (f"from the command to the rows, {some} runs, ms", "paint_runs_ms", "300"),
        (f"the same, {many} runs, ms", "paint_many_ms", ""),
        (f"sort {some} runs by a metric, ms", "sort_runs_ms", ""),
        (f"sort {many} runs by a metric, ms", "sort_many_ms", ""),
        (f"a frame while {many} runs are scrolled by ten rows in each, median, ms", "frame_ms", "20"),
        ("the same, 95th percentile, ms", "frame_p95_ms", ""),
        ("frames that show a row still to come, part of all", "empty_frames", ""),
        ("a jump into the middle until all rows are there, ms", "jump_ms", ""),
        (f"heap after {sizes['updates']:,} live updates, MiB", "heap_mib", ""),
        ("what the heap grew by in the second half of them, MiB", "heap_growth_mib", "0"),
        ("what the nodes of the page grew by in the second half", "nodes_growth", "0"),
    ]


def table(ours: Found, theirs: Found, sizes: dict[str, int]) -> str:
    """Figures, budgets, and how many times faster than MLflow's page."""
    lines = ["| what | jupyter_mlx | budget | MLflow | times |", "|---|---|---|---|---|"]
    for what, key, budget in rows(sizes):
        cells = [what, f"{ours[key]:,.3g}" if abs(ours[key]) < 100 else f"{ours[key]:,.0f}", budget]
        peer: Any = theirs.get(key)
        cells += [f"{peer:,.0f}", f"{peer / ours[key]:.1f}"] if peer else ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write where it is asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: whether everything works")
    parser.add_argument("--alone", action="store_true", help="without MLflow")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into a document")
    asked = parser.parse_args()
    sizes = QUICK if asked.quick else SIZES
    with tempfile.TemporaryDirectory(prefix="mlx-panel-") as name, browser() as chromium:
        folder = Path(name)
        mine = ours(folder, chromium, sizes)
        (folder / "mlflow").mkdir()
        text = table(mine, {} if asked.alone else theirs(folder / "mlflow", chromium, sizes), sizes)
    print(text)
    if asked.write:
        document = asked.write.read_text()
        marks = r"(<!-- panel -->\n).*?(<!-- /panel -->)"
        asked.write.write_text(re.sub(marks, lambda m: f"{m[1]}{text}\n{m[2]}", document, flags=re.DOTALL))


if __name__ == "__main__":
    main()
