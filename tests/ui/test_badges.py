"""The last run below each tracked cell, in real JupyterLab with a real kernel."""

from __future__ import annotations

import nbformat
from conftest import SHOTS, open_notebook, run_cells, run_command, set_theme

VISIBLE = ".jp-NotebookPanel:visible"
FIT = "%%track fit\nimport pathlib, jupyter_mlx as jm\nacc = float(pathlib.Path('rate.txt').read_text())\njm.log(acc=acc)\nprint('acc is', acc)"


def badge(page, cell: int):
    return page.locator(f"{VISIBLE} .jp-Notebook .jp-Cell").nth(cell).locator(".mlx-Badge")


def test_a_cell_shows_its_last_run_what_changed_since_and_its_earlier_ones(page, notebook, lab):
    rate = lab.root / "rate.txt"
    rate.write_text("0.75")
    path = notebook(FIT, "'not tracked'", name="badge.ipynb")
    open_notebook(page, path)
    run_cells(page, 2)
    first = badge(page, 0)
    first.get_by_text("acc 0.75").wait_for()
    assert badge(page, 1).count() == 0
    assert first.get_by_text("changed since").count() == 0

    # the difference from the run before, with its sign; and data that is another by now
    rate.write_text("0.875")
    run_cells(page, 1)
    first.get_by_text("+0.125").wait_for()
    rate.write_text("0.9")
    run_cells(page, 1)
    first.get_by_text("+0.025").wait_for()
    rate.write_text("1")
    lab.project.ledger.edit(lab.project.ledger.resolve("last"), starred=True)
    first.get_by_text("rate.txt changed since").wait_for()

    # code that was edited, told as one types
    page.locator(f"{VISIBLE} .jp-Cell").nth(0).locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nnew = 1")
    first.get_by_text("code changed since").wait_for()
    SHOTS.mkdir(exist_ok=True)

    # the runs before, by the keyboard alone
    more = first.get_by_role("button", name="3 runs")
    more.focus()
    page.keyboard.press("Enter")
    history = first.get_by_role("region", name="Runs of this cell")
    history.get_by_text("2 of 3").wait_for()
    history.get_by_role("region", name="Then").get_by_text("acc is 0.875").wait_for()
    history.get_by_role("region", name="Now").get_by_text("acc is 0.9").wait_for()
    assert "new = 1" in history.get_by_label("Source code, Now").inner_text()
    assert "new = 1" not in history.get_by_label("Source code, Then").inner_text()
    for theme in ("light", "dark"):
        set_theme(page, theme)
        page.screenshot(path=SHOTS / f"badge-{theme}.png")
    history.get_by_role("button", name="Older run").focus()
    page.keyboard.press("Enter")
    history.get_by_role("region", name="Then").get_by_text("acc is 0.75").wait_for()

    # nothing of it is in the notebook
    run_command(page, "docmanager:save")
    saved = nbformat.read(lab.root / path, as_version=4)
    assert "mlx" not in str(saved.cells[1]) + str(saved.metadata) + str(saved.cells[0].metadata)

    # a click opens the run
    first.get_by_role("button", name="Open run fit, finished").click()
    page.locator(".mlx-Run h1", has_text="fit").wait_for()
    assert [error for error in page.errors if "mlx" in error.lower()] == []


def test_from_a_run_one_comes_to_its_cell_and_a_long_notebook_stays_windowed(page, notebook, lab, enter):
    path = notebook(*(f"x{number} = {number}" for number in range(200)), name="long.ipynb")
    cells = nbformat.read(lab.root / path, as_version=4).cells
    for number, cell in enumerate(cells):
        enter(f"run {number}", notebook=path, cell_id=cell.id, source=cell.source, metrics={"n": number})
    open_notebook(page, path)
    badge(page, 0).get_by_text("run 0").wait_for()
    run_command(page, "jupyter-mlx:go-to-cell", notebook=path, cell=cells[150].id)
    page.locator(".mlx-Badge", has_text="run 150").wait_for()
    # a badge below its own cell, and only cells near the view are in the page
    own = page.locator(".jp-Cell", has_text="x150 = 150").locator(".mlx-Badge")
    own.get_by_text("run 150").wait_for()
    assert page.locator(f"{VISIBLE} .mlx-Badge").count() < 200


def test_a_hostile_run_renders_inert_below_its_cell(page, notebook, lab, enter):
    path = notebook("1", name="hostile.ipynb")
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    (cell,) = nbformat.read(lab.root / path, as_version=4).cells
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": evil}}
    for _ in range(2):
        enter(
            evil,
            notebook=path,
            cell_id=cell.id,
            source=evil,
            note=evil,
            metrics={evil: 1.0},
            cell_outputs=(output,),
        )
    open_notebook(page, path)
    badge(page, 0).get_by_role("button", name="2 runs").click()
    page.get_by_role("region", name="Then").wait_for()
    page.wait_for_timeout(500)
    assert page.title() != "owned"
    assert page.locator(".mlx-Badge script, .mlx-Badge [onerror]").count() == 0
