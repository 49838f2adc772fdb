"""RELIABILITY rows 5, 7, 22 and 25: full and read-only disks, files that change, folders that become links."""

import os
import random
import subprocess
import sys
import threading
import time

import pytest

from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, MlxError
from jupyter_mlx.store import SMALL_BYTES, FileChangedError, LocalStore
from jupyter_mlx.testing.store import content


def opened(root):
    state = root / ".mlx"
    return Workspace.open(root, LocalStore.open(state / "store", state / "tmp"), state)


def mount(*words):
    return subprocess.run(["mount", *words], capture_output=True, text=True, check=False)


@pytest.fixture
def small_disk(tmp_path):
    """Make a folder a disk of 3 MiB."""
    mounted = []

    def make(folder):
        folder.mkdir(parents=True)
        done = mount("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder))
        if done.returncode:
            pytest.skip(f"a small disk can't be mounted here (it takes root): {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def root(tmp_path, small_disk):
    """A project whose `.mlx/` is a disk of 3 MiB."""
    return small_disk(tmp_path / "project" / ".mlx").parent


@pytest.mark.parametrize(
    "files",
    [
        {"large": random.Random(1).randbytes(4 << 20)},
        {"long": random.Random(2).randbytes(11 << 20)},
        {f"{number}": random.Random(number).randbytes(4096) for number in range(1000)},
        {f"large{number}": random.Random(number).randbytes(SMALL_BYTES) for number in range(3)},
    ],
    ids=["one large", "one long", "many small", "several large"],
)
def test_a_full_disk_is_told_leaves_nothing_behind_and_the_next_add_succeeds(root, files):
    workspace = opened(root)
    kept = workspace.store.put(b"kept before")
    (root / "data").mkdir()
    for name, data in files.items():
        (root / "data" / name).write_bytes(data)
    with pytest.raises(AccessError, match=r"No space left on device.*free some space"):
        workspace.add(["data"])
    assert list((root / ".mlx/tmp").iterdir()) == []
    assert workspace.pointers() == []
    assert workspace.verify()
    for fresh in (workspace, opened(root)):
        assert fresh.store.get(kept) == b"kept before"
    assert mount("-o", "remount,size=30m", str(root / ".mlx")).returncode == 0
    version = opened(root).add(["data"])[0]
    assert version.files == len(files)
    assert opened(root).verify()


def test_a_full_work_tree_is_told_and_a_folder_appears_only_when_it_is_whole(tmp_path, small_disk):
    source = tmp_path / "project"
    (source / ".mlx").mkdir(parents=True)
    workspace = opened(source)
    (source / "data").mkdir()
    for number in range(8):
        (source / f"data/{number}").write_bytes(os.urandom(600_000))
    (source / "data/large").write_bytes(os.urandom(2 << 20))
    version = workspace.add(["data"])[0]
    full = small_disk(tmp_path / "full")
    there = Workspace.open(full, workspace.store, tmp_path / "state")
    with pytest.raises(AccessError, match="No space left"):
        there.restore(version)
    assert list(full.iterdir()) == []


def test_a_read_only_disk_is_told_and_still_read(root):
    workspace = opened(root)
    (root / "data").write_bytes(b"data")
    workspace.add(["data"])
    workspace.store.close()
    assert mount("-o", "remount,ro", str(root / ".mlx")).returncode == 0
    (root / "more").write_bytes(b"more")
    with pytest.raises(AccessError, match=r"Read-only file system.*writable disk"):
        opened(root).add(["more"])
    fresh = opened(root)
    assert fresh.store.get(Digest.of(b"data")) == b"data"
    assert fresh.status()[0].state == "unchanged"
    assert fresh.verify()


def test_a_folder_without_write_permission_is_told_in_one_line(tmp_path, jmlx):
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere; the read-only disk stands for this")
    assert jmlx("init", str(tmp_path)).returncode == 0
    (tmp_path / "data").write_bytes(b"data")
    (tmp_path / ".mlx").chmod(0o500)
    try:
        done = jmlx("add", "data", cwd=tmp_path)
    finally:
        (tmp_path / ".mlx").chmod(0o700)
    assert done.returncode == 1
    assert "Permission denied" in done.stderr
    assert done.stderr.count("\n") == 1


def test_where_the_state_is_on_another_disk_data_is_checked_out_all_the_same(root):
    workspace = opened(root)
    (root / "data").mkdir()
    (root / "data/small").write_bytes(b"small")
    (root / "data/large").write_bytes(content(SMALL_BYTES))
    workspace.add(["data"])
    subprocess.run(["rm", "-r", root / "data"], check=True)
    workspace.checkout()
    (root / "data/small").unlink()
    (root / "data/large").unlink()
    workspace.checkout()
    assert sorted(path.name for path in (root / "data").iterdir()) == ["large", "small"]
    assert sorted(path.name for path in root.iterdir()) == [".gitignore", ".mlx", "data", "data.mlx"]


WRITES = """
import sys
with open(sys.argv[1], "r+b", buffering=0) as file:
    print("ready", flush=True)
    for number in range(10**9):
        file.seek(number * 4096 % int(sys.argv[2]))
        file.write(b"%d" % number)
"""


@pytest.fixture
def restless(tmp_path):
    """A file of 8 MiB that another process writes to all the time."""
    (tmp_path / ".mlx").mkdir()
    path = tmp_path / "data"
    path.write_bytes(content(8 << 20))
    writer = subprocess.Popen([sys.executable, "-c", WRITES, path, str(8 << 20)], stdout=subprocess.PIPE)
    writer.stdout.readline()
    yield path
    writer.kill()
    writer.wait()


@pytest.mark.parametrize(
    "read",
    [
        lambda root: opened(root).save("data"),
        lambda root: opened(root).version("data"),
        lambda root: opened(root).store.put_file(root / "data"),
    ],
    ids=["save", "version", "put_file"],
)
def test_a_file_that_changes_while_it_is_read_has_no_version(tmp_path, restless, read):
    def often():  # the other process may be kept waiting now and then
        for _ in range(100):
            read(tmp_path)

    with pytest.raises(FileChangedError, match="keeps changing"):
        often()
    assert opened(tmp_path).verify()


def test_a_folder_that_becomes_a_link_between_look_and_write_leads_nowhere(tmp_path):
    root, outside = tmp_path / "project", tmp_path / "outside"
    (root / ".mlx").mkdir(parents=True)
    (root / "data/sub").mkdir(parents=True)
    outside.mkdir()
    workspace = opened(root)
    for name in ("data/top", "data/sub/inner"):
        (root / name).write_text("one")
    version = workspace.add(["data"])[0]
    for name in ("data/top", "data/sub/inner"):
        (root / name).write_text("two")
    workspace.save("data")
    real = workspace.store.stream

    def stream(digests):  # called for `top`, before `sub` is entered
        if not (root / "data/sub").is_symlink():
            (root / "data/sub").rename(root / "elsewhere")
            (root / "data/sub").symlink_to(outside)
        return real(digests)

    workspace.store.stream = stream
    with pytest.raises(AccessError):
        workspace.restore(version)
    assert list(outside.iterdir()) == []
    with pytest.raises(MlxError):
        workspace.restore(version, to="data/sub/x")
    assert list(outside.iterdir()) == []


def test_a_folder_that_is_swapped_for_a_link_all_the_time_leads_no_write_out_of_the_project(tmp_path):
    root, outside = tmp_path / "project", tmp_path / "outside"
    (root / ".mlx").mkdir(parents=True)
    outside.mkdir()
    workspace = opened(root)
    for number in range(30):
        (root / "data/sub").mkdir(parents=True, exist_ok=True)
        (root / f"data/sub/{number}").write_bytes(b"%d" % number)
    version = workspace.add(["data"])[0]
    stop = threading.Event()

    def swap():
        spare = root / "spare"
        while not stop.is_set():
            for _ in range(2):
                try:
                    (root / "data/sub").rename(spare)
                    (root / "data/sub").symlink_to(outside)
                    time.sleep(0.001)
                    (root / "data/sub").unlink()
                    spare.rename(root / "data/sub")
                except OSError:
                    pass

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for turn in range(60):
            for number in range(turn % 7, 30, 7):
                (root / f"data/sub/{number}").unlink(missing_ok=True)
            for path in outside.iterdir():
                path.unlink()
            try:
                workspace.restore(version, force=True)
            except (MlxError, OSError):
                continue
            assert [path.name for path in outside.iterdir()] == []
    finally:
        stop.set()
        thread.join()
    assert [path.name for path in outside.iterdir()] == []
