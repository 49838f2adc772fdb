"""What a writer has announced stays; what it announces later it finds gone, and stores again."""

import os
import subprocess
import sys
import threading
import time

import pytest

from jupyter_mlx.digest import Digest
from jupyter_mlx.store import SMALL_BYTES, LocalStore
from jupyter_mlx.store.digestset import DigestSet
from jupyter_mlx.store.leases import SweepingError
from jupyter_mlx.testing.store import content

HEAD = b"a list of "


class Lists:
    """Objects that begin so list the digests behind it."""

    heads = (HEAD,)

    def names(self, data):
        return [data[at : at + 32] for at in range(len(HEAD), len(data), 32)]

    def is_wanted(self, data):
        return data.endswith(b"wanted")


def listing(*digests, tail=b""):
    return HEAD + b"".join(digest.raw for digest in digests) + tail


@pytest.fixture
def store(tmp_path):
    return LocalStore.open(tmp_path / "store", tmp_path / "tmp")


def swept(store, *live, grace_s=0.0):
    with store.sweep() as sweep:
        sweep.live.update(digest.raw for digest in live)
        sweep.find(Lists(), grace_s)
        return sweep.remove(lambda objects, size: None)


def test_what_is_neither_live_nor_leased_goes_and_the_rest_can_be_read(store):
    with store.batch() as batch:
        small = [batch.put(b"%d" % number * 50) for number in range(1000)]
        large = [batch.put(content(SMALL_BYTES + number)) for number in range(3)]
    done = swept(store, *small[:500], large[0])
    assert (done.small_objects, done.large_objects) == (500, 2)
    assert sorted(store.digests()) == sorted([*small[:500], large[0]])
    for digest in store.digests():
        store.check(digest)
    again = swept(store, *small[:500], large[0])
    assert (again.small_objects, again.large_objects) == (0, 0)
    packs = list((store.folder / "packs").iterdir())
    assert sum(pack.stat().st_size for pack in packs) < 500 * 250


@pytest.mark.parametrize("size", [100, SMALL_BYTES])
def test_what_was_put_while_the_store_is_held_stays_until_it_is_let_go(store, size):
    with store.hold():
        digest = store.put(content(size))
        swept(store)
        assert store.has(digest)
    swept(store)
    assert not store.has(digest)


@pytest.mark.parametrize("size", [100, SMALL_BYTES])
def test_what_was_found_present_while_the_store_is_held_stays_with_all_that_it_lists(store, size):
    inner = store.put(content(size))
    middle = store.put(listing(inner))
    outer = store.put(listing(middle))
    other = store.put(b"other")
    with store.hold():
        assert store.has(outer)
        swept(store)
        assert sorted(store.digests()) == sorted([inner, middle, outer])
        assert not store.has(other)
    swept(store)
    assert list(store.digests()) == []


def test_a_lease_that_is_given_up_while_a_gc_is_at_work_counts_until_that_has_ended(store):
    digest = store.put(b"put before")
    with store.sweep() as sweep:
        with store.hold():
            assert store.has(digest)  # a pointer to it is written, where the gc has looked already
        store.close()
        sweep.find(Lists())
        sweep.remove(lambda objects, size: None)
    assert store.has(digest)
    swept(store)
    assert not store.has(digest)


def test_what_is_announced_between_finding_and_removing_stays(store):
    inner = store.put(b"inner")
    outer, large = store.put(listing(inner)), store.put(content(SMALL_BYTES))
    with store.sweep() as sweep:
        found = sweep.find(Lists())
        assert (found.small_objects, found.large_objects) == (2, 1)
        with store.hold():
            assert not store.missing([outer, large])
            sweep.remove(lambda objects, size: None)
    assert not store.missing([inner, outer, large])


def test_a_listing_is_gone_before_anything_that_it_names(store):
    inner = store.put(b"inner")
    outer = store.put(listing(inner))
    with store.sweep() as sweep:
        sweep.find(Lists())
        sweep._remove_lists()
        assert not store.has(outer)
        assert store.has(inner)
    for name in os.listdir(store.folder):
        if name.startswith("index.db"):
            (store.folder / name).unlink()
    fresh = LocalStore.open(store.folder, store.folder.parent / "tmp")
    assert fresh.has(inner)
    assert not fresh.has(outer), "the index was made again, and the listing is not back"
    assert fresh.put(listing(inner)) == outer
    assert fresh.has(outer)


