"""A run knows the notebook and the cell that it came from, as the front end names them."""

from __future__ import annotations

import nbformat
import pytest
from conftest import open_lab, open_notebook, run_cells, run_command
from waiting import until


@pytest.fixture
def recorded(lab):
    """`recorded(name)`: the finished run of that name."""

    def wait(name: str):
        query = f'name = "{name}" and status = finished'
        runs = until(lambda: lab.project.ledger.page(query).runs, f"the run {name!r}", every_s=0.1)
        return lab.project.ledger.get(runs[0].id)

    return wait


def cell_ids(lab, path: str) -> list[str]:
    return [cell.id for cell in nbformat.read(lab.root / path, as_version=4).cells]


def place(run):
    return run.notebook, run.cell_id, run.notebook_how


def test_a_run_follows_its_notebook_through_a_renaming(page, notebook, lab, recorded):
    (lab.root / "sub").mkdir(exist_ok=True)
    path = notebook("%load_ext jupyter_mlx", "%%track before\n1", "%%track after\n1", name="draft.ipynb")
    ids = cell_ids(lab, path)
    open_notebook(page, path)
    run_cells(page, 2)
    assert place(recorded("before")) == ("draft.ipynb", ids[1], "request")
    page.evaluate("window.jupyterapp.shell.currentWidget.context.save()")
    page.evaluate("window.jupyterapp.serviceManager.contents.rename('draft.ipynb', 'sub/final.ipynb')")
    page.wait_for_function("window.jupyterapp.shell.currentWidget.context.path === 'sub/final.ipynb'")
    page.locator(".jp-NotebookPanel:visible .jp-Cell").nth(2).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    assert place(recorded("after")) == ("sub/final.ipynb", ids[2], "request")


def test_on_one_kernel_each_notebook_is_told_from_the_other_and_from_a_console(page, notebook, lab, recorded):
    first = notebook("%load_ext jupyter_mlx", "%%track of-first\n1", name="one.ipynb")
    second = notebook("%%track of-second\n1", name="two.ipynb")
    open_notebook(page, first)
    run_cells(page, 2)
    kernel = page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id")
    open_notebook(page, second)
    page.evaluate(
        "id => window.jupyterapp.shell.currentWidget.sessionContext.changeKernel({ id }).then(() => null)",
        kernel,
    )
    run_cells(page, 1)
    assert place(recorded("of-second")) == ("two.ipynb", cell_ids(lab, second)[0], "request")
    assert place(recorded("of-first")) == ("one.ipynb", cell_ids(lab, first)[1], "request")
    page.evaluate(
        """async id => {
          const { commands } = window.jupyterapp;
          const panel = await commands.execute('console:create', { kernelPreference: { id } });
          await panel.sessionContext.ready;
          await panel.console.inject('%%track of-console\\n1');
        }""",
        kernel,
    )
    # nobody says where it is; the notebook that used the kernel last is a guess, and marked so
    assert place(recorded("of-console")) == ("two.ipynb", None, "guessed")


def test_a_run_says_that_it_needs_a_cell_that_was_deleted(page, notebook, lab, recorded):
    path = notebook(
        "%load_ext jupyter_mlx", "kept = 1", "lost = 2", "%%track of-both\nkept + lost", name="deleted.ipynb"
    )
    open_notebook(page, path)
    run_cells(page, 3)
    page.locator(".jp-NotebookPanel:visible .jp-Cell").nth(2).locator(".jp-InputPrompt").click()
    run_command(page, "notebook:delete-cell")
    page.locator(".jp-NotebookPanel:visible .jp-Cell").nth(2).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    run = recorded("of-both")
    assert run.slice[-2:] == ("kept = 1", "lost = 2")
    assert run.slice_notes == (
        "lost: made by a cell that the notebook has no more; the slice has its text as it was executed",
    )


def test_notebook_7_says_it_too(lab, context, notebook, recorded):
    pytest.importorskip("notebook")
    path = notebook("%load_ext jupyter_mlx", "%%track of-seven\n1", name="sevens.ipynb")
    page = open_lab(lab, context, f"notebooks/{path}")
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    run_cells(page, 2)
    assert place(recorded("of-seven")) == (path, cell_ids(lab, path)[1], "request")
