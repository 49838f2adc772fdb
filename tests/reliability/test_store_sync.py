"""RELIABILITY rows 3 and 4: what is promised is synced first, in the order that a power cut respects."""

import os

import pytest

from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.store import SMALL_BYTES, LocalStore, files
from jupyter_mlx.testing.store import content


@pytest.fixture
def unsynced(monkeypatch):
    """What a power cut could still take away: files written and folders renamed into since their last sync."""
    left: dict[int, str] = {}

    def spy(name, note):
        call = getattr(os, name)

        def wrapper(*arguments, **named):
            found = call(*arguments, **named)
            note(*arguments, **named)
            return found

        monkeypatch.setattr(os, name, wrapper)

    def wrote(fd, *_):
        if "/leases/" in os.readlink(f"/proc/self/fd/{fd}"):
            return  # they say something only as long as their process lives
        left[os.fstat(fd).st_ino] = os.readlink(f"/proc/self/fd/{fd}")

    def synced(fd):
        left.pop(os.fstat(fd).st_ino, None)

    def named(source, target, **_):
        assert os.stat(target).st_ino not in left, f"{target} was renamed before it was synced"
        folder = os.path.dirname(target)
        left[os.stat(folder).st_ino] = os.fsdecode(folder)

    def made(folder, *_, dir_fd=None):
        if dir_fd is None and not str(folder).endswith("/leases"):
            left[os.stat(os.path.dirname(folder)).st_ino] = os.fsdecode(os.path.dirname(folder))

    def opened(path, flags, *_, dir_fd=None):
        if flags & os.O_CREAT and flags & os.O_EXCL and str(path).endswith(".pack"):
            left[os.stat(os.path.dirname(path)).st_ino] = os.path.dirname(path)

    for name, note in {
        "write": wrote, "fsync": synced, "fdatasync": synced, "rename": named, "mkdir": made, "open": opened
    }.items():  # fmt: skip
        spy(name, note)
    monkeypatch.setattr(files, "_sync_data", os.fdatasync)
    return left


@pytest.mark.parametrize("size", [10, SMALL_BYTES])
def test_what_a_put_promises_is_on_the_disk(tmp_path, unsynced, size):
    store = LocalStore.open(tmp_path / "store", tmp_path / "tmp")
    for turn in range(3):
        store.put(content(size) + b"%d" % turn)
        assert not unsynced


def test_what_a_batch_promises_is_on_the_disk(tmp_path, unsynced):
    store = LocalStore.open(tmp_path / "store", tmp_path / "tmp")
    with store.batch() as batch:
        for number in range(600):
            batch.put(b"%d" % number)
        batch.put(content(SMALL_BYTES))
        assert unsynced, "in a batch the syncs come at the end"
    assert not unsynced


def test_what_an_add_promises_is_on_the_disk(tmp_path, unsynced):
    (tmp_path / ".mlx").mkdir()
    (tmp_path / "data").mkdir()
    for name, size in {"small": 10, "large": SMALL_BYTES + 1}.items():
        (tmp_path / "data" / name).write_bytes(content(size))
    unsynced.clear()
    store = LocalStore.open(tmp_path / ".mlx/store", tmp_path / ".mlx/tmp")
    Workspace.open(tmp_path, store, tmp_path / ".mlx").add(["data"])
    assert not unsynced
