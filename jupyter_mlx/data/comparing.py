"""Two states of a project's data compared: path by path, file by file, and inside tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from .diff import Diff, FileChange
from .opening import opened
from .tablefiles import Table, is_table, read
from .tables import TableDiff, compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .contents import Contents
    from .version import Version
    from .worktree import WorkTree

_TABLES = 20
"""Tables of one path that are looked into: the first ones."""


@dataclass(frozen=True, slots=True)
class State:
    """What data was at one moment: versions by path; of the work tree, as it is now."""

    versions: Mapping[str, Version | None]
    is_now: bool = False
    """Whether the work tree is meant: `versions` are then its pointers, for the paths."""


@dataclass(frozen=True, slots=True)
class PathDiff:
    """What differs in the data at one path."""

    path: str
    files: Diff
    tables: dict[str, TableDiff] = field(default_factory=dict)
    """How tables that were modified differ inside, by path in the data (of a single file, empty)."""
    tables_left: int = 0
    """Modified tables that were not looked into, for there are too many."""


@dataclass(slots=True)
class Comparison:
    """Compares states of one project's data."""

    tree: WorkTree
    contents: Contents
    rows: int = 0
    """How many rows of each table are wanted as examples."""

    def of(self, before: State, after: State) -> Iterator[PathDiff]:
        """Each path that differs, in order.

        Raises:
            ObjectNotFoundError, CorruptObjectError: a listing or a table is not here, or damaged.
        """
        if _are_two_single(before, after):
            (a,), (b,) = before.versions.values(), after.versions.values()
            pairs = [(b.path if b else "", a, b)]
        else:
            pairs = list(self._pairs(before, after))
        for path, old, new in pairs:
            found = self._now(path) if after.is_now else new
            files = self.contents.diff(old, found, is_here=after.is_now)
            if files:
                yield self._inside(path, files, old, None if after.is_now else new)

    def _pairs(self, before: State, after: State) -> Iterator[tuple[str, Version | None, Version | None]]:
        """The versions that belong together; a file of one side may lie in a folder of the other."""
        for path in sorted({*before.versions, *after.versions}):
            old, new = before.versions.get(path), after.versions.get(path)
            if old is None and any(_lies_in(inner, path) for inner in before.versions):
                continue
            if new is None and any(_lies_in(inner, path) for inner in after.versions):
                continue
            yield path, old or self._part(before, path), new or self._part(after, path)

    def _part(self, state: State, path: str) -> Version | None:
        for outer, version in state.versions.items():
            if version is not None and _lies_in(path, outer):
                return self.contents.part(version, path[len(outer) + 1 :])
        return None

    def _now(self, path: str) -> Version | None:
        from .version import Version

        entry, self.contents.unsaved = self.tree.listed(path)
        return Version.of(path, entry) if entry else None

    def _inside(self, path: str, files: Diff, old: Version | None, new: Version | None) -> PathDiff:
        """With tables that were modified; where `new` is None, what they are is in the work tree."""
        if old is None:
            return PathDiff(path, files)
        changed = [change for change in files.modified if is_table(change.path or path)]
        tables = {change.path: self._table(path, change, old, new) for change in changed[:_TABLES]}
        return PathDiff(path, files, tables, max(0, len(changed) - _TABLES))

    def _table(self, path: str, change: FileChange, old: Version, new: Version | None) -> TableDiff:
        name = change.path or path

        def before() -> Table:
            return read(name, lambda: self._open(old, change.path), change.before_bytes or 0)

        def after() -> Table:
            if new is not None:
                return read(name, lambda: self._open(new, change.path), change.after_bytes or 0)
            full = self.tree.root / path / change.path
            return read(name, lambda: full.open("rb"), change.after_bytes or 0)

        return compare(before, after, self.rows)

    def _open(self, version: Version, inner: str) -> BinaryIO:
        found = self.contents.part(version, inner) if inner else version
        assert found is not None  # it was just listed
        return opened(self.tree.store, found.digest, self.tree.temp)


def _lies_in(inner: str, outer: str) -> bool:
    return inner.startswith(outer + "/")


def _are_two_single(before: State, after: State) -> bool:
    """Whether two versions were named by themselves: their paths need not be the same."""
    return (
        len(before.versions) == len(after.versions) == 1
        and not after.is_now
        and before.versions.keys() != after.versions.keys()
    )
