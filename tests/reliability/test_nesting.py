"""RELIABILITY row 27: folders in one another without end, in the work tree and from a remote."""

import os
import subprocess

import pytest

from jupyter_mlx.data.manifest import FILE, FOLDER, MOST_DEEP, BadManifestError, Entry, Manifest
from jupyter_mlx.data.version import Version
from jupyter_mlx.digest import Digest
from jupyter_mlx.store import LocalStore


@pytest.fixture(autouse=True)
def removed(project):
    """Python's own removal of a folder gives up where folders lie so deep."""
    yield
    subprocess.run(["rm", "-rf", "data"], cwd=project.root, check=True)


def nest(folder, depth):
    """Folders in one another, deeper than one path can say; a file in the last."""
    before = os.getcwd()
    os.makedirs(folder)
    os.chdir(folder)
    try:
        for _ in range(depth - 1):
            os.mkdir("a")
            os.chdir("a")
        with open("file", "w") as file:
            file.write("x")
    finally:
        os.chdir(before)


def test_folders_as_deep_as_may_be_are_versioned(project, jmlx):
    nest(project.root / "data", MOST_DEEP)
    assert jmlx("add", "data").returncode == 0
    subprocess.run(["rm", "-r", "data"], cwd=project.root, check=True)
    assert jmlx("checkout").returncode == 0
    assert (project.root / "data" / "/".join("a" * (MOST_DEEP - 1)) / "file").read_text() == "x"
    assert jmlx("status").returncode == 0
    assert jmlx("diff").returncode == 0
    assert jmlx("du").returncode == 0
    assert jmlx("gc", "--grace", "0").returncode == 0
    assert jmlx("verify").returncode == 0


def test_deeper_ones_are_told_and_do_no_harm_elsewhere(project, jmlx):
    nest(project.root / "data", 1500)
    (project.root / "other").write_text("x")
    done = jmlx("add", "data")
    assert done.returncode == 1
    assert done.stderr == (
        f"jmlx: data has more than {MOST_DEEP} folders in one another, which can't be tracked; put it in an archive\n"
    )
    assert jmlx("add", "other").returncode == 0
    assert jmlx("status").returncode == 0
    assert jmlx("gc").returncode == 0


def test_a_version_without_end_is_not_fetched(project, tmp_path):
    remote = LocalStore.open(tmp_path / "remote", tmp_path / "remote/tmp")
    entry = Entry(b"file", FILE, remote.put(b"x").raw, 1, 1)
    for _ in range(3000):
        digest = remote.put(Manifest.of([entry]).encode())
        entry = Entry(b"a", FOLDER, digest.raw, 1, 1)
    version = Version("data", "folder", Digest(entry.digest.hex()), 1, 1)
    with pytest.raises(BadManifestError, match="folders lie in one another"):
        project.workspace.fetch(remote, versions=[version])
    assert not project.store.has(version.digest)
