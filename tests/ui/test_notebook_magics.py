"""Magics without `%load_ext`, and the buttons of a notebook's toolbar, in real JupyterLab with a real kernel."""

from __future__ import annotations

import nbformat
from conftest import open_notebook, run_cells, run_command, show_panel

VISIBLE = ".jp-NotebookPanel:visible"


def button(page, name: str):
    return page.locator(f"{VISIBLE} .jp-Toolbar").get_by_role("button", name=name, exact=True)


def pressed(page, state: str) -> None:
    # the button has one of its own inside, which says the same once it is drawn
    page.locator(f"{VISIBLE} [data-jp-item-name=mlxTrack] [aria-pressed={state}]").first.wait_for()


def executed(page, cell: int, count: int) -> None:
    """Wait until a cell has been executed as that one of its kernel."""
    prompt = page.locator(f"{VISIBLE} .jp-Cell").nth(cell).locator(".jp-InputPrompt")
    prompt.get_by_text(f"[{count}]:").wait_for()


def run_active(page) -> None:
    page.keyboard.press("Shift+Enter")


def restart(page) -> None:
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.restartKernel().then(() => null)")


def finished(panel, name: str):
    panel.locator(".mlx-Row", has_text=name).first.locator("svg[aria-label=finished]").wait_for()


def test_a_cell_is_tracked_without_load_ext_also_after_a_restart(page, notebook, lab):
    panel = show_panel(page)
    path = notebook(
        "%%track plain\n1", "%%track again\n2", "%history", "%load_ext jupyter_mlx", name="plain.ipynb"
    )
    open_notebook(page, path)
    run_cells(page, 1)
    finished(panel, "plain")
    restart(page)
    run_active(page)
    finished(panel, "again")
    run_active(page)
    run_active(page)
    outputs = page.locator(f"{VISIBLE} .jp-OutputArea-output")
    executed(page, 3, 3)
    # of what we asked the kernel nothing is in its history, and a %load_ext says nothing
    assert outputs.last.inner_text().split("\n")[:2] == ["%%track again", "2"]
    assert "frontend" not in outputs.last.inner_text()
    run_command(page, "docmanager:save")
    saved = nbformat.read(lab.root / path, as_version=4)
    assert [cell.source for cell in saved.cells[:2]] == ["%%track plain\n1", "%%track again\n2"]
    assert "jupyter_mlx" not in str(saved.metadata)
    assert [error for error in page.errors if "mlx" in error.lower()] == []


def test_track_in_the_toolbar_records_every_cell_and_survives_a_restart(page, notebook, lab):
    open_notebook(page, notebook("1 + 1", "2 + 2", "%track off", name="every.ipynb"))
    track = button(page, "Track")
    assert track.get_attribute("aria-pressed") == "false"
    track.click()
    pressed(page, "true")
    run_cells(page, 1)
    executed(page, 0, 1)
    assert [run.source for run in cells_of(lab, "every.ipynb")] == ["1 + 1"]
    restart(page)
    run_active(page)
    executed(page, 1, 1)
    assert [run.source for run in cells_of(lab, "every.ipynb")] == ["2 + 2", "1 + 1"]
    # what a cell says is shown, too
    run_active(page)
    pressed(page, "false")


def cells_of(lab, path: str):
    ledger = lab.project.ledger
    return [ledger.get(run.id) for run in ledger.page(f'notebook = "{path}"').runs]


def test_a_snapshot_is_taken_of_the_notebook_as_it_stands(page, notebook, lab):
    open_notebook(page, notebook("x = 1", name="kept.ipynb"))
    button(page, "Snapshot").click()
    dialog = page.locator(".jp-Dialog")
    dialog.locator("input").fill("before the change")
    dialog.get_by_role("button", name="Take Snapshot").click()
    page.get_by_text("Snapshot").get_by_text("is kept").wait_for()
    (run,) = lab.project.ledger.page("kind = snapshot").runs
    assert (run.notebook, run.note) == ("kept.ipynb", "before the change")
