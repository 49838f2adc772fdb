"""Reads the objects of a store, in the order in which they lie, and tells which are not what they were.

What is found damaged counts as absent from then on, so that a put or a pull heals it.
"""

# Paths are strings here, as in `files`.
# ruff: noqa: PTH110, PTH112

from __future__ import annotations

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError, CorruptObjectError, ObjectNotFoundError

from . import frames, index_upkeep
from .compacting import Chunked
from .pack_rows import PackRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .digestset import DigestSet
    from .large import LargeObjects
    from .small import SmallObjects

    Told = Callable[[int, int], None]

_WINDOW_BYTES = 4 << 20
_THREADS = 2


@dataclass(slots=True)
class Examined:
    """What an examination found."""

    checked: int = 0
    corrupt: set[bytes] = field(default_factory=set)
    lost: set[bytes] = field(default_factory=set)
    """That were here, and whose packs are gone."""


def examine(
    small: SmallObjects, large: LargeObjects, store: str, only: DigestSet | None, told: Told
) -> Examined:
    """Read all objects, or those of `only` that are here; `told` hears of objects and bytes."""
    found = Examined()
    if os.path.exists(f"{store}/index.db") or os.path.isdir(small.folder):
        small.index.catch_up(wait=False)
        packs, recipes = _packs(small, only)
        with ThreadPoolExecutor(_THREADS, "jmlx-verify") as pool:
            for bad, count, size in pool.map(lambda item: _examine_pack(small, *item), packs.items()):
                found.corrupt |= bad
                found.checked += count
                told(count, size)
        found.corrupt -= _heal_or_condemn(small, found.corrupt)
        found.corrupt |= _bad_recipes(small, recipes, store, whole=only is not None)
        damaged, lost = index_upkeep.faults(small.index)
        found.corrupt |= damaged if only is None else only.among(damaged)
        found.lost |= lost if only is None else only.among(lost)
    for digest in _files(large, only):
        found.checked += 1
        try:
            large.check(digest, store)
        except CorruptObjectError:
            found.corrupt.add(digest.raw)
        except ObjectNotFoundError:
            continue  # a gc took it meanwhile
        told(1, large.size(digest) or 0)
    put_aside = {digest.raw for digest in large.put_aside()}
    found.corrupt |= put_aside if only is None else only.among(put_aside)
    found.corrupt -= small.present(found.corrupt)
    return found


def _packs(small: SmallObjects, only: DigestSet | None) -> tuple[dict[str, PackRows], list[bytes]]:
    names = index_upkeep.numbers(small.index)
    packs: dict[str, PackRows] = {}
    recipes: list[bytes] = []
    for first in range(256):
        wanted = None if only is None else only.beginning(first)
        for digest, number, offset, length, encoding in index_upkeep.beginning(small.index, first):
            if number not in names:
                continue  # written since this began
            if encoding == frames.RECIPE and (wanted is None or digest in wanted):
                recipes.append(digest)
            if wanted is None or digest in wanted:
                packs.setdefault(names[number], PackRows()).add(digest, offset, length, encoding)
    return packs, recipes


def _examine_pack(small: SmallObjects, name: str, pack: PackRows) -> tuple[set[bytes], int, int]:
    """The objects of a pack that are damaged; how many were read, and their bytes."""
    bad: set[bytes] = set()
    window, base = b"", 0
    for digest, offset, length, encoding in pack.in_order():
        start, end = offset - frames.FRAME_BYTES, offset + length
        if not base <= start <= end <= base + len(window):
            window, base = small.window(name, start, max(_WINDOW_BYTES, end - start)), start
        if not _is_whole(digest, encoding, window[start - base : end - base], end - start):
            bad.add(digest)
    return bad, len(pack), sum(pack.lengths)


def _is_whole(digest: bytes, encoding: int, span: bytes, size: int) -> bool:
    if len(span) != size:
        return False
    data: bytes | None = span[frames.FRAME_BYTES :]
    if encoding == frames.ZSTD:
        data = frames.expand(encoding, span[frames.FRAME_BYTES :], frames.length_in(span))
    return frames.is_whole(digest, encoding, data)


def _heal_or_condemn(small: SmallObjects, bad: set[bytes]) -> set[bytes]:
    """Ask again for each that seemed bad: it may have been taken elsewhere meanwhile. Those that are well."""
    well: set[bytes] = set()
    for digest in bad:
        with contextlib.suppress(CorruptError, ObjectNotFoundError):
            small.get(Digest(digest.hex()), small.folder)
            well.add(digest)
    return well


def _bad_recipes(small: SmallObjects, recipes: list[bytes], store: str, *, whole: bool) -> set[bytes]:
    """The large objects in chunks of which a chunk is damaged or missing; with `whole`, the chunks are read too."""
    bad: set[bytes] = set()
    for digest in recipes:
        if whole:
            try:
                Chunked(small, store).check(Digest(digest.hex()))
            except CorruptError:
                bad.add(digest)
            continue
        try:
            pieces = set(small.pieces(digest, store))
        except (CorruptError, ObjectNotFoundError):
            pieces = {b""}
        if pieces - small.present(pieces):
            small.index.condemn(digest)
            bad.add(digest)
    return bad


def _files(large: LargeObjects, only: DigestSet | None) -> Iterator[Digest]:
    for first in range(256):
        here = large.beginning(first)
        for raw in here if only is None else only.beginning(first).intersection(here):
            yield Digest(raw.hex())
