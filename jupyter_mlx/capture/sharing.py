"""What the cells of a notebook do to each other's objects, once all of them are known.

Names that may share objects form a group; to change an object through one name
changes the group. Modules are apart: calling a well-known library's functions
changes neither the library nor, but for those that say so, what they are given.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .libraries import (
    FUNCTIONAL,
    ITERATORS,
    PLOTTING,
    PURE_METHODS,
    RANDOM,
    RANDOM_WORDS,
    SEEDS,
    STYLE_WORDS,
    SURROUNDINGS,
)
from .names import CHANGERS, CONSUMERS, SCALARS, Later, Names, Touch

BUILTINS = frozenset(dir(builtins)) | {"display"}
RANDOMNESS = "<random>"
"""The group of all global random generators."""
_NEW = frozenset({"const", "solid"})


@dataclass(frozen=True, slots=True)
class Effect:
    """What a cell does, with all that it calls."""

    uses: frozenset[str]
    binds: frozenset[str]
    touched: frozenset[str]
    """Groups whose objects it may change."""
    surroundings: bool
    """Any later cell may rely on what it does."""


class Notebook:
    """Cells in the order of their execution, resolved against each other; grows by a cell at a time."""

    def __init__(self) -> None:
        self._cells: dict[int, Names] = {}
        self._kinds: dict[str, set[str]] = {}
        self._origins: dict[str, set[str]] = {}
        self._seen: set[str] = set()
        self.anything_shared = False
        """A cell did what cannot be known: any two names may share objects since."""
        self._forget()

    def _forget(self) -> None:
        """Begin to resolve anew."""
        self._linked = 0
        self._leaders: dict[str, str] = {}
        self._laters: dict[str, Later] = {}
        self._packages: dict[str, str | None] = {}
        self._well_known: dict[str, bool] = {}
        self._harms: dict[str, int] = {}
        self._changed: dict[Touch, str | None] = {}
        self._effects: dict[int, Effect] = {}

    def add(self, names: Names) -> None:
        """A cell was executed; the same one again changes nothing of what is known."""
        if id(names) in self._cells:
            return
        self._cells[id(names)] = names
        self.anything_shared |= names.uses_any
        changed = any(not self._seen.isdisjoint(holders) for holders, _ in names.laters)
        for name, kinds in names.kinds.items():
            known = self._kinds.get(name)
            if known is None or not kinds <= known:
                self._kinds[name] = kinds if known is None else known | kinds
                changed = changed or name in self._seen
        for name, origin in names.origins.items():
            self._origins.setdefault(name, set()).add(origin)
        if changed:
            # what was resolved may rest on what these names were
            self._forget()
        self._seen.update(names.mentions, names.binds, *names.links)

    def effect(self, names: Names) -> Effect:
        """What a cell does: one of those that were added, or one that is about to be executed."""
        self._resolve()
        found = self._effects.get(id(names))
        if found is None:
            found = self._effect(names)
            if id(names) in self._cells:
                self._effects[id(names)] = found
        return found

    def _effect(self, names: Names) -> Effect:
        uses, binds, touches = set(names.uses), set(names.binds), set(names.touches)
        for name, bound in names.mentions.items():
            later = self._laters.get(self._group(name))
            if later is not None:
                uses |= later.uses - bound
                binds |= later.binds
                touches |= later.touches
        touched = frozenset(found for touch in touches if (found := self.changed(touch)) is not None)
        if RANDOMNESS in touched:
            uses.add(RANDOMNESS)
        surroundings = names.surroundings or any(map(self._is_setting, names.touches))
        return Effect(frozenset(uses), frozenset(binds), touched, surroundings)

    def closure(self, names: Iterable[str]) -> set[str]:
        """The names, with those that functions among them need when they are called."""
        self._resolve()
        wanted: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in wanted:
                continue
            wanted.add(name)
            later = self._laters.get(self._group(name))
            if later is not None:
                waiting += later.uses - wanted
        return wanted

    def groups_of(self, name: str) -> tuple[str, ...]:
        """The groups whose change may change what a name means."""
        package = self.package(name)
        return (self._group(name),) if package is None else (self._group(name), f"<{package}>")

    # -- groups ----------------------------------------------------------------------------

    def _resolve(self) -> None:
        """Take the links and functions of the cells that were added since into account."""
        if self._linked == len(self._cells):
            return
        cells = list(self._cells.values())[self._linked :]
        joined = False
        for link in {link for names in cells for link in names.links}:
            joined |= self._join([name for name in link if self._is_shared(name)])
        if joined:
            # an effect names groups by their leaders, which are others now
            self._effects.clear()
            self._changed.clear()
        self._linked = len(self._cells)
        for names in cells:
            for holders, later in names.laters:
                for group in {self._group(name) for name in holders}:
                    whole = self._laters.setdefault(group, Later())
                    whole.uses |= later.uses
                    whole.binds |= later.binds
                    whole.touches |= later.touches
                    whole.inside |= later.inside

    def _join(self, members: Sequence[str]) -> bool:
        """Make one group of the names' groups; whether that was news."""
        leaders = {self._group(name) for name in members}
        if len(leaders) < 2:
            return False
        first = leaders.pop()
        for other in leaders:
            self._leaders[other] = first
            moved = self._laters.pop(other, None)
            if moved is not None:
                whole = self._laters.setdefault(first, Later())
                whole.uses |= moved.uses
                whole.binds |= moved.binds
                whole.touches |= moved.touches
                whole.inside |= moved.inside
        return True

    def _group(self, name: str) -> str:
        """The name that stands for the group of a name."""
        leaders = self._leaders
        while (above := leaders.get(name)) is not None:
            higher = leaders.get(above)
            if higher is None:
                return above
            leaders[name] = higher
            name = higher
        return name

    def _is_shared(self, name: str) -> bool:
        """Whether a name may hold an object that can be changed."""
        kinds = self._kinds.get(name)
        if kinds is None:
            return name not in BUILTINS
        return self.package(name) is None and kinds != {"const"}

    # -- names -----------------------------------------------------------------------------

    def package(self, name: str) -> str | None:
        """The well-known library that a name is a part of; None for all other names."""
        if name not in self._packages:
            kinds = self._kinds.get(name)
            packages = {origin.partition(".")[0] for origin in self._origins.get(name, ())}
            one = kinds == {"import"} and len(packages) == 1 and packages <= FUNCTIONAL
            self._packages[name] = packages.pop() if one else None
        return self._packages[name]

    def _is_builtin(self, name: str) -> bool:
        return name in BUILTINS and name not in self._kinds

    def _is_plain(self, name: str) -> bool:
        """Whether a name is a function or class whose calls change nothing of itself."""
        kinds = self._kinds.get(name)
        return bool(kinds) and kinds <= {"def", "class"}  # type: ignore[operator]  # not None where true

    def _is_new(self, name: str) -> bool:
        """Whether a name surely holds no iterator."""
        kinds = self._kinds.get(name)
        return bool(kinds) and all(kind in _NEW or self._is_well_known(kind) for kind in kinds)  # type: ignore[union-attr]

    def _is_well_known(self, kind: str) -> bool:
        """Whether a name was bound to what a well-known library made, or to a part of that."""
        root = kind.removeprefix("of:")
        if root == kind or not root:
            return False
        if root not in self._well_known:
            self._well_known[root] = True  # where a name is bound to a part of itself
            package = self.package(root)
            kinds = self._kinds.get(root)
            self._well_known[root] = (
                package not in ITERATORS
                if package is not None
                else bool(kinds) and all(map(self._is_well_known, kinds or ()))
            ) or (root in SCALARS and self._is_builtin(root))
        return self._well_known[root]

    # -- changes ---------------------------------------------------------------------------

    def changed(self, touch: Touch) -> str | None:
        """The group that a touch changes; None where it changes nothing."""
        if touch not in self._changed:
            self._changed[touch] = self._change(touch)
        return self._changed[touch]

    def _change(self, touch: Touch) -> str | None:
        package = self.package(touch.name)
        if package is not None:
            return self._changed_library(touch, package)
        return self._group(touch.name) if self._is_changed(touch) else None

    def _changed_library(self, touch: Touch, package: str) -> str | None:
        words = touch.path.split(".")
        origin = next(iter(self._origins[touch.name])).split(".")
        if package in RANDOM or not RANDOM_WORDS.isdisjoint([*words, *origin]):
            return RANDOMNESS
        if touch.name != touch.by and touch.by:
            return None
        if package in PLOTTING and touch.by:
            return f"<{package}>" if touch.alone and not STYLE_WORDS.isdisjoint([*words, *origin]) else None
        return f"<{package}>" if touch.alone or not touch.by else None

    def _is_changed(self, touch: Touch) -> bool:
        by = touch.by
        if self._is_builtin(touch.name):
            # what `open` or `range` gave may be changed, never they themselves
            return touch.writes
        if not by:
            return not touch.consumes or not self._is_new(touch.name)
        package = self.package(by)
        if package is not None:
            return touch.writes or (touch.alone and package not in PLOTTING)
        if self._is_builtin(by) and not touch.path:
            if by in CONSUMERS:
                return not self._is_new(touch.name)
            return by in CHANGERS or not (
                by in SCALARS or by[:1].isupper() or by in {"display", "open", "super"}
            )
        if self._is_plain(by) and not touch.path:
            if touch.name == by:
                return False
            harm = self._harm(by)
            return harm == 2 or (harm == 1 and not self._is_new(touch.name))
        if touch.name != by and not touch.writes and self._is_well_known(f"of:{by}"):
            return False
        return touch.writes or not (PURE_METHODS.issuperset(touch.path.split(".")) and self._is_new(by))

    def _harm(self, function: str) -> int:
        """What a function does to what it is given: 0 nothing, 1 it may use an iterator up, 2 it may change it."""
        if function not in self._harms:
            self._harms[function] = 0  # where it calls itself
            group = self._laters.get(self._group(function))
            touches = group.inside | group.touches if group is not None else ()
            self._harms[function] = max(map(self._harm_of, touches), default=0)
        return self._harms[function]

    def _harm_of(self, touch: Touch) -> int:
        if touch.consumes and (not touch.by or self._is_builtin(touch.by)):
            return 1
        return 2 if self.package(touch.name) is None and self._is_changed(touch) else 0

    def _is_setting(self, touch: Touch) -> bool:
        """Whether it changes what no name of the notebook stands for: a seed, the path, a folder, a filter."""
        package = self.package(touch.name)
        if package is None or (touch.by and touch.by != touch.name):
            return False
        words = {*touch.path.split("."), touch.name}
        return not touch.by or (touch.alone and (package in SURROUNDINGS or not SEEDS.isdisjoint(words)))
