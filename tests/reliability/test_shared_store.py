"""A store that several projects and people use: what each needs is kept, and each may write."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlx import keeping, sharing
from jupyter_mlx.data.gc import RootError
from jupyter_mlx.digest import Digest
from jupyter_mlx.project import Project
from jupyter_mlx.store import SMALL_BYTES

LARGE = os.urandom(SMALL_BYTES + 9)


def projects(tmp_path, jmlx, *names, options=()):
    for name in names:
        done = jmlx("init", str(tmp_path / name), "--store", str(tmp_path / "store"), *options)
        assert done.returncode == 0, done.stderr
    return [Project.open(tmp_path / name) for name in names]


def add(project, name, data):
    (project.root / name).write_bytes(data)
    Project.open(project.root).workspace.add([name])


def gc(project):
    return keeping.collect(Project.open(project.root), grace_s=0).removed


def test_projects_share_what_is_the_same_and_a_gc_keeps_what_each_needs(tmp_path, jmlx):
    one, two = projects(tmp_path, jmlx, "one", "two")
    add(one, "a", LARGE)
    add(two, "a", LARGE)
    add(two, "b", b"of the second")
    add(one, "c", b"garbage")
    (one.root / "c.mlx").unlink()
    assert not (one.root / ".mlx/store").exists()
    assert len(list((tmp_path / "store/objects").glob("*/*"))) == 1
    assert gc(one).small_objects == 1
    assert two.store.get(Digest.of(b"of the second")) == b"of the second"
    (two.root / "a.mlx").unlink()
    gc(two)
    assert one.store.get(Digest.of(LARGE)) == LARGE
    assert jmlx("status", cwd=one.root).returncode == 0
    assert jmlx("checkout", "--link", "symlink", cwd=one.root).returncode == 0
    (one.root / "a").unlink()
    assert jmlx("checkout", "--link", "symlink", cwd=one.root).returncode == 0
    assert (one.root / "a").is_symlink()
    assert jmlx("status", cwd=one.root).returncode == 0
    assert jmlx("add", "a", cwd=one.root).returncode == 0


def test_a_project_that_is_gone_is_named_and_forgotten_when_that_is_said(tmp_path, jmlx):
    one, two = projects(tmp_path, jmlx, "one", "two")
    add(two, "a", b"of the second")
    (tmp_path / "two").rename(tmp_path / "moved")
    with pytest.raises(RootError, match=rf"project {two.root}.*--forget"):
        gc(one)
    assert one.store.has(Digest.of(b"of the second"))
    assert jmlx("gc", "--forget", str(tmp_path / "nowhere"), cwd=one.root).returncode == 1
    assert jmlx("gc", "--forget", str(two.root), "--grace", "0", cwd=one.root).returncode == 0
    assert not one.store.has(Digest.of(b"of the second"))
    Project.open(tmp_path / "moved").store  # noqa: B018 (entered under its new name)
    assert sorted(sharing.projects(tmp_path / "store")) == [tmp_path / "moved", one.root]


def test_a_damaged_pointer_of_another_project_keeps_all(tmp_path, jmlx):
    one, two = projects(tmp_path, jmlx, "one", "two")
    garbage = one.store.put(b"garbage")
    (two.root / "a.mlx").write_text("nonsense")
    with pytest.raises(RootError, match=r"a\.mlx"):
        gc(one)
    assert one.store.has(garbage)


def test_a_store_whose_disk_is_not_there_is_told_and_not_made_anew(tmp_path, jmlx):
    (one,) = projects(tmp_path, jmlx, "one")
    add(one, "a", b"a")
    (tmp_path / "store").rename(tmp_path / "unmounted")
    done = jmlx("status", cwd=one.root)
    assert done.returncode == 1
    assert "mount its disk" in done.stderr
    assert not (tmp_path / "store").exists()


def test_a_project_with_a_store_of_its_own_is_not_left_without_its_data(project, tmp_path, jmlx):
    add(project, "a", b"a")
    done = jmlx("init", "--store", str(tmp_path / "store"), cwd=project.root)
    assert done.returncode == 1
    assert "jmlx push" in done.stderr
    assert jmlx("status", cwd=project.root).returncode == 0


def test_a_path_that_is_not_absolute_is_refused_with_its_line(project, jmlx):
    (project.root / ".mlx/local.yaml").write_text("remotes: {}\nstore: nearby\n")
    done = jmlx("status", cwd=project.root)
    assert done.returncode == 1
    assert ".mlx/local.yaml:2: store" in done.stderr


AS_USER = """
import os, sys, tempfile
from pathlib import Path
from jupyter_mlx import sharing
from jupyter_mlx.project import Project, ProjectExistsError

def work(root, store, text):
    try:
        Project.create(root)
    except ProjectExistsError:
        pass
    if not (root / ".mlx/local.yaml").exists():
        sharing.share(root, store, group=True)
    project = Project.open(root)
    for turn in range(3):
        (root / "small").write_bytes(text * 10 + b"%d" % turn)
        (root / "same").write_bytes(b"the same" * 200_000)
        project.workspace.add(["small", "same"])
    project.store.get(project.workspace.pointers()[0].digest)

with tempfile.TemporaryDirectory() as folder:  # what is imported on use: the user may not read root's Python
    work(Path(folder), Path(folder, "store"), b"root")
os.setgid(12345); os.setgroups([12345]); os.setuid(int(sys.argv[1])); os.umask(0o022)
work(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[1].encode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="to be two users takes root")
def test_two_people_of_one_group_write_to_one_store(jmlx):
    base = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    try:
        store = base / "store"
        store.mkdir()
        base.chmod(0o755)
        for user in ("20001", "20002"):
            (base / user).mkdir()
            os.chown(base / user, int(user), 12345)
        os.chown(store, 20001, 12345)
        for user in ("20001", "20002", "20001", "20002"):
            done = subprocess.run(
                [sys.executable, "-c", AS_USER, user, base / user, store],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-2000:]
        assert len(list((store / "packs").iterdir())) == 1, "each writes on in what the other began"
        one, two = (Project.open(base / user) for user in ("20001", "20002"))
        assert gc(one).small_objects == 4
        assert one.workspace.verify()
        assert two.workspace.verify()
    finally:
        subprocess.run(["rm", "-r", base], check=True)