def test_what_lists_something_and_is_wanted_or_young_keeps_what_it_lists(store):
    kept, gone = store.put(b"kept"), store.put(b"gone")
    record = store.put(listing(kept, tail=b"wanted"))
    swept(store)
    assert sorted(store.digests()) == sorted([kept, record])
    assert not store.has(gone)
    large, old = store.put(content(SMALL_BYTES)), store.put(content(SMALL_BYTES + 1))
    for digest in (large, old):
        os.utime(store.objects / digest.hex[:2] / digest.hex[2:], (1, 1))
    store.put(listing(large))
    done = swept(store, kept, record, grace_s=3600)
    assert store.has(large)
    assert not store.has(old)
    assert done.large_objects == 1


def test_two_gcs_at_once_are_one_and_an_error(store):
    store.put(b"kept")
    with store.sweep(), pytest.raises(SweepingError, match="another `jmlx gc`"), store.sweep():
        pass
    assert store.get(Digest.of(b"kept")) == b"kept"
    swept(store)


def test_the_lease_of_a_dead_process_ends_with_it(store, tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from jupyter_mlx.store import LocalStore\n"
        "store = LocalStore.open(Path(sys.argv[1]) / 'store', Path(sys.argv[1]) / 'tmp')\n"
        "with store.hold():\n    store.put(b'dead'); os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)
    assert len(list((store.folder / "leases").iterdir())) == 1
    swept(store)
    assert not store.has(Digest.of(b"dead"))
    assert list((store.folder / "leases").iterdir()) == []


def test_a_lease_is_removed_when_the_store_is_closed(store):
    store.put(b"one")
    store.close()
    assert list((store.folder / "leases").iterdir()) == []


def test_a_forked_child_has_a_lease_of_its_own(store):
    with store.hold():
        mine = store.put(b"parent's")
        child = os.fork()
        if child == 0:
            with store.hold():
                store.put(b"child's")
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        swept(store)
        assert store.has(mine)
        assert not store.has(Digest.of(b"child's"))


def test_a_reader_that_has_a_pack_open_finishes_and_later_ones_find_what_was_taken_elsewhere(store):
    with store.batch() as batch:
        digests = [batch.put(b"%d" % number * 50) for number in range(100)]
    reader = LocalStore.open(store.folder, store.folder.parent / "tmp")
    assert reader.get(digests[0]) == b"0" * 50
    stop, wrong = threading.Event(), []

    def read():
        while not stop.is_set():
            wrong.extend(n for n in (1, 50, 99) if reader.get(digests[n]) != b"%d" % n * 50)

    thread = threading.Thread(target=read)
    thread.start()
    for count in (90, 60, 30):
        swept(store, *digests[:count], *digests[99:], digests[50])
        time.sleep(0.01)
    stop.set()
    thread.join()
    assert not wrong
    fresh = LocalStore.open(store.folder, store.folder.parent / "tmp")
    assert fresh.get(digests[99]) == b"99" * 50


def test_a_damaged_frame_and_a_torn_tail_keep_nothing_else_from_being_kept(store):
    with store.batch() as batch:
        digests = [batch.put(b"%d" % number * 50) for number in range(100)]
    (pack,) = (store.folder / "packs").iterdir()
    data = bytearray(pack.read_bytes())
    data[data.index(b"33333")] ^= 1
    pack.write_bytes(data + b"\xf5mlx torn")
    swept(store, *digests[:50])
    fresh = LocalStore.open(store.folder, store.folder.parent / "tmp")
    for number in (0, 32, 34, 49):
        assert fresh.get(digests[number]) == b"%d" % number * 50


def test_a_set_of_digests_keeps_each_once_and_knows_its_own():
    raws = [Digest.of(b"%d" % number).raw for number in range(50_000)]
    found = DigestSet(raws * 3)
    assert len(found) == 50_000
    assert list(found) == sorted(raws)
    assert found.among([*raws[:10], b"\x00" * 32]) == set(raws[:10])
    assert found.beginning(7) == {raw for raw in raws if raw[0] == 7}
