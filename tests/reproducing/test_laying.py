"""Slices that write what the run reads: at each cell the files are as they were then."""

import json

import nbformat
import pytest
from commands import COMMANDS

from jupyter_mlx.project import Project

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
