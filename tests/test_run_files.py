"""The versions that a run names of what it read and wrote: as they were when it read them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from waiting import until

import jupyter_mlx as jm
from jupyter_mlx.data import inputs as inputs_of
from jupyter_mlx.digest import Digest

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="listens to inotify, which Linux has")


@pytest.fixture
def ran(project):
    """Run something as a block; the run, whole."""

    def run(action):
        with jm.run("block") as found:
            action()
        project.recorder.flush()
        return project.ledger.get(found.id)

    return run


def content(project, file):
    return project.store.get(Digest.parse(file.digest))


def by_path(files):
    return {file.path: file for file in files}


def test_an_input_that_the_run_overwrites_is_named_as_it_was(project, ran):
    Path("a.csv").write_text("before")

    def action():
        text = Path("a.csv").read_text()
        Path("a.csv").write_text(text + " and after")

    run = ran(action)
    assert [content(project, file) for file in (*run.inputs, *run.outputs)] == [
        b"before",
        b"before and after",
    ]
    assert not run.inputs[0].changed
    assert not run.incomplete


@pytest.mark.parametrize("how", ["append", "update", "replace", "rename", "remove"])
def test_every_way_of_changing_an_input_keeps_it(project, ran, how):
    Path("a.txt").write_text("before")

    def action():
        if how == "append":
            with Path("a.txt").open("a") as file:
                file.write("x")
        elif how == "update":
            with Path("a.txt").open("r+") as file:
                file.write("x")
        elif how == "rename":
            os.rename("a.txt", "b.txt")
        else:
            Path("a.txt").read_text()
            Path("part").write_text("other")
            if how == "remove":
                os.remove("a.txt")
            else:
                os.replace("part", "a.txt")

    run = ran(action)
    assert content(project, run.inputs[0]) == b"before"
    assert (run.inputs[0].path, run.inputs[0].changed) == ("a.txt", False)


def test_an_input_that_others_change_meanwhile_is_marked(project, ran):
    Path("a.txt").write_text("before")

    def action():
        Path("a.txt").read_text()
        subprocess.run("echo other >a.txt", shell=True, check=True)

    run = ran(action)
    assert run.inputs[0].changed


@linux
def test_a_removed_input_that_nobody_could_keep_is_told(ran):
    Path("a.txt").write_text("before")

    def action():
        Path("a.txt").read_text()
        subprocess.run(["rm", "a.txt"], check=True)

    run = ran(action)
    assert not run.inputs
    assert "a.txt" in run.incomplete[0]


def test_a_large_input_is_named_as_it_was_when_it_was_opened(project, ran):
    Path("large.bin").write_bytes(b"1" * (3 << 20))

    def action():
        Path("large.bin").read_bytes()
        Path("large.bin").write_bytes(b"2")

    run = ran(action)
    assert (run.inputs[0].size_bytes, run.inputs[0].changed) == (3 << 20, False)
    assert run.outputs[0].size_bytes == 1


def test_what_is_stored_too_late_is_not_taken_for_what_was_read(project):
    path = project.root / "large.bin"
    path.write_bytes(b"1" * (3 << 20))
    inputs = inputs_of.begin(project.workspace)
    with inputs._busy:  # the thread beside comes late
        inputs.opened("large.bin")
        path.write_bytes(b"2")
    until(lambda: project.store.has(Digest.of(b"2")))
    inputs.close()
    assert inputs.kept("large.bin") is None


def test_files_outside_the_project_are_named_and_not_stored(project, ran, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    outside = tmp_path / "shared" / "x.csv"
    outside.parent.mkdir()
    outside.write_text("far")
    run = ran(lambda: (outside.read_text(), (outside.parent / "y.csv").write_text("made")))
    (read,), (written,) = run.inputs, run.outputs
    assert (read.path, read.kind, read.how) == (str(outside), "outside", "seen")
    assert (written.path, written.kind) == (str(outside.parent / "y.csv"), "outside")
    assert not project.store.has(Digest.parse(read.digest))
    assert Digest.of(b"far") == Digest.parse(read.digest)


@linux
def test_what_only_the_file_system_told_is_weak(ran):
    Path("a.txt").write_text("x")
    run = ran(lambda: subprocess.run("cp a.txt b.txt", shell=True, check=True))
    assert [(file.path, file.how, file.source) for file in (*run.inputs, *run.outputs)] == [
        ("a.txt", "weak", "watch"),
        ("b.txt", "weak", "watch"),
    ]


@linux
def test_what_git_reads_for_the_run_is_no_input_of_it(ran):
    # large enough for git to be still at it when the run has begun
    Path("code.py").write_bytes(b"x = 1\n" * 5_000_000)
    for words in (["init", "-q"], ["add", "code.py"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], check=True)
    ran(lambda: None)
    os.utime("code.py", (1, 1))
    run = ran(lambda: time.sleep(0.5))
    assert run.git["commit"]
    assert run.inputs == ()


def test_many_files_of_a_tracked_folder_are_one_input(project, ran):
    Path("images").mkdir()
    for number in range(20):
        Path(f"images/{number}").write_text(str(number))
    project.workspace.add(["images"])
    run = ran(lambda: [Path(f"images/{number}").read_text() for number in range(20)])
    assert [(file.path, file.kind, file.how) for file in run.inputs] == [("images", "folder", "seen")]


def test_a_declared_file_stays_declared(project):
    Path("a.txt").write_text("x")
    with jm.run("block") as run:
        run.add_input(project.workspace.save("a.txt"))
        Path("a.txt").read_text()
    project.recorder.flush()
    assert by_path(project.ledger.get(run.id).inputs)["a.txt"].how == "declared"
