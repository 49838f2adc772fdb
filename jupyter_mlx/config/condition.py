"""The condition of a stage, `when: seed == 0 and ${train.metrics.acc} > 0.9`: read, and decided.

::

    condition  = comparisons with `and`, `or`, `not` and brackets
    comparison = value [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in") value ]
    value      = number | "text" | true | false | null | [value, …] | name | ${reference}

A name is a parameter of the stage, or a value of params.yaml. Nothing is called
and no attribute is looked up: a condition can only compare.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PLACE = re.compile(r"\$\{([^}]*)\}")
_CONSTANTS = {"true": True, "false": False, "null": None}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "In": lambda a, b: a in b,
    "NotIn": lambda a, b: a not in b,
}

Lookup = Callable[[str], Any]
"""Name → its value; raises KeyError where there is none."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read."""

    text: str
    names: tuple[str, ...]
    """What it asks for: parameters, and what stands between `${` and `}`."""
    _tree: Any

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition.

        Raises:
            ValueError: it is none; the message says what is wrong.
        """
        import ast

        places: list[str] = []

        def place(found: re.Match[str]) -> str:
            places.append(found[1].strip())
            return f" __place_{len(places) - 1} "

        try:
            tree = ast.parse(_PLACE.sub(place, text).strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise ValueError(f"{text!r} is no condition; write one such as `seed == 0`") from None
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id.startswith("__place_"):
                node.id = places[int(node.id.removeprefix("__place_"))]
        _check(tree, text)
        names = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id not in _CONSTANTS]
        return cls(text, tuple(dict.fromkeys(names)), tree)

    def holds(self, lookup: Lookup) -> bool:
        """Decide it.

        Raises:
            KeyError: `lookup` does not know a name.
            ValueError: values cannot be compared.
        """
        try:
            return bool(_value(self._tree, lookup))
        except TypeError as error:
            raise ValueError(f"{self.text!r} cannot be decided: {error}") from error


def _check(tree: Any, text: str) -> None:
    import ast

    taken = (
        ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.cmpop, ast.Name,
        ast.Load, ast.Constant, ast.List, ast.Tuple,
    )  # fmt: skip
    nodes = list(ast.walk(tree))
    if not all(isinstance(node, taken) and not isinstance(node, (ast.Is, ast.IsNot)) for node in nodes):
        raise ValueError(f"{text!r} does more than compare values; write a condition such as `seed == 0`")
    if any(isinstance(node, ast.Constant) and "__place_" in str(node.value) for node in nodes):
        raise ValueError(f"{text!r} has a reference inside quotes; take the quotes away")


def _value(node: Any, lookup: Lookup) -> Any:
    kind = type(node).__name__
    if kind == "Constant":
        return node.value
    if kind == "Name":
        return _CONSTANTS[node.id] if node.id in _CONSTANTS else lookup(node.id)
    if kind in {"List", "Tuple"}:
        return [_value(item, lookup) for item in node.elts]
    if kind == "UnaryOp":
        value = _value(node.operand, lookup)
        return not value if type(node.op).__name__ == "Not" else -value
    if kind == "BoolOp":
        together = all if type(node.op).__name__ == "And" else any
        return together(_value(item, lookup) for item in node.values)
    left = _value(node.left, lookup)
    for comparison, right_node in zip(node.ops, node.comparators, strict=True):
        right = _value(right_node, lookup)
        if not _COMPARISONS[type(comparison).__name__](left, right):
            return False
        left = right
    return True
