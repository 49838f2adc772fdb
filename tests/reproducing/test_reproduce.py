"""Runs made again by the real command: cells and notebooks by real kernels, scripts by real processes."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from commands import COMMANDS

from jupyter_mlx.project import Project

CELLS = [
    "import sys\nfrom pathlib import Path\n\nimport jupyter_mlx as jm\n\nsys.path.insert(0, '..')\nimport helper\n%load_ext jupyter_mlx",
    "factor = 2.0",
    "broken = 1 / 1  # nothing needs it",
    (
        "%%track fit -p factor -m score\n"
        "values = [float(line) for line in Path('../data/values.txt').read_text().split()]\n"
        "score = helper.mean(values) * factor\n"
        "for step, value in enumerate(values):\n    jm.log(loss=value / factor, step=step)\n"
        "Path('../out').mkdir(exist_ok=True)\n"
        "Path('../out/scores.csv').write_text(f'name,score\\nfit,{score}\\n')\n"
        "print('took 3.2 s')\nscore"
    ),
]
SCRIPT = """\
import sys
from pathlib import Path

import jupyter_mlx as jm

with jm.run("count", word=sys.argv[1]) as run:
    text = Path("data/values.txt").read_text()
    run.log({"length": len(text) * float(sys.argv[2])})
    Path("count.txt").write_text(f"{len(text)}\\n")
