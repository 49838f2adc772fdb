"""RELIABILITY rows 3 and 4: power cuts, replayed at every step of real programs; what was promised is there."""

import shutil
import subprocess
import sys

import pytest
from power_cut import MODES, Disk, calls, traced
from stopping import opened

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptObjectError
from jupyter_mlx.store import SMALL_BYTES, LocalStore
from jupyter_mlx.store.remote import open_remote
from jupyter_mlx.testing.store import content

PUTS = """
import sys
from pathlib import Path
from jupyter_mlx.store import LocalStore
store = LocalStore.open(Path(sys.argv[1]) / "store", Path(sys.argv[1]) / "tmp")
for number in range(3):
    print(store.put(b"%d" % number * 500), flush=True)
print(store.put(bytes(1 << 20) + b"large"), flush=True)
with store.batch() as batch:
    some = [batch.put(b"%d " % number * 100) for number in range(20)]
print(*some, sep="\\n", flush=True)
"""


@pytest.fixture(autouse=True)
def strace():
    tried = shutil.which("strace") and subprocess.run(
        ["strace", "-qq", "true"], check=False, capture_output=True
    )
    if not tried or tried.returncode:
        pytest.skip("programs can't be traced here (it takes strace)")


def replay(root, command, log, check, cwd=None):
    """Trace a command, and look at each state of a folder that a power cut during it could leave."""
    disk = Disk(root)
    done = list(calls(traced(command, cwd or root, log)))
    left = root.parent / "left"
    states = 0
    for number, (name, arguments, value) in enumerate(done):
        told = len(disk.told)
        changed = disk.apply(name, arguments, value) or len(disk.told) != told
        if changed and number + 1 < len(done) and same_file(done[number], done[number + 1]):
            continue  # pages of one file, one after another: the last of them stands for all, torn
        if changed or number + 1 == len(done):
            for mode in MODES:
                disk.leave(left, mode, seed=states)
                check(left, disk.told.decode(), f"after {states} states, {mode}: {name}({arguments[:300]}")
                states += 1
    return states


def same_file(one, other):
    return one[0] == other[0] == "pwrite64" and one[1].partition(",")[0] == other[1].partition(",")[0]


def test_what_a_put_promised_outlives_a_power_cut_at_any_step(tmp_path):
    root = tmp_path / "root"
    root.mkdir()

    def check(left, told, where):
        store = LocalStore.open(left / "store", left / "tmp")
        for line in told.split("\n")[:-1]:
            store.check(Digest.parse(line))
        for digest in store.digests():
            store.check(digest)  # whole, or absent
        store.close()

    states = replay(root, [sys.executable, "-c", PUTS, str(root)], tmp_path / "log", check)
    assert states > 100, states


def test_a_power_cut_during_an_add_leaves_the_old_version_or_the_new(tmp_path, jmlx):
    root = tmp_path / "root"
    assert jmlx("init", str(root)).returncode == 0
    (root / "data/sub").mkdir(parents=True)
    (root / "data/sub/small").write_bytes(b"small")
    (root / "data/large").write_bytes(content(SMALL_BYTES))
    assert jmlx("add", "data", cwd=root).returncode == 0
    old = opened(root).pointers()
    (root / "data/sub/more").write_bytes(b"more")
    (root / "data/large").write_bytes(content(SMALL_BYTES + 1))
    seen = set()

    def check(left, told, where):
        workspace = opened(left)
        pointers = workspace.pointers()
        assert [version.path for version in pointers] == ["data"], where
        assert not workspace.store.missing(workspace.digests(pointers[0])), where
        assert workspace.verify(), where
        if told:
            assert pointers != old, where
        if pointers[0].digest not in seen:
            seen.add(pointers[0].digest)
            workspace.add(["data"])
            assert opened(left).verify(), where
        workspace.store.close()

    command = [sys.executable, "-m", "jupyter_mlx.cli.main", "add", "data"]
    assert replay(root, command, tmp_path / "log", check) > 100
    assert len(seen) == 2, "both versions were met"


def test_a_power_cut_during_a_push_leaves_a_remote_that_names_nothing_it_has_not_got(tmp_path, jmlx):
    root, remote = tmp_path / "root", tmp_path / "remote"
    remote.mkdir()
    assert jmlx("init", str(root)).returncode == 0
    (root / "data/sub").mkdir(parents=True)
    for number in range(20):
        (root / f"data/sub/{number}").write_bytes(b"%d" % number * 1000)
    (root / "data/large").write_bytes(content(SMALL_BYTES))
    assert jmlx("add", "data", cwd=root).returncode == 0
    assert jmlx("remote", "add", "origin", str(remote), cwd=root).returncode == 0
    workspace = opened(root)
    version = workspace.pointers()[0]
    needed = set(workspace.digests(version))
    whole = []

    def check(left, told, where):
        store = open_remote(str(left), root=root)
        if store.has(version.digest):
            assert not store.missing(needed), where
            for digest in needed:
                store.check(digest)
            whole.append(where)
        else:
            assert "sent" not in told, where
            workspace.push(store)
            assert not open_remote(str(left), root=root).missing(needed), where

    command = [sys.executable, "-m", "jupyter_mlx.cli.main", "push"]
    assert replay(remote, command, tmp_path / "log", check, cwd=root) > 40
    assert whole, "the whole version was met"


def test_the_model_finds_a_writer_that_does_not_sync(tmp_path):
    """The check of the check: the same program with its syncs taken away must be caught."""
    root = tmp_path / "root"
    root.mkdir()
    careless = "import os\nos.fsync = os.fdatasync = lambda fd: None\n" + PUTS

    def check(left, told, where):
        store = LocalStore.open(left / "store", left / "tmp")
        for line in told.split("\n")[:-1]:
            assert store.has(Digest.parse(line))
            try:
                store.check(Digest.parse(line))
            finally:
                store.close()

    with pytest.raises((AssertionError, CorruptObjectError)):
        replay(root, [sys.executable, "-c", careless, str(root)], tmp_path / "log", check)
