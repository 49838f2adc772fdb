"""The project's own store: the suite, and what only a store on a disk can show."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptObjectError, ObjectNotFoundError, UsageError
from jupyter_mlx.store import SMALL_BYTES, LocalStore, NewerFormatError
from jupyter_mlx.store.files import sweep, temp_file
from jupyter_mlx.testing.store import StoreTests, content


@pytest.fixture
def store(tmp_path):
    return LocalStore.open(tmp_path / "store", tmp_path / "tmp")


def again(store):
    """The same folder, as another process would open it."""
    return LocalStore.open(store.folder, store.folder.parent / "tmp")


def packs(store):
    return sorted((store.folder / "packs").glob("*.pack"))


def change(path: Path, offset: int, new: bytes) -> None:
    """Overwrite bytes in place, as a failing disk would; the mode stays."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(new)
    path.chmod(mode)


def drop_index(store):
    for file in store.folder.glob("index.db*"):
        file.unlink()


class TestLocalStore(StoreTests):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalStore.open(tmp_path / "store", tmp_path / "tmp")


def test_opening_makes_nothing_and_imports_no_sqlite(tmp_path):
    program = (
        "import sys; from pathlib import Path; from jupyter_mlx.store.local import LocalStore; "
        f"s = LocalStore.open(Path({str(tmp_path / 'store')!r}), Path({str(tmp_path / 'tmp')!r})); "
        "from jupyter_mlx.digest import Digest; assert not s.has(Digest.of(b'x')); print(list(s.digests()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert not (tmp_path / "store").exists()


def test_another_process_sees_what_was_put(store):
    kept = [store.put(content(size)) for size in (0, 10, SMALL_BYTES)]
    assert not again(store).missing(kept)


def test_small_objects_share_one_file_and_large_ones_have_their_own(store):
    with store.batch() as batch:
        for number in range(500):
            batch.put(b"%d" % number)
    large = store.put(content(SMALL_BYTES))
    assert len(packs(store)) == 1
    assert (store.folder / "objects" / large.hex[:2] / large.hex[2:]).read_bytes() == content(SMALL_BYTES)


def test_no_temporary_file_is_left(store, tmp_path):
    store.put(b"small")
    store.put(content(SMALL_BYTES))
    store.put(content(SMALL_BYTES))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_index_is_made_again_where_it_is_missing(store):
    kept = [store.put(b"%d" % number) for number in range(50)]
    store.close()
    drop_index(store)
    fresh = again(store)
    assert not fresh.missing(kept)
    assert fresh.get(kept[7]) == b"7"


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 100], ids=["empty", "garbage"])
def test_the_index_is_made_again_where_it_is_damaged(store, damage):
    kept = store.put(b"kept")
    store.close()
    drop_index(store)
    (store.folder / "index.db").write_bytes(damage)
    fresh = again(store)
    assert fresh.get(kept) == b"kept"
    assert fresh.has(kept)


def test_an_index_that_is_behind_catches_up(store, tmp_path):
    store.put(b"first")
    store.close()
    old = {file.name: file.read_bytes() for file in store.folder.glob("index.db*")}
    second = again(store).put(b"second")
    drop_index(store)
    for name, data in old.items():
        (store.folder / name).write_bytes(data)
    fresh = again(store)
    assert fresh.get(second) == b"second"
    assert fresh.has(second)


def test_an_index_that_is_lost_while_the_store_is_open_loses_nothing(store):
    kept = store.put(b"kept")
    drop_index(store)
    more = store.put(b"more")
    assert again(store).get_many([kept, more]) == {kept: b"kept", more: b"more"}


def test_a_torn_tail_is_passed_over_and_nothing_before_it_is_lost(store):
    kept = [store.put(content(size)) for size in (10, 2000)]
    store.close()
    pack = packs(store)[0]
    whole = pack.read_bytes()
    later = store.put(b"y" * 500)
    store.close()
    torn = pack.read_bytes()[: len(whole) + 300]
    drop_index(store)
    pack.write_bytes(torn)
    fresh = again(store)
    assert fresh.missing([*kept, later]) == {later}
    assert fresh.put(b"y" * 500) == later
    assert again(store).get_many([*kept, later])[later] == b"y" * 500
    assert pack.read_bytes() == torn, "nothing is cut from a pack that another process wrote"


def test_objects_after_a_damaged_header_are_found(store):
    kept = [store.put(b"object %d" % number * 20) for number in range(20)]
    store.close()
    data = packs(store)[0].read_bytes()
    change(packs(store)[0], data.index(b"object 3") - 20, b"\xff\xff\xff")
    drop_index(store)
    fresh = again(store)
    assert fresh.missing(kept) == {kept[3]}
    for digest in kept[:3] + kept[4:]:
        fresh.check(digest)


