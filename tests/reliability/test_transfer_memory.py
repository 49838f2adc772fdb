"""A transfer holds neither all listings of a remote nor a long folder's listing several times over."""

import tracemalloc

import pytest

from jupyter_mlx.data import sync
from jupyter_mlx.data.manifest import FILE, Entry, Manifest
from jupyter_mlx.data.version import Version
from jupyter_mlx.digest import Digest
from jupyter_mlx.store import LocalStore, remote_store
from jupyter_mlx.store.blobs import FolderBlobs
from jupyter_mlx.store.listing import OBJECT, Block, Listing
from jupyter_mlx.store.remote_index import RemoteIndex
from jupyter_mlx.store.remote_store import FORMAT, RemoteStore
from jupyter_mlx.store.remote_writer import index_path

IN_A_LISTING = 1000


@pytest.fixture
def traced():
    """The most bytes that Python's objects take during a piece of work."""

    def peak(work):
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    yield peak
    tracemalloc.stop()


def remote_of(folder, listings):
    blobs = FolderBlobs(str(folder))
    blobs.put("format", [FORMAT])
    for number in range(listings):
        names = [number.to_bytes(16, "big") + item.to_bytes(16, "big") for item in range(IN_A_LISTING)]
        items = tuple((name, 1, OBJECT) for name in names)
        listing = Listing((Block(0, IN_A_LISTING, IN_A_LISTING, items),))
        blobs.put(index_path(listing.name), [listing.encode()])
    return RemoteStore(blobs, RemoteIndex(folder / "index.db"), jobs=1)


def test_many_listings_are_noted_a_few_at_a_time(tmp_path, traced, monkeypatch):
    monkeypatch.setattr(remote_store, "_NOTED_BYTES", 1)
    few, many = remote_of(tmp_path / "few", 16), remote_of(tmp_path / "many", 64)
    assert traced(many.refresh) < 2 * traced(few.refresh)
    assert len(list(many.digests())) == 64 * IN_A_LISTING


@pytest.fixture
def long_folder(tmp_path):
    """A store with a folder that lists 40,000 long names of one file."""
    store = LocalStore.open(tmp_path / "store", tmp_path / "tmp")
    file = store.put(b"the same in all")
    entries = [Entry(b"%0220d" % number, FILE, file.raw, 15, 1) for number in range(40_000)]
    manifest = Manifest.of(entries)
    return store, Version("data", "folder", store.put(manifest.encode()), manifest.size_bytes, manifest.files)


@pytest.mark.parametrize("way", ["push", "fetch"])
def test_a_long_listing_is_in_memory_once(tmp_path, traced, long_folder, way, monkeypatch):
    store, version = long_folder
    monkeypatch.setattr(sync, "_KEPT_BYTES", 1 << 20)
    remote = RemoteStore(FolderBlobs(str(tmp_path / "remote")), RemoteIndex(None), jobs=1)
    length = len(store.get(version.digest))
    if way == "push":
        taken = traced(lambda: sync.Sync(store, remote, tmp_path / "tmp").send([version]))
    else:
        sync.Sync(store, remote, tmp_path / "tmp").send([version])
        target = LocalStore.open(tmp_path / "other", tmp_path / "tmp2")
        taken = traced(lambda: sync.Sync(remote, target, tmp_path / "tmp").send([version]))
        assert target.get(version.digest) == store.get(version.digest)
    assert taken < 2 * length, (taken, length)
    assert remote.has(Digest(version.digest.hex))
