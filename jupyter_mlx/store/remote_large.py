"""Large objects to and from a remote: cut into chunks there, assembled from chunks here."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from blake3 import blake3

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError

from .chunks import cut, windows
from .copying import copy_range, following
from .recipes import BadRecipeError, Recipe, RecipeBuilder, leaf_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from .remote_copy import Targets
    from .remote_store import RemoteStore

_STEP_BYTES = 64 << 20
_MOST_SHARED = 4
_MOST_LEAVES = 4096
"""Leaves of another version that are looked into for chunks: for some 20 GB of changes."""


class Cutter:
    """Cuts one large object, and knows what binds it when all was cut."""

    def __init__(self, stream: Iterable[bytes | memoryview]) -> None:
        self._stream = iter(stream)
        self._hasher = blake3()
        self._builder = RecipeBuilder()
        self._leaves: list[tuple[bytes, bytes]] = []

    @classmethod
    def of(cls, fd: int) -> Cutter:
        """Of an open file, from its beginning."""
        return cls(windows(fd))

    def pieces(self) -> Iterator[Sequence[tuple[bytes, bytes | memoryview]]]:
        """Chunks, and after them the leaves: digest and bytes, some at a time."""
        with ThreadPoolExecutor(1, "jmlx-hash") as pool:
            for chunks in cut(self._ahead(pool)):
                some = [(blake3(chunk).digest(), chunk) for chunk in chunks]
                for raw, chunk in some:
                    leaf = self._builder.add(raw, len(chunk))
                    if leaf is not None:
                        self._leaves.append(leaf)
                yield some
        self._leaves += self._builder.finish()
        # together at the end: whoever fetches the object wants them all, before any chunk
        leaves, self._leaves = self._leaves, []
        yield leaves

    def _ahead(self, pool: ThreadPoolExecutor) -> Iterator[bytes]:
        """The stream, read and hashed one piece ahead, beside the cutting."""
        waiting = pool.submit(self._next)
        while piece := waiting.result():
            waiting = pool.submit(self._next)
            yield piece

    def _next(self) -> bytes:
        piece = next(self._stream, b"")
        self._hasher.update(piece)
        return bytes(piece)

    @property
    def digest(self) -> bytes:
        """Of the object, after `pieces`."""
        return self._hasher.digest()

    @property
    def recipe(self) -> Recipe:
        """Of the object, after `pieces`."""
        return self._builder.recipe()


def fill(store: RemoteStore, digest: Digest, fd: int, local: Callable[[Digest], Path | None] | None) -> None:
    """See `RemoteStore.fill`."""
    recipe = store.recipe(digest)
    with _shared(store, digest, recipe, local) as shared:
        # the digest of the whole is enough, mostly; where it is wrong, each chunk is looked at
        if _Assembly(store, fd, shared, checked=False).write(recipe) != digest.raw:
            shared.leaves.clear()  # perhaps a file on this machine is not what it was
            if _Assembly(store, fd, shared, checked=True).write(recipe) != digest.raw:
                raise BadRecipeError(str(digest), "its chunks are those of another object")
    store.index.note_leaves(digest.raw, recipe.leaves)


class _Shared:
    """What other versions on this machine have in common with an object."""

    def __init__(self) -> None:
        self.files: list[int] = []
        self.leaves: dict[bytes, tuple[int, int]] = {}
        """Leaf → an open file, and where in it."""
        self.chunks: dict[bytes, tuple[int, int]] = {}


@contextmanager
def _shared(
    store: RemoteStore, digest: Digest, recipe: Recipe, local: Callable[[Digest], Path | None] | None
) -> Iterator[_Shared]:
    shared = _Shared()
    try:
        if local is not None:
            wanted = [leaf for leaf, _ in recipe.leaves]
            for other in store.index.sharing(wanted)[:_MOST_SHARED]:
                with suppress(CorruptError, OSError):  # damaged, or gone: it is fetched, then
                    path = local(Digest(other.hex())) if other != digest.raw else None
                    if path is not None:
                        _share(store, set(wanted), other, path, shared)
        yield shared
    finally:
        for fd in shared.files:
            os.close(fd)


def _share(store: RemoteStore, wanted: set[bytes], other: bytes, path: Path, shared: _Shared) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    shared.files.append(fd)
    ends = os.fstat(fd).st_size
    found = store.index.leaves_of(other)
    changed: list[tuple[bytes, int, int]] = []
    for number, (leaf, offset) in enumerate(found):
        shared.leaves.setdefault(leaf, (fd, offset))
        if leaf not in wanted:
            end = found[number + 1][1] if number + 1 < len(found) else ends
            changed.append((leaf, offset, end - offset))
    # around a change the leaves differ, but for few of their chunks
    some = changed[:_MOST_LEAVES] if len(wanted) > len(changed) else []
    there = store.index.present([leaf for leaf, _, _ in some])
    lists = dict(store.stream([leaf for leaf in dict.fromkeys(leaf for leaf, _, _ in some) if leaf in there]))
    for leaf, offset, size in some:
        at = offset
        for chunk, length in leaf_chunks(lists[leaf], size, leaf) if leaf in lists else ():
            shared.chunks.setdefault(chunk, (fd, at))
            at += length


class _Assembly:
    """One attempt to write an object: from what is on this machine, and from the remote."""

    def __init__(self, store: RemoteStore, fd: int, shared: _Shared, *, checked: bool) -> None:
        self._store, self._fd, self._shared, self._checked = store, fd, shared, checked
        self._held = os.fstat(fd).st_size
        """What an attempt that was cut short has left."""

    def write(self, recipe: Recipe) -> bytes:
        """Write the object; the digest of what was written."""
        done, known = 0, self._shared.leaves
        with following(self._fd, sync=True) as hashing:
            for first in range(0, len(recipe.leaves), _MOST_LEAVES):
                group = recipe.leaves[first : first + _MOST_LEAVES]
                lists = dict(
                    self._store.stream(dict.fromkeys(leaf for leaf, _ in group if leaf not in known))
                )
                for step in _steps(group, self._shared):
                    size = sum(size for _, size in step)
                    if step[0][0] in known:
                        copy_range(*known[step[0][0]], size, self._fd, done)
                    else:
                        self._bring(_places(step, lists, done))
                    done += size
                    if os.fstat(self._fd).st_size < done:
                        os.ftruncate(
                            self._fd, done
                        )  # what the remote lacks is a hole, which the digest tells
                    hashing.wrote(done)
            return hashing.digest()

    def _bring(self, wanted: Targets) -> None:
        absent = self._not_here(wanted)
        if self._checked:
            self._store.use_pieces(list(absent), lambda raw, data: _write(self._fd, data, absent[raw]))
        else:
            self._store.copy_pieces(absent, self._fd)

    def _not_here(self, wanted: Targets) -> Targets:
        """Those chunks that are not on this machine; the others are written to their places."""
        absent: dict[bytes, Sequence[tuple[int, int]]] = {}
        for chunk, places in wanted.items():
            at, length = places[0]
            data = os.pread(self._fd, length, at) if at < self._held else b""
            if not _is(chunk, data, length) and chunk in self._shared.chunks:
                source, where = self._shared.chunks[chunk]
                data = os.pread(source, length, where)
            if _is(chunk, data, length):
                _write(self._fd, data, places)
            else:
                absent[chunk] = places
        return absent


def _steps(leaves: Sequence[tuple[bytes, int]], shared: _Shared) -> Iterator[list[tuple[bytes, int]]]:
    """Leaves that are assembled together: one that is on this machine, or some that are not."""
    step: list[tuple[bytes, int]] = []
    for leaf in leaves:
        here = leaf[0] in shared.leaves
        if step and (here or sum(size for _, size in step) >= _STEP_BYTES):
            yield step
            step = []
        if here:
            yield [leaf]
        else:
            step.append(leaf)
    if step:
        yield step


def _places(
    step: list[tuple[bytes, int]], lists: dict[bytes, bytes], at: int
) -> dict[bytes, list[tuple[int, int]]]:
    """Where each chunk of some leaves belongs, the first of which begins at `at`: offset and length."""
    found: dict[bytes, list[tuple[int, int]]] = {}
    for leaf, size in step:
        for chunk, length in leaf_chunks(lists[leaf], size, leaf):
            found.setdefault(chunk, []).append((at, length))
            at += length
    return found


def _is(chunk: bytes, data: bytes, length: int) -> bool:
    return len(data) == length and blake3(data).digest() == chunk


def _write(fd: int, data: bytes | memoryview, places: Sequence[tuple[int, int]]) -> None:
    for at, length in places:
        if length == len(data):  # else the leaf lies, which the digest of the whole will tell
            os.pwrite(fd, data, at)
