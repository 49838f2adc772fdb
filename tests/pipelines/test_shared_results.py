"""Results that a colleague pushed: found by mlx.lock, brought from the remote, not computed."""

from __future__ import annotations

import shutil

import pytest
from commands import COMMANDS
from pipeline_project import actions

from jupyter_mlx.project import Project


def jmlx(root, *words):
    done = COMMANDS.run(*words, cwd=root)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def shared(project, tmp_path):
    """A project that has run and pushed, and a colleague's clone of what is in git."""
    remote = tmp_path / "remote"
    (project.root / "mlx.yaml").write_text(
        f"remotes:\n  origin: {{url: {remote}}}\nstages:\n"
        "  parts: {command: 'mkdir -p parts; echo 1 > parts/a; echo 2 > parts/b', outputs: [parts]}\n"
        "  sum: {command: 'cat parts/* > sum.txt', inputs: [parts], outputs: [sum.txt]}\n"
    )
    assert set(actions(project.runner().run()).values()) == {"ran"}
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for name in ("mlx.yaml", "mlx.lock"):
        shutil.copy(project.root / name, theirs / name)
    return project.root, theirs, remote


def test_pushed_results_are_taken_from_the_remote(shared):
    ours, theirs, _ = shared
    jmlx(ours, "push")
    assert set(actions(Project.open(theirs).runner().run()).values()) == {"cached"}
    assert (theirs / "sum.txt").read_text() == "1\n2\n"
    assert (theirs / "parts/b").read_text() == "2\n"


def test_without_the_remote_the_stages_run(shared):
    ours, theirs, remote = shared
    jmlx(ours, "push")
    remote.rename(remote.with_name("away"))
    plan = Project.open(theirs).runner().plan()
    assert plan["parts"].reason == "output parts missing"
    assert set(actions(Project.open(theirs).runner().run()).values()) <= {"ran", "cached"}
    assert (theirs / "sum.txt").read_text() == "1\n2\n"
