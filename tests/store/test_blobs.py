"""What carries a remote: blobs in a folder, tries again, and the cache of listings."""

import contextlib
import os
import random

import pytest
from blake3 import blake3

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError
from jupyter_mlx.store import files
from jupyter_mlx.store.blobs import BlobNotFoundError, FolderBlobs, RemoteError, RemoteTroubleError
from jupyter_mlx.store.listing import OBJECT, Block, Listing
from jupyter_mlx.store.remote import open_remote
from jupyter_mlx.store.remote_index import RemoteIndex
from jupyter_mlx.store.remote_store import RemoteStore
from jupyter_mlx.store.retrying import CountingBlobs, RetryingBlobs


class Faulty:
    """Blobs whose every call fails so many times before it works."""

    copies = 1

    def __init__(self, failures, error):
        self.left, self.error, self.calls = failures, error, 0

    def get(self, name, start, length):
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return b"bytes"[start : start + length]

    def put(self, name, parts):
        self.get(name, 0, 0)

    def names(self, folder):
        return [self.get(folder, 0, 1).decode()]

    def delete(self, name):
        self.get(name, 0, 0)


TROUBLE = RemoteTroubleError("s3://b", "it is gone", "try again")


def test_what_may_pass_is_tried_again():
    blobs = RetryingBlobs(Faulty(2, TROUBLE), [0, 0])
    assert blobs.get("x", 1, 3) == b"yte"
    for work in (
        lambda some: some.put("x", [b""]),
        lambda some: some.delete("x"),
        lambda some: some.names("x"),
    ):
        faulty = Faulty(2, TROUBLE)
        work(RetryingBlobs(faulty, [0, 0]))
        assert faulty.calls == 3


def test_what_does_not_pass_is_told():
    with pytest.raises(RemoteTroubleError, match="it is gone; try again"):
        RetryingBlobs(Faulty(3, TROUBLE), [0, 0]).get("x", 0, 1)


def test_a_refusal_is_not_tried_again():
    faulty = Faulty(1, RemoteError("s3://b", "no", "ask"))
    with pytest.raises(RemoteError):
        RetryingBlobs(faulty, [0, 0]).get("x", 0, 1)
    assert faulty.calls == 1


def test_bytes_are_counted_each_way(tmp_path):
    blobs = CountingBlobs(FolderBlobs(str(tmp_path)))
    blobs.put("a/b", [b"12345", memoryview(b"678")])
    blobs.get("a/b", 2, 4)
    assert (blobs.sent, blobs.received) == (8, 4)


def test_a_blob_in_a_folder_is_whole_or_not_there(tmp_path):
    blobs = FolderBlobs(str(tmp_path / "far" / "below"))
    blobs.put("packs/ab/one", [b"first"])
    blobs.put("packs/ab/one", [b"again"])
    assert blobs.get("packs/ab/one", 0, 1 << 60) == b"again"
    assert blobs.get("packs/ab/one", 100, 5) == b""
    assert blobs.names("packs") == ["packs/ab/one"]
    assert blobs.names("tmp") == []
    with pytest.raises(BlobNotFoundError):
        blobs.get("packs/ab/two", 0, 1)


def test_a_folder_that_can_not_be_made_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AccessError):
        FolderBlobs(str(tmp_path / "file" / "below")).put("a", [b""])


def test_a_file_that_is_filled_in_part_stays_for_the_next_attempt(tmp_path):
    with contextlib.suppress(KeyError), files.part_file(str(tmp_path), "name") as (_, fd):
        os.write(fd, b"half")
        raise KeyError
    with files.part_file(str(tmp_path), "name") as (path, fd):
        assert os.pread(fd, 10, 0) == b"half"
        with files.part_file(str(tmp_path), "name") as (other, another):
            assert other != path
            assert os.pread(another, 10, 0) == b""
        os.rename(path, tmp_path / "done")
    assert os.listdir(tmp_path) == ["done"]
    with pytest.raises(AccessError), files.part_file(str(tmp_path), "name"):
        raise AccessError("disk", "No space left on device")
    assert os.listdir(tmp_path) == ["done"]


