"""The constants that a cell assigns at its top level: its parameters, where the user asks for them."""

from __future__ import annotations

import ast
from typing import Any


def constants(source: str) -> dict[str, Any]:
    """Names that are assigned a literal number, text, truth value or None at the top level of `source`.

    A name assigned twice has its last value; source that is no Python has none.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return {}
    found: dict[str, Any] = {}
    for statement in body:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        try:
            literal = ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(literal, (bool, int, float, str)) or literal is None:
            found.update({target.id: literal for target in targets if isinstance(target, ast.Name)})
    return found
