"""The same panel in Notebook 7."""

from __future__ import annotations

import nbformat
import pytest
from conftest import SHOTS, open_lab, run_command

pytest.importorskip("notebook")


@pytest.fixture
def page(lab, context, enter):
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    document.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(document, lab.root / "seven.ipynb")
    return open_lab(lab, context, "notebooks/seven.ipynb")


def test_the_panel_and_a_run_s_page_open_beside_the_notebook(page, enter):
    ident = enter("fit", metrics={"acc": 0.9375}, source="x = 1")
    run_command(page, "jupyter-mlx:show-runs")
    row = page.locator(f"#mlx-row-{ident}")
    row.wait_for()
    row.dblclick()
    page.locator(f"#jupyter-mlx-run-{ident} h1", has_text="fit").wait_for()
    page.get_by_role("table", name="Metrics").get_by_text("0.9375").wait_for()
    page.wait_for_timeout(1500)
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / "notebook7.png")
    assert [error for error in page.errors if "mlx" in error.lower()] == []


def test_runs_are_compared_beside_the_notebook(page, enter):
    ids = [enter("fit", source=f"x = {n}", metrics={"acc": n / 4}) for n in range(3)]
    run_command(page, "jupyter-mlx:compare", ids=ids)
    tab = page.locator(".mlx-CompareTab")
    tab.locator(".mlx-Merge .cm-editor").first.wait_for()
    tab.get_by_role("heading", name="3 runs compared").wait_for()
    assert "+0.25" in tab.get_by_role("region", name="Values of the runs").inner_text()
    page.wait_for_timeout(1500)
    page.screenshot(path=SHOTS / "notebook7-compare.png")
    assert [error for error in page.errors if "mlx" in error.lower()] == []


def test_the_panel_is_in_the_view_menu(page, enter):
    page.locator(".lm-MenuBar-itemLabel", has_text="View").click()
    page.get_by_text("Show Runs").wait_for()


def test_the_toolbar_tracks_and_the_badge_stands_below_its_cell(page, lab, enter):
    (cell,) = nbformat.read(lab.root / "seven.ipynb", as_version=4).cells
    track = page.locator("jp-button", has_text="Track")
    track.wait_for()
    page.locator("jp-button[aria-pressed=false]", has_text="Track").wait_for()
    # the toolbar is laid out anew while the kernel starts
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    page.wait_for_timeout(1000)
    track.click()
    page.locator("jp-button[aria-pressed=true]", has_text="Track").wait_for()
    page.locator("jp-button", has_text="Snapshot").wait_for()
    enter("fit", notebook="seven.ipynb", cell_id=cell.id, source="1 + 1", metrics={"acc": 0.9375})
    badge = page.locator(".jp-Cell .mlx-Badge")
    badge.get_by_text("acc 0.9375").wait_for()
    page.screenshot(path=SHOTS / "notebook7-badge.png")
    badge.get_by_role("button", name="Open run fit, finished").click()
    page.locator(".mlx-Run h1", has_text="fit").wait_for()


def test_the_pipeline_and_the_data_open_beside_the_notebook(page):
    run_command(page, "jupyter-mlx:show-pipeline")
    page.locator("#jupyter-mlx-pipeline").get_by_text("No pipeline yet").wait_for()
    run_command(page, "jupyter-mlx:show-data")
    page.get_by_role("region", name="Data").get_by_text("No data is tracked yet").wait_for()
    assert [error for error in page.errors if "mlx" in error.lower()] == []
