"""What is known of single names of a notebook, from all cells that bind them.

Modules are apart: calling a well-known library's functions changes neither the
library nor, but for those that say so, what they are given; an unknown one's,
called for what they do, may change the process.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from .libraries import (
    FUNCTIONAL,
    ITERATORS,
    PLOTTING,
    SAYING_WORDS,
    SEEDS,
    SETTING_OBJECTS,
    SETTINGS,
    STYLE_WORDS,
    SURROUNDINGS,
)
from .names import SCALARS, WRITING_WORDS, Later, Names, Touch
from .noting import DRAWN, GENERATOR

BUILTINS = frozenset(dir(builtins)) | {"display"}
T = TypeVar("T")
_NEW = frozenset({"const", "solid"})


class Facts:
    """What the names of a notebook are; grows by a cell at a time."""

    def __init__(self) -> None:
        self.kinds: dict[str, set[str]] = {}
        """Name → how it was bound, see `Kind`."""
        self.moving: set[str] = set()
        """See `Names.moving`."""
        self.seeds = False
        """A cell sets a seed: what is drawn is the same each time."""
        self._origins: dict[str, set[str]] = {}
        self._aliases: dict[str, set[tuple[str, str]]] = {}
        self._texts: dict[str, set[str]] = {}
        self._makers: dict[str, set[str]] = {}
        self._functions: dict[str, list[Later]] = {}
        """Name → the functions that were bound to it."""
        self._seen: set[str] = set()
        self._forget()

    def _forget(self) -> None:
        self._packages: dict[str, str | None] = {}
        self._well_known: dict[str, bool] = {}
        self._setters: dict[str, bool] = {}
        self._sources: dict[str, frozenset[str]] = {}

    def add(self, names: Names) -> bool:
        """A cell was executed; whether what was known before is not so any more."""
        changed = self._add_functions(names)
        for name, kinds in names.kinds.items():
            known = self.kinds.get(name)
            if known is None or not kinds <= known:
                self.kinds[name] = kinds if known is None else known | kinds
                changed = changed or name in self._seen
        for name, origin in names.origins.items():
            origins = self._origins.setdefault(name, set())
            changed = changed or (name in self._seen and origin not in origins)
            origins.add(origin)
        for name, aliases in names.aliases.items():
            changed |= self._grow(self._aliases, name, aliases)
        for name, words in names.texts.items():
            changed |= self._grow(self._texts, name, words)
        for name, makers in names.makers.items():
            changed |= self._grow(self._makers, name, makers)
        self._seen.update(names.mentions, names.binds, *names.links)
        if changed:
            self._forget()
        return changed

    def _grow(self, known: dict[str, set[T]], name: str, added: set[T]) -> bool:
        """Whether what is known of a name that others rest on grew."""
        before = known.setdefault(name, set())
        if added <= before:
            return False
        before |= added
        return name in self._seen

    def _add_functions(self, names: Names) -> bool:
        changed = any(not self._seen.isdisjoint(holders) for holders, _ in names.laters)
        for holders, later in names.laters:
            for name in holders:
                self._functions.setdefault(name, []).append(later)
        if not self.seeds and any(map(_is_seed, _touches(names))):
            self.seeds = changed = True
        if not names.moving <= self.moving:
            self.moving |= names.moving
            changed = True
        return changed

    @contextmanager
    def aside(self, names: Names) -> Iterator[None]:
        """A cell that is about to be executed has its imports, and what is found meanwhile is forgotten again."""
        own = names.origins.keys() - self.kinds.keys()
        for name in own:
            self.kinds[name] = names.kinds.get(name, {"import"})
            self._origins[name] = {names.origins[name]}
        kept = [dict(each) for each in (self._packages, self._well_known, self._setters, self._sources)]
        yield
        self._packages, self._well_known, self._setters, self._sources = kept  # type: ignore[assignment]
        for name in own:
            del self.kinds[name], self._origins[name]

    def package(self, name: str) -> str | None:
        """The well-known library that a name is a part of; None for all other names."""
        if name not in self._packages:
            kinds = self.kinds.get(name)
            if kinds is None:
                return None
            packages = {origin.partition(".")[0] for origin in self._origins.get(name, ())}
            one = kinds == {"import"} and len(packages) == 1 and packages <= FUNCTIONAL
            self._packages[name] = packages.pop() if one else None
            aliases = self._aliases.get(name, set())
            if len(aliases) == 1 and kinds == {f"of:{next(iter(aliases))[0]}"}:
                self._packages[name] = self.package(next(iter(aliases))[0])
        return self._packages[name]

    def origins_of(self, name: str) -> set[str]:
        """What a name was imported as, or is another name of, dotted from its package."""
        if name in self._origins:
            return self._origins[name]
        return {
            f"{origin}.{path}"
            for root, path in self._aliases.get(name, ())
            for origin in self._origins.get(root, ())
        }

    def is_writer(self, function: str, path: str) -> bool:
        """Whether a function of a library was imported, perhaps by another name, that changes what it is given."""
        return not path and any(
            origin.rpartition(".")[2] in WRITING_WORDS for origin in self.origins_of(function)
        )

    def is_builtin(self, name: str) -> bool:
        """Whether a name is Python's own."""
        return name in BUILTINS and name not in self.kinds

    def is_plain(self, name: str) -> bool:
        """Whether a name is a function or class whose calls change nothing of itself."""
        kinds = self.kinds.get(name)
        return bool(kinds) and kinds <= {"def", "class"}  # type: ignore[operator]  # not None where true

    def is_new(self, name: str) -> bool:
        """Whether a name surely holds no iterator."""
        kinds = self.kinds.get(name)
        return bool(kinds) and all(kind in _NEW or self.is_well_known(kind) for kind in kinds)  # type: ignore[union-attr]

    def is_well_known(self, kind: str) -> bool:
        """Whether a name was bound to what a well-known library made, or to a part of that."""
        root = kind.removeprefix("of:")
        if root == kind or not root:
            return False
        if root not in self._well_known:
            self._well_known[root] = True  # where a name is bound to a part of itself
            package = self.package(root)
            kinds = self.kinds.get(root)
            self._well_known[root] = (
                package not in ITERATORS
                if package is not None
                else bool(kinds) and all(map(self.is_well_known, kinds or ()))
            ) or (root in SCALARS and self.is_builtin(root))
        return self._well_known[root]

    # -- what cells do beside that ---------------------------------------------------------

    def spoken(self, names: Names) -> set[str]:
        """The names in texts that were bound to a name, or are given to a function, which has them read as code."""
        found: set[str] = set()
        for name, bound in names.spoken.items():
            found |= (self._texts.get(name, set()) | names.texts.get(name, set())) - bound
        for function, words in names.said.items():
            if any(later.speaks for later in self._functions.get(function, ())):
                found |= words
        return found

    def classes(self, call: str) -> frozenset[str]:
        """The class that is called, by its own name."""
        name = call.removesuffix("()")
        return frozenset({name, *(origin.rpartition(".")[2] for origin in self.origins_of(name))})

    def made_from(self, name: str) -> frozenset[str]:
        """The classes without a seed that a name's object was made from, with `GENERATOR` where it may hold one."""
        found = self._sources.get(name)
        if found is None:
            makers: set[str] = set()
            waiting = [name]
            while waiting:
                for maker in self._makers.get(waiting.pop(), set()) - makers:
                    makers.add(maker)
                    waiting.append(maker)
            calls = (self.classes(maker) for maker in makers if maker.endswith("()"))
            found = self._sources[name] = frozenset(makers & {GENERATOR}).union(*calls)
        return found

    def moves(self, name: str) -> bool:
        """Whether reading a name's object may change it: its class has a method for it that does."""
        kinds = self.kinds.get(name, set())
        return any(kind.startswith("of:") and kind[3:] in self.moving for kind in kinds)

    def sets(self, function: str) -> bool:
        """Whether a function of the notebook sets a seed or a setting."""
        if function not in self._functions and "other" not in self.kinds.get(function, ()):
            return False
        if function not in self._setters:
            # another name of functions stands for each of them
            waiting = [function, *self._makers.get(function, ())]
            called = set(waiting)
            sets = False
            while waiting and not sets:
                for later in self._functions.get(waiting.pop(), ()):
                    sets = sets or any(map(self._is_setting_inside, later.touches))
                    waiting += later.uses - called
                    called |= later.uses
            self._setters[function] = sets
        return self._setters[function]

    def _is_setting_inside(self, touch: Touch) -> bool:
        if touch.by and self.package(touch.name) is None:
            return _is_seed(touch)
        return SAYING_WORDS.isdisjoint(touch.path.split(".")) and self.is_setting(touch)

    def is_setting(self, touch: Touch) -> bool:
        """Whether it changes what no name of the notebook stands for: a seed, the path, a folder, a filter."""
        if (touch.by and touch.by != touch.name) or touch.consumes or touch.seeded or touch.name == DRAWN:
            return False
        package = self.package(touch.name)
        done = touch.alone or not touch.by
        if package is None:
            return done and self._is_unknown(touch)
        words = {*touch.path.split("."), touch.name}
        for origin in self.origins_of(touch.name):
            words.update(origin.split(".")[1:])
        last = touch.path.rpartition(".")[2] or touch.name
        return (
            not touch.by
            or last.startswith(("set_", "register"))
            or not SETTINGS.isdisjoint(words)
            or _is_seed(touch)
            or ("environ" in words and not words.isdisjoint({"pop", "setdefault"}))
            or (done and (package in SURROUNDINGS or not SEEDS.isdisjoint(words)))
            or (done and package in PLOTTING and not STYLE_WORDS.isdisjoint(words))
        )

    def _is_unknown(self, touch: Touch) -> bool:
        """Whether it is of an unknown module, or of an object that is a setting: it may do anything to the process."""
        kinds = self.kinds.get(touch.name)
        if kinds is None:
            # of `import *`, or an extension
            return touch.name not in BUILTINS
        roots = {self.package(kind[3:]) for kind in kinds if kind.startswith("of:")}
        sets = SAYING_WORDS.isdisjoint(touch.path.split(".")) and not SETTING_OBJECTS.isdisjoint(roots)
        return "import" in kinds or sets


def _touches(names: Names) -> Iterator[Touch]:
    """All that a cell does, at once or in its functions."""
    yield from names.touches
    for _, later in names.laters:
        yield from later.touches


def _is_seed(touch: Touch) -> bool:
    """Whether a call is of a function whose name says that it sets a seed."""
    return touch.name == touch.by and "seed" in (touch.path.rpartition(".")[2] or touch.name)
