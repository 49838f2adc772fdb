"""What the cells of a notebook do to each other's objects, once all of them are known.

Names that may share objects form a group; to change an object through one name
changes the group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .facts import BUILTINS, Facts
from .libraries import (
    FITS,
    PLOTTING,
    PURE_METHODS,
    RANDOM,
    RANDOM_CLASSES,
    RANDOM_WORDS,
    STYLE_WORDS,
)
from .names import CHANGERS, CONSUMERS, SCALARS, Later, Names, Touch
from .noting import DRAWN, GENERATOR

_NONE: set[str] = set()
RANDOMNESS = "<random>"
"""The group of all global random generators."""


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
        self._facts = Facts()
        self.anything_shared = False
        """A cell did what cannot be known: any two names may share objects since."""
        self._forget()

    def _forget(self) -> None:
        """Begin to resolve anew."""
        self._linked = 0
        self._leaders: dict[str, str] = {}
        self._laters: dict[str, Later] = {}
        self._harms: dict[str, int] = {}
        self._changed: dict[Touch, tuple[str, ...]] = {}
        self._effects: dict[int, Effect] = {}
        self._alones: dict[int, tuple[bool, set[str]]] = {}

    def add(self, names: Names) -> None:
        """A cell was executed; the same one again changes nothing of what is known."""
        if id(names) in self._cells:
            return
        self._cells[id(names)] = names
        self.anything_shared |= names.uses_any
        if self._facts.add(names):
            # what was resolved may rest on what these names were
            self._forget()

    def effect(self, names: Names) -> Effect:
        """What a cell does: one of those that were added, or one that is about to be executed."""
        self._resolve()
        found = self._effects.get(id(names))
        if found is None:
            if id(names) in self._cells:
                found = self._effects[id(names)] = self._effect(names)
            else:
                # what is found of names that it may be the first to bind is not kept
                harms, changed = self._harms.copy(), self._changed.copy()
                with self._facts.aside(names):
                    found = self._effect(names)
                self._harms, self._changed = harms, changed
        return found

    def _effect(self, names: Names) -> Effect:
        uses, binds, touches = set(names.uses), set(names.binds), set(names.touches)
        surroundings, others = self._alone(names)
        uses |= others
        touched: set[str] = set()
        for name, bound in names.mentions.items():
            later = self._laters.get(self._group(name))
            if later is not None:
                uses |= later.uses - bound
                binds |= later.binds
                touches |= later.touches
            if self._facts.moving and self._facts.moves(name):
                touched.add(self._group(name))
        for touch in touches:
            touched.update(self.changed(touch))
        if RANDOMNESS in touched:
            uses.add(RANDOMNESS)
        return Effect(frozenset(uses), frozenset(binds), frozenset(touched), surroundings)

    def _alone(self, names: Names) -> tuple[bool, set[str]]:
        """What no group has a part in: whether a cell changes the surroundings, and what it uses without a name."""
        facts = self._facts
        found = self._alones.get(id(names))
        if found is None:
            surroundings = (
                names.surroundings
                or any(map(facts.is_setting, names.touches))
                or any(map(facts.sets, names.mentions))
            )
            # a cell with an import of its own relies on what was done to the library, too
            packages = set(map(facts.package, names.mentions)) - {None}
            found = surroundings, facts.spoken(names).union(f"<{package}>" for package in packages)
            if id(names) in self._cells:
                self._alones[id(names)] = found
        return found

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

    def package(self, name: str) -> str | None:
        """See `Facts.package`."""
        return self._facts.package(name)

    def groups_of(self, name: str) -> tuple[str, ...]:
        """The groups whose change may change what a name means."""
        package = self._facts.package(name)
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
                    self._laters.setdefault(group, Later()).add(later)

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
                self._laters.setdefault(first, Later()).add(moved)
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
        kinds = self._facts.kinds.get(name)
        if kinds is None:
            return name not in BUILTINS
        return self._facts.package(name) is None and kinds != {"const"}

    # -- changes ---------------------------------------------------------------------------

    def changed(self, touch: Touch) -> tuple[str, ...]:
        """The groups that a touch changes."""
        found = self._changed.get(touch)
        if found is None:
            found = tuple(group for group in (self._change(touch), self._drawn(touch)) if group is not None)
            self._changed[touch] = found
        return found

    def _change(self, touch: Touch) -> str | None:
        if touch.name == DRAWN:
            return RANDOMNESS if self._facts.seeds else None
        package = self._facts.package(touch.name)
        if package is not None:
            return self._changed_library(touch, package)
        return self._group(touch.name) if self._is_changed(touch) else None

    def _changed_library(self, touch: Touch, package: str) -> str | None:
        words = touch.path.split(".")
        origin = next(iter(self._facts.origins_of(touch.name)), package).split(".")
        if package in RANDOM or not (touch.seeded or RANDOM_WORDS.isdisjoint([*words, *origin])):
            return RANDOMNESS
        if touch.name != touch.by and touch.by:
            return None
        if package in PLOTTING and touch.by:
            return f"<{package}>" if touch.alone and not STYLE_WORDS.isdisjoint([*words, *origin]) else None
        return f"<{package}>" if touch.alone or not touch.by else None

    def _is_changed(self, touch: Touch) -> bool:
        by, facts = touch.by, self._facts
        if facts.is_builtin(touch.name):
            # what `open` or `range` gave may be changed, never they themselves
            return touch.writes
        kinds = facts.kinds.get(touch.name, _NONE)
        if kinds == {"const"} and (by or touch.seeded):
            return False
        if touch.mildly:
            return "iterator" in kinds
        if not by:
            return not touch.consumes or not facts.is_new(touch.name)
        if "iterator" in kinds and not (by in SCALARS and not touch.path):
            return True
        package = facts.package(by)
        if package is not None:
            return (
                touch.writes or facts.is_writer(by, touch.path) or (touch.alone and package not in PLOTTING)
            )
        return self._is_changed_by_unknown(touch)

    def _is_changed_by_unknown(self, touch: Touch) -> bool:
        """Whether what is no library's, a builtin, the notebook's or an object's, changes what it is given."""
        by, facts = touch.by, self._facts
        if touch.writes and touch.name != by:
            return True
        if facts.is_builtin(by) and not touch.path:
            if by in CONSUMERS:
                return not facts.is_new(touch.name)
            return by in CHANGERS or not (
                by in SCALARS or by[:1].isupper() or by in {"display", "open", "super"}
            )
        if facts.is_plain(by) and not touch.path:
            if touch.name == by:
                return False
            harm = self._harm(by)
            return harm == 2 or (harm == 1 and not facts.is_new(touch.name))
        if touch.name != by and not touch.writes and facts.is_well_known(f"of:{by}"):
            return False
        return touch.writes or not (PURE_METHODS.issuperset(touch.path.split(".")) and facts.is_new(by))

    def _harm(self, function: str) -> int:
        """What a function does to what it is given: 0 nothing, 1 it may use an iterator up, 2 it may change it."""
        if function not in self._harms:
            self._harms[function] = 0  # where it calls itself
            group = self._laters.get(self._group(function))
            touches = group.inside | group.touches if group is not None else ()
            self._harms[function] = max(map(self._harm_of, touches), default=0)
        return self._harms[function]

    def _harm_of(self, touch: Touch) -> int:
        if touch.consumes and (not touch.by or self._facts.is_builtin(touch.by)):
            return 1
        if touch.name == DRAWN:
            return 0
        return 2 if self._facts.package(touch.name) is None and self._is_changed(touch) else 0

    # -- draws and settings ----------------------------------------------------------------

    def _drawn(self, touch: Touch) -> str | None:
        """The group that a method draws from, if it does."""
        name, words = touch.name, touch.path.split(".")
        if name != touch.by or touch.seeded:
            return None
        if self._facts.package(name) is not None:
            # a class that is called, and perhaps fitted at once
            drawing = not touch.path or words[-1] in RANDOM_CLASSES
            made = self._facts.classes(f"{words[-1] or name}()") if drawing else frozenset()
            return RANDOMNESS if self._facts.seeds and not RANDOM_CLASSES.isdisjoint(made) else None
        if FITS.isdisjoint(words):
            return None
        made = self._facts.made_from(name)
        if GENERATOR in made:
            return self._group(name)
        return RANDOMNESS if self._facts.seeds and not RANDOM_CLASSES.isdisjoint(made) else None
