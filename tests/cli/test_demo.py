"""`jmlx demo`: the whole path on real data, and the notebooks of `notebooks/` executed on it."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

from jupyter_mlx.project import Project

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo, made once: its folder and what `jmlx demo` printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_mlx.cli.main", "demo", "digits"],
        cwd=folder,
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "digits", done


def git(folder, *words):
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_it_versions_the_data(demo):
    folder, _ = demo
    assert len(list((folder / "data" / "digits").glob("*/*.png"))) == 1797
    assert git(folder, "ls-files", "data").split() == [
        "data/.gitignore",
        "data/digits.mlx",
        "data/labels.csv.mlx",
    ]
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "tag").split() == ["v1", "v2"]


def test_the_second_version_corrects_forty_labels(demo):
    folder, _ = demo
    now = list(csv.reader((folder / "data" / "labels.csv").open()))
    project = Project.open(folder)
    before = list(csv.reader(project.workspace.read("data/labels.csv", rev="v1").decode().splitlines()))
    assert sum(a != b for a, b in zip(before, now, strict=True)) == 40
    truth = {path.stem: path.parent.name for path in (folder / "data" / "digits").glob("*/*.png")}
    assert dict(now[1:]) == truth


def test_runs_of_each_kind_have_params_and_metrics(demo, jmlx):
    folder, _ = demo
    runs = json.loads(jmlx("runs", "list", "-n", "0", "--json", cwd=folder).stdout)
    assert {run["status"] for run in runs} == {"finished"}
    for kind in ("cell", "notebook", "stage"):
        assert any(run["params"] and run["metrics"] for run in runs if run["kind"] == kind), kind
    notebook = next(run for run in runs if run["kind"] == "notebook")
    assert {run["parent"] for run in runs if run["kind"] == "cell"} == {notebook["id"]}
    of_notebooks = [run for run in runs if run["kind"] != "pipeline"]
    assert all(run["notebook"].startswith("notebooks/") for run in of_notebooks)


def test_only_what_depends_on_the_labels_ran_again_and_nothing_ran_on_the_way_back(demo):
    folder, _ = demo
    ledger = Project.open(folder).ledger
    names = sorted(run.name for run in ledger.page("kind = stage").runs)
    assert names == ["evaluate", "evaluate", "prepare", "train", "train"]


def test_correcting_the_labels_made_the_model_better(demo):
    folder, _ = demo
    before, after = (
        run.metrics["accuracy"] for run in Project.open(folder).ledger.page("name = evaluate", "started").runs
    )
    assert after > before > 0.8


def test_a_second_run_is_cached_for_every_stage(demo, jmlx):
    folder, _ = demo
    stages = json.loads(jmlx("run", "--json", cwd=folder).stdout)["stages"]
    assert [(stage["name"], stage["action"]) for stage in stages] == [
        ("prepare", "cached"), ("train", "cached"), ("evaluate", "cached"),
    ]  # fmt: skip
    assert jmlx("status", cwd=folder).returncode == 0


def test_the_cells_know_their_data(demo):
    folder, _ = demo
    ledger = Project.open(folder).ledger
    run = ledger.get(ledger.page("name = digits").runs[0].id)
    assert {"data/labels.csv", "data/prepared/images.npy"} <= {file.path for file in run.inputs}
    assert any("image/png" in output.get("data", {}) for output in run.cell_outputs)


def test_it_prints_commands_and_how_to_go_on(demo):
    _, done = demo
    assert "$ jmlx add data/digits data/labels.csv" in done.stdout
    assert "nothing to run" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].endswith("lab notebooks/explore.ipynb")
    assert "Traceback" not in done.stderr
    assert done.stderr != ""


def test_a_folder_in_use_is_left_alone(demo, jmlx):
    folder, _ = demo
    done = jmlx("demo", "digits", cwd=folder.parent)
    assert done.returncode == 1
    assert "not empty" in done.stderr


@pytest.mark.parametrize("name", ["prepare", "train", "evaluate", "explore"])
def test_the_notebooks_are_pairs_without_outputs(name):
    notebook = jupytext.read(NOTEBOOKS / f"{name}.ipynb")
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in jupytext.read(NOTEBOOKS / f"{name}.py").cells
    ]
    assert notebook.metadata["jupytext"]["formats"] == "ipynb,py:percent"
    assert all(not cell.get("outputs") for cell in notebook.cells)
