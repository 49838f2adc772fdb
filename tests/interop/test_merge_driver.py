"""Git merges of pointers and of mlx.lock, by real git."""

import json
import subprocess
from pathlib import Path

import pytest

from jupyter_mlx.data.hooks import install
from jupyter_mlx.data.merging import Merge
from jupyter_mlx.errors import ConfigError
from jupyter_mlx.pipelines import lock
from jupyter_mlx.project import Project


def git(root: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(["git", "-C", root, *words], check=False, capture_output=True, text=True)
    assert done.returncode == code, done
    return done.stdout + done.stderr


def opened(root: Path) -> Project:
    return Project.open(root)


def commit(root: Path, message: str, files: dict[str, str | None]) -> None:
    """Write files of `data` (None: remove), add it, commit its pointer."""
    for name, text in files.items():
        path = root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    opened(root).workspace.add(["data"])
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)


def read(root: Path) -> dict[str, str]:
    files = [path for path in (root / "data").rglob("*") if path.is_file()]
    return {path.relative_to(root / "data").as_posix(): path.read_text() for path in files}


@pytest.fixture
def root(tmp_path):
    """A project with hooks and the merge driver; `data` has two folders, committed."""
    root = tmp_path / "project"
    Project.create(root)
    (root / "mlx.yaml").write_text(f"remotes: {{origin: {{url: {tmp_path / 'remote'}}}}}\n")
    git(root, "init", "-q", "-b", "main", ".")
    install(root, root / ".mlx/tmp")
    commit(root, "base", {"a/1": "1", "a/2": "2", "b/3": "3"})
    return root


def two_sides(root: Path, ours: dict[str, str | None], theirs: dict[str, str | None]) -> None:
    git(root, "checkout", "-q", "-b", "side")
    commit(root, "theirs", theirs)
    git(root, "checkout", "-q", "main")
    opened(root).workspace.checkout()
    commit(root, "ours", ours)


def test_different_files_of_one_folder_are_merged_without_a_conflict(root):
    two_sides(root, {"a/ours": "o", "b/3": None}, {"a/theirs": "t", "a/2": "two", "new/4": "4"})
    assert "brought the data along" in git(root, "merge", "-q", "--no-edit", "side")
    expected = {"a/1": "1", "a/2": "two", "a/ours": "o", "a/theirs": "t", "new/4": "4"}
    assert read(root) == expected
    assert [found.state for found in opened(root).workspace.status()] == ["unchanged"]


def test_the_same_file_changed_in_two_ways_is_a_conflict_that_names_it(root):
    two_sides(root, {"a/1": "ours", "a/ours": "o"}, {"a/1": "their own", "a/theirs": "t"})
    told = git(root, "merge", "-q", "--no-edit", "side", code=1)
    assert "jmlx: CONFLICT (data): data/a/1: ours b3:" in told
    assert "(4 bytes), theirs b3:" in told
    assert "CONFLICT (content): Merge conflict in data.mlx" in told
    with pytest.raises(ConfigError, match="jmlx checkout data --ours"):
        opened(root).workspace.status()
    assert read(root)["a/1"] == "ours"


@pytest.mark.parametrize(("side", "text"), [("ours", "ours"), ("theirs", "their own")])
def test_a_conflict_is_ended_by_a_side_and_keeps_the_rest_of_both(root, jmlx, side, text):
    two_sides(root, {"a/1": "ours", "a/ours": "o"}, {"a/1": "their own", "a/theirs": "t"})
    git(root, "merge", "-q", "--no-edit", "side", code=1)
    done = jmlx("checkout", f"--{side}", cwd=root)
    assert done.returncode == 0, done
    assert read(root) == {"a/1": text, "a/2": "2", "a/ours": "o", "a/theirs": "t", "b/3": "3"}
    git(root, "add", "data.mlx")
    git(root, "commit", "-q", "--no-edit")
    assert jmlx("status", cwd=root).returncode == 0
    assert jmlx("checkout", "data", f"--{side}", cwd=root).returncode == 1


def test_one_file_of_theirs_can_be_taken(root, jmlx):
    two_sides(root, {"a/1": "ours", "b/3": "ours"}, {"a/1": "theirs", "b/3": "theirs"})
    git(root, "merge", "-q", "--no-edit", "side", code=1)
    for words in (
        ["checkout", "data", "--ours"],
        ["checkout", "data/b/3", "--rev", "MERGE_HEAD"],
        ["add", "data/b/3"],
    ):
        assert jmlx(*words, cwd=root).returncode == 0
    assert (read(root)["a/1"], read(root)["b/3"]) == ("ours", "theirs")
    assert jmlx("status", cwd=root).returncode == 0


def test_a_file_removed_here_and_changed_there_is_a_conflict(root):
    two_sides(root, {"a/1": None}, {"a/1": "theirs"})
    assert "data/a/1: ours removed it" in git(root, "merge", "-q", "--no-edit", "side", code=1)


