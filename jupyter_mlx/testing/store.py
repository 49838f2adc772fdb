"""What every object store must do, as a suite: subclass `StoreTests` and give it a `store` fixture.

class TestMyStore(StoreTests):
@pytest.fixture
def store(self, tmp_path):
return MyStore(tmp_path)
"""

# The names of the tests are their documentation.
# ruff: noqa: D102

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptObjectError, ObjectNotFoundError
from jupyter_mlx.store.base import SMALL_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_mlx.store.base import ObjectStore

SIZES = (0, 1, 100, SMALL_BYTES - 1, SMALL_BYTES, SMALL_BYTES + 1)
ABSENT = Digest.of(b"never stored")


def content(size_bytes: int) -> bytes:
    """Some bytes of that length, the same each time."""
    return (b"0123456789abcdef" * (size_bytes // 16 + 1))[:size_bytes]


def void(value: object) -> None:
    """Have no result."""
    del value


class StoreTests:
    """The contract of `ObjectStore`, each sentence of it a test."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        """The store under test, empty."""
        raise NotImplementedError

    @pytest.mark.parametrize("size", SIZES)
    def test_get_returns_what_was_put(self, store: ObjectStore, size: int) -> None:
        digest = store.put(content(size))
        assert digest == Digest.of(content(size))
        assert store.get(digest) == content(size)
        assert store.size(digest) == size
        store.check(digest)

    @pytest.mark.parametrize("size", SIZES)
    def test_a_file_is_stored_as_its_bytes_are(self, store: ObjectStore, tmp_path: Path, size: int) -> None:
        path = tmp_path / "file"
        path.write_bytes(content(size))
        assert store.put_file(path) == Digest.of(content(size))
        assert store.get(Digest.of(content(size))) == content(size)

    @pytest.mark.parametrize("size", [5, SMALL_BYTES])
    def test_a_file_with_other_bytes_than_expected_is_not_stored(
        self, store: ObjectStore, tmp_path: Path, size: int
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(content(size))
        with pytest.raises(CorruptObjectError):
            store.put_file(path, ABSENT)
        assert not store.has(ABSENT)
        assert not store.has(Digest.of(content(size)))

    def test_a_file_that_is_not_there_is_told(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(AccessError, match="nowhere"):
            store.put_file(tmp_path / "nowhere")

    def test_get_of_an_absent_digest_says_so(self, store: ObjectStore) -> None:
        store.put(b"another")
        for ask in (store.get, store.size, store.check, lambda digest: store.get_many([digest])):
            with pytest.raises(ObjectNotFoundError) as told:
                ask(ABSENT)
            assert told.value.digest == str(ABSENT)

    def test_an_empty_store_has_nothing(self, store: ObjectStore) -> None:
        assert not store.has(ABSENT)
        assert store.missing([ABSENT]) == {ABSENT}
        assert list(store.digests()) == []
        assert list(store.small_objects()) == []
        with pytest.raises(ObjectNotFoundError):
            store.get(ABSENT)

    def test_missing_names_what_is_not_there(self, store: ObjectStore) -> None:
        kept = {store.put(content(size)) for size in SIZES}
        assert store.missing([*kept, ABSENT]) == {ABSENT}
        assert store.missing([]) == set()
        assert store.lacking([*(each.raw for each in kept), ABSENT.raw]) == {ABSENT.raw}

    def test_a_batch_takes_what_is_known_to_be_absent(self, store: ObjectStore) -> None:
        objects = {Digest.of(data).raw: data for data in (b"%d" % number for number in range(700))}
        with store.batch() as batch:
            assert batch.put_absent(objects.items()) == sum(map(len, objects.values()))
        assert dict(store.stream(objects)) == objects

    def test_the_same_bytes_are_one_object(self, store: ObjectStore) -> None:
        for size in (10, SMALL_BYTES):
            assert store.put(content(size)) == store.put(content(size))
        assert len(list(store.digests())) == 2

    def test_digests_lists_each_object_once(self, store: ObjectStore) -> None:
        kept = [store.put(content(size)) for size in SIZES]
        assert sorted(store.digests()) == sorted(kept)

    def test_get_many_returns_each(self, store: ObjectStore) -> None:
        kept = {store.put(content(size)): content(size) for size in SIZES}
        assert store.get_many(kept) == kept

    def test_a_stream_brings_each_small_object(self, store: ObjectStore) -> None:
        with store.batch() as batch:
            kept = {batch.put(data).raw: data for data in (b"%d" % number * 100 for number in range(700))}
        assert dict(store.stream(kept)) == kept
        with pytest.raises(ObjectNotFoundError):
            list(store.stream([*kept, ABSENT.raw]))

    def test_a_batch_takes_what_is_written_into_a_file(self, store: ObjectStore) -> None:
        data = content(SMALL_BYTES + 3)
        with store.batch() as batch:
            batch.receive(Digest.of(data), lambda fd: void(os.pwrite(fd, data, 0)))
        assert store.get(Digest.of(data)) == data

    def test_small_objects_come_with_their_bytes(self, store: ObjectStore) -> None:
        kept = {store.put(content(size)): content(size) for size in SIZES}
        small = {digest: data for digest, data in kept.items() if len(data) < SMALL_BYTES}
        assert dict(store.small_objects()) == small

    def test_a_batch_keeps_all_that_it_was_given(self, store: ObjectStore, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(content(SMALL_BYTES + 7))
        with store.batch() as batch:
            kept = [batch.put(str(number).encode()) for number in range(2000)]
            kept += [batch.put(b"0"), batch.put(content(SMALL_BYTES)), batch.put_file(path)]
        assert not store.missing(kept)
        assert store.get(kept[1234]) == b"1234"
        assert sorted(store.digests()) == sorted(set(kept))

    def test_a_batch_left_by_an_error_keeps_what_it_took(self, store: ObjectStore) -> None:
        def work() -> None:
            with store.batch() as batch:
                batch.put(b"taken")
                raise KeyError

        with pytest.raises(KeyError):
            work()
        assert store.get(Digest.of(b"taken")) == b"taken"

    @pytest.mark.parametrize("size", SIZES)
    def test_copy_to_makes_a_file_of_the_object(self, store: ObjectStore, tmp_path: Path, size: int) -> None:
        store.copy_to(store.put(content(size)), tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == content(size)

    def test_copy_to_overwrites_nothing(self, store: ObjectStore, tmp_path: Path) -> None:
        (tmp_path / "copy").write_bytes(b"precious")
        with pytest.raises(AccessError):
            store.copy_to(store.put(b"other"), tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == b"precious"

    def test_copy_to_of_an_absent_digest_leaves_no_file(self, store: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(ObjectNotFoundError):
            store.copy_to(ABSENT, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()

    def test_a_linkable_file_is_the_object_alone_and_read_only(self, store: ObjectStore) -> None:
        path = store.linkable(store.put(content(SMALL_BYTES)))
        if path is not None:
            assert path.read_bytes() == content(SMALL_BYTES)
            assert not path.stat().st_mode & 0o222
        assert store.linkable(ABSENT) is None

    def test_threads_put_at_once(self, store: ObjectStore) -> None:
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for turn in range(8):
                    store.put(f"{number % 2} {turn}".encode())
                    store.put(content(SMALL_BYTES + turn))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert len(list(store.digests())) == 2 * 8 + 8
        for digest in store.digests():
            store.check(digest)

    def test_a_store_is_held_more_than_once(self, store: ObjectStore) -> None:
        with store.hold(), store.hold(), store.batch() as batch:
            digest = batch.put(b"held")
        assert store.has(digest)
