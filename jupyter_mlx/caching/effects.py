"""What a cell may do beside what it leaves, as far as its source and those of the cells before it tell."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from jupyter_mlx.capture.libraries import SEEDS, STYLE_WORDS, SURROUNDINGS
from jupyter_mlx.capture.lineage.looking import ABSENT, PRESENT
from jupyter_mlx.capture.names import Names, Touch
from jupyter_mlx.capture.sharing import RANDOMNESS, Notebook
from jupyter_mlx.capture.slicing import names_of
from jupyter_mlx.capture.syntax import Cell

_SETS: Final = re.compile(
    r"(un|re)?set(_.*|option|err|context|locale|recursionlimit|default.*)?|(un)?register.*|use(_.*)?|enable.*|"
    r"disable.*|config.*|basicConfig|install.*|patch.*|add.*|insert|append|extend|remove|pop|update|clear|"
    r"(simple|reset)?filter(s|warnings)?|rc.*|style|options?|switch_.*|start.*|stop.*|chdir|fchdir|putenv|unsetenv|"
    r"umask|nice|kill|system|popen|symlink|link|chmod|chown|utime|move|captureWarnings|setLevel|on|ioff|ion|connect"
)
"""Words of functions of libraries that are called for what they do to the session."""
_ASKS: Final = frozenset(
    {"exists", "lexists", "is_file", "is_dir", "is_symlink", "isfile", "isdir", "islink"}
)
"""Functions that ask whether there is a file; nobody is told when they are called."""
_MEASURES: Final = frozenset(
    {"stat", "lstat", "getsize", "getmtime", "getctime", "getatime", "st_size", "st_mtime", "disk_usage", "access",
     "samefile", "fwalk", "readlink"}
)  # fmt: skip
"""Functions that ask for more of a file than is kept."""
_STARTS: Final = frozenset({"subprocess", "popen", "Popen", "check_output", "system", "getoutput"})
_UNSEEN: Final = frozenset({"tensorflow", "keras", "cupy"})
"""Packages with a random generator whose state is not looked at."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a cell may do."""

    binds: frozenset[str]
    surely: frozenset[str]
    at_risk: frozenset[str]
    """Names of earlier cells whose objects it may change."""
    related: frozenset[str]
    """Names of earlier cells whose objects may be parts of what it leaves."""
    doubts: tuple[str, ...]
    """What it does beside, a sentence each."""


class Effects:
    """Tells it of one session's cells; what it found of the earlier ones is kept."""

    def __init__(self) -> None:
        self._sources: list[str] = []
        self._notebook = Notebook()

    def of(self, source: str, earlier: Sequence[str], space: Iterable[str]) -> Effect:
        """Of a cell that is about to be executed after others, in a session with these names."""
        self._learn([*earlier, source])
        names, notebook = names_of(source), self._notebook
        found = notebook.effect(names)
        # what it surely binds before it reads it is no object of an earlier cell
        others = {name for name in space if name not in names.settles or name in found.uses}
        groups = {group for name in found.binds for group in notebook.groups_of(name)[:1]}
        return Effect(
            binds=found.binds,
            surely=frozenset(names.settles),
            at_risk=frozenset(name for name in others if notebook.groups_of(name)[0] in found.touched),
            related=frozenset(
                name for name in others - found.binds
                if notebook.anything_shared or notebook.groups_of(name)[0] in groups
            ),
            doubts=tuple(dict.fromkeys(self._doubts(names))),
        )  # fmt: skip

    def _learn(self, sources: list[str]) -> None:
        if sources[: len(self._sources)] != self._sources:
            self._sources, self._notebook = [], Notebook()
        for added in sources[len(self._sources) :]:
            self._notebook.add(names_of(added))
        self._sources = sources

    def _doubts(self, names: Names) -> Iterable[str]:
        if names.defines_any or names.uses_any or names.resets:
            yield "it may use and bind any name"
        if names.surroundings:
            yield "it has a magic or a shell line that changes the session"
        for touch, origin in self._touches(names):
            package = self._notebook.package(touch.name)
            if package is None or (touch.by and touch.by != touch.name) or (touch.consumes and not touch.by):
                continue
            said = f"{touch.name}.{touch.path}" if touch.path else touch.name
            words = {*touch.path.split("."), *origin.split("."), touch.name} - {""}
            last = (touch.path or origin or touch.name).rpartition(".")[2]
            changed = self._notebook.changed(touch)
            if not touch.by:
                yield f"it changes something of {touch.name}"
            elif not SEEDS.isdisjoint(words) or (RANDOMNESS in changed and package in _UNSEEN):
                yield f"{said} sets or uses a global random generator"
            elif touch.alone and (
                _SETS.fullmatch(last)
                or (package in SURROUNDINGS and "environ" in words)
                or (any(group[:1] == "<" for group in changed) and not STYLE_WORDS.isdisjoint(words))
            ):
                yield f"{said} is called for what it does to the session"

    def _touches(self, names: Names) -> Iterable[tuple[Touch, str]]:
        """What the cell, and the functions that it may call, touch; with what the name was imported as."""
        origins: dict[str, str] = {}
        called = self._notebook.closure(names.mentions)
        touches = set(names.touches)
        for source in self._sources:
            other = names_of(source)
            origins |= other.origins
            for holders, later in other.laters:
                if not called.isdisjoint(holders):
                    touches |= later.touches
        for touch in sorted(touches, key=repr):
            yield touch, origins.get(touch.name, "").partition(".")[2]


def asked(sources: Iterable[str], folder: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """What code asks of files by name, as it is now; and what it asks that can't be asked again, a sentence each."""
    found: dict[str, str] = {}
    doubts: list[str] = []
    for source in sources:
        tree = Cell.of(source).tree
        for node in ast.walk(tree) if tree is not None else ():
            name = (
                node.attr
                if isinstance(node, ast.Attribute)
                else node.id
                if isinstance(node, ast.Name)
                else ""
            )
            if isinstance(node, ast.Call):
                word, path = _question(node)
                if word in _ASKS and path:
                    full = os.path.join(folder, path)  # noqa: PTH118
                    found[full] = PRESENT if os.path.exists(full) else ABSENT  # noqa: PTH110
                elif word in _ASKS:
                    doubts.append(f"what {word}() says of files may be another answer now")
            elif name in _MEASURES:
                doubts.append(f"what {name} says of files may be another answer now")
            elif name in _STARTS:
                doubts.append(f"{name} starts another program")
    return found, tuple(dict.fromkeys(doubts))


def _question(node: ast.Call) -> tuple[str, str]:
    """The last word of a function, and the literal path that it is asked of, empty where that is none."""
    function = node.func
    if isinstance(function, ast.Name):
        return function.id, _literal(node.args)
    if not isinstance(function, ast.Attribute):
        return "", ""
    if isinstance(function.value, ast.Call) and not node.args:
        # Path("x").exists()
        made = function.value
        plain = isinstance(made.func, (ast.Name, ast.Attribute)) and not made.keywords
        return function.attr, _literal(made.args) if plain and _name(made.func) == "Path" else ""
    return function.attr, _literal(node.args) if _name(function.value) in {"path", "os"} else ""


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _literal(arguments: Sequence[ast.expr]) -> str:
    if len(arguments) == 1 and isinstance(arguments[0], ast.Constant) and isinstance(arguments[0].value, str):
        return arguments[0].value
    return ""
