"""Git's hooks, by real git in real clones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlx.data.hooks import ForeignHookError, install, uninstall
from jupyter_mlx.project import Project

REMOTE = "remotes: {{origin: {{url: {}}}}}\n"


def git(root: Path, *words: str, code: int | None = 0) -> str:
    """What git says on both streams; it must end with `code`."""
    done = subprocess.run(["git", "-C", root, *words], check=False, capture_output=True, text=True)
    assert code is None or done.returncode == code, done
    return done.stdout + done.stderr


def hooks(root: Path) -> None:
    install(root, root / ".mlx/tmp")


def commit(root: Path, message: str, **files: str) -> None:
    (root / "data").mkdir(exist_ok=True)
    for name, text in files.items():
        (root / "data" / name).write_text(text)
    Project.open(root).workspace.add(["data"])
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)


@pytest.fixture
def origin(tmp_path):
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", tmp_path / "origin.git"], check=True)
    return tmp_path / "origin.git"


@pytest.fixture
def root(tmp_path, origin):
    """A project with hooks and a remote, whose data is at v1 and at main."""
    root = tmp_path / "project"
    Project.create(root)
    (root / "mlx.yaml").write_text(REMOTE.format(tmp_path / "data-remote"))
    git(root, "init", "-q", "-b", "main", ".")
    git(root, "remote", "add", "origin", str(origin))
    hooks(root)
    commit(root, "first", a="v1")
    git(root, "tag", "v1")
    commit(root, "second", a="v2", b="new")
    return root


def a(root: Path) -> str:
    return (root / "data/a").read_text()


def test_a_checkout_of_git_brings_the_data_along(root):
    told = git(root, "checkout", "-q", "v1")
    assert a(root) == "v1"
    assert not (root / "data/b").exists()
    assert told == "jmlx: brought the data along: 2 files in 1 of 1 changed paths\n"
    assert git(root, "checkout", "-q", "main") == told
    assert a(root) == "v2"


def test_a_checkout_that_changes_no_pointer_touches_no_data(root):
    git(root, "commit", "-q", "--allow-empty", "-m", "empty")
    Project.open(root).workspace.checkout(rev="v1")
    assert git(root, "checkout", "-q", "HEAD~1") == ""
    git(root, "checkout", "-q", "--", "mlx.yaml")
    assert a(root) == "v1"


def test_changes_that_are_in_no_version_are_left_and_git_succeeds(root):
    (root / "data/a").write_text("mine")
    told = git(root, "checkout", "-q", "v1")
    assert (a(root), told.count("\n")) == ("mine", 1)
    assert "jmlx add" in told


def test_data_that_is_not_here_is_told_and_git_succeeds(root):
    subprocess.run(["rm", "-r", root / ".mlx/store"], check=True)
    told = git(root, "checkout", "-q", "v1")
    assert "`jmlx pull data`" in told
    assert a(root) == "v2"


def test_a_push_sends_the_data_of_the_commits(root, tmp_path, origin):
    assert "jmlx: sent" in git(root, "push", "-q", "origin", "main")
    git(tmp_path, "clone", "-q", str(origin), "clone")
    clone = Project.open(tmp_path / "clone")
    clone.workspace.pull(clone.remote())
    assert a(clone.root) == "v2"
    clone.workspace.fetch(clone.remote(), versions=clone.workspace.pointers("HEAD~1"))
    clone.workspace.checkout(rev="HEAD~1")
    assert a(clone.root) == "v1"


def test_a_push_whose_data_can_not_be_sent_fails(root, origin):
    subprocess.run(["rm", "-r", root / ".mlx/store"], check=True)
    told = git(root, "push", "-q", "origin", "main", code=1)
    assert "jmlx: no object" in told
    assert git(origin, "branch") == ""
    git(root, "push", "-q", "--no-verify", "origin", "main")


def test_a_push_of_a_deletion_sends_nothing(root):
    git(root, "push", "-q", "origin", "main:side")
    subprocess.run(["rm", "-r", root / ".mlx/store"], check=True)
    git(root, "push", "-q", "origin", ":side")


def test_a_push_without_a_remote_for_data_says_so(root):
    (root / "mlx.yaml").write_text("stages: {}\n")
    assert "no remote for data" in git(root, "push", "-q", "origin", "main")


def test_a_pull_brings_what_is_here(root, tmp_path, origin):
    git(root, "push", "-q", "origin", "main")
    git(tmp_path, "clone", "-q", str(origin), "clone")
    clone = tmp_path / "clone"
    hooks(clone)
    project = Project.open(clone)
    project.workspace.pull(project.remote())
    commit(root, "third", a="v3")
    git(root, "push", "-q", "origin", "main")
    assert "jmlx pull" in git(clone, "pull", "-q")
    assert a(clone) == "v2"
    project.workspace.pull(project.remote())
    git(clone, "reset", "-q", "--hard", "HEAD~1")
    project.workspace.checkout()
    assert "brought the data along" in git(clone, "pull", "-q")
    assert a(clone) == "v3"


def test_a_rebase_brings_the_data_along(root):
    git(root, "checkout", "-q", "-b", "side", "v1")
    (root / "notes").write_text("x")
    git(root, "add", "notes")
    git(root, "commit", "-q", "-m", "notes")
    git(root, "rebase", "-q", "main")
    assert a(root) == "v2"


def test_hooks_that_are_there_stay_and_get_their_input(root, tmp_path):
    uninstall(root, root / ".mlx/tmp")
    file = root / ".git/hooks/pre-push"
    mine = f'#!/bin/sh\necho "$1" > "{tmp_path}/told"\nwhile read -r line; do echo "$line"; done >> "{tmp_path}/told"\nexit 0\n'
    file.write_text(mine)
    file.chmod(0o755)
    hooks(root)
    once = file.read_text()
    hooks(root)
    assert file.read_text() == once
    assert "jmlx: sent" in git(root, "push", "-q", "origin", "main")
    told = (tmp_path / "told").read_text().splitlines()
    assert told[0] == "origin"
    assert told[1].startswith("refs/heads/main ")
    uninstall(root, root / ".mlx/tmp")
    assert file.read_text() == mine


def test_our_hooks_go_and_leave_nothing(root):
    changed = uninstall(root, root / ".mlx/tmp")
    assert len(changed) == 4
    assert not [path for path in changed if Path(path).exists()]
    git(root, "config", "--get", "merge.jmlx.driver", code=1)
    assert uninstall(root, root / ".mlx/tmp") == []


def test_a_hook_in_another_language_is_left_as_it_is(root):
    file = root / ".git/hooks/post-merge"
    file.write_text("#!/usr/bin/env python3\nprint('mine')\n")
    with pytest.raises(ForeignHookError, match="post-merge"):
        hooks(root)
    assert file.read_text() == "#!/usr/bin/env python3\nprint('mine')\n"


def test_hooks_go_where_git_looks_for_them(root, tmp_path):
    uninstall(root, root / ".mlx/tmp")
    git(root, "config", "core.hooksPath", str(tmp_path / "shared"))
    hooks(root)
    assert not (root / ".git/hooks/post-checkout").exists()
    git(root, "checkout", "-q", "v1")
    assert a(root) == "v1"


def test_a_project_in_a_folder_of_a_repository_with_another_one(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main", ".")
    for name in ("one", "two 2"):
        Project.create(tmp_path / name)
        hooks(tmp_path / name)
    for text in ("v1", "v2"):
        for name in ("one", "two 2"):
            commit(tmp_path / name, f"{text} of {name}", a=text)
    git(tmp_path, "checkout", "-q", "HEAD~2")
    assert [a(tmp_path / name) for name in ("one", "two 2")] == ["v1", "v1"]


def test_a_linked_worktree_without_the_data_is_told(root, tmp_path):
    told = git(root, "worktree", "add", "-q", str(tmp_path / "beside"), "v1")
    assert "jmlx pull data" in told
    assert a(root) == "v2"


def test_a_python_that_is_gone_stops_no_checkout(root):
    for path in (root / ".git/hooks").glob("*"):
        path.write_text(path.read_text().replace(sys.executable, "/gone/python"))
    assert "/gone/python is gone" in git(root, "checkout", "-q", "v1")
    assert a(root) == "v2"
    git(root, "push", "-q", "origin", "main", code=1)


def test_the_command_puts_hooks_into_a_project_that_is_there(project, jmlx):
    git(project.root, "init", "-q")
    assert jmlx("init").returncode == 1
    done = jmlx("init", "--git-hooks")
    assert done.returncode == 0, done
    assert "merge=jmlx" in (project.root / ".gitattributes").read_text()
    assert os.access(project.root / ".git/hooks/pre-push", os.X_OK)
    assert jmlx("init", "--no-git-hooks").returncode == 0
    assert not (project.root / ".git/hooks/pre-push").exists()


def test_the_command_without_git_says_so_in_one_line(project, jmlx):
    done = jmlx("init", "--git-hooks")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "git init" in done.stderr
