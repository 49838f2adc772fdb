"""The slice: the earlier cells that a cell depends on, by the names they define, change and use.

When in doubt a cell is in the slice: what `exec`, unknown magics and cells that
do not parse do cannot be known, a function that was defined in the notebook may
change what it is given, and what two names may share is changed through either.
docs/magics.md says the rules for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .names import HISTORY, Names
from .sharing import Notebook
from .slice import Slice
from .syntax import Cell
from .walking import walk


@dataclass(frozen=True, slots=True)
class Executed:
    """A cell as it was executed."""

    source: str
    cell_id: str | None = None
    whole: bool = False
    """Whether it is known to have run to its end."""
    gone: bool = False
    """Whether its notebook is known to have it no more."""


def slice_of(source: str, earlier: Sequence[Executed], cell_id: str | None = None) -> Slice:
    """The cells of `earlier` (in the order of execution) that `source` depends on, in that order."""
    return Slicer().slice_of(source, earlier, cell_id)


class Slicer:
    """Makes the slices of one session's cells; what it found of the earlier ones is kept."""

    def __init__(self) -> None:
        self._sources: list[str] = []
        self._notebook = Notebook()

    def slice_of(self, source: str, earlier: Sequence[Executed], cell_id: str | None = None) -> Slice:
        """See `slice_of`."""
        kept = self._kept(source, earlier)
        cells = tuple(earlier[at].source for at in kept)
        return Slice(cells, tuple(_notes(earlier, kept, cell_id)))

    def _known(self, earlier: Sequence[Executed]) -> Notebook:
        sources = [cell.source for cell in earlier]
        if sources[: len(self._sources)] != self._sources:
            self._sources, self._notebook = [], Notebook()
        for added in sources[len(self._sources) :]:
            self._notebook.add(names_of(added))
        self._sources = sources
        return self._notebook

    def _kept(self, source: str, earlier: Sequence[Executed]) -> list[int]:
        """The places in `earlier` of the cells that count."""
        cell = names_of(source)
        if cell.uses_any:
            return list(range(len(earlier)))
        notebook = self._known(earlier)
        wanted = _Wanted(notebook)
        wanted.add(notebook.effect(cell).uses)
        kept = []
        for at in range(len(earlier) - 1, -1, -1):
            names = names_of(earlier[at].source)
            effect = notebook.effect(names)
            counts = (
                names.defines_any
                or effect.surroundings
                or not wanted.names.isdisjoint(effect.binds)
                or not wanted.groups.keys().isdisjoint(effect.touched)
                or (notebook.anything_shared and effect.touched)
            )
            if names.resets and earlier[at].whole:
                # what was bound before is gone; what the session is, is not
                wanted.clear()
            if not counts:
                continue
            kept.append(at)
            if names.uses_any:
                return [*range(at), *reversed(kept)]
            if earlier[at].whole:
                wanted.remove(names.settles)
            wanted.add(effect.uses)
        return kept[::-1]


class _Wanted:
    """The names that are needed at one moment, and the groups that their objects are in."""

    def __init__(self, notebook: Notebook) -> None:
        self.names: set[str] = set()
        self.groups: dict[str, int] = {}
        """Group → how many names want it."""
        self._notebook = notebook

    def add(self, names: frozenset[str]) -> None:
        if names <= self.names:
            return
        for name in self._notebook.closure(names) - self.names:
            self.names.add(name)
            for group in self._notebook.groups_of(name):
                self.groups[group] = self.groups.get(group, 0) + 1

    def clear(self) -> None:
        self.names.clear()
        self.groups.clear()

    def remove(self, names: set[str]) -> None:
        for name in names & self.names:
            self.names.remove(name)
            for group in self._notebook.groups_of(name):
                self.groups[group] -= 1
                if not self.groups[group]:
                    del self.groups[group]


def _notes(earlier: Sequence[Executed], kept: Sequence[int], cell_id: str | None) -> Iterable[str]:
    """Cells of the slice that the notebook holds no more as they were executed."""
    newest = {cell.cell_id: at for at, cell in enumerate(earlier) if cell.cell_id is not None}
    told = set()
    for at in kept:
        cell = earlier[at]
        if cell.cell_id is None or cell.source in told:
            continue
        if cell.cell_id == cell_id:
            why = "an earlier text of the tracked cell itself"
        elif earlier[newest[cell.cell_id]].source != cell.source:
            why = "a cell that was edited and executed again since"
        elif cell.gone:
            why = "a cell that the notebook has no more"
        else:
            continue
        told.add(cell.source)
        names = names_of(cell.source)
        defined = ", ".join(sorted(names.binds or {touch.name for touch in names.touches}))
        if defined:
            yield f"{defined}: made by {why}; the slice has its text as it was executed"


@lru_cache(maxsize=8192)
def names_of(source: str) -> Names:
    """What a cell does with names; its source may have IPython's syntax in it."""
    cell = Cell.of(source)
    found = Names(
        surroundings=cell.surroundings,
        defines_any=cell.unknown,
        uses_any=cell.unknown,
        resets=cell.resets,
    )
    if cell.tree is not None:
        try:
            walk(cell.tree, found)
        except RecursionError:
            found.defines_any = found.uses_any = True
    found.uses |= cell.uses
    found.binds |= cell.binds
    for name in cell.binds:
        found.kinds.setdefault(name, set()).add("other")
    if any(name in HISTORY or (name[:1] == "_" and name.strip("_i").isdigit()) for name in found.uses):
        found.uses_any = True
    return found
