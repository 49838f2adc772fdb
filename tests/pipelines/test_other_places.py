"""A project that was moved, that another user looks at, or on a disk that cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from pipeline_project import actions

from jupyter_mlx.project import Project

JMLX = [sys.executable, "-m", "jupyter_mlx.cli.main"]
NOBODY = 65534


@pytest.fixture
def done(project, stages):
    """A pipeline that has run, whose second stage declares nothing."""
    (project.root / "raw.txt").write_text("1")
    (project.root / "b.py").write_text("open('b.txt', 'w').write(open('a.txt').read())\n")
    stages(
        "  a: {command: 'cat raw.txt > a.txt', inputs: [raw.txt], outputs: [a.txt]}\n"
        f"  b: {{command: [{sys.executable}, b.py]}}\n"
    )
    assert set(actions(project.runner().run()).values()) == {"ran"}
    project.recorder.flush()
    project.ledger.close()
    return project.root


def plan_and_status(command: list[str], **options) -> list[dict]:
    """What `plan` and `status` say of the stages, by processes of their own."""
    found = []
    for word in ("plan", "status"):
        made = subprocess.run(
            [*command, *JMLX, word, "--json"], capture_output=True, text=True, check=False, **options
        )
        assert made.returncode in {0, 3}, made.stderr
        assert "Traceback" not in made.stderr
        found.append({stage["name"]: stage["action"] for stage in json.loads(made.stdout)["stages"]})
    return found


def test_a_project_that_was_moved_runs_nothing(done, tmp_path):
    shutil.move(done, tmp_path / "elsewhere")
    moved = Project.open(tmp_path / "elsewhere")
    assert set(actions(moved.runner().run()).values()) == {"cached"}
    (moved.root / "b.txt").unlink()
    assert set(actions(moved.runner().run()).values()) == {"cached"}
    assert (moved.root / "b.txt").read_text() == "1"
    (moved.root / "raw.txt").write_text("2")
    assert set(actions(moved.runner().run()).values()) == {"ran"}
    assert (moved.root / "b.txt").read_text() == "2"


def test_on_a_disk_that_cannot_be_written_plan_and_status_know_what_they_knew(done):
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("mounting a read-only folder takes root; run the tests as root to include this one")
    mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@"'
    known = dict.fromkeys("ab", "cached")
    assert plan_and_status(["unshare", "-m", "sh", "-c", mount, str(done)]) == [known, known]


def test_another_user_who_may_read_plans_and_one_who_may_not_is_told(done):
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("only root can be another user, by setpriv")
    # whose project it is changes, and root is no more than any user
    other = ["setpriv", "--bounding-set=-all"]
    for path in (done, *done.rglob("*")):
        os.lchown(path, NOBODY, NOBODY)
    run = subprocess.run([*other, *JMLX, "run"], capture_output=True, text=True, check=False)
    assert (run.returncode, "Traceback" in run.stderr) == (1, False)
    assert "Permission denied" in run.stderr
    for path in done.rglob("*"):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
    known = dict.fromkeys("ab", "cached")
    assert plan_and_status(other) == [known, known]
