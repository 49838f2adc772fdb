"""One notebook executed: what becomes of it, of what is sent beside its cells, and of its kernel."""

from __future__ import annotations

import nbformat
import pytest
from pipeline_project import write_notebook

from jupyter_mlx.pipelines.executors.base import TOLD_MIME, Job
from jupyter_mlx.pipelines.notebook import execute

TELL = "from IPython.display import display\ndisplay({%r: {%s}}, raw=True)"


@pytest.fixture
def job(tmp_path):
    """Write a notebook; make its job."""

    def make(*cells, **fields):
        write_notebook(tmp_path / "note.ipynb", *cells)
        return Job("note", str(tmp_path), "note.ipynb", str(tmp_path / "done.ipynb"), **fields)

    return make


def run(job):
    return execute(job, lambda message: None)


def executed(job):
    return nbformat.read(job.executed, 4)


def texts(job):
    return [output.get("text", "") for cell in executed(job).cells for output in cell.get("outputs", ())]


def test_prologue_and_epilogue_surround_the_cells_and_leave_no_trace(job):
    prologue = "import builtins\nbuiltins.ready = 3\nprint('hidden')"
    made = job("print(ready)", "x = 5", prologue=prologue, epilogue=TELL % (TOLD_MIME, "'x': x"))
    outcome = run(made)
    assert (outcome.status, dict(outcome.told)) == ("finished", {"x": 5})
    assert texts(made) == ["3\n"]
    assert [cell.execution_count for cell in executed(made).cells] == [1, 2]


def test_epilogue_also_follows_a_failed_cell(job):
    outcome = run(job("x = 5", "1 / 0", "x = 6", epilogue=TELL % (TOLD_MIME, "'x': x")))
    assert (outcome.status, outcome.ename, dict(outcome.told)) == ("failed", "ZeroDivisionError", {"x": 5})


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("%%nothing_of_this_name\nx = 1", "UsageError: Cell magic `%%nothing_of_this_name` not found."),
        ("%load_ext jupyter_mlx\n%compare A", "UsageError: %compare A B: the ids of two runs"),
        ("def f(:", "SyntaxError: "),
    ],
)
def test_an_error_without_a_traceback_is_told_too(job, cell, problem):
    outcome = run(job("x = 5", cell))
    assert (outcome.status, outcome.cell) == ("failed", 2)
    assert outcome.problem.startswith(problem)
    assert outcome.line


def test_a_prologue_that_raises_is_told_and_no_cell_is_executed(job):
    outcome = run(job("print(1)", prologue="import nothing_of_this_name"))
    assert outcome.status == "failed"
    assert "could not be prepared: ModuleNotFoundError" in outcome.problem
    assert outcome.cell == 0


def test_epilogue_also_follows_a_cell_that_took_too_long(job):
    made = job("x = 5", "import time\ntime.sleep(60)", timeout_s=1, epilogue=TELL % (TOLD_MIME, "'x': x"))
    outcome = run(made)
    assert (outcome.status, dict(outcome.told)) == ("failed", {"x": 5})
    assert "timeout of 1 s" in outcome.problem
