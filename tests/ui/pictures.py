"""Takes the pictures of docs/images in real JupyterLab: `python tests/ui/pictures.py [FOLDER]`.

The project is the one of `jmlx demo`; its notebook `explore.ipynb` is executed
in the browser, as a reader of the first page would do it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from conftest import (
    CHROMIUM,
    open_lab,
    open_notebook,
    open_run,
    run_command,
    set_theme,
    show_panel,
    start_lab,
    widen,
)
from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parents[2] / "docs" / "images"
NOTEBOOK = "notebooks/explore.ipynb"
TRACKED_CELL = 6
"""The tracked cell with a plot, in explore.ipynb."""
SIDE_BAR_PX = 330
SHOW_CELL = """index => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = index;
  notebook.mode = 'command';
  return notebook.scrollToItem(index, 'start');
}"""


def two_runs(lab, page) -> list[str]:
    """The two runs that the notebook makes of one model, the older first, when both have finished."""
    for _ in range(240):
        runs = lab.project.ledger.page(
            "kind = cell and name = neighbours and status = finished", limit=2
        ).runs
        if len(runs) == 2:
            return [run.id for run in reversed(runs)]
        page.wait_for_timeout(500)
    raise TimeoutError("the notebook's two runs did not finish in two minutes")


def each_theme(page, folder: Path, name: str, show: Callable[[], object]) -> None:
    """A picture in each theme of what `show` brings in view."""
    for theme in ("light", "dark"):
        set_theme(page, theme)
        show()
        page.wait_for_timeout(1000)
        picture = folder / f"{name}-{theme}.png"
        page.screenshot(path=picture)
        # the colours of a page are few, and git keeps each version
        Image.open(picture).quantize(256).save(picture, optimize=True)


def notebook_at_its_plot(page) -> None:
    """The notebook beside the panel."""
    run_command(page, "docmanager:open", path=NOTEBOOK)
    page.evaluate(SHOW_CELL, TRACKED_CELL)
    page.locator(".jp-Notebook .jp-OutputArea img").last.wait_for()


def comparison(page, pair: list[str]) -> None:
    """Two runs compared."""
    run_command(page, "jupyter-mlx:compare", ids=pair)
    page.locator(".mlx-CompareTab .mlx-CompareTable td").first.wait_for()
    page.locator(".mlx-CompareTab .cm-editor").first.wait_for()


def corrected(labels: Path) -> None:
    """Change a label, as one does who looks at the pictures."""
    head, first, *rest = labels.read_text().splitlines()
    name, _, digit = first.partition(",")
    labels.write_text("\n".join([head, f"{name},{(int(digit) + 1) % 10}", *rest]) + "\n")


def pipeline_with_data(page) -> None:
    """The pipeline, and the data of which some has changed."""
    run_command(page, "jupyter-mlx:show-pipeline")
    run_command(page, "jupyter-mlx:show-data")
    page.locator(".mlx-Stage[aria-label^='train, to run']").wait_for(timeout=60_000)
    page.locator(".mlx-Stage[aria-label^='train']").click()
    row = page.locator(".mlx-Data-row", has_text="labels.csv")
    row.wait_for(timeout=60_000)
    if row.get_attribute("aria-expanded") == "false":
        row.click()
    page.locator(".mlx-Data-difference", has_text="rows").wait_for(timeout=60_000)


def take(lab, chromium, folder: Path) -> None:
    """Each picture in both themes."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = open_lab(lab, context, "lab?reset")
    show_panel(page)
    open_notebook(page, NOTEBOOK)
    page.locator(".lm-TabBar-tab", has_text="Launcher").locator(".lm-TabBar-tabCloseIcon").click()
    widen(page, SIDE_BAR_PX)
    run_command(page, "notebook:run-all-cells")
    pair = two_runs(lab, page)
    run_command(page, "docmanager:save")
    each_theme(page, folder, "panel", lambda: notebook_at_its_plot(page))
    each_theme(page, folder, "run", lambda: open_run(page, pair[-1]))
    each_theme(page, folder, "compare", lambda: comparison(page, pair))
    corrected(lab.root / "data" / "labels.csv")
    each_theme(page, folder, "pipeline", lambda: pipeline_with_data(page))
    context.close()


def main(folder: Path) -> None:
    """Make the demo's project and take its pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "digits"
        subprocess.run([sys.executable, "-m", "jupyter_mlx.cli.main", "demo", root], check=True)
        with start_lab(Path(name) / "home", root) as lab, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
            take(lab, chromium, folder)
            chromium.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
