"""What differs between two versions: whole folders that are equal are never opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from .manifest import FOLDER, Entry, Manifest, paired

Listing: TypeAlias = Callable[[Entry], Manifest]


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs."""

    path: str
    """Relative to the folder; of a single file, empty."""
    before_bytes: int | None = None
    """Its size; None where it was not there."""
    after_bytes: int | None = None
    before_path: str | None = None
    """What it was called; None where that did not change."""


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs, each list by path."""

    added: tuple[FileChange, ...] = ()
    removed: tuple[FileChange, ...] = ()
    modified: tuple[FileChange, ...] = ()
    renamed: tuple[FileChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.modified or self.renamed)


def diff(
    listing: Listing,
    before: Entry | None,
    after: Entry | None,
    is_elsewhere: Callable[[Entry], bool] = lambda _: False,
) -> Diff:
    """Compare two versions, each given as the entry that names it; None is nothing.

    What is not in `after` and `is_elsewhere`, for it was never fetched, is not told as removed.
    """
    gone: dict[str, Entry] = {}
    come: dict[str, Entry] = {}
    modified: list[FileChange] = []

    def walk(path: str, a: Entry | None, b: Entry | None) -> None:
        is_same = a and b and a.kind == b.kind and a.digest == b.digest
        if is_same or (a and b is None and path and is_elsewhere(a)):
            return
        if (a is None or a.kind == FOLDER) and (b is None or b.kind == FOLDER):
            for name, old, new in _differing(listing, a, b):
                inner = name.decode("utf-8", "surrogateescape")
                walk(f"{path}/{inner}" if path else inner, old, new)
        elif a and b and FOLDER not in {a.kind, b.kind}:
            modified.append(FileChange(path, a.size_bytes, b.size_bytes))
        else:
            collect(gone, path, a)
            collect(come, path, b)

    def collect(into: dict[str, Entry], path: str, entry: Entry | None) -> None:
        if entry is not None and entry.kind == FOLDER:
            for inner in listing(entry).entries:
                collect(into, f"{path}/{inner.name.decode('utf-8', 'surrogateescape')}", inner)
        elif entry is not None:
            into[path] = entry

    walk("", before, after)
    return _with_renames(gone, come, modified)


def _differing(
    listing: Listing, a: Entry | None, b: Entry | None
) -> Iterator[tuple[bytes, Entry | None, Entry | None]]:
    """The names of two folders that are not the same in both."""
    pairs = paired(*(listing(each).entries if each else () for each in (a, b)))
    return (pair for pair in pairs if pair[1] != pair[2])


def _with_renames(gone: dict[str, Entry], come: dict[str, Entry], modified: list[FileChange]) -> Diff:
    """A file that went and one that came with the same bytes are one that was renamed."""
    by_digest: dict[bytes, list[str]] = {}
    for path in sorted(gone, reverse=True):
        if gone[path].size_bytes:  # empty files are all alike
            by_digest.setdefault(gone[path].digest, []).append(path)
    renamed: list[FileChange] = []
    for path in sorted(come):
        old = by_digest.get(come[path].digest)
        if old:
            before = old.pop()
            renamed.append(FileChange(path, gone[before].size_bytes, come[path].size_bytes, before))
            del gone[before]
    for change in renamed:
        del come[change.path]
    return Diff(
        tuple(FileChange(path, after_bytes=come[path].size_bytes) for path in sorted(come)),
        tuple(FileChange(path, before_bytes=gone[path].size_bytes) for path in sorted(gone)),
        tuple(modified),
        tuple(renamed),
    )
