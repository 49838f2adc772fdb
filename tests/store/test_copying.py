"""Copies that are hashed on the way: by further threads, or by none while the user's code runs."""

import os
import threading

import pytest

from jupyter_mlx.digest import Digest
from jupyter_mlx.store.copying import LONG_BYTES, STRIDE_BYTES, by_itself, hash_copy, hash_file
from jupyter_mlx.testing.store import content

SIZE = LONG_BYTES + 2 * STRIDE_BYTES + 7


@pytest.mark.parametrize("alone_for", [0, STRIDE_BYTES, SIZE])
def test_a_copy_is_made_by_its_own_thread_while_that_is_wanted_and_has_the_same_digest(tmp_path, alone_for):
    (tmp_path / "source").write_bytes(content(SIZE))
    heard = []

    def told(count):
        heard.append((count, threading.current_thread() is threading.main_thread()))

    def wanted():
        return sum(count for count, _ in heard) < alone_for

    source = os.open(tmp_path / "source", os.O_RDONLY)
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    try:
        with by_itself(wanted):
            digest = hash_copy(source, target, sync=True, told=told)
        with by_itself(lambda: True):
            assert hash_file(source) == digest
    finally:
        os.close(source)
        os.close(target)
    assert digest == Digest.of(content(SIZE)).raw
    assert (tmp_path / "target").read_bytes() == content(SIZE)
    assert sum(count for count, own in heard if own) == alone_for
