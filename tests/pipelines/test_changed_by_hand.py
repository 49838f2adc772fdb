"""Outputs that the user has edited: told by plan and status, and never replaced unasked."""

from __future__ import annotations

import json
import shutil

import pytest
from commands import COMMANDS


def jmlx(root, *words, code=0):
    done = COMMANDS.run(*words, cwd=root)
    assert done.returncode == code, done.stdout + done.stderr
    return done


TOLD = "out.txt was changed by hand (stage a made another)"


@pytest.fixture
def ran(project):
    """a → b, and c alone; all have run."""
    root = project.root
    (root / "mlx.yaml").write_text(
        "stages:\n"
        "  a: {command: 'echo a > out.txt', outputs: [out.txt]}\n"
        "  b: {command: 'cat out.txt > b.txt', inputs: [out.txt], outputs: [b.txt]}\n"
        "  c: {command: 'mkdir -p c; echo c > c/x; echo c > c/y', outputs: [c]}\n"
    )
    jmlx(root, "run", "-q")
    return root


def test_plan_and_status_name_it(ran):
    (ran / "out.txt").write_text("hand\n")
    assert f"cached  a  {TOLD}" in jmlx(ran, "plan").stdout
    status = jmlx(ran, "status", code=3).stdout
    assert TOLD in status
    assert "as it was recorded" not in status
    assert "`jmlx run --overwrite`" in status
    stages = json.loads(jmlx(ran, "plan", "--json").stdout)["stages"]
    assert [(s["action"], s["reason"]) for s in stages] == [
        ("cached", TOLD),
        ("cached", "cached"),
        ("cached", "cached"),
    ]


def test_a_run_stops_for_that_stage_alone_and_says_how_to_go_on(ran):
    (ran / "out.txt").write_text("hand\n")
    shutil.rmtree(ran / "c")
    done = json.loads(jmlx(ran, "run", "--json", code=1).stdout)
    assert {s["name"]: s["action"] for s in done["stages"]} == {"a": "failed", "b": "skipped", "c": "cached"}
    (failure,) = done["failures"]
    assert (failure["name"], failure["problem"].partition(";")[0]) == ("a", TOLD)
    assert "`jmlx run a --overwrite`" in failure["problem"]
    assert (ran / "out.txt").read_text() == "hand\n"
    assert (ran / "c/x").exists()

    said = jmlx(ran, "run", code=1)
    assert f"failed  a            {TOLD}" in said.stdout
    assert "jmlx add" not in said.stderr
    assert "--force" not in said.stderr
    jmlx(ran, "run", "a", "--overwrite")
    assert (ran / "out.txt").read_text() == "a\n"
    assert "as it was recorded" in jmlx(ran, "status").stdout


def test_what_would_not_be_lost_is_no_hand_edit(ran):
    (ran / "c/x").unlink()
    (ran / "out.txt").unlink()
    assert "by hand" not in jmlx(ran, "plan").stdout
    jmlx(ran, "run")
    assert (ran / "c/x").read_text() == "c\n"


def test_a_file_of_ones_own_in_an_outputs_folder_is_not_lost(ran):
    (ran / "c/mine").write_text("mine\n")
    assert "c/mine was changed by hand (stage c made another)" in jmlx(ran, "plan").stdout
    jmlx(ran, "run", code=1)
    assert (ran / "c/mine").read_text() == "mine\n"
