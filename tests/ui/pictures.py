"""Takes the pictures of docs/images in real JupyterLab: `python tests/ui/pictures.py [FOLDER]`.

The project is the one of `jmlx demo`; its notebook `explore.ipynb` is executed
in the browser, as a reader of the first page would do it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from conftest import (
    CHROMIUM,
    open_lab,
    open_notebook,
    open_run,
    run_command,
    set_theme,
    show_panel,
    start_lab,
)
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


def take(lab, chromium, folder: Path) -> None:
    """Both pictures in both themes."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = open_lab(lab, context, "lab?reset")
    panel = show_panel(page)
    open_notebook(page, NOTEBOOK)
    page.locator(".lm-TabBar-tab", has_text="Launcher").locator(".lm-TabBar-tabCloseIcon").click()
    widen(page)
    run_command(page, "notebook:run-all-cells")
    panel.locator(".mlx-Row", has_text="tuned").first.locator("svg[aria-label=finished]").wait_for(
        timeout=90_000
    )
    run_command(page, "docmanager:save")
    ident = lab.project.ledger.page("kind = cell and tag = tuned").runs[0].id
    for theme in ("light", "dark"):
        set_theme(page, theme)
        run_command(page, "docmanager:open", path=NOTEBOOK)
        page.evaluate(SHOW_CELL, TRACKED_CELL)
        page.locator(".jp-Notebook .jp-OutputArea img").last.wait_for()
        page.wait_for_timeout(800)
        page.screenshot(path=folder / f"panel-{theme}.png")
    for theme in ("light", "dark"):
        set_theme(page, theme)
        open_run(page, ident)
        page.wait_for_timeout(800)
        page.screenshot(path=folder / f"run-{theme}.png")
    context.close()


def widen(page) -> None:
    """Drag the side bar's edge, as a person does."""
    edge = page.locator(".lm-SplitPanel-handle:visible").first.bounding_box()
    page.mouse.move(edge["x"] + edge["width"] / 2, 400)
    page.mouse.down()
    page.mouse.move(33 + SIDE_BAR_PX, 400, steps=5)
    page.mouse.up()


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
