"""A large object in chunks is the same object: everything that a store does works with it."""

import os
import random

import pytest

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptObjectError
from jupyter_mlx.keeping import Listings
from jupyter_mlx.store import SMALL_BYTES, LocalStore, frames, index_upkeep
from jupyter_mlx.store.small import PackWriter
from jupyter_mlx.testing.store import content

SIZES = (SMALL_BYTES, SMALL_BYTES + 1, 5 * SMALL_BYTES + 77)


@pytest.fixture
def store(tmp_path):
    return LocalStore.open(tmp_path / "store", tmp_path / "tmp")


def plenty(size, seed=1):
    """Bytes that don't compress, and are cut at the same places each time."""
    return random.Random(seed).randbytes(size)


def compacted(store, *digests):
    with store.sweep() as sweep:
        sweep.live.update(digest.raw for digest in store.digests())
        sweep.find(Listings())
        sweep.remove(lambda objects, size: None)
        return store.compact(sweep, digests, lambda objects, size: None)


@pytest.mark.parametrize("make", [content, plenty], ids=["alike", "random"])
@pytest.mark.parametrize("size", SIZES)
def test_it_is_read_copied_measured_and_checked_as_before(store, tmp_path, size, make):
    data = make(size)
    digest = store.put(data)
    done = compacted(store, digest)
    assert (done.objects, done.size_bytes) == (1, size)
    assert store.linkable(digest) is None
    for each in (store, LocalStore.open(tmp_path / "store", tmp_path / "tmp")):
        assert each.get(digest) == data
        assert each.get_many([digest]) == {digest: data}
        assert dict(each.stream([digest.raw])) == {digest.raw: data}
        assert each.size(digest) == size
        assert each.has(digest)
        assert not each.missing([digest])
        each.check(digest)
        assert digest in set(each.digests())
        assert list(each.small_objects()) == []
    store.copy_to(digest, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


def test_it_is_found_again_when_the_index_is_lost(store, tmp_path):
    digest = store.put(plenty(SMALL_BYTES * 2))
    compacted(store, digest)
    store.close()
    for path in (tmp_path / "store").glob("index.db*"):
        path.unlink()
    LocalStore.open(tmp_path / "store", tmp_path / "tmp").check(digest)


def test_what_compresses_takes_less(store):
    digest = store.put(content(SMALL_BYTES * 8))
    assert compacted(store, digest).stored_bytes < SMALL_BYTES


def test_it_is_given_a_file_again_to_link_to(store):
    data = plenty(SMALL_BYTES * 2)
    digest = store.put(data)
    compacted(store, digest)
    path = store.inflate(digest)
    assert path.read_bytes() == data
    assert not path.stat().st_mode & 0o222
    store.check(digest)
    assert store.inflate(Digest.of(b"absent")) is None


def test_one_that_a_link_leads_to_keeps_its_file(store, tmp_path):
    digest = store.put(plenty(SMALL_BYTES))
    os.link(store.linkable(digest), tmp_path / "link")
    assert compacted(store, digest).objects == 0
    assert store.linkable(digest)


def test_one_whose_file_is_damaged_is_not_made_chunks_of(store):
    data = plenty(SMALL_BYTES * 2)
    digest = store.put(data)
    path = store.linkable(digest)
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(CorruptObjectError):
        compacted(store, digest)
    assert not store.has(digest)
    assert store.put(data) == digest
    store.check(digest)


def test_damage_to_a_chunk_is_found_never_copied_and_a_put_heals_it(store, tmp_path):
    data = plenty(SMALL_BYTES * 2)
    digest = store.put(data)
    compacted(store, digest)
    (pack,) = (tmp_path / "store/packs").iterdir()
    found = bytearray(pack.read_bytes())
    found[found.index(data[1000:1100])] ^= 1
    pack.write_bytes(found)
    with pytest.raises(CorruptObjectError):
        store.copy_to(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not store.has(digest)
    assert store.put(data) == digest
    assert store.get(digest) == data


def test_a_recipe_of_another_object_is_found_out(store, tmp_path):
    one, two = (store.put(plenty(SMALL_BYTES * 2, seed)) for seed in (1, 2))
    compacted(store, one, two)
    (pack,) = (tmp_path / "store/packs").iterdir()
    with pack.open("rb") as file:
        found = {frame.digest: frame.data for frame in frames.scan(file.fileno(), 0, pack.stat().st_size)}
    index_upkeep.drop(store._index, [one.raw])
    with store.hold():
        writer = PackWriter(store._small, store._leases)
        writer.put_recipe(one.raw, found[two.raw])
        writer.commit()
    for use in (store.get, store.check, lambda digest: store.copy_to(digest, tmp_path / "copy")):
        with pytest.raises(CorruptObjectError):
            use(one)
    assert not (tmp_path / "copy").exists()
    store.check(two)
