"""The constants that a cell assigns at its top level: its parameters, where the user asks for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from .syntax import Cell

LONGEST = 1000
"""A constant that takes more characters of the source is data, and no parameter."""


def constants(source: str) -> dict[str, Any]:
    """Names that are assigned a literal at the top level of `source`.

    A literal is a number, text, truth value, None, or a list, tuple or dict of them.
    A name assigned twice has its last value; source that is no Python has none.
    """
    tree = Cell.of(source).tree
    found: dict[str, Any] = {}
    for name, node in _assigned(tree) if tree is not None else ():
        if (node.end_col_offset or 0) - node.col_offset > LONGEST or (
            node.end_lineno or 0
        ) - node.lineno > LONGEST // 10:
            continue
        try:
            literal = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            # the last value of the name is none that can be read here
            found.pop(name, None)
            continue
        if _is_param(literal):
            found[name] = literal
    return found


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Each name that a statement of the top level assigns, with its value."""
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            yield from _pairs(statement.target, statement.value)
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                yield from _pairs(target, statement.value)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif (
        isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts)
    ):
        for part, given in zip(target.elts, value.elts, strict=True):
            yield from _pairs(part, given)


def _is_param(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_param, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_param, value.values()))
    return isinstance(value, (bool, int, float, str)) or value is None
