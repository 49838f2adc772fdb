"""`%snapshot` says where the notebook on disk is older than what the kernel has executed."""

import nbformat
import pytest

from jupyter_mlx.project import Project


@pytest.fixture
def notebook(start, root):
    """`run, save = notebook`: execute a cell, and save the notebook as a front end would."""
    path = root / "shown.ipynb"
    kernel = start(root, JPY_SESSION_NAME=str(path))
    cells = []

    def run(source, *, listed=True):
        if listed:
            cells.append(nbformat.v4.new_code_cell(source))
        reply = kernel(source)
        if listed:
            cells[-1].execution_count = len(cells)
        return reply

    def save(*more):
        nbformat.write(nbformat.v4.new_notebook(cells=[*cells, *map(nbformat.v4.new_code_cell, more)]), path)

    run("%load_ext jupyter_mlx")
    return run, save


def test_a_notebook_that_was_saved_just_now_is_taken_without_a_word(notebook):
    run, save = notebook
    run("x = 1")
    save("%snapshot now")
    assert "was saved" not in run("%snapshot now").text


def test_a_notebook_without_the_cell_or_its_outputs_is_told_and_taken(notebook, root):
    run, save = notebook
    save()
    told = run("%snapshot first").text
    assert "was saved without this cell" in told
    assert "Ctrl+S" in told
    save("x = 1", "%snapshot second")
    run("x = 1")
    assert "was saved before cell [3] had run" in run("%snapshot second").text
    kept = Project(root).ledger.page("kind = snapshot and notebook = shown.ipynb").runs
    assert [run.note for run in kept][:2] == ["second", "first"]


def test_a_notebook_that_cannot_be_read_is_taken_as_it_is(notebook, root):
    run, _ = notebook
    (root / "shown.ipynb").write_text("{")
    reply = run("%snapshot broken")
    assert reply.status == "ok"
    assert "was saved" not in reply.text
