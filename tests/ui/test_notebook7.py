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
    row.click()
    page.locator(f"#jupyter-mlx-run-{ident} h1", has_text="fit").wait_for()
    page.get_by_role("table", name="Metrics").get_by_text("0.9375").wait_for()
    page.wait_for_timeout(1500)
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / "notebook7.png")
    assert [error for error in page.errors if "mlx" in error.lower()] == []


def test_the_panel_is_in_the_view_menu(page, enter):
    page.locator(".lm-MenuBar-itemLabel", has_text="View").click()
    page.get_by_text("Show Runs").wait_for()
