"""Versions put beside the work tree, and data added by a pattern."""

import json
import os
import subprocess

import pytest

from jupyter_mlx.data.beside import TargetNotEmptyError
from jupyter_mlx.data.choice import NoMatchError
from jupyter_mlx.data.links import Link
from jupyter_mlx.data.paths import BadPathError
from jupyter_mlx.store import SMALL_BYTES
from jupyter_mlx.testing.store import content

LARGE = content(SMALL_BYTES + 3)


@pytest.fixture
def data(project):
    """A project whose `data` was committed as v1, and is another now."""
    root = project.root
    (root / "data/sub").mkdir(parents=True)
    (root / "data/sub/large").write_bytes(LARGE)
    (root / "data/a").write_text("v1")
    project.workspace.add(["data"])
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"], ["tag", "v1"]):
        subprocess.run(["git", "-C", root, *words], check=True)
    (root / "data/a").write_text("changed, in no store")
    return root


@pytest.mark.parametrize("link", list(Link)[:1] + list(Link)[2:])
def test_a_version_beside_leaves_the_work_tree_as_it_is(project, data, tmp_path, link):
    before = project.workspace.status()
    project.workspace.checkout(rev="v1", to=tmp_path / "new/beside", link=link)
    assert (tmp_path / "new/beside/data/a").read_text() == "v1"
    assert (tmp_path / "new/beside/data/sub/large").read_bytes() == LARGE
    assert (data / "data/a").read_text() == "changed, in no store"
    assert project.workspace.status() == before


def test_hard_links_beside_share_the_bytes_of_the_store(project, data, tmp_path):
    project.workspace.checkout(["data/sub"], to=tmp_path / "beside", link=Link.HARDLINK)
    assert os.stat(tmp_path / "beside/data/sub/large").st_nlink == 2
    assert not (tmp_path / "beside/data/a").exists()


def test_a_folder_with_content_is_refused(project, data, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    for target in (tmp_path / "full", tmp_path / "full/mine", data):
        with pytest.raises(TargetNotEmptyError):
            project.workspace.checkout(to=target)
    assert os.listdir(tmp_path / "full") == ["mine"]


def test_a_folder_in_tracked_data_or_in_the_store_is_refused(project, data):
    for target in ("data/new", ".mlx/new", ".git/new"):
        with pytest.raises(BadPathError):
            project.workspace.checkout(to=data / target)
        assert not (data / target).exists()


def test_a_version_that_is_not_here_makes_no_folder(project, data, tmp_path):
    subprocess.run(["rm", "-r", data / ".mlx/store"], check=True)
    with pytest.raises(Exception, match="jmlx pull"):
        type(project)(project.root).workspace.checkout(to=tmp_path / "beside")
    assert not (tmp_path / "beside").exists()


def test_a_pattern_adds_each_match_as_data_of_its_own(project, jmlx):
    for name in ("d/1.csv", "d/deep/er/2.csv", "d/3.txt", "d/no.csv", "skip/4.csv", "d/.hidden/5.csv"):
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text(name)
    (project.root / ".mlxignore").write_text("no.csv\n")
    done = jmlx("add", "--glob", "d/**/*.csv", "--json")
    assert [version["path"] for version in json.loads(done.stdout)] == ["d/1.csv", "d/deep/er/2.csv"]
    assert jmlx("add", "--glob", "**/*.csv", "-C", "skip", "--json").returncode == 0
    assert {version.path for version in project.workspace.pointers()} == {
        "d/1.csv",
        "d/deep/er/2.csv",
        "skip/4.csv",
    }


def test_a_pattern_that_fits_folders_adds_the_folders(project):
    for name in ("d/a/x", "d/a/b/y", "d/a-c/z"):
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text(name)
    found = project.workspace.glob(project.root, "d/**")
    assert found == [project.root / "d"]
    assert project.workspace.glob(project.root, "d/*") == [project.root / "d/a", project.root / "d/a-c"]


def test_a_pattern_that_nothing_fits_says_so(project, jmlx):
    with pytest.raises(NoMatchError):
        project.workspace.glob(project.root, "*.nothing")
    assert jmlx("add").returncode == 2


def test_the_command_checks_out_beside(project, data, tmp_path, jmlx):
    done = jmlx("checkout", "data", "--rev", "v1", "--to", str(tmp_path / "beside"), "--json")
    assert json.loads(done.stdout)[0]["written"] == 2
    assert (tmp_path / "beside/data/a").read_text() == "v1"
    again = jmlx("checkout", "--to", str(tmp_path / "beside"))
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
