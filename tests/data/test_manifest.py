"""Manifests: the same content is the same digest, and nothing hostile gets through."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.data.manifest import (
    FILE,
    FOLDER,
    FORMAT,
    LINK,
    PROGRAM,
    TAG,
    TOGETHER,
    BadManifestError,
    BadNameError,
    Entry,
    Manifest,
    are_safe,
    encoded,
    is_safe,
)
from jupyter_mlx.testing.strategies import listings

RAW = bytes(32)


def file(name: bytes) -> Entry:
    return Entry(name, FILE, RAW, 1, 1)


@given(listings())
def test_what_is_encoded_is_read_back(entries):
    manifest = Manifest.of(entries)
    assert Manifest.decode(manifest.encode()) == manifest


@given(listings())
def test_a_listing_encoded_entry_by_entry_is_the_same(entries):
    ordered = list(Manifest.of(entries).entries)
    assert b"".join(encoded(len(ordered), ([entry] for entry in ordered))) == Manifest.of(entries).encode()


@pytest.mark.parametrize("count", [0, 15, 16, TOGETHER, TOGETHER + 1, 65_535, 65_536])
def test_a_listing_of_any_length_is_encoded_as_msgpack_does_and_read_back(count):
    entries = [file(b"%06d" % number) for number in range(count)]
    manifest = Manifest.of(entries)
    assert manifest.encode() == msgspec.msgpack.encode([TAG, FORMAT, entries])
    again = Manifest.decode(manifest.encode())
    assert (len(again), list(again.entries)) == (count, entries)


def test_a_name_that_is_refused_is_not_encoded():
    with pytest.raises(BadNameError, match=r"'\.git'"):
        list(encoded(2, [[file(b".git"), file(b"a")]]))


def many(odd=None, at=TOGETHER):
    entries = [file(b"%06d" % number) for number in range(3 * TOGETHER)]
    return [*entries[:at], odd, *entries[at:]] if odd else entries


LONG = [
    Entry(b"%06d " % (TOGETHER - 1), LINK, b"x" * 4095, 0, 1),
    Entry(b"%06d " % (TOGETHER - 1), FOLDER, RAW, 1 << 62, 1 << 40),
    Entry(b"%06d%0248d" % (TOGETHER - 1, 0), PROGRAM, RAW, 1 << 20, 1),
]


@pytest.mark.parametrize("odd", LONG, ids=["long link", "folder", "long name"])
def test_a_long_listing_with_all_kinds_of_entries_is_read_back(odd):
    entries = many(odd)
    assert list(Manifest.decode(Manifest.of(entries).encode()).entries) == entries


@pytest.mark.parametrize("at", [0, 1, TOGETHER, 2 * TOGETHER, 3 * TOGETHER - 1])
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": b".."}, "it names"),
        ({"name": b"000000"}, "out of order"),
        ({"kind": 9}, "malformed"),
        ({"digest": b"short"}, "malformed"),
        ({"size_bytes": -1}, "malformed"),
    ],
)
def test_a_long_listing_is_refused_wherever_it_is_wrong(at, change, problem):
    entries = many()
    if change.get("name") == b"000000" and at == 0:
        at = 1
    entries[at] = msgspec.structs.replace(entries[at], **change)
    with pytest.raises(BadManifestError, match=problem):
        Manifest.decode(msgspec.msgpack.encode([TAG, FORMAT, entries]))


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data + b"\x00"], ids=["short", "long"]
)
def test_a_long_listing_that_is_cut_or_goes_on_is_refused(change):
    with pytest.raises(BadManifestError, match="not a folder's listing"):
        Manifest.decode(change(Manifest.of(many()).encode()))


ODD = st.sampled_from(
    [
        b"",
        b".",
        b"..",
        b"...",
        b"a/b",
        b"\\",
        b"\x00",
        b"c:",
        b"C:x",
        b"cc:",
        b".GIT",
        b".git2",
        b".mlx",
        b"\n",
        b"a" * 256,
    ]
)


@given(st.lists(ODD | st.binary(max_size=4) | st.text(max_size=4).map(str.encode), max_size=5))
def test_names_are_judged_together_as_one_by_one(names):
    assert are_safe(names) == all(map(is_safe, names))


@given(listings().flatmap(lambda entries: st.tuples(st.just(entries), st.permutations(entries))))
def test_the_order_of_the_input_does_not_matter(pair):
    one, other = pair
    assert Manifest.of(one).encode() == Manifest.of(other).encode()


@given(st.binary(max_size=400))
def test_any_bytes_are_a_manifest_or_are_refused(data):
    try:
        manifest = Manifest.decode(data)
    except BadManifestError:
        return
    assert Manifest.of(manifest.entries) == manifest


def test_the_bytes_of_format_1_stay_as_they_are():
    entries = [Entry(b"b", FOLDER, bytes(32), 300, 2), Entry(b"a\xff", FILE, bytes(range(32)), 1, 1)]
    assert Manifest.of(entries).encode().hex() == (
        "93b46a7570797465725f6d6c78206d616e6966657374019295c40261ff00c420"
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "010195c4016202c420" + "00" * 32 + "cd012c02"
    )


def test_sizes_and_counts_are_summed():
    manifest = Manifest.of([Entry(b"d", FOLDER, RAW, 100, 7), Entry(b"f", FILE, RAW, 5, 1)])
    assert (manifest.size_bytes, manifest.files) == (105, 8)


HOSTILE = [
    b"..",
    b".",
    b"",
    b"/etc/passwd",
    b"a/b",
    b"a/../../x",
    b"x\x00y",
    b"..\\x",
    b"C:evil",
    b"c:",
    b".git",
    b".GIT",
    b".mlx",
    b".ipynb_checkpoints",
    b"n" * 256,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_when_it_is_read(name):
    data = msgspec.msgpack.encode([TAG, FORMAT, [[name, FILE, RAW, 1, 1]]])
    with pytest.raises(BadManifestError, match="nothing was written"):
        Manifest.decode(data)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_would_be_refused_later_is_not_written(name):
    with pytest.raises(BadNameError):
        Manifest.of([file(name)])


@pytest.mark.parametrize(
    "name", [b"...", b"a b", b"line\nbreak", "🎲".encode(), b"\xff\xfe", b"12:30.png", b"n" * 255]
)
def test_an_odd_but_honest_name_is_kept_exactly(name):
    assert [entry.name for entry in Manifest.decode(Manifest.of([file(name)]).encode()).entries] == [name]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([TAG, 2, []], "format 2"),
        (["another list", 1, []], "not a folder's listing"),
        ([TAG, 1, [[b"b", 0, RAW, 1, 1], [b"a", 0, RAW, 1, 1]]], "out of order"),
        ([TAG, 1, [[b"a", 0, RAW, 1, 1], [b"a", 0, RAW, 1, 1]]], "out of order"),
        ([TAG, 1, [[b"a", 9, RAW, 1, 1]]], "malformed"),
        ([TAG, 1, [[b"a", 0, b"short", 1, 1]]], "malformed"),
        ([TAG, 1, [[b"a", 0, RAW, -1, 1]]], "malformed"),
        ([TAG, 1, [[b"a", LINK, b"", 0, 1]]], "malformed"),
        ([TAG, 1, [[b"a", 0, RAW, 1, 1, "more"]]], "not a folder's listing"),
        ({"files": []}, "not a folder's listing"),
    ],
)
def test_a_malformed_manifest_is_refused_with_the_reason(content, problem):
    with pytest.raises(BadManifestError, match=problem):
        Manifest.decode(msgspec.msgpack.encode(content))
