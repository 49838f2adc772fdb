"""`.mlxignore`: what it keeps out of versions, and that what it keeps out is left alone."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlx.data import ignore
from jupyter_mlx.data.ignore import ExcludedPathError
from jupyter_mlx.data.place import FileInTheWayError
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.errors import AccessError, ConfigError
from jupyter_mlx.store import SMALL_BYTES, LocalStore


@pytest.fixture
def root(tmp_path):
    (tmp_path / ".mlx").mkdir()
    return tmp_path


def opened(root: Path) -> Workspace:
    state = root / ".mlx"
    return Workspace.open(root, LocalStore.open(state / "store", state / "tmp"), state)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(workspace: Workspace, path: str) -> set[str]:
    return {name for name, _, _ in workspace.files(workspace.add([path])[0])}


def test_no_rules_are_none(root):
    assert ignore.above(os.fsencode(root), b"data/images") is None


def test_files_that_a_rule_names_are_no_part_of_a_version(root):
    write(root, {".mlxignore": "*.tmp\n", "data/a": "a", "data/b.tmp": "b", "data/sub/c.tmp": "c"})
    assert names(opened(root), "data") == {"a"}


def test_rules_are_found_in_each_folder_and_nearer_ones_win(root):
    write(
        root,
        {
            ".mlxignore": "*.log\n/data/cache/\n",
            "data/.mlxignore": "!keep.log\n",
            "data/sub/.mlxignore": "*.bin\n",
            "data/keep.log": "", "data/other.log": "", "data/x.bin": "", "data/cache/deep/y": "",
            "data/sub/z.bin": "", "data/sub/keep.log": "", "data/sub/cache/w": "",
        },
    )  # fmt: skip
    expected = {".mlxignore", "keep.log", "x.bin", "sub/.mlxignore", "sub/keep.log", "sub/cache/w"}
    assert names(opened(root), "data") == expected


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("x/", {"a/x.png", "x.png"}),
        ("/x/", {"a/x.png", "x.png", "a/x/1"}),
        ("**/x/*\n!1", {"a/x.png", "x.png", "a/x/1", "x/1"}),
        ("x\n!x/1", {"a/x.png", "x.png"}),
        ("# x\n\n\\#y\nx.pn[a-g]\r\n", {"a/x/1", "x/1"}),
        ("*", set()),
    ],
)
def test_the_syntax_is_that_of_gitignore(root, rule, kept):
    write(root, {"d/a/x.png": "", "d/x.png": "", "d/a/x/1": "", "d/x/1": "", "d/.mlxignore": f"{rule}\n"})
    assert names(opened(root), "d") - {".mlxignore"} == kept


def test_status_does_not_count_what_is_ignored(root):
    write(root, {".mlxignore": "*.tmp\n", "data/a": "a"})
    workspace = opened(root)
    workspace.add(["data"])
    write(root, {"data/b.tmp": "b"})
    assert [found.state for found in opened(root).status()] == ["unchanged"]


def test_checkout_never_removes_what_is_ignored(root):
    write(root, {"data/a": "1", "data/sub/b": "b"})
    workspace = opened(root)
    version = workspace.add(["data"])[0]
    write(root, {"data/a": "2", "data/new/c": "c", "data/new/d.tmp": "d", ".mlxignore": "*.tmp\n"})
    workspace.add(["data"])
    workspace.restore(version)
    assert (root / "data/a").read_text() == "1"
    assert not (root / "data/new/c").exists()
    assert (root / "data/new/d.tmp").read_text() == "d"


def test_checkout_does_not_overwrite_an_ignored_file_by_one_of_the_version(root):
    write(root, {"data/a": "1", "data/log": "of the version"})
    workspace = opened(root)
    version = workspace.add(["data"])[0]
    write(root, {".mlxignore": "log\n", "data/log": "mine"})
    with pytest.raises(FileInTheWayError, match="data/log"):
        workspace.restore(version)
    assert (root / "data/log").read_text() == "mine"
    assert not list((root / ".mlx/tmp").iterdir())


def test_checkout_leaves_an_ignored_file_that_is_as_in_the_version(root):
    write(root, {"data/a": "1", "data/log": "of the version", "data/big.log": "x" * SMALL_BYTES})
    version = opened(root).add(["data"])[0]
    write(root, {".mlxignore": "*log\n", "data/a": "2"})
    for _ in range(2):
        opened(root).restore(version, force=True)
        assert (root / "data/a").read_text() == "1"
    (root / "data/log").unlink()
    opened(root).restore(version)
    assert (root / "data/log").read_text() == "of the version"


def test_an_excluded_path_that_is_named_is_refused(root):
    write(root, {".mlxignore": "raw/\n", "data/raw/a": "a"})
    for path in ("data/raw", "data/raw/a"):
        with pytest.raises(ExcludedPathError):
            opened(root).add([path])
    assert not (root / "data/raw.mlx").exists()


def test_what_is_saved_for_a_run_is_kept_although_a_rule_excludes_it(root):
    write(root, {".mlxignore": "raw/\n*.tmp\n", "data/raw/a": "a", "data/b.tmp": "b"})
    workspace = opened(root)
    assert workspace.save("data/raw").files == 1
    assert workspace.save("data/b.tmp").size_bytes == 1


def test_a_line_that_is_no_pattern_is_named(root):
    write(root, {"data/.mlxignore": "*.tmp\n[z-a]\n", "data/a": "a"})
    with pytest.raises(ConfigError, match=r"data/\.mlxignore:2"):
        opened(root).add(["data"])


def test_rules_that_cannot_be_read_stop_the_add(root):
    write(root, {"data/a": "a"})
    (root / "data/.mlxignore").symlink_to("a")
    with pytest.raises(AccessError, match="mlxignore"):
        opened(root).add(["data"])


def test_names_that_are_not_utf_8_can_be_excluded(root):
    (root / "data").mkdir()
    (root / "data" / os.fsdecode(b"no \xff.tmp")).write_text("")
    (root / "data" / ".mlxignore").write_bytes(b"no \xff*\n")
    assert names(opened(root), "data") == {".mlxignore"}


folders = st.sampled_from(["", "a/", "a/b/", "c/"])
rules = st.sampled_from(
    [
        "x",
        "/x",
        "x/",
        "!x",
        "*.t",
        "!k.t",
        "a/",
        "/a",
        "a/*",
        "!a/x",
        "**/b",
        "b/**",
        "a/**/x",
        "*",
        "!*/",
        "[ab]",
        "?",
        "",
    ]
)
NAMES = [
    f"{folder}{name}" for folder in ("", "a/", "a/b/", "c/", "a/x/") for name in ("x", "k.t", "y.t", "a", "b")
]


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(folders, st.lists(rules, max_size=4), max_size=3))
def test_what_is_excluded_is_what_git_excludes(tmp_path_factory, given_rules):
    root = tmp_path_factory.mktemp("project")
    (root / ".mlx").mkdir()
    data = root / "data"
    for name in NAMES:
        if not any(other.startswith(f"{name}/") for other in NAMES):
            write(data, {name: ""})
    write(data, {f"{folder}.mlxignore": "\n".join(lines) for folder, lines in given_rules.items()})
    subprocess.run(["git", "init", "-q", data], check=True)
    words = ["git", "-C", data, "ls-files", "-z", "--others", "--exclude-per-directory=.mlxignore"]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    subprocess.run(["rm", "-r", data / ".git"], check=True)
    assert names(opened(root), "data") == set(told.split("\0")) - {""}
