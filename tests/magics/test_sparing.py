"""`%%track --cache`, and what a cell depends on that others read, in a real kernel."""

import shutil

import pytest

from jupyter_mlx.project import Project


@pytest.fixture
def kernel(loaded, root, tmp_path):
    """The module's kernel in an emptied project, with a key of its own."""
    loaded("%reset -f\n%load_ext jupyter_mlx")
    for path in root.iterdir():
        if path.name not in {".mlx", "mlx.yaml"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    loaded(
        f"import os, sys; os.environ['XDG_DATA_HOME'] = {str(tmp_path / 'home')!r}; sys.modules.pop('helper', None)"
    )
    return loaded


@pytest.fixture
def runs(root, kernel):
    """The runs of cells since the test began, the newest first, whole."""
    ledger = Project(root).ledger
    before = {run.id for run in ledger.page("kind = cell", limit=1000).runs}

    def fresh():
        found = [run.id for run in ledger.page("kind = cell", limit=1000).runs]
        return [ledger.get(id_) for id_ in found if id_ not in before]

    return fresh


FIT = """%%track fit -m score --cache
import math  # brought back, too
from pathlib import Path
rows = [float(line) for line in Path('t.txt').read_text().split()]
score = sum(rows) * factor
class Model:
    def __init__(self, score): self.score = score
model = Model(score)
pair = (model, score)
Path('made.txt').write_text(str(score))
import time; time.sleep(0.01); stamp = time.time_ns()
print('fitted', score)
score
"""


def test_a_cell_that_has_run_is_not_executed_and_all_it_made_is_brought_back(kernel, root, runs):
    (root / "t.txt").write_text("1\n2\n")
    kernel("factor = 2")
    first = kernel(FIT)
    assert "fitted 6.0" in first.text
    stamp = kernel("stamp").text
    kernel("del score, model, pair, stamp, rows, math")
    (root / "made.txt").unlink()
    again = kernel(FIT + "# a comment")
    assert "not executed: this is run" in again.text
    assert "fitted 6.0" in again.text
    assert kernel("stamp").text == stamp
    assert (
        kernel("isinstance(model, Model), pair[0] is model, score, math.pi > 3").text
        == "(True, True, 6.0, True)"
    )
    assert (root / "made.txt").read_text() == "6.0"
    assert len(runs()) == 1


@pytest.mark.parametrize("change", ["factor = 3", "open('t.txt', 'w').write('5')", "FIT = FIT"])
def test_other_code_params_or_inputs_are_executed(kernel, root, runs, change):
    (root / "t.txt").write_text("1\n2\n")
    kernel("factor = 2")
    kernel(FIT)
    if change == "FIT = FIT":
        again = kernel(FIT.replace("* factor", "* factor * 1"))
    else:
        kernel(change)
        again = kernel(FIT)
    assert "not executed" not in again.text
    assert len(runs()) == 2


def test_what_every_session_has_is_not_kept_as_what_a_cell_left(kernel, root, runs):
    (root / "t.txt").write_text("1")
    kernel("%%track --cache\nlines = open('t.txt').readlines()\nlist = [*list(lines)]")
    (run,) = runs()
    assert [name for kept in run.variables["kept"] for name in kept["names"]] == ["lines", "list"]
    kernel("del list")


def test_a_cell_that_goes_on_from_what_it_left_is_executed(kernel):
    kernel("n = 0")
    for _ in range(2):
        kernel("%%track --cache\nn += 1")
    assert kernel("n").text == "2"


def test_what_an_earlier_cell_read_is_an_input(kernel, root, runs):
    (root / "t.txt").write_text("1\n2\n")
    kernel("text = open('t.txt').read()")
    kernel("other = open('other.txt', 'w').write('nobody needs it')")
    tracked = "%%track --cache\nlength = len(text)"
    kernel(tracked)
    run = runs()[0]
    assert [(file.path, file.how) for file in run.inputs] == [("t.txt", "seen")]
    (root / "t.txt").write_text("1\n2\n3\n")
    kernel("text = open('t.txt').read()")
    assert "not executed" not in kernel(tracked).text
    assert runs()[0].inputs[0].digest != run.inputs[0].digest


def test_a_file_that_changed_since_an_earlier_cell_read_it_is_marked(kernel, root, runs):
    (root / "t.txt").write_text("1\n2\n")
    kernel("text = open('t.txt').read()")
    (root / "t.txt").write_text("changed")
    kernel("%%track\nlength = len(text)")
    assert [(file.path, file.changed) for file in runs()[0].inputs] == [("t.txt", True)]


def test_what_an_earlier_cell_read_and_nobody_has_any_more_is_told(kernel, root, runs):
    (root / "t.txt").write_text("1\n2\n")
    (root / "own.txt").write_text("read by the cell itself")
    kernel("text = open('t.txt').read()")
    (root / "t.txt").unlink()
    kernel("%%track\nlength = len(text + open('own.txt').read())")
    (run,) = runs()
    assert [file.path for file in run.inputs] == ["own.txt"]
    assert "t.txt was read by an earlier cell and is gone" in run.incomplete[0]


def test_what_an_earlier_cell_read_outside_of_the_project_is_an_input(start, root, tmp_path, runs):
    (tmp_path / "none").mkdir()
    kernel = start(root, TMPDIR=str(tmp_path / "none"))
    kernel("%load_ext jupyter_mlx")
    (tmp_path / "far.txt").write_text("far")
    (tmp_path / "near.txt").write_text("near")
    kernel(f"text = open({str(tmp_path / 'far.txt')!r}).read()")
    kernel(f"%%track\nlength = len(text + open({str(tmp_path / 'near.txt')!r}).read())")
    kernel("__import__('jupyter_mlx').afterwards.afterwards().flush()")
    assert {file.path for file in runs()[0].inputs} == {
        str(tmp_path / "far.txt"),
        str(tmp_path / "near.txt"),
    }


def test_a_large_input_that_is_still_being_stored_is_waited_for_before_a_cell_is_spared(start, root, runs):
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    (root / "large.bin").write_bytes(b"1" * (8 << 20))
    cell = "%%track --cache\nlength = len(open('large.bin', 'rb').read())"
    # the thread beside comes to nothing, and what is done after a cell begins late
    kernel(
        "import queue, time; from jupyter_mlx import afterwards; from jupyter_mlx.data import inputs\n"
        "asked, inputs._asked = inputs._asked, queue.SimpleQueue()\n"
        "_ = afterwards.afterwards().ask(lambda: time.sleep(1))"
    )
    kernel(cell)
    (root / "large.bin").write_bytes(b"2" * (8 << 20))
    assert "not executed" not in kernel(cell).text
    text = kernel(cell).text
    assert "not executed" in text
    kernel("inputs._asked = asked")
    assert len(runs()) == 2


def test_a_large_input_that_an_earlier_cell_read_is_named_once_it_is_stored(start, root, runs):
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    (root / "large.bin").write_bytes(b"1" * (8 << 20))
    kernel(
        "import queue, time; from jupyter_mlx import afterwards; from jupyter_mlx.data import inputs\n"
        "asked, inputs._asked = inputs._asked, queue.SimpleQueue()\n"
        "_ = afterwards.afterwards().ask(lambda: time.sleep(1))"
    )
    kernel("%%track\ndata = open('large.bin', 'rb').read()")
    kernel("%%track\nlength = len(data)")
    assert [run.inputs for run in runs()] == [(), ()]
    kernel("inputs._asked = asked; afterwards.afterwards().flush()")
    assert [[file.path for file in run.inputs] for run in runs()] == [["large.bin"]] * 2
    assert [run.problems for run in runs()] == [(), ()]


def test_modules_of_the_project_are_inputs(start, root, runs):
    (root / "helper.py").write_text("x = 1\n")
    # one of its own: what is imported stays, and counts for the cells of the tests to come
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    kernel("import sys; sys.path.insert(0, '.')\nimport helper")
    kernel("%%track\nhelper.x")
    assert [(file.path, file.changed) for file in runs()[0].inputs] == [("helper.py", False)]
    (root / "helper.py").write_text("x = 2  # not imported again\n")
    kernel("%%track\nhelper.x + 0")
    assert [(file.path, file.changed) for file in runs()[0].inputs] == [("helper.py", True)]


def test_what_was_kept_of_another_run_is_not_enough_without_its_variables(kernel, runs):
    kernel("%%track\nvalue = 1 + 1")
    again = kernel("%%track --cache\nvalue = 1 + 1")
    assert "it ran without --cache" in again.text
    assert len(runs()) == 2
    assert "not executed" in kernel("%%track --cache\nvalue = 1 + 1").text


def test_what_can_not_be_kept_is_said(kernel):
    cell = "%%track --cache\nnumbers = (x for x in [1])\nplain = 1"
    kernel(cell)
    kernel("del plain, numbers")
    again = kernel(cell)
    assert "numbers: can't be pickled" in again.text
    assert kernel("plain").text == "1"


def test_a_cell_that_took_long_is_told_to_have_run_before_it_is_repeated(kernel):
    cell = "%%track\nimport time\ntime.sleep(1.05)"
    assert "already ran" not in kernel(cell).text
    assert "already ran: run" in kernel(cell).text


def test_a_file_that_was_changed_by_hand_is_left_as_it_is(kernel, root):
    cell = "%%track --cache\nfrom pathlib import Path\nn = Path('made.txt').write_text('made')"
    kernel(cell)
    (root / "made.txt").write_text("mine, in no store")
    again = kernel(cell)
    assert (root / "made.txt").read_text() == "mine, in no store"
    assert "made.txt is not brought back" in again.text
