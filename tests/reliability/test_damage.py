"""RELIABILITY rows 9, 10 and 12: stored bytes change; found where they are read, never used, never spread, mended."""

import json
import os
import shutil

import pytest

from jupyter_mlx.digest import Digest
from jupyter_mlx.project import Project
from jupyter_mlx.store import SMALL_BYTES
from jupyter_mlx.testing.store import content

FILES = {
    "data/small": b"small" * 100,
    "data/sub/other": b"other" * 10,
    "data/large": content(SMALL_BYTES + 7),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, jmlx):
    """What `root` is a copy of, made once."""
    folder = tmp_path_factory.mktemp("whole")
    root = folder / "project"
    assert jmlx("init", str(root)).returncode == 0
    for name, data in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    assert jmlx("add", "data", cwd=root).returncode == 0
    for words in (("remote", "add", "origin", "../remote"), ("push",)):
        assert jmlx(*words, cwd=root).returncode == 0
    shutil.rmtree(root / "data")
    return folder


@pytest.fixture
def root(tmp_path, whole):
    """A project with a remote that has everything, and whose data is to be checked out."""
    return shutil.copytree(whole, tmp_path, symlinks=True, dirs_exist_ok=True) / "project"


def flip(path, at, length):
    data = bytearray(path.read_bytes())
    data[at + length // 2] ^= 1
    path.write_bytes(data)


def empty(path, at, length):
    data = path.read_bytes()
    path.write_bytes(data[:at])


def halve(path, at, length):
    data = path.read_bytes()
    path.write_bytes(data[: at + length // 2])


def pad(path, at, length):
    data = path.read_bytes()
    path.write_bytes(data[: at + length // 2] + bytes(len(data) - at - length // 2))


def harm(root, name, how):
    """Damage the stored bytes of a file, or of the folder's own manifest; its digest."""
    project = Project.open(root)
    digest = Digest.of(FILES[name]) if name in FILES else project.workspace.pointers()[0].digest
    large = project.store.linkable(digest)
    project.store.close()
    if large is not None:
        path, at, length = large, 0, large.stat().st_size
    else:
        whole = project.store.get(digest)
        project.store.close()
        path = next(pack for pack in (root / ".mlx/store/packs").iterdir() if whole in pack.read_bytes())
        at, length = path.read_bytes().index(whole), len(whole)
    mode = path.stat().st_mode
    path.chmod(0o600)
    how(path, at, length)
    path.chmod(mode)
    return digest


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *((name, flip) for name in ("data/small", "data/large", "the manifest")),
        *(("data/large", how) for how in (empty, halve, pad)),
        ("data/small", halve),
        ("the manifest", pad),
    ],
)
def test_damage_is_found_by_a_checkout_exits_3_and_is_mended_by_a_pull(root, jmlx, name, how):
    digest = harm(root, name, how)
    done = jmlx("checkout", cwd=root)
    if done.returncode == 1 and how is not flip:  # its frame is gone from the pack: it is missing
        assert "jmlx pull" in done.stderr
    else:
        assert done.returncode == 3, done
        assert how is not flip or str(digest) in done.stderr  # of a cut pack, what is behind it is gone too
        assert "jmlx pull" in done.stderr
    assert done.stderr.count("\n") == 1
    there = {path.name: path.read_bytes() for path in root.glob("data/**/*") if path.is_file()}
    assert all(data in FILES.values() for data in there.values()), "a damaged file came to the work tree"
    found = jmlx("verify", "--json", cwd=root)
    assert found.returncode == 3
    assert str(digest) in found.stdout
    assert jmlx("pull", cwd=root).returncode == 0
    for path, data in FILES.items():
        assert (root / path).read_bytes() == data
    assert jmlx("verify", cwd=root).returncode == 0


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("data/small", flip),
        ("data/large", flip),
        ("the manifest", flip),
        ("data/small", halve),
        ("data/large", pad),
    ],
)
def test_damage_is_never_pushed(root, jmlx, tmp_path, name, how):
    digest = harm(root, name, how)
    assert jmlx("remote", "add", "other", str(tmp_path / "other"), cwd=root).returncode == 0
    done = jmlx("push", "-r", "other", cwd=root)
    assert done.returncode in ({3} if how is flip else {1, 3}), done
    assert how is not flip or str(digest) in done.stderr
    other = Project.open(root).remote("other")
    assert not other.has(digest)
    for each in other.digests():
        other.check(each)


@pytest.mark.parametrize("link", ["hardlink", "symlink", "copy"])
def test_a_damaged_object_is_not_linked_to(root, jmlx, link):
    harm(root, "data/large", flip)
    assert jmlx("checkout", "--link", link, cwd=root).returncode == 3
    assert not os.path.lexists(root / "data/large")


def test_damage_is_told_by_the_names_of_what_needs_it(root, jmlx):
    small, large = harm(root, "data/small", flip), harm(root, "data/large", flip)
    told = json.loads(jmlx("verify", "data", "--json", cwd=root).stdout)
    assert {fault["digest"]: fault["paths"] for fault in told["corrupt"]} == {
        str(small): ["data/small"],
        str(large): ["data/large"],
    }


def test_a_whole_copy_in_the_work_tree_mends_the_store(root, jmlx):
    assert jmlx("checkout", cwd=root).returncode == 0
    for name in ("data/small", "data/large"):
        harm(root, name, flip)
    assert jmlx("verify", cwd=root).returncode == 3
    assert jmlx("add", "data", cwd=root).returncode == 0
    assert jmlx("verify", cwd=root).returncode == 0
