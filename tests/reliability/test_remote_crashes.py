"""Pushes and fetches that are killed anywhere, or made at once: a remote never names what it has not got."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from blake3 import blake3
from stopping import fill, killed_at, opened, read

from jupyter_mlx.data.manifest import Manifest
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import MlxError
from jupyter_mlx.store import SMALL_BYTES
from jupyter_mlx.store.listing import RECIPE
from jupyter_mlx.store.recipes import leaf_chunks
from jupyter_mlx.store.remote import open_remote
from jupyter_mlx.store.remote_store import RemoteStore

PLENTY = random.Random(5).randbytes(5 << 20)
FILES = {"a": b"one", "sub/b": b"b" * 3000, "sub/deep/c": b"c", "large": PLENTY[: SMALL_BYTES * 2]}


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source" / ".mlx").mkdir(parents=True)
    fill(tmp_path / "source" / "data", FILES)
    opened(tmp_path / "source").add(["data"])
    return tmp_path / "source"


def clone(root, to):
    (to / ".mlx").mkdir(parents=True)
    (to / "data.mlx").write_bytes((root / "data.mlx").read_bytes())
    return to


def remote_of(folder, cache=None):
    return open_remote(str(folder), root=folder.parent, cache=cache)


def require_all_that_is_named(store: RemoteStore):
    """Whatever a manifest, a recipe or a leaf at the remote names is there, and whole."""
    store.look()
    for raw, kind in list(store.index.digests()):
        if kind == RECIPE:
            store.check(Digest(raw.hex()))
            recipe = store.recipe(Digest(raw.hex()))
            for leaf, data in store.stream([leaf for leaf, _ in recipe.leaves]):
                chunks = leaf_chunks(data, dict(recipe.leaves)[leaf], leaf)
                assert not store.missing(Digest(chunk.hex()) for chunk, _ in chunks)
            continue
        data = store.get(Digest(raw.hex()))
        try:
            entries = Manifest.decode(data).entries
        except MlxError:
            continue
        assert not store.missing(entry.of for entry in entries)


def test_a_push_killed_at_any_step_leaves_a_remote_that_lacks_nothing_and_goes_through_again(
    source, tmp_path
):
    for step in range(0, 400, 4):
        folder = tmp_path / f"remote-{step}"
        survived = not killed_at(
            step, lambda folder=folder: opened(source).push(remote_of(folder, folder.parent / "cache"))
        )
        require_all_that_is_named(remote_of(folder))
        opened(source).push(remote_of(folder, tmp_path / "cache"))
        require_all_that_is_named(remote_of(folder))
        if step % 20 == 0 or survived:
            there = clone(source, tmp_path / f"clone-{step}")
            opened(there).pull(remote_of(folder))
            assert read(there / "data") == FILES
        subprocess.run(["rm", "-rf", tmp_path / "cache"], check=True)
        if survived:
            assert step > 30
            return
    pytest.fail("the work never came to its end")


def test_a_fetch_killed_at_any_step_leaves_a_whole_store_and_goes_through_again(source, tmp_path):
    folder = tmp_path / "remote"
    opened(source).push(remote_of(folder))
    for step in range(0, 600, 5):
        there = clone(source, tmp_path / f"clone-{step}")
        survived = not killed_at(step, lambda there=there: opened(there).fetch(remote_of(folder)))
        workspace = opened(there)
        for version in workspace.pointers():
            if workspace.store.has(version.digest):
                assert not workspace.store.missing(workspace.digests(version)), f"killed at step {step}"
        workspace.pull(remote_of(folder))
        assert read(there / "data") == FILES
        for digest in workspace.store.digests():
            workspace.store.check(digest)
        subprocess.run(["rm", "-rf", there], check=True)
        if survived:
            assert step > 30
            return
    pytest.fail("the work never came to its end")


@pytest.mark.parametrize("words", [["push"], ["pull"]])
def test_the_command_killed_at_any_moment_goes_through_again(project, jmlx, tmp_path, words):
    fill(project.root / "data", {f"{n % 20}/{n}": b"%d" % n * 50 for n in range(400)} | {"large": PLENTY})
    folder = tmp_path / "remote"
    jmlx("remote", "add", "origin", str(folder))
    jmlx("add", "data")
    before = read(project.root / "data")
    if words == ["pull"]:
        assert jmlx("push").returncode == 0
    for turn in range(4):
        if words == ["pull"]:
            subprocess.run(["rm", "-rf", ".mlx/store", ".mlx/remotes", "data"], check=True)
        else:
            subprocess.run(["rm", "-rf", folder, ".mlx/remotes"], check=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_mlx.cli.main", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.2 + 0.1 * turn)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = jmlx(*words)
        assert done.returncode == 0, done
        require_all_that_is_named(remote_of(folder))
        assert read(project.root / "data") == before


def test_pushes_at_once_all_succeed(source, tmp_path):
    folder = tmp_path / "remote"
    others = []
    for number in range(4):
        root = tmp_path / f"other-{number}"
        (root / ".mlx").mkdir(parents=True)
        fill(root / "data", FILES | {"own": b"%d" % number, "big": PLENTY[number:]})
        opened(root).add(["data"])
        others.append(root)
    children = []
    for root in [source, *others]:
        child = os.fork()
        if child == 0:
            try:
                opened(root).push(remote_of(folder, root / ".mlx" / "remotes"))
            finally:
                os._exit(int(sys.exc_info()[0] is not None))
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 5
    require_all_that_is_named(remote_of(folder))
    for root in others:
        there = clone(root, tmp_path / "clones" / root.name)
        opened(there).pull(remote_of(folder))
        assert read(there / "data") == read(root / "data")


def test_a_large_object_whose_fetch_was_cut_short_is_gone_on_with(tmp_path):
    folder = tmp_path / "remote"
    digest = remote_of(folder).put(PLENTY)
    store = opened_store(tmp_path / "here")

    class CutError(Exception):
        pass

    def half(fd):
        os.pwrite(fd, PLENTY[: 3 << 20], 0)
        raise CutError

    with pytest.raises(CutError), store.batch() as batch:
        batch.receive(digest, half)
    remote = remote_of(folder)
    with store.batch() as batch:
        batch.receive(digest, lambda fd: remote.fill(digest, fd))
    assert store.get(digest) == PLENTY
    assert remote.blobs.received < 3 << 20


def opened_store(root):
    root.mkdir()
    return opened(root).store


def test_what_another_version_has_in_common_is_not_fetched(tmp_path):
    folder = tmp_path / "remote"
    before = random.Random(6).randbytes(24 << 20)
    after = before[: 9 << 20] + b"inserted" + before[9 << 20 :]
    sender = remote_of(folder)
    first = sender.put(before)
    sent = sender.blobs.sent
    second = sender.put(after)
    assert sender.blobs.sent - sent < 500_000
    store, remote = opened_store(tmp_path / "here"), remote_of(folder)
    for digest in (first, second):
        received = remote.blobs.received
        with store.batch() as batch:
            batch.receive(digest, lambda fd, digest=digest: remote.fill(digest, fd, store.linkable))
    assert store.get(second) == after
    assert remote.blobs.received - received < 500_000


def test_a_damaged_file_of_another_version_does_no_harm(tmp_path):
    folder = tmp_path / "remote"
    sender = remote_of(folder)
    first, second = sender.put(PLENTY), sender.put(PLENTY + b"more")
    remote = remote_of(folder)
    with (tmp_path / "one").open("wb+") as file:
        remote.fill(first, file.fileno())
        file.seek(1 << 20)
        file.write(b"damage")
        file.flush()
        with (tmp_path / "two").open("wb+") as target:
            remote.fill(second, target.fileno(), lambda digest: tmp_path / "one" if digest == first else None)
            target.seek(0)
            assert blake3(target.read()).hexdigest() == second.hex