def test_a_flipped_bit_in_a_pack_is_found_and_a_put_heals_it(store):
    kept, other = store.put(b"precious" * 50), store.put(b"other" * 50)
    at = packs(store)[0].read_bytes().index(b"precious")
    change(packs(store)[0], at + 5, b"\x00")
    for ask in (store.get, store.check, store.get, again(store).get):
        with pytest.raises(CorruptObjectError):
            ask(kept)
    assert store.get(other) == b"other" * 50
    assert not store.has(kept)
    store.put(b"precious" * 50)
    assert store.get(kept) == b"precious" * 50


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: change(path, 700_000, b"\x00"),
        lambda path: os.truncate(path, 0),
        lambda path: os.truncate(path, SMALL_BYTES // 2),
        lambda path: (os.truncate(path, SMALL_BYTES // 2), os.truncate(path, SMALL_BYTES)),
    ],
    ids=["flipped bit", "truncated to nothing", "truncated to half", "padded with NUL"],
)
def test_damage_to_a_large_object_is_found_never_copied_and_a_put_heals_it(store, tmp_path, harm):
    digest = store.put(content(SMALL_BYTES))
    path = store.linkable(digest)
    harm(path)
    copy = tmp_path / "copy"
    with pytest.raises(CorruptObjectError):
        store.copy_to(digest, copy)
    assert not copy.exists()
    for ask in (store.get, store.check):
        with pytest.raises(CorruptObjectError):
            ask(digest)
    assert not store.has(digest)
    store.put(content(SMALL_BYTES))
    assert store.get(digest) == content(SMALL_BYTES)


def test_a_damaged_object_is_not_given_to_be_linked(store):
    digest = store.put(content(SMALL_BYTES))
    change(store.linkable(digest), 5, b"\x00")
    with pytest.raises(CorruptObjectError):
        store.linkable(digest)


def test_a_large_object_that_is_gone_is_absent(store):
    digest = store.put(content(SMALL_BYTES))
    store.linkable(digest).unlink()
    with pytest.raises(ObjectNotFoundError):
        store.get(digest)


def test_a_pack_that_is_gone_is_noticed(store):
    digest = store.put(b"kept")
    store.close()
    packs(store)[0].unlink()
    with pytest.raises((ObjectNotFoundError, CorruptObjectError)):
        store.get(digest)
    assert not again(store).has(digest)
    assert store.put(b"kept") == digest
    assert again(store).get(digest) == b"kept"


def test_writers_at_the_same_time_have_packs_of_their_own(store):
    with store.batch() as one, again(store).batch() as two:
        for number in range(600):
            one.put(b"one %d" % number)
            two.put(b"two %d" % number)
    assert len(packs(store)) == 2
    assert len(list(again(store).digests())) == 1200
    with store.batch() as third:
        third.put(b"goes where there is room")
    assert len(packs(store)) == 2


def test_a_forked_child_uses_the_store_beside_its_parent(store):
    before = store.put(b"before")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert store.get(before) == b"before"
            for number in range(50):
                store.put(b"child %d" % number)
            status = 0
        finally:
            os._exit(status)
    for number in range(50):
        store.put(b"parent %d" % number)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(again(store).digests())) == 101
    assert not again(store).missing([Digest.of(b"child 49"), Digest.of(b"parent 49")])


def test_children_forked_while_threads_use_the_store_are_not_stuck(store):
    kept = [store.put(b"%d" % number) for number in range(20)]
    stop = threading.Event()

    def work():
        while not stop.is_set():
            store.get_many(kept)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(40):
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(20)
                os._exit(0 if store.get(store.put(b"child %d" % turn)) and not store.missing(kept) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_batch_is_refused_in_a_forked_child(store):
    with store.batch() as batch:
        batch.put(b"parent's")
        child = os.fork()
        if child == 0:
            try:
                batch.put(b"child's")
            except UsageError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.has(Digest.of(b"parent's"))


def test_a_store_of_a_later_format_is_refused_with_what_to_do(store):
    store.put(b"x")
    (store.folder / "format").write_text("jupyter_mlx store\nformat: 99\n")
    for ask in (lambda: again(store).put(b"y"), lambda: again(store).get(Digest.of(b"x"))):
        with pytest.raises(NewerFormatError, match=r"format: 99.*upgrade"):
            ask()


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(AccessError, match="store"):
        LocalStore.open(tmp_path / "store", tmp_path / "tmp").put(b"x")


def test_what_killed_writers_left_is_swept_and_what_living_ones_use_is_not(store, tmp_path):
    temp = tmp_path / "tmp"
    store.put(b"x")
    (temp / "put-0123").write_bytes(b"left over")
    (temp / "put-4567" / "inner").mkdir(parents=True)
    (temp / "executed.ipynb").write_text("another's")
    assert sweep(str(temp)) == 0, "they are young"
    with temp_file(str(temp)) as (used, _):
        assert sweep(str(temp), older_than_s=-1) == 2
        assert sorted(path.name for path in temp.iterdir()) == ["executed.ipynb", Path(used).name]
