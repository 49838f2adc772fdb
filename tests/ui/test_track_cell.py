"""What a person does first: track a cell, and see its run, in real JupyterLab with a real kernel."""

from __future__ import annotations

from conftest import SHOTS, open_lab, open_notebook, run_cells, run_command, set_theme, show_panel

TRACKED = """%%track fit -p lr=0.1 -m acc
import matplotlib.pyplot as plt
import jupyter_mlx as jm
for step in range(5):
    jm.log(loss=1 / (1 + step), step=step)
acc = 0.9375
plt.figure(figsize=(3, 2))
plt.plot([1, 3, 2]);"""


def test_a_tracked_cell_s_run_appears_in_the_open_panel_without_a_reload(page, notebook, lab):
    show_panel(page)
    open_notebook(page, notebook("%load_ext jupyter_mlx", TRACKED))
    assert page.locator(".mlx-Row").count() == 0
    run_cells(page, 2)
    run = page.locator(".mlx-Row", has_text="fit")
    run.locator("svg[aria-label=finished]").wait_for()
    run.get_by_text("0.9375").wait_for()
    run.dblclick()
    tab = page.locator(".mlx-Run")
    tab.get_by_role("table", name="Metrics").get_by_text("0.9375").wait_for()
    assert "plt.plot([1, 3, 2]);" in tab.get_by_label("Source code").inner_text()
    assert tab.get_by_role("table", name="Parameters").inner_text().split() == ["lr", "0.1"]
    figure = tab.locator(".mlx-Outputs img")
    figure.wait_for()
    assert figure.evaluate("image => image.naturalWidth") > 100
    assert "over 5 steps" in tab.locator(".mlx-Chart svg").get_attribute("aria-label")
    SHOTS.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        set_theme(page, theme)
        page.screenshot(path=SHOTS / f"tracked-cell-{theme}.png")
    assert [error for error in page.errors if "mlx" in error.lower()] == []


def test_a_run_that_was_tracked_while_the_panel_was_hidden_is_there_when_it_is_shown(page, notebook):
    open_notebook(page, notebook("%load_ext jupyter_mlx", "%%track hidden\nanswer = 42", name="hidden.ipynb"))
    run_cells(page, 2)
    page.locator(".jp-NotebookPanel:visible .jp-Cell").nth(1).get_by_text("[2]:").wait_for()
    show_panel(page).get_by_text("hidden", exact=True).wait_for()


def test_a_cell_that_raises_is_a_failed_run_with_its_traceback(page, notebook):
    panel = show_panel(page)
    open_notebook(page, notebook("%load_ext jupyter_mlx", "%%track broken\n1 / 0", name="broken.ipynb"))
    run_cells(page, 2)
    run = panel.locator(".mlx-Row", has_text="broken")
    run.locator("svg[aria-label=failed]").wait_for()
    run.dblclick()
    page.locator(".mlx-Failure", has_text="ZeroDivisionError: division by zero").wait_for()
    page.locator(".mlx-Failure + .mlx-Outputs", has_text="1 / 0").wait_for()


def test_a_run_leads_back_to_its_notebook(page, notebook):
    panel = show_panel(page)
    open_notebook(page, notebook("%load_ext jupyter_mlx", "%%track home\n1", name="home.ipynb"))
    run_cells(page, 2)
    panel.locator(".mlx-Row", has_text="home").dblclick()
    page.locator(".mlx-Run").wait_for()
    run_command(page, "docmanager:save-all")
    page.evaluate("[...window.jupyterapp.shell.widgets('main')].forEach(widget => widget.dispose())")
    panel.locator(".mlx-Row", has_text="home").dblclick()
    page.locator(".mlx-Header .mlx-Link", has_text="home.ipynb").click()
    page.locator(".jp-NotebookPanel:visible").wait_for()


def test_two_browsers_see_the_same_run(lab, context, browser, notebook):
    first = open_lab(lab, context)
    second = open_lab(lab, browser.new_context())
    for page in (first, second):
        show_panel(page)
    open_notebook(first, notebook("%load_ext jupyter_mlx", "%%track shared\n1", name="shared.ipynb"))
    run_cells(first, 2)
    for page in (first, second):
        page.locator(".mlx-Row", has_text="shared").wait_for()
    second.context.close()