def test_people_who_never_fetched_each_others_data_merge_and_push(root, tmp_path):
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
    git(root, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(root, "push", "-q", "-u", "origin", "main")
    git(tmp_path, "clone", "-q", str(tmp_path / "origin.git"), "clone")
    clone = tmp_path / "clone"
    install(clone, clone / ".mlx/tmp")
    opened(clone).workspace.pull(opened(clone).remote())
    commit(root, "ours", {"a/ours": "o"})
    git(root, "push", "-q")
    commit(clone, "theirs", {"a/theirs": "t"})
    git(clone, "pull", "-q", "--no-rebase", "--no-edit")
    git(clone, "push", "-q")
    opened(clone).workspace.pull(opened(clone).remote())
    assert {"a/ours", "a/theirs"} <= read(clone).keys()
    git(root, "pull", "-q")
    opened(root).workspace.pull(opened(root).remote())
    assert read(root) == read(clone)


def test_a_listing_that_is_nowhere_leaves_a_conflict(root):
    two_sides(root, {"a/ours": "o"}, {"a/theirs": "t"})
    subprocess.run(["rm", "-r", root / ".mlx/store"], check=True)
    told = git(root, "merge", "-q", "--no-edit", "side", code=1)
    assert "jmlx: data.mlx: no object" in told
    with pytest.raises(ConfigError, match="merge conflict"):
        opened(root).workspace.status()


def test_a_single_file_that_both_changed_is_a_conflict(root):
    for branch in ("side", "main"):
        git(root, "checkout", "-q", "-B", branch)
        (root / "f").write_text(branch)
        opened(root).workspace.add(["f"])
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", branch)
        if branch == "side":
            git(root, "checkout", "-q", "-B", "main", "HEAD~1")
    assert "CONFLICT (data): f: ours" in git(root, "merge", "-q", "--no-edit", "side", code=1)


def test_a_mode_and_a_content_that_changed_apart_are_both_taken(root):
    git(root, "checkout", "-q", "-b", "side")
    (root / "data/a/1").chmod(0o755)
    commit(root, "theirs", {})
    git(root, "checkout", "-q", "main")
    opened(root).workspace.checkout()
    commit(root, "ours", {"a/1": "ours"})
    git(root, "merge", "-q", "--no-edit", "side")
    assert read(root)["a/1"] == "ours"
    assert (root / "data/a/1").stat().st_mode & 0o111


def test_files_of_other_programs_are_merged_as_git_does(root):
    for branch in ("side", "main"):
        git(root, "checkout", "-q", "-B", branch)
        (root / "live.mlx").write_bytes(b"PK\x03\x04" + branch.encode())
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", branch)
        if branch == "side":
            git(root, "checkout", "-q", "-B", "main", "HEAD~1")
    git(root, "merge", "-q", "--no-edit", "side", code=1)


def entry(run: str) -> dict:
    digest = "b3:" + "0" * 64
    return {
        "code": digest, "kernel": "k", "modules": {}, "params": {}, "inputs": {}, "outputs": {}, "run": run,
        "duration_s": 1.0, "notebook": digest,
    }  # fmt: skip


def write_lock(root: Path, **runs: str) -> None:
    text = json.dumps({"format": lock.FORMAT, "stages": {name: entry(run) for name, run in runs.items()}})
    (root / "mlx.lock").write_text(lock.render(lock.parse(text)))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", str(runs))


def test_stages_that_changed_apart_are_merged_in_the_lock(root):
    write_lock(root, prepare="1", train="1", old="1")
    git(root, "checkout", "-q", "-b", "side")
    write_lock(root, prepare="1", train="2", old="1", theirs="2")
    git(root, "checkout", "-q", "main")
    write_lock(root, prepare="3", train="1", ours="3")
    git(root, "merge", "-q", "--no-edit", "side")
    assert {name: result.run for name, result in lock.read(root).items()} == {
        "ours": "3", "prepare": "3", "theirs": "2", "train": "2",
    }  # fmt: skip


def test_a_stage_that_both_ran_is_a_conflict_that_names_it(root):
    write_lock(root, train="1")
    git(root, "checkout", "-q", "-b", "side")
    write_lock(root, train="2")
    git(root, "checkout", "-q", "main")
    write_lock(root, train="3")
    assert "stage 'train'" in git(root, "merge", "-q", "--no-edit", "side", code=1)
    with pytest.raises(ConfigError, match="unfinished merge"):
        lock.read(root)


def test_many_clashes_leave_a_pointer_that_can_still_be_read_as_a_conflict(root):
    names = [f"a/{'long' * 20}{number}" for number in range(100)]
    two_sides(root, dict.fromkeys(names, "ours"), dict.fromkeys(names, "theirs"))
    git(root, "merge", "-q", "--no-edit", "side", code=1)
    with pytest.raises(ConfigError, match="merge conflict"):
        opened(root).workspace.status()
    assert "and 80 more" in (root / "data.mlx").read_text()


def test_merging_is_symmetric(root):
    two_sides(root, {"a/ours": "o", "a/2": None}, {"a/theirs": "t", "b/5": "5"})
    workspace = opened(root).workspace
    base, ours, theirs = (workspace.pointers(rev)[0] for rev in ("main~1", "main", "side"))
    one = Merge(workspace.contents.listing).versions(base, ours, theirs)
    assert one == Merge(workspace.contents.listing).versions(base, theirs, ours)
    assert one.files == 5
