"""What nobody waits for: done in order, and done before the interpreter exits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from waiting import PATIENCE_S

from jupyter_mlx.afterwards import Afterwards
from jupyter_mlx.digest import Digest
from jupyter_mlx.ledger.purging import KILLED as KILLED_SAYS
from jupyter_mlx.project import Project
from jupyter_mlx.settling import CUT_SHORT


def test_a_flush_waits_until_all_is_done_in_the_order_of_asking():
    found: list[int] = []
    beside = Afterwards()
    for number in range(50):
        beside.ask(lambda number=number: found.append(number))
    beside.flush()
    assert found == list(range(50))


def test_an_action_that_fails_keeps_its_exception_and_the_next_is_done():
    done = threading.Event()
    beside = Afterwards()
    failed = beside.ask(lambda: 1 // 0)
    beside.ask(done.set)
    assert done.wait(PATIENCE_S)
    assert isinstance(failed.exception(), ZeroDivisionError)


def test_a_flush_of_nothing_returns():
    Afterwards().flush()


SCRIPT = """
import os, sys
import jupyter_mlx as jm
with jm.run("block"):
    pass
if sys.argv[1] == "fork":
    child = os.fork()
    if child == 0:
        with jm.run("in a child"):
            pass
        os._exit(0)
    os.waitpid(child, 0)  # `wait` might get the git that is asked beside
"""


@pytest.mark.parametrize("how", ["alone", "fork"])
def test_a_run_of_a_script_has_its_record_when_the_script_has_ended(tmp_path, how):
    if how == "fork" and not hasattr(os, "fork"):
        pytest.skip("needs fork")
    project = Project.create(tmp_path)
    subprocess.run([sys.executable, "-c", SCRIPT, how], cwd=tmp_path, check=True, timeout=PATIENCE_S)
    runs = [project.ledger.get(run.id) for run in project.ledger.page().runs]
    assert {run.name for run in runs} == ({"block", "in a child"} if how == "fork" else {"block"})
    assert project.ledger.records().keys() == {run.id for run in runs}
    assert all(run.environment for run in runs)


KILLED = """
import os, signal
from jupyter_mlx.afterwards import afterwards
from jupyter_mlx.project import Project
project = Project.open()
run = project.recorder.open(kind="block", name="killed")
afterwards().flush()
run.log({"loss": 1.0})
run.finish()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_whose_process_was_killed_at_its_end_has_what_was_known_and_gets_its_record_later(project):
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], cwd=project.root, check=True)
    subprocess.run([sys.executable, "-c", KILLED], cwd=project.root, check=False, timeout=PATIENCE_S)
    run = project.ledger.get("last")
    assert (run.status, len(run.git["commit"]), project.ledger.records()) == ("finished", 40, {})
    assert b"packages" in project.store.get(Digest.parse(run.environment))
    subprocess.run([sys.executable, "-c", SCRIPT, "alone"], cwd=project.root, check=True, timeout=PATIENCE_S)
    assert len(project.ledger.records()) == 2
    assert project.ledger.get(run.id).incomplete == (CUT_SHORT,)
    assert project.rebuild_ledger() == 2
    assert (project.ledger.get(run.id).git, project.ledger.get(run.id).metrics) == (run.git, {"loss": 1.0})


KILLED_IN_THE_MIDDLE = """
import os, signal
from jupyter_mlx.afterwards import afterwards
from jupyter_mlx.project import Project
project = Project.open()
run = project.recorder.open(kind="block", name="killed")
run.listen()
for name in ("small.csv", "made.csv"):
    with open(name, "a") as file:
        file.write("more")
    open(name).read()
open("read.csv").read()
run.log({"loss": 1.0})
afterwards().flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_whose_process_was_killed_in_the_middle_has_its_commit_changes_packages_and_inputs(project):
    script = project.root / "script.py"
    script.write_text("committed = 1\n")
    for words in (["init", "-q"], ["add", "script.py"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=project.root, check=True)
    script.write_text("changed = 2\n")
    (project.root / "read.csv").write_text("1,2")
    (project.root / "small.csv").write_text("3,4")
    subprocess.run(
        [sys.executable, "-c", KILLED_IN_THE_MIDDLE], cwd=project.root, check=False, timeout=PATIENCE_S
    )
    run = project.ledger.get("last")
    assert (run.status, len(run.git["commit"]), run.git["dirty"]) == ("interrupted", 40, True)
    assert b"+changed = 2" in project.store.get(Digest.parse(run.git["diff"]))
    assert b"packages" in project.store.get(Digest.parse(run.environment))
    assert [(file.path, project.store.get(Digest.parse(file.digest))) for file in run.inputs] == [
        ("read.csv", b"1,2"),
        ("small.csv", b"3,4"),
    ]
    assert run.problems == (KILLED_SAYS,)
    # which is found out once
    assert project.ledger.get("last").problems == (KILLED_SAYS,)
    subprocess.run([sys.executable, "-c", SCRIPT, "alone"], cwd=project.root, check=True, timeout=PATIENCE_S)
    assert project.ledger.records().keys() >= {run.id}
    assert project.rebuild_ledger() == 2
    assert project.ledger.get(run.id).git == run.git
