"""Which runs made what a run read, and what is at a path: through files, folders and parts of folders."""

import json
from pathlib import Path

import pytest

import jupyter_mlx as jm


@pytest.fixture
def ran(project):
    """Run something as a block; the run, whole."""

    def run(name, action, **params):
        with jm.run(name, **params) as found:
            action()
        project.recorder.flush()
        return project.ledger.get(found.id)

    return run


def names(origins):
    """The graph, by names alone."""
    return {
        origin.path: [(maker.run.name, names(maker.origins)) for maker in origin.makers] for origin in origins
    }


def copy(source, target):
    Path(target).write_text(Path(source).read_text() + "\n" + target)


def test_a_graph_follows_versions_through_runs(project, ran):
    Path("raw.csv").write_text("raw")
    ran("clean", lambda: copy("raw.csv", "clean.csv"))
    ran("split", lambda: copy("clean.csv", "train.csv"))
    last = ran("fit", lambda: copy("train.csv", "model.txt"))
    assert names(project.origins(last)) == {
        "train.csv": [("split", {"clean.csv": [("clean", {"raw.csv": []})]})]
    }


def test_the_run_that_wrote_the_version_that_was_read_is_named_not_a_later_one(project, ran):
    ran("first", lambda: Path("a.txt").write_text("one"))
    ran("other", lambda: Path("a.txt").write_text("two"))
    ran("again", lambda: Path("a.txt").write_text("one"))
    reader = ran("reader", lambda: Path("a.txt").read_text())
    ran("later", lambda: Path("a.txt").write_text("changed"))
    ran("latest", lambda: Path("a.txt").write_text("one"))
    assert names(project.origins(reader)) == {"a.txt": [("again", {})]}


def test_a_run_stands_in_the_graph_once(project, ran):
    Path("raw.txt").write_text("raw")
    ran("maker", lambda: (copy("raw.txt", "a.txt"), copy("raw.txt", "b.txt")))
    reader = ran("reader", lambda: (Path("a.txt").read_text(), Path("b.txt").read_text()))
    first, second = project.origins(reader)
    assert (first.makers[0].is_repeated, second.makers[0].is_repeated) == (False, True)
    assert names((first,)) == {"a.txt": [("maker", {"raw.txt": []})]}


def test_a_file_of_a_folder_that_a_run_wrote_as_a_whole_came_from_it(project, ran):
    def make():
        Path("data").mkdir()
        Path("data/a.txt").write_text("a")

    with jm.run("maker"):
        make()
        jm.log_artifact("data")
    reader = ran("reader", lambda: Path("data/a.txt").read_text())
    project.ledger.trash(project.ledger.writers("data/a.txt")[0].id)
    run = project.recorder.open(kind="stage", name="stage")
    run.add_output(project.workspace.save("data"))
    run.finish()
    project.recorder.flush()
    assert names(project.origins(reader)) == {"data/a.txt": []}
    later = ran("later", lambda: Path("data/a.txt").read_text())
    assert names(project.origins(later)) == {"data/a.txt": [("stage", {})]}


def test_a_folder_came_from_the_runs_that_wrote_its_files(project, ran):
    Path("data").mkdir()
    ran("one", lambda: Path("data/1.txt").write_text("1"))
    ran("two", lambda: Path("data/2.txt").write_text("2"))
    ran("gone", lambda: Path("data/3.txt").write_text("3"))
    Path("data/3.txt").write_text("by hand")
    reader = project.recorder.open(kind="stage", name="stage")
    reader.add_input(project.workspace.save("data"))
    reader.finish()
    project.recorder.flush()
    found = project.origins(project.ledger.get(reader.id))
    assert sorted(maker.run.name for maker in found[0].makers) == ["one", "two"]


def test_show_and_why_tell_the_graph(jmlx, ran):
    Path("raw.csv").write_text("raw")
    ran("clean", lambda: copy("raw.csv", "clean.csv"))
    last = ran("fit", lambda: copy("clean.csv", "model.txt"), lr=0.5)
    text = jmlx("runs", "show", last.id).stdout
    assert "clean.csv ← run" in text
    assert "raw.csv ← no recorded run" in text
    shown = json.loads(jmlx("runs", "show", last.id, "--json").stdout)
    assert shown["origins"][0]["runs"][0]["name"] == "clean"
    assert shown["inputs"][0]["source"].startswith("hook")
    why = jmlx("runs", "why", "model.txt").stdout
    assert "with lr = 0.5" in why
    assert "from clean.csv" in why
    assert "clean.csv ← run" in why
    found = json.loads(jmlx("runs", "why", "model.txt", "--json").stdout)
    assert [file["path"] for file in found[0]["inputs"]] == ["clean.csv"]


def test_why_of_a_file_in_a_folder_names_the_run_that_wrote_the_folder(jmlx, project):
    Path("data").mkdir()
    Path("data/a.txt").write_text("a")
    run = project.recorder.open(kind="stage", name="stage")
    run.add_output(project.workspace.save("data"))
    run.finish()
    project.recorder.flush()
    assert "(stage stage" in jmlx("runs", "why", "data/a.txt").stdout
