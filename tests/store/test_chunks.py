"""Cutting and recipes: nothing is lost, a small change stays small, and a lie is refused."""

import os
import random
import tracemalloc

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlx.store import frames
from jupyter_mlx.store.chunks import LONGEST, SHORTEST, cut, windows
from jupyter_mlx.store.recipes import BadRecipeError, Recipe, RecipeBuilder, is_recipe, leaf_chunks

PLENTY = random.Random(7).randbytes(24 << 20)


def chunks_of(data, piece=1 << 20):
    stream = (data[at : at + piece] for at in range(0, len(data), piece))
    return [bytes(chunk) for some in cut(stream) for chunk in some]


def bound(chunks):
    """The recipe of some chunks, its leaves, by digest, and its bytes."""
    builder = RecipeBuilder()
    leaves = dict(filter(None, [builder.add(blake3(chunk).digest(), len(chunk)) for chunk in chunks]))
    leaves |= dict(builder.finish())
    return builder.recipe(), leaves


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 3 << 20), st.integers(0, 1 << 20), st.integers(1, 5 << 20))
def test_the_chunks_joined_are_the_bytes_wherever_the_pieces_end(start, size, piece):
    data = PLENTY[start : start + size]
    assert b"".join(chunks_of(data, piece)) == data
    assert chunks_of(data, piece) == chunks_of(data, 1 << 20)


def test_chunks_are_neither_too_short_nor_too_long():
    lengths = [len(chunk) for chunk in chunks_of(PLENTY)]
    assert max(lengths) <= LONGEST
    assert min(lengths[:-1]) >= SHORTEST
    assert 1 << 15 < sum(lengths) / len(lengths) < 1 << 17
    assert chunks_of(bytes(LONGEST * 3)) == [bytes(LONGEST)] * 3


@pytest.mark.parametrize("at", [0, 1, 5 << 20, (12 << 20) + 17])
def test_an_insertion_changes_few_chunks_and_few_leaves(at):
    before, after = chunks_of(PLENTY), chunks_of(PLENTY[:at] + b"x" * 1024 + PLENTY[at:])
    assert len(set(after) - set(before)) <= 4
    assert len(bound(after)[1].keys() - bound(before)[1].keys()) <= 2


def test_windows_are_the_whole_file(tmp_path):
    (tmp_path / "file").write_bytes(PLENTY)
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert b"".join(windows(fd)) == PLENTY
        assert b"".join(windows(fd, 1000)) == PLENTY[1000:]
    finally:
        os.close(fd)


def test_a_recipe_leads_to_every_chunk_in_order():
    chunks = [random.Random(n).randbytes(50) for n in range(3000)]
    recipe, leaves = bound(chunks)
    assert len(recipe.leaves) > 5
    again = Recipe.decode(recipe.encode(), bytes(32))
    assert again == recipe
    listed = [each for leaf, size in again.leaves for each in leaf_chunks(leaves[leaf], size, leaf)]
    assert listed == [(blake3(chunk).digest(), 50) for chunk in chunks]


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_makes_it_no_recipe(at, change):
    data = bytearray(bound([b"some", b"chunks"])[0].encode())
    at %= len(data)
    data[at] ^= change
    with pytest.raises(BadRecipeError):
        Recipe.decode(bytes(data), bytes(32))


@pytest.mark.parametrize("size", [-1, 1, 1 << 40])
def test_a_leaf_that_lies_about_its_length_is_refused(size):
    _, leaves = bound([b"a" * 100, b"b" * 100])
    for digest, data in leaves.items():
        with pytest.raises(BadRecipeError):
            leaf_chunks(data, 200 + size, digest)


@pytest.mark.parametrize("data", [b"", b"short", bytes(36), bytes(36 * 500)])
def test_what_is_no_leaf_is_refused(data):
    with pytest.raises(BadRecipeError):
        leaf_chunks(data, 0, bytes(32))


@given(st.binary(max_size=2000) | st.binary(min_size=1, max_size=9).map(lambda some: some * 300))
def test_what_was_shrunk_expands_to_the_same(data):
    encoding, stored = frames.shrink(data)
    assert len(stored) <= len(data)
    assert frames.expand(encoding, stored, len(data)) == data
    assert frames.expand(encoding, stored, len(data) + 1) is None


def test_a_bomb_is_not_expanded_not_even_for_a_moment():
    encoding, stored = frames.shrink(bytes(1 << 26))
    assert encoding == frames.ZSTD
    assert len(stored) < 1 << 14
    tracemalloc.start()
    try:
        assert frames.expand(encoding, stored, 1000) is None
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("sizes", [[0], [1 << 40], [1 << 62], [5, 0]])
def test_a_recipe_with_leaves_that_can_not_be_is_refused(sizes):
    data = Recipe(tuple((bytes(32), size) for size in sizes))
    with pytest.raises(BadRecipeError, match="add up"):
        Recipe.decode(data.encode(), bytes(32))


def test_frames_of_every_encoding_are_found_in_a_pack(tmp_path):
    text = b"a line of text\n" * 100
    recipe = bound([text])[0].encode()
    encoding, small = frames.shrink(text)
    digest, large = blake3(text).digest(), blake3(b"the large object").digest()
    (tmp_path / "pack").write_bytes(
        frames.HEADER
        + frames.header(digest, encoding, len(small), len(text), piece=True) + small
        + frames.header(large, frames.RECIPE, len(recipe), len(recipe)) + recipe
        + frames.encode(digest, text) + text
    )  # fmt: skip
    with (tmp_path / "pack").open("rb") as file:
        found = list(frames.scan(file.fileno(), 0, (tmp_path / "pack").stat().st_size))
    assert [(each.digest, each.data, each.whole, each.encoding, each.piece) for each in found] == [
        (digest, text, True, frames.ZSTD, True),
        (large, recipe, True, frames.RECIPE, False),
        (digest, text, True, frames.PLAIN, False),
    ]
    assert is_recipe(recipe)
    assert found[-1].end == (tmp_path / "pack").stat().st_size