def listing(*objects):
    items = tuple((blake3(data).digest(), len(data), OBJECT) for data in objects)
    length = sum(map(len, objects))
    return Listing((Block(0, length, length, items),))


def raws(*objects):
    return [blake3(data).digest() for data in objects]


def test_a_listing_that_is_gone_takes_its_objects_along(tmp_path):
    index = RemoteIndex(tmp_path / "cache" / "index.db")
    one, two = listing(b"a", b"b"), listing(b"b", b"c")
    index.add("x", [(one.name, one)])
    index.add("y", [(two.name, two)])
    index.add("y", [(two.name, two)])
    assert index.present(raws(b"a", b"b", b"c", b"d")) == set(raws(b"a", b"b", b"c"))
    index.add("both", [(one.name, one), (two.name, two)])
    index.forget(["x", "y"])
    assert index.present(raws(b"a", b"c")) == set(raws(b"a", b"c"))
    index.forget(["both"])
    assert index.present(raws(b"a", b"b", b"c")) == set()
    assert index.listed() == set()


def test_what_is_condemned_counts_as_absent_and_is_read_where_there_is_no_other(tmp_path):
    index = RemoteIndex(None)
    one, two = listing(b"a", b"b"), listing(b"b", b"c")
    for each in (one, two):
        index.add(each.name, [(each.name, each)])
    index.condemn([one.name])
    assert index.any_condemned
    assert index.present(raws(b"a", b"b", b"c")) == set(raws(b"b", b"c"))
    places, blocks = index.places(raws(b"a", b"b"))
    assert {place.digest: blocks[place.block].pack for place in places} == {
        raws(b"a")[0]: one.name,
        raws(b"b")[0]: two.name,
    }
    index.condemn([])
    assert not index.any_condemned


def test_many_listings_become_one_and_whoever_saw_the_old_ones_loses_nothing(tmp_path):
    remote, cache = tmp_path / "remote", tmp_path / "cache"
    early = open_remote(str(remote), root=tmp_path, cache=cache / "early")
    first = early.put(b"first")
    with open_remote(str(remote), root=tmp_path, jobs=64).batch() as batch:
        for number in range(12):
            batch.put(random.Random(number).randbytes(900_000))
        digest = batch.put(b"last")
    assert len(os.listdir(remote / "index")) == 2
    early.refresh()
    assert (early.get(first), early.get(digest)) == (b"first", b"last")


def test_a_copy_of_the_project_that_comes_later_sees_what_came_meanwhile(tmp_path):
    one, two = (open_remote("remote", root=tmp_path, cache=tmp_path / name) for name in ("a", "b"))
    assert not two.has(Digest.of(b"x"))
    one.put(b"x")
    two.refresh()
    assert two.get(Digest.of(b"x")) == b"x"


class Stopping(FolderBlobs):
    """Blobs whose third pack can't be written."""

    def __init__(self, folder):
        super().__init__(folder)
        self.packs = 0

    def put(self, name, parts):
        self.packs += name.startswith("packs/")
        if self.packs == 3:
            raise RemoteError("here", "no room", "make some")
        super().put(name, parts)


def test_a_recipe_is_not_sent_where_one_of_its_chunks_was_not(tmp_path):
    data = random.Random(8).randbytes(8 << 20)
    store = RemoteStore(Stopping(str(tmp_path)), RemoteIndex(None), jobs=64)
    with pytest.raises(RemoteError):
        store.put(data)
    later = RemoteStore(FolderBlobs(str(tmp_path)), RemoteIndex(None), jobs=64)
    assert not later.has(Digest.of(data))
    assert list(later.digests()) == []
    assert later.put(data) == Digest.of(data)
    assert later.blobs.sent < len(data)
    assert later.get(Digest.of(data)) == data
