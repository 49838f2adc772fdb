"""The versions that a run names of what it read and wrote: as they were when it read them."""

import errno
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from waiting import PATIENCE_S, until

import jupyter_mlx as jm
from jupyter_mlx.afterwards import afterwards
from jupyter_mlx.data import inputs as inputs_of
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError

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
    with inputs._changed:  # the thread beside comes late
        inputs.opened("large.bin")
        path.write_bytes(b"2")
    until(lambda: project.store.has(Digest.of(b"2")))
    inputs.close()
    assert inputs.kept("large.bin") is None


LARGE = b"1" * inputs_of.LATE_BYTES


@pytest.fixture
def idle(monkeypatch):
    """The thread beside comes to nothing, as on a machine that the run keeps busy."""
    monkeypatch.setattr(inputs_of, "_asked", queue.SimpleQueue())


@pytest.fixture
def resting():
    """What is done after a run is not begun before the test lets it."""
    gate = threading.Event()
    afterwards().ask(gate.wait)
    yield gate
    gate.set()
    afterwards().flush()


def late_run(project, action=lambda: Path("large.bin").read_bytes()):
    """A run that reads `large.bin`, sealed, and not completed yet."""
    Path("large.bin").write_bytes(LARGE)
    with jm.run("block") as run:
        action()
    return project.ledger.get(run.id)


@pytest.mark.usefixtures("idle")
def test_nobody_waits_until_a_large_input_is_stored(project, resting):
    run = late_run(project)
    assert (run.status, run.inputs) == ("finished", ())
    assert run.problems == ("large.bin was read and is not stored yet",)
    assert not project.store.has(Digest.of(LARGE))
    resting.set()
    project.recorder.flush()
    run = project.ledger.get(run.id)
    assert [(file.path, file.how, file.changed) for file in run.inputs] == [("large.bin", "seen", False)]
    assert content(project, run.inputs[0]) == LARGE
    assert run.problems == ()
    assert project.ledger.records()[run.id]


@pytest.mark.usefixtures("idle")
def test_a_large_input_that_is_changed_after_the_run_is_marked(project, resting):
    run = late_run(project)
    Path("large.bin").write_bytes(b"2")
    resting.set()
    project.recorder.flush()
    run = project.ledger.get(run.id)
    assert [(content(project, file), file.changed) for file in run.inputs] == [(b"2", True)]


@pytest.mark.usefixtures("idle")
def test_a_large_input_that_is_removed_after_the_run_is_told(project, resting):
    run = late_run(project)
    Path("large.bin").unlink()
    resting.set()
    with pytest.warns(UserWarning, match="could be stored"):
        project.recorder.flush()
    run = project.ledger.get(run.id)
    assert run.inputs == ()
    assert run.problems == ("large.bin was read and removed before it could be stored; `jmlx add` it",)


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("how", ["write", "remove"])
def test_a_large_input_that_the_next_run_changes_is_stored_before(project, resting, how):
    run = late_run(project)
    with jm.run("next"):
        Path("large.bin").write_bytes(b"2") if how == "write" else os.remove("large.bin")
    resting.set()
    project.recorder.flush()
    run = project.ledger.get(run.id)
    assert [(content(project, file), file.changed) for file in run.inputs] == [(LARGE, False)]


@pytest.mark.usefixtures("idle")
def test_a_large_input_that_only_the_file_system_told_of_is_put_off_too(project, resting):
    run = late_run(project, lambda: subprocess.run("cat large.bin >/dev/null", shell=True, check=True))
    assert run.problems == ("large.bin was read and is not stored yet",)
    resting.set()
    project.recorder.flush()
    assert [file.digest for file in project.ledger.get(run.id).inputs] == [str(Digest.of(LARGE))]


@pytest.mark.usefixtures("idle")
def test_a_large_input_that_a_full_store_does_not_take_is_told(project, resting, monkeypatch):
    run = late_run(project)

    def refuse(self, path):
        raise AccessError.of(OSError(errno.ENOSPC, "full"), "the store")

    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "save", refuse)
        resting.set()
        with pytest.warns(UserWarning, match="could not be recorded"):
            project.recorder.flush()
    run = project.ledger.get(run.id)
    assert run.inputs == ()
    assert run.problems[0].startswith("large.bin could not be recorded: ")


KILLED_LATE = """
import os, signal, threading
from jupyter_mlx.afterwards import afterwards
from jupyter_mlx.data import inputs
inputs.PACE_BYTES_S = 1
inputs.Processors.has_room = lambda self: False
import jupyter_mlx as jm
afterwards().ask(threading.Event().wait)
with jm.run("killed"):
    open("large.bin", "rb").read()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_whose_process_is_killed_says_which_large_input_it_lacks(project):
    Path("large.bin").write_bytes(LARGE)
    subprocess.run([sys.executable, "-c", KILLED_LATE], cwd=project.root, check=False)
    (summary,) = project.ledger.page().runs
    run = project.ledger.get(summary.id)
    assert (run.status, run.problems) == ("finished", ("large.bin was read and is not stored yet",))


def test_a_large_input_is_stored_beside_a_long_run(project, ran):
    def action():
        Path("large.bin").read_bytes()
        until(lambda: project.store.has(Digest.of(LARGE)))
        Path("large.bin").write_bytes(b"2")

    Path("large.bin").write_bytes(LARGE)
    run = ran(action)
    assert (content(project, run.inputs[0]), run.inputs[0].changed) == (LARGE, False)


@pytest.mark.parametrize("where", ["at once", "in the middle"])
def test_storing_waits_for_a_free_processor_until_somebody_waits_for_it(project, monkeypatch, where):
    looks = iter([True] * 3)
    monkeypatch.setattr(
        inputs_of.Processors, "has_room", lambda _: where == "in the middle" and next(looks, False)
    )
    monkeypatch.setattr(inputs_of, "PACE_BYTES_S", 1)
    data = os.urandom(64 << 20)
    Path("large.bin").write_bytes(data)
    inputs = inputs_of.begin(project.workspace)
    inputs.opened("large.bin")
    until(lambda: inputs._storing == "large.bin")
    time.sleep(0.3)
    assert inputs._storing == "large.bin"
    assert inputs.kept("large.bin") is None
    inputs.close()
    assert inputs.put_off("large.bin")
    inputs.hasten("large.bin", PATIENCE_S)
    version = inputs.finish("large.bin")
    assert version is not None
    assert version.digest == Digest.of(data)


def test_a_large_input_gets_its_turn_on_a_busy_machine(project, monkeypatch):
    monkeypatch.setattr(inputs_of.Processors, "has_room", lambda _: False)
    Path("large.bin").write_bytes(LARGE)
    inputs = inputs_of.begin(project.workspace)
    inputs.opened("large.bin")
    until(lambda: inputs.kept("large.bin"))


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
