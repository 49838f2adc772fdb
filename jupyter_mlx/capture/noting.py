"""What a walk through a cell notes: the names that are read, bound, linked and touched, and what calls do."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .names import (
    CHANGERS,
    CONSUMERS,
    FILE_WORDS,
    OPAQUE,
    SCALARS,
    Kind,
    Later,
    Names,
    Scope,
    Touch,
    chain,
    says_it_writes,
    shared,
)
from .texts import READERS, read_by, words_of

DRAWN = "<drawn>"
"""What a call touches that may draw from a global random generator, in a notebook that sets a seed."""
GENERATOR = "<generator>"
"""What holds a generator that its maker was given by name."""
_DRAWING = frozenset(
    {
        "cross_val_predict", "cross_val_score", "cross_validate", "learning_curve", "make_blobs", "make_circles",
        "make_classification", "make_moons", "make_regression", "permutation_importance", "permutation_test_score",
        "resample", "rvs", "sample", "shuffle", "train_test_split", "validation_curve",
    }
)  # fmt: skip
"""Functions and methods that draw random numbers, unless they are told from what."""
_SOURCES = frozenset({"generator", "random_state", "rng", "seed"})
"""Keywords of what a call draws its random numbers from."""
_FRAMES = frozenset({"__globals__", "f_back", "f_globals", "f_locals", "user_global_ns", "user_ns"})
"""Attributes through which any name can be had."""


class Noting(ast.NodeVisitor):
    """The notes on one cell, and where in it the walk is."""

    def __init__(self, found: Names) -> None:
        self.found = found
        self.bound: set[str] = set()
        """What is surely bound by now."""
        self.scopes: list[Scope] = []
        self.laters: list[Later] = []
        self.made: list[Later] = []
        """The nameless functions of the present statement."""
        self.makers: set[str] = set()
        """The classes that the present statement calls without a seed."""

    def is_own(self, name: str) -> bool:
        """Whether a name belongs to a function or class around."""
        innermost = len(self.scopes) - 1
        return any(
            name in scope.own for at, scope in enumerate(self.scopes) if not scope.is_class or at == innermost
        )

    def imported(self, name: str) -> str:
        """The name by which the notebook knows a module that a function imports for itself; or empty."""
        for scope in reversed(self.scopes):
            if name in scope.own:
                return scope.imports.get(name, "")
        return ""

    def load(self, name: str) -> None:
        """A name is read."""
        if self.is_own(name):
            return
        if name == "__main__":
            self.opaque()
        if self.laters:
            for later in self.laters:
                later.uses.add(name)
            return
        self.found.mentions.setdefault(name, frozenset(self.bound))
        if name not in self.bound:
            self.found.uses.add(name)

    def bind(self, name: str, kind: Kind = "other", *, surely: bool = True) -> None:
        """A name is bound."""
        if self.is_own(name):
            return
        self.found.kinds.setdefault(name, set()).add(kind)
        if self.laters:
            for later in self.laters:
                later.binds.add(name)
            return
        self.found.binds.add(name)
        if surely:
            self.bound.add(name)

    def touch(self, touch: Touch) -> None:
        """An object may be changed."""
        if self.is_own(touch.name) and (name := self.imported(touch.name)):
            touch = replace(touch, name=name)
        if self.is_own(touch.name):
            for later in self.laters:
                later.inside.add(touch)
        elif self.laters:
            for later in self.laters:
                later.touches.add(touch)
        else:
            self.found.touches.add(touch)

    def link(self, names: Iterable[str]) -> None:
        """Names may share an object."""
        group = frozenset(name for name in names if not self.is_own(name))
        if len(group) > 1:
            self.found.links.append(group)

    def attach(self, holders: Iterable[str], laters: Iterable[Later]) -> None:
        """Names may hold functions."""
        names = frozenset(name for name in holders if not self.is_own(name))
        if names:
            self.found.laters += [(names, later) for later in laters]

    def note_import(self, name: str, origin: str) -> None:
        """A module, or a part of one, has got a name."""
        if not self.is_own(name):
            self.found.origins[name] = origin
        elif name in self.scopes[-1].own:
            hidden = f"{origin} as {name}"
            self.scopes[-1].imports[name] = hidden
            self.found.kinds[hidden] = {"import"}
            self.found.origins[hidden] = origin
        if origin.partition(".")[0] == "__main__":
            self.opaque()

    def note_value(self, target: ast.expr, value: ast.expr) -> None:
        """A name got a value: what else is to be known of it later."""
        if not isinstance(target, ast.Name) or self.is_own(target.id):
            return
        name = target.id
        if isinstance(value, ast.Attribute):
            bare: ast.expr = value
            while isinstance(bare, ast.Attribute):
                bare = bare.value
            if isinstance(bare, ast.Name):
                self.found.aliases.setdefault(name, set()).add(chain(value))
        if isinstance(value, (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call)) and (
            words := words_of(value)
        ):
            self.found.texts[name] = self.found.texts.get(name, set()) | words
        if isinstance(value, (ast.Call, ast.Name, ast.List, ast.Tuple, ast.Dict)):
            made = self.makers | shared(value)
            if made:
                self.found.makers[name] = self.found.makers.get(name, set()) | made

    def call(self, node: ast.Call, *, alone: bool) -> None:
        """A function is called."""
        self.visit(node.func)
        for part in (*node.args, *node.keywords):
            self.visit(part)
        root, path = chain(node.func)
        function = path.rpartition(".")[2] or root
        if (root in OPAQUE and not path) or f"{root}.{path}" in {
            "inspect.currentframe",
            "inspect.stack",
            "sys._getframe",
        }:
            self.opaque()
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        self.note_texts(root, path, given)
        seeded = self.note_sources(node.keywords, root, path)
        if self.is_own(root):
            # not the notebook's name: nothing is known of it, but where it was imported
            root = self.imported(root)
            path = path if root else ""
        writes = says_it_writes(function if root else "", node.keywords)
        consumes = root in CONSUMERS and not path
        for name in set().union(*map(shared, given)):
            if self.is_own(name) and self.imported(name):
                # no module is changed by what it is given to
                continue
            self.touch(Touch(name, root, path, alone, writes or (root in CHANGERS and not path), consumes))
        for name in {root} if root else shared(node.func):
            self.touch(Touch(name, root, path, alone, writes, seeded=seeded))
        for keyword in node.keywords:
            if keyword.arg in FILE_WORDS:
                for name in shared(keyword.value):
                    self.touch(Touch(name, root, path, writes=True))
        if root not in SCALARS or path:
            self.link(shared(node.func).union(*map(shared, given)))

    def note_texts(self, root: str, path: str, given: Sequence[ast.expr]) -> None:
        """The names in the texts that a call is given."""
        function = path.rpartition(".")[2] or root
        if function in READERS:
            words, names = read_by(function, given)
            for word in words:
                self.load(word)
            for later in self.laters:
                later.words |= words
            for name in names:
                if not self.is_own(name):
                    self.found.spoken.setdefault(name, frozenset(self.bound))
                elif self.laters:
                    self.laters[-1].speaks = True
        elif not path and not self.is_own(root):
            for part in given:
                if isinstance(part, (ast.Constant, ast.JoinedStr)):
                    words = words_of(part)
                    if len(words) > 1:
                        self.found.said[root] = self.found.said.get(root, set()) | words

    def note_sources(self, keywords: Sequence[ast.keyword], root: str, path: str) -> bool:
        """What a call draws its random numbers from; whether it is told that."""
        seeded = False
        for keyword in keywords:
            value = keyword.value
            if keyword.arg not in _SOURCES or (isinstance(value, ast.Constant) and value.value is None):
                continue
            seeded = True
            said = {*chain(value), *words_of(value)}
            if isinstance(value, (ast.Name, ast.Attribute, ast.Subscript)) and not any(
                "seed" in word.lower() for word in said
            ):
                for name in shared(value):
                    self.touch(Touch(name, seeded=True))
                    self.makers.add(GENERATOR)
        function = path.rpartition(".")[2] or root
        if not seeded and function in _DRAWING:
            self.touch(Touch(DRAWN))
        elif not seeded and function[:1].isupper():
            self.makers.add(f"{function}()")
        return seeded

    def opaque(self) -> None:
        """Any name may be used and defined."""
        for later in self.laters:
            later.opaque = True
        self.found.defines_any = self.found.uses_any = True


def gives_any_name(node: ast.Attribute | ast.Subscript) -> bool:
    """Whether all names of the notebook can be had through it: a frame's variables, the notebook as a module."""
    if isinstance(node, ast.Attribute):
        return node.attr in _FRAMES
    if chain(node.value) != ("sys", "modules"):
        return False
    return not isinstance(node.slice, ast.Constant) or node.slice.value == "__main__"
