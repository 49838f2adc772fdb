"""The ledger and running runs when the machine fails: full disk, read-only disk, kills, clocks, old processes."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from disks import mounted

from jupyter_mlx.errors import MlxError
from jupyter_mlx.ledger.ledger import Ledger
from jupyter_mlx.ledger.mounts import is_shared, kind_of
from jupyter_mlx.ledger.owner import Owner
from jupyter_mlx.ledger.run import Run, new_id, utc_now
from jupyter_mlx.project import Project

SCRIPT = """
import sys, time
import jupyter_mlx as jm
with jm.run("r") as run:
    jm.log(loss=0.5)
    print(run.id, flush=True)
    sys.stdin.readline()
"""


def script(root, text=SCRIPT):
    """A script in a run, and the run's id."""
    child = subprocess.Popen(
        [sys.executable, "-c", text], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    return child, child.stdout.readline().strip()


@pytest.mark.parametrize(
    ("sign", "status"), [(signal.SIGKILL, "interrupted"), (signal.SIGINT, "interrupted")]
)
def test_a_run_whose_process_is_stopped_is_interrupted_and_keeps_its_steps(project, sign, status):
    child, run = script(project.root)
    assert project.ledger.get(run).status == "running"
    os.kill(child.pid, sign)
    child.communicate()
    found = project.ledger.get(run)
    assert (found.status, found.metrics) == (status, {"loss": 0.5})


@pytest.fixture
def other():
    """The number of another process that goes on."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


@pytest.mark.parametrize("birth", ["", "by an earlier boot 1"])
def test_a_process_with_the_number_of_a_dead_one_does_not_keep_its_run_open(project, other, birth):
    me = Owner.here()
    run = Run(new_id(), "r", "cell", "running", utc_now())
    before = Owner(me.host, other, me.started - 10_000, birth)  # the number is another's by now
    project.ledger.insert(run, process=before.encode())
    assert project.ledger.get(run.id).status == "interrupted"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a process is told by its time")
def test_a_run_goes_on_where_the_clock_is_set_while_it_runs(project, other):
    owner = Owner.of(other)
    run = Run(new_id(), "r", "cell", "running", utc_now())
    # what the clock said then is an hour from what it says now
    project.ledger.insert(run, process=replace(owner, started=owner.started - 3600).encode())
    assert project.ledger.get(run.id).status == "running"


def test_the_runs_of_another_machine_are_left_alone(project):
    run = Run(new_id(), "r", "cell", "running", utc_now())
    project.ledger.insert(run, process=Owner("elsewhere", 1, 0.0).encode())
    assert project.ledger.get(run.id).status == "running"


def fill(disk):
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


def log_many(run):
    for step in range(2000):
        run.log({"loss": 2.0, "long": step}, step)


def test_a_full_disk_is_told_the_code_goes_on_and_the_run_says_what_it_lacks(tmp_path):
    with mounted(tmp_path, ["mkfs.ext4", "-q"], 8) as disk:
        project = Project.create(disk / "project")
        run = project.recorder.open(kind="block", name="r")
        run.log({"loss": 1.0})
        fill(disk)
        with pytest.warns(UserWarning, match="No space left on device"):
            log_many(run)
        with pytest.raises(MlxError, match="No space left"):
            project.recorder.open(kind="block", name="r2")
        (disk / "filler").unlink()
        told = []
        done = run.finish(report=told.append)
        project.recorder.flush()
        assert done.status == "finished"
        assert done.metrics["loss"] in {1.0, 2.0}
        assert any("could not be written" in problem for problem in (*done.problems, *told))
        assert project.ledger.get(run.id).problems == done.problems
        project.ledger.close()
        project.store.close()


ONE_RUN = """
import os, signal, sys
from jupyter_mlx.project import Project
project = Project.open()
project.recorder.open(kind="block", name="r").finish()
project.recorder.flush()
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
project.ledger.close()
"""


@pytest.mark.parametrize("how", ["ended", "killed"])
def test_a_ledger_on_a_read_only_disk_is_read_and_writing_is_told(tmp_path, jmlx, how):
    with mounted(tmp_path, ["mkfs.ext4", "-q"], 8) as disk:
        root = Project.create(disk / "project").root
        subprocess.run([sys.executable, "-c", ONE_RUN, how], cwd=root, check=False)
        assert (root / ".mlx/ledger.db-wal").exists() == (how == "killed")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        listed = jmlx("runs", "list", "--json", cwd=root)
        assert [run["name"] for run in json.loads(listed.stdout)] == ["r"], listed.stderr
        noted = jmlx("runs", "note", "last", "text", cwd=root)
        assert noted.returncode == 1
        assert "Read-only file system" in noted.stderr
        with pytest.raises(MlxError, match="Read-only file system"):
            Project.open(root).recorder.open(kind="block", name="r2")


def test_a_clock_that_is_set_back_harms_no_order_of_steps(ledger_of_tomorrow):
    ledger, run = ledger_of_tomorrow
    for step in range(3):
        ledger.log(run.id, {"a": step}, step)
    assert [point[0] for point in ledger.series(run.id)["a"]] == [0, 1, 2]
    assert ledger.page("started > '1 hour ago'").total == 1
    assert ledger.get("last").id == run.id


@pytest.fixture
def ledger_of_tomorrow(project):
    run = Run(new_id(), "r", "cell", "running", utc_now() + timedelta(days=1))
    project.ledger.open(run)
    return project.ledger, run


@pytest.mark.parametrize("damage", ["half", "zeros", "middle"])
def test_a_damaged_ledger_is_told_and_rebuilt(project, jmlx, damage):
    for at in range(30):
        run = project.recorder.open(kind="block", name=f"r{at}", params={"text": "x" * 300})
        run.finish()
    project.recorder.flush()
    project.ledger.checkpoint()
    project.ledger.close()
    path = project.state / "ledger.db"
    data = path.read_bytes()
    middle = data[:4096] + b"\xff" * (len(data) - 8192) + data[-4096:]
    path.write_bytes({"half": data[: len(data) // 2], "zeros": b"\0" * len(data), "middle": middle}[damage])
    for beside in project.state.glob("ledger.db-*"):
        beside.unlink()
    told = jmlx("runs", "list", "--json")
    assert told.returncode == 3
    assert "doctor --rebuild" in json.loads(told.stdout)["error"]["message"]
    assert jmlx("doctor", "--rebuild").returncode == 0
    assert len(json.loads(jmlx("runs", "list", "--json").stdout)) == 30


def test_kinds_of_file_systems_are_told_apart(tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "20 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        "21 20 0:40 / /home rw shared:2 - nfs4 server:/home rw\n"
        "22 21 0:41 / /home/a\\040b rw - fuse.sshfs host:/ rw\n"
        "23 20 0:42 / /home2 rw - xfs /dev/sdb rw\n"
    )
    for path, kind in {
        "/home/x": "nfs4",
        "/home/a b/c": "fuse.sshfs",
        "/home2/x": "xfs",
        "/etc": "ext4",
    }.items():
        assert kind_of(Path(path), mounts) == kind
    assert kind_of(tmp_path, tmp_path / "none") == ""
    assert not is_shared(tmp_path)


def test_a_ledger_that_is_moved_to_a_shared_disk_changes_its_journal(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.insert(Run(new_id(), "r", "cell", "finished", utc_now()))
    ledger.close()
    monkeypatch.setenv("JUPYTER_MLX_LEDGER_JOURNAL", "delete")
    assert Ledger(tmp_path / "ledger.db").page().total == 1
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
    assert not (tmp_path / "ledger.db-wal").exists()
