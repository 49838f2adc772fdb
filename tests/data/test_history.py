"""Versions of data in git's history: of a path, of a part of tracked data, and all that git keeps."""

import subprocess
from pathlib import Path

import pytest

from jupyter_mlx.data import history
from jupyter_mlx.data.git import GitError
from jupyter_mlx.data.pointer import NewerPointerError
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.store import LocalStore


@pytest.fixture
def root(tmp_path):
    (tmp_path / ".mlx").mkdir()
    (tmp_path / ".mlx/.gitignore").write_text("*\n")
    git(tmp_path, "init", "-q", "-b", "main", ".")
    return tmp_path


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True, text=True)
    return done.stdout


def opened(root: Path) -> Workspace:
    state = root / ".mlx"
    state.mkdir(exist_ok=True)
    return Workspace.open(root, LocalStore.open(state / "store", state / "tmp"), state)


def commit(root: Path, message: str, **files: str) -> None:
    """Write `data/NAME`, add `data`, and commit its pointer."""
    (root / "data").mkdir(exist_ok=True)
    for name, text in files.items():
        path = root / "data" / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    opened(root).add(["data"])
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)


def subjects(root: Path, path: str) -> list[str]:
    return [past.subject for past in opened(root).log(path)]


def all_sizes(root: Path) -> set[int]:
    return {version.size_bytes for _, version in history.all_pointers(root)}


def test_the_log_of_a_part_has_only_the_commits_that_changed_it(root):
    commit(root, "first", a__x="1", b="1")
    commit(root, "only b", b="22")
    commit(root, "a too", a__x="22", a__y="1")
    assert subjects(root, "data") == ["a too", "only b", "first"]
    assert subjects(root, "data/a") == ["a too", "first"]
    assert subjects(root, "data/a/y") == ["a too"]
    assert [past.version.size_bytes for past in opened(root).log("data/a")] == [3, 1]


def test_the_log_of_a_part_tells_that_it_went(root):
    commit(root, "first", a="1", b="1")
    (root / "data/a").unlink()
    commit(root, "a goes")
    newest, first = opened(root).log("data/a")
    assert (newest.subject, newest.version, first.subject) == ("a goes", None, "first")


def test_the_log_follows_a_path_from_its_own_pointer_into_a_folder(root):
    (root / "data").mkdir()
    (root / "data/a").write_text("1")
    opened(root).add(["data/a"])
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "alone")
    opened(root).remove("data/a")
    commit(root, "as a folder", b="1")
    commit(root, "changed", a="22")
    assert subjects(root, "data/a") == ["changed", "alone"]


def test_a_listing_that_is_not_here_is_told_in_the_log(root):
    commit(root, "first", a="1")
    commit(root, "second", a="22")
    clone = root.parent / f"{root.name}-clone"
    git(root.parent, "clone", "-q", str(root), str(clone))
    found = opened(clone).log("data/a")
    assert [past.subject for past in found] == ["second", "first"]
    assert all(past.version is None and "jmlx" in past.problem for past in found)


def test_the_log_works_in_a_folder_of_the_repository(tmp_path):
    git(tmp_path, "init", "-q", ".")
    inner = tmp_path / "sub"
    (inner / ".mlx").mkdir(parents=True)
    (inner / ".mlx/.gitignore").write_text("*\n")
    commit(inner, "first", a="1")
    commit(inner, "second", a="22")
    assert subjects(inner, "data/a") == ["second", "first"]
    assert [version.path for version in history.pointers_at(inner, "HEAD~1")] == ["data"]
    assert {version.path for _, version in history.all_pointers(inner)} == {"data"}


def test_names_that_git_reads_as_patterns_are_names(root):
    commit(root, "first", a="1")
    (root / "d*a").write_text("1")
    with pytest.raises(Exception, match="not tracked at any commit"):
        opened(root).log("d*a")


def test_all_pointers_are_those_of_every_branch_tag_stash_and_the_index(root):
    commit(root, "base", a="x" * 1)
    git(root, "checkout", "-q", "-b", "side")
    commit(root, "side", a="x" * 2)
    git(root, "checkout", "-q", "main")
    git(root, "checkout", "-q", "-b", "tagged")
    commit(root, "tagged", a="x" * 3)
    git(root, "tag", "v1")
    git(root, "checkout", "-q", "main")
    git(root, "branch", "-D", "tagged")
    for size in (4, 5):
        (root / "data/a").write_text("x" * size)
        opened(root).add(["data"])
        git(root, "stash")
    (root / "data/a").write_text("x" * 6)
    opened(root).add(["data"])
    git(root, "add", "data.mlx")
    assert all_sizes(root) == {1, 2, 3, 4, 5, 6}


def test_all_pointers_has_what_a_merge_left_out(root):
    commit(root, "base", a="x" * 1)
    git(root, "checkout", "-q", "-b", "side")
    commit(root, "side", a="x" * 2)
    git(root, "checkout", "-q", "main")
    commit(root, "main", a="x" * 3)
    git(root, "merge", "-q", "-s", "ours", "-m", "merged", "side")
    git(root, "branch", "-D", "side")
    assert all_sizes(root) == {1, 2, 3}


def test_all_pointers_of_a_detached_head_are_there(root):
    commit(root, "base", a="x" * 1)
    git(root, "checkout", "-q", "--detach")
    commit(root, "detached", a="x" * 2)
    assert all_sizes(root) == {1, 2}


def test_what_is_no_whole_pointer_is_passed_over_and_a_newer_one_is_not(root):
    commit(root, "base", a="x")
    (root / "bad.mlx").write_text("<<<<<<< HEAD\n")
    (root / "matlab.mlx").write_bytes(b"PK\x03\x04 more")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "others")
    assert all_sizes(root) == {1}
    (root / "new.mlx").write_text((root / "data.mlx").read_text().replace("format: 1", "format: 2"))
    git(root, "add", "-A")
    with pytest.raises(NewerPointerError):
        all_sizes(root)


def test_all_pointers_without_commits_are_those_of_the_index(root):
    (root / "f").write_text("x")
    opened(root).add(["f"])
    assert all_sizes(root) == set()
    git(root, "add", "-A")
    assert all_sizes(root) == {1}


def test_without_git_the_history_says_so(tmp_path):
    with pytest.raises(GitError, match="git init"):
        list(history.all_pointers(tmp_path))


def test_pointers_of_other_programs_at_a_revision_are_passed_over(root):
    (root / "live.mlx").write_bytes(b"PK\x03\x04 and more")
    commit(root, "first", a="1")
    assert [version.path for version in opened(root).pointers("HEAD")] == ["data"]


def test_many_commits_are_read_by_one_process(root):
    stream = []
    for number in range(600):
        pointer = f"format: 1\nkind: file\ndigest: b3:{number:064x}\nsize_bytes: {number}\nfiles: 1\n"
        stream.append(
            f"commit refs/heads/main\ncommitter A <a@b> {1_700_000_000 + number} +0000\ndata 2\nm\n"
            f"M 644 inline f.mlx\ndata {len(pointer)}\n{pointer}\n"
        )
    subprocess.run(["git", "-C", root, "fast-import", "--quiet"], input="".join(stream).encode(), check=True)
    assert [past.version.size_bytes for past in opened(root).log("f")] == list(range(600))[::-1]
    assert len(list(history.all_pointers(root))) == 600
