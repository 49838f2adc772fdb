"""The framing of packs: what was written is found again, whatever happened around it."""

import tempfile

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.digest import Digest
from jupyter_mlx.store import frames

objects = st.lists(st.binary(max_size=200), max_size=20)


def packed(items):
    return b"".join(frames.encode(Digest.of(data).raw, data) + data for data in items)


def scanned(data, start=0):
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return list(frames.scan(file.fileno(), start, len(data)))


@given(objects)
def test_a_scan_finds_what_was_written_in_order(items):
    found = scanned(frames.HEADER + packed(items))
    assert [frame.data for frame in found] == items
    assert all(frame.whole for frame in found)


@given(objects, st.integers(0, 10_000))
def test_a_torn_pack_holds_the_whole_frames_before_the_tear(items, cut):
    whole = frames.HEADER + packed(items)
    torn = whole[: min(cut, len(whole))]
    found = [frame.data for frame in scanned(torn) if frame.whole]
    assert found == items[: len(found)]
    assert len(frames.HEADER + packed(items[: len(found) + 1])) > len(torn) or len(found) == len(items)


@given(objects, st.binary(max_size=300), objects)
def test_frames_after_rubbish_are_found(before, rubbish, after):
    found = scanned(frames.HEADER + packed(before) + rubbish + packed(after))
    data = [frame.data for frame in found if frame.whole]
    assert data[: len(before)] == before
    assert not after or data[-len(after) :] == after or rubbish.startswith(frames.MAGIC)


@given(objects, st.integers(0, 5_000), st.integers(1, 255))
def test_a_changed_byte_never_yields_bytes_under_a_false_digest(items, at, change):
    data = bytearray(frames.HEADER + packed(items))
    data[at % len(data)] ^= change
    for frame in scanned(bytes(data)):
        assert frame.whole == (Digest.of(frame.data).raw == frame.digest)


def test_a_file_that_is_no_pack_holds_nothing():
    assert scanned(b"something else entirely" * 10) == []


def test_a_frame_longer_than_the_window_is_read_whole():
    data = bytes(9 << 20)
    assert [frame.data for frame in scanned(frames.HEADER + packed([b"a", data, b"b"]))] == [b"a", data, b"b"]
