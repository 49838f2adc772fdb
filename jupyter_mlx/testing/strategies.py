"""Hypothesis strategies for the values of the store and the data."""

from __future__ import annotations

from hypothesis import strategies as st

from jupyter_mlx.data.manifest import FILE, FOLDER, LINK, PROGRAM, Entry, is_safe
from jupyter_mlx.data.pointer import Pointer
from jupyter_mlx.digest import Digest

_SIZES = st.integers(0, 2**63 - 1)


def digests() -> st.SearchStrategy[Digest]:
    """Any digest."""
    return st.binary(min_size=32, max_size=32).map(lambda raw: Digest(raw.hex()))


def names() -> st.SearchStrategy[bytes]:
    """Any file name that data may have: also with spaces, newlines, emoji, and bytes that are no UTF-8."""
    texts = st.text(min_size=1, max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
    return (texts | st.binary(min_size=1, max_size=255)).filter(is_safe)


def entries() -> st.SearchStrategy[Entry]:
    """Any entry of a manifest."""
    raw = st.binary(min_size=32, max_size=32)
    files = st.builds(Entry, names(), st.sampled_from([FILE, PROGRAM]), raw, _SIZES, st.just(1))
    folders = st.builds(Entry, names(), st.just(FOLDER), raw, _SIZES, _SIZES)
    links = st.builds(Entry, names(), st.just(LINK), names(), st.just(0), st.just(1))
    return files | folders | links


def listings() -> st.SearchStrategy[list[Entry]]:
    """The entries of one folder, each name once, in any order."""
    return st.lists(entries(), max_size=30, unique_by=lambda entry: entry.name)


def pointers() -> st.SearchStrategy[Pointer]:
    """Any pointer."""
    return st.builds(Pointer, st.sampled_from(["file", "folder"]), digests(), _SIZES, _SIZES)
