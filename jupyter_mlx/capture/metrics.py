"""Metrics that nobody logged: the numbers that a cell computes at its top level, or shows last.

The rule, as docs/magics.md tells it: a name that the cell binds outside loops and
functions to a computed number, or to a dict of numbers; and the number, or dict of
numbers, that the last expression gives. No constants (those are params), no loop
variables, no names of one letter or that begin with `_`.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .names import bound_in, kind_of
from .syntax import Cell

MOST = 32
"""So many metrics are taken from one cell at most."""
_ARRAYS = frozenset({"cupy", "jax", "jaxlib", "numpy", "tensorflow", "torch"})
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Computed:
    """Where a cell's own numbers are."""

    names: tuple[str, ...]
    """Bound at the top level, in the order of the code."""
    shown: str = ""
    """What the last expression is to be called; empty where there is no name for it."""


def guess(source: str, names: Mapping[str, Any], shown: Any, taken: Iterable[str]) -> dict[str, float]:
    """The numbers that the cell computed.

    Args:
        source: of the cell.
        names: the notebook's variables after it.
        shown: the value of its last expression; None where there is none.
        taken: what is a param or was logged: no metric is guessed under such a name.
    """
    computed = _computed(source)
    found: dict[str, float] = {}
    for name in computed.names:
        if name in names:
            found.update(_numbers(name, names[name]))
    if isinstance(shown, Mapping) or computed.shown:
        named = computed.shown if not isinstance(shown, Mapping) or computed.shown in names else ""
        found.update(_numbers(named, shown))
    given = set(taken)
    return dict([(name, value) for name, value in found.items() if name not in given][:MOST])


def _numbers(name: str, value: Any) -> dict[str, float]:
    if isinstance(value, Mapping):
        if len(value) > MOST:
            return {}
        items = {
            f"{name}.{key}" if name else key: number(item)
            for key, item in value.items()
            if isinstance(key, str)
        }
        return {key: item for key, item in items.items() if item is not None}
    one = number(value)
    return {} if one is None or not name else {name: one}


def number(value: Any) -> float | None:
    """A number, also one that numpy, torch and their like wrap; None for all else, and for truth values."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if type(value).__module__.partition(".")[0] in _ARRAYS:
        # a library's object may fail in its own ways
        with suppress(Exception):
            if getattr(value, "shape", None) in {(), (1,)}:
                item = value.item() if hasattr(value, "item") else value.numpy().item()
                return item if isinstance(item, (int, float)) and not isinstance(item, bool) else None
    return None


@lru_cache(maxsize=512)
def _computed(source: str) -> Computed:
    tree = Cell.of(source).tree
    if tree is None or not tree.body:
        return Computed(())
    names: dict[str, None] = {}
    loops: set[str] = set()
    _collect(tree.body, names, loops)
    kept = tuple(name for name in names if name not in loops and len(name) > 1 and not name.startswith("_"))
    return Computed(kept, _shown(tree.body[-1]))


def _collect(body: Iterable[ast.stmt], names: dict[str, None], loops: set[str]) -> None:
    for statement in body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            if statement.value is None:
                continue
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            bound = bound_in(targets)[0]
            if isinstance(statement, ast.AugAssign) or kind_of(statement.value) != "const":
                names.update(dict.fromkeys(sorted(bound)))
            else:
                # the last value counts: a constant is a param
                for name in bound:
                    names.pop(name, None)
        elif isinstance(statement, (ast.For, ast.AsyncFor)):
            loops |= bound_in([statement.target])[0]
        elif isinstance(statement, (ast.With, ast.AsyncWith, ast.If)):
            _collect(statement.body, names, loops)
            _collect(getattr(statement, "orelse", ()), names, loops)
        elif isinstance(statement, ast.Try):
            _collect([*statement.body, *statement.orelse, *statement.finalbody], names, loops)


def _shown(statement: ast.stmt) -> str:
    """The name of what the last expression gives: of a variable, a function or method, a key."""
    if not isinstance(statement, ast.Expr):
        return ""
    value = statement.value
    while isinstance(value, (ast.Await, ast.Call)):
        value = value.value if isinstance(value, ast.Await) else value.func
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
        name = value.slice.value
    else:
        name = getattr(value, "attr", None) or getattr(value, "id", None)
    return name if isinstance(name, str) and name not in _BUILTINS and not name.startswith("_") else ""
