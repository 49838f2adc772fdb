"""Methods that are called unseen, by an operator or as a property, and change their object."""

from __future__ import annotations

import ast

from .names import chain

_SEEN = frozenset(
    {
        "__aenter__", "__aexit__", "__call__", "__class_getitem__", "__del__", "__delattr__", "__delitem__",
        "__enter__", "__exit__", "__init__", "__init_subclass__", "__new__", "__post_init__", "__set__", "__set_name__",
        "__setattr__", "__setitem__", "__setstate__",
    }
)  # fmt: skip
"""Methods whose call shows in the cell as a call or a change, or that are done with when the object is made."""
_CHANGING = frozenset(
    {
        "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "push",
        "put", "remove", "reverse", "setdefault", "sort", "update", "write",
    }
)  # fmt: skip
"""Methods of the built-in types that change their object."""


def moves(node: ast.stmt) -> bool:
    """Whether a statement of a class is a method that is called unseen and changes its object."""
    if not isinstance(node, ast.FunctionDef) or not node.args.args:
        return False
    unseen = node.name.startswith("__") and node.name.endswith("__") and node.name not in _SEEN
    called = {chain(decorator)[0] for decorator in node.decorator_list}
    if not unseen and called.isdisjoint({"property", "cached_property", "functools"}):
        return False
    own = node.args.args[0].arg
    return any(_changes(part, own) for part in ast.walk(node))


def _changes(node: ast.AST, own: str) -> bool:
    """Whether a part of a method changes the object that the method is of."""
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return not isinstance(node.ctx, ast.Load) and chain(node.value)[0] == own
    if isinstance(node, ast.Call):
        root, path = chain(node.func)
        if root == own:
            return path.rpartition(".")[2] in _CHANGING
        return root == "setattr" and any(
            isinstance(given, ast.Name) and given.id == own for given in node.args
        )
    return False
