import subprocess

import pytest

from jupyter_mlx.capture import git


@pytest.fixture
def repository(tmp_path):
    def run(*words):
        subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True)

    run("init", "--initial-branch=main")
    (tmp_path / "a.py").write_text("x = 1\n")
    run("add", ".")
    run("commit", "-m", "first")
    return tmp_path


def test_a_clean_work_tree_is_its_commit(repository):
    head = subprocess.run(
        ["git", "-C", repository, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    found = git.capture(repository)
    assert found.facts() == {"commit": head.stdout.strip(), "branch": "main", "dirty": False, "remote": ""}
    assert found.diff == ""


def test_uncommitted_changes_are_kept(repository):
    (repository / "a.py").write_text("x = 2\n")
    found = git.capture(repository)
    assert found.dirty
    assert "-x = 1\n+x = 2" in found.diff


def test_before_the_first_commit_there_is_none(tmp_path):
    subprocess.run(["git", "init", tmp_path], check=True, capture_output=True)
    found = git.capture(tmp_path)
    assert (found.commit, found.diff) == ("", "")


def test_without_git_there_is_nothing(tmp_path, monkeypatch):
    assert git.capture(tmp_path / "nowhere") is None
    monkeypatch.setenv("PATH", "")
    assert git.capture(tmp_path) is None
