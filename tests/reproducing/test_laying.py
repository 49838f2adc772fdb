"""Slices that write what the run reads: at each cell the files are as they were then."""

import json
import shutil
from dataclasses import replace

import nbformat
import pytest
from commands import COMMANDS

from jupyter_mlx.project import Project
from jupyter_mlx.recorder import file_of
from jupyter_mlx.reproducing.laying import Layer, Plan

CELLS = [
    "%load_ext jupyter_mlx",
    '!printf "1\\n" >> hist.csv',
    '%%track rd\nn = len(open("hist.csv").readlines())\nn',
    "%%track later\nprint(n)",
    "import pandas as pd\ndf = pd.DataFrame({'a': [1]})\ndf.to_csv('rows.csv', mode='a')",
    "df.to_csv('rows.csv', mode='a')",
    "%%track frame\nlines = len(df) + len(open('rows.csv').readlines())\nlines",
    "x = open('log.txt', 'a').write('x\\n')",
    "%%track own\nopen('log.txt', 'a').write('y' * x)\nlength = len(open('log.txt').read())\nlength",
    "!echo a > side.txt; mkdir -p parts; touch parts/a; rm -f gone.csv; echo 1 > gone.csv",
    "!touch parts/$(ls parts | wc -l)",
    "%%track side\nimport os\nprint(os.path.exists('side.txt'), open('gone.csv').read(), open('parts/1').read())",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    root = tmp_path_factory.mktemp("cells") / "project"
    project = Project.create(root)
    (root / "log.txt").write_text("before\n")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "n.ipynb")
    done = COMMANDS.run("exec", "n.ipynb", cwd=root)
    assert done.returncode == 0, done.stderr
    return project


@pytest.mark.parametrize("name", ["rd", "later", "frame", "own", "side"])
def test_what_the_slice_writes_is_not_there_twice(executed, name):
    run = executed.ledger.get(executed.ledger.page(f"kind = cell and name = {name}").runs[0].id)
    done = COMMANDS.run("reproduce", run.id, "--json", cwd=executed.root)
    found = json.loads(done.stdout)
    assert (found["problem"], found["verdict"]) == ("", "same"), found
    assert found["metrics"] or found["outputs"]


@pytest.fixture
def laid(tmp_path):
    """A clean folder with a file and a folder of a run, and the one who follows its slice of two cells."""
    project = Project.create(tmp_path / "project")
    root = Project.create(tmp_path / "room").root
    for folder in (project.root, root):
        (folder / "parts").mkdir()
        (folder / "parts/a").write_text("a")
        (folder / "log.txt").write_text("one\n")
        (folder / "late.txt").write_text("late\n")
    files = [file_of(project.workspace.save(path), "seen") for path in ("log.txt", "parts", "late.txt")]
    files[-1] = replace(files[-1], changed=True)
    project.ledger.close()
    return root, Layer(Plan(str(root), str(project.root), ("first", "second"), tuple(files)))


def test_after_each_cell_of_the_slice_the_files_are_as_they_were(laid):
    root, layer = laid
    with (root / "log.txt").open("a") as opened:
        opened.write("two\n")
        opened.flush()
        shutil.rmtree(root / "parts")
        assert layer.after("first\n")
        assert (root / "log.txt").read_text() == "one\n"
        assert (root / "parts/a").read_text() == "a"
        # one that has it open goes on with the same file
        opened.write("three\n")
        opened.flush()
        assert (root / "log.txt").read_text() == "one\nthree\n"
    (root / "parts/b").write_text("b")
    (root / "log.txt").unlink()
    assert not layer.after("second")
    assert (root / "log.txt").read_text() == "one\n"
    assert [path.name for path in (root / "parts").iterdir()] == ["a"]


def test_a_file_of_which_the_version_was_another_is_laid_down_before_the_tracked_cell_alone(laid):
    root, layer = laid
    (root / "late.txt").write_text("early\n")
    (root / "new.txt").write_text("new\n")
    assert layer.after("first")
    assert (root / "late.txt").read_text() == "early\n"
    assert not layer.after("second")
    assert (root / "late.txt").read_text() == "late\n"
    assert (root / "new.txt").read_text() == "new\n"


def test_cells_that_a_cell_executes_do_not_count(laid):
    root, layer = laid
    (root / "log.txt").write_text("changed\n")
    assert layer.after("something else")
    assert (root / "log.txt").read_text() == "changed\n"