"""


def git(root, *words):
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def begin(root):
    project = Project.create(root)
    (root / "data").mkdir()
    (root / "data/values.txt").write_text("1\n2\n6\n")
    (root / "helper.py").write_text("def mean(values):\n    return 0.0\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "code")
    # what was not committed belongs to the run
    (root / "helper.py").write_text("def mean(values):\n    return sum(values) / len(values)\n")
    return project


def call(root, *words):
    done = COMMANDS.run(*words, cwd=root)
    return done.returncode, done.stdout, done.stderr


def reproduced(project, kind, *options):
    run = project.ledger.page(f"kind = {kind}").runs[0]
    code, out, err = call(project.root, "reproduce", run.id, "--json", *options)
    return code, json.loads(out) if out else err


def states(checks):
    return {check["name"]: check["state"] for check in checks}


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    root = tmp_path_factory.mktemp("cells") / "project"
    project = begin(root)
    (root / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    cells[1].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "notebooks/fit.ipynb")
    code, _, err = call(root, "exec", "notebooks/fit.ipynb", "-p", "factor=4.0")
    assert code == 0, err
    return project


def test_a_cell_is_made_again_from_its_slice_and_data(executed):
    root = executed.root
    # the project has gone on since: only what was recorded may count
    (root / "data/values.txt").write_text("100\n")
    (root / "helper.py").write_text("raise SystemExit('the present code was used')\n")
    shutil.rmtree(root / "out")
    code, found = reproduced(executed, "cell")
    assert found["problem"] == ""
    assert (code, found["verdict"]) == (0, "same")
    assert states(found["metrics"]) == {"loss": "same", "score": "same"}
    assert states(found["outputs"])["stdout"] == "same"
    assert states(found["files"]) == {"out/scores.csv": "same"}
    assert (root / "data/values.txt").read_text() == "100\n"
    assert not (root / "out").exists()
    assert not any((root / ".mlx/reproduced").iterdir())
    kept = executed.ledger.get(found["run"])
    assert (kept.kind, kept.parent, kept.status) == ("reproduce", found["of"], "finished")
    assert "same" in kept.tags
    assert kept.metrics == executed.ledger.get(found["of"]).metrics


def test_a_notebook_is_made_again_with_its_params(executed):
    code, found = reproduced(executed, "notebook")
    assert found["problem"] == ""
    assert (code, found["verdict"]) == (0, "same")
    assert executed.ledger.get(found["of"]).params == {"factor": 4.0}


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A project whose script has run; what `script` is a copy of."""
    project = begin(tmp_path_factory.mktemp("script") / "project")
    (project.root / "count.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "count.py", "a", "1.0"],
        cwd=project.root,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    project.ledger.close()
    return project.root


@pytest.fixture
def script(tmp_path, counted):
    return Project(shutil.copytree(counted, tmp_path / "project", symlinks=True))


def test_a_script_is_made_again_with_its_arguments(script):
    (script.root / "count.py").unlink()
    code, found = reproduced(script, "block")
    assert found["problem"] == ""
    assert (code, found["verdict"]) == (0, "same")
    assert states(found["files"]) == {"count.txt": "same"}
    assert states(found["metrics"]) == {"length": "same"}


def changed(project, old, new):
    """Make a run say that it came from another script than it did."""
    from dataclasses import replace

    run = project.ledger.get(project.ledger.page("kind = block").runs[0].id)
    other = replace(run, id=run.id[::-1], source=run.source.replace(old, new))
    assert other.source != run.source
    project.ledger.insert(other, record=None)
    call(project.root, "runs", "rm", run.id)


def test_a_number_that_is_nearly_the_same_is_within_the_tolerance(script):
    changed(script, "* float(sys.argv[2])", "* (float(sys.argv[2]) + 1e-9)")
    code, found = reproduced(script, "block")
    assert (code, found["verdict"], states(found["metrics"])) == (0, "within-tolerance", {"length": "close"})
    code, found = reproduced(script, "block", "--rtol", "0")
    assert (code, found["verdict"], states(found["metrics"])) == (3, "different", {"length": "different"})


def test_what_comes_out_otherwise_is_told_by_exit_code_and_name(script):
    changed(script, 'f"{len(text)}', 'f"{len(text) + 1}')
    code, found = reproduced(script, "block")
    assert (code, found["verdict"]) == (3, "different")
    check = found["files"][0]
    assert (check["name"], check["state"], check["detail"]) == ("count.txt", "different", "line 1: 6 → 7")


def test_a_run_that_fails_now_is_told_with_its_error(script):
    changed(script, "with jm.run", "raise ValueError('not today')\nwith jm.run")
    code, found = reproduced(script, "block")
    assert (code, found["verdict"], found["problem"]) == (3, "failed", "ValueError: not today")
    assert states(found["files"]) == {"count.txt": "missing"}


def test_a_run_whose_data_is_gone_says_where_to_get_it(script):
    shutil.rmtree(script.state / "store")
    run = script.ledger.page("kind = block").runs[0]
    code, _, err = call(script.root, "reproduce", run.id)
    assert code == 1
    assert "data/values.txt" in err
    assert "`jmlx pull`" in err
    assert "Traceback" not in err


def test_runs_that_execute_nothing_are_refused(script):
    (script.root / "n.ipynb").write_text(
        json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    run = script.snapshot("n.ipynb")
    code, _, err = call(script.root, "reproduce", run.id)
    assert (code, "a snapshot executes nothing" in err) == (1, True)


def test_the_folder_is_kept_where_it_is_asked_for(script):
    _, found = reproduced(script, "block", "--keep")
    assert os.listdir(found["folder"]).count("count.txt") == 1


def test_what_was_read_outside_the_project_is_looked_at(script, tmp_path):
    changed(script, 'Path("data/values.txt")', f'Path("{tmp_path}/outside.txt")')
    (tmp_path / "outside.txt").write_text("123456")
    run = script.ledger.get(script.ledger.page("kind = block").runs[0].id)
    from dataclasses import replace

    from jupyter_mlx.ledger.run import FileVersion

    outside = FileVersion(str(tmp_path / "outside.txt"), "b3:" + "0" * 64, 6, "seen", "outside")
    script.ledger.finish(replace(run, inputs=(outside,)))
    _, found = reproduced(script, "block")
    assert any("outside.txt" in note and "not what the run read" in note for note in found["notes"])
