"""Parameters: typed by the notebook's `parameters` cell, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_mlx.errors import UsageError

KINDS = {"int", "float", "str", "bool", "list", "dict"}


class UnknownParameterError(UsageError):
    """The notebook has no parameter of this name."""

    code = "unknown-parameter"

    def __init__(self, notebook: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(notebook, name, known)
        self.notebook, self.name, self.known = notebook, name, known

    def __str__(self) -> str:
        if not self.known:
            return (
                f"{self.notebook} has no parameters, so {self.name!r} cannot be set; "
                "give the cell with the defaults the tag `parameters`"
            )
        return f"{self.notebook} has no parameter {self.name!r}; it has {', '.join(self.known)}"


class ParameterTypeError(UsageError):
    """A parameter's value is of another type than the notebook's default."""

    code = "parameter-type"

    def __init__(self, notebook: str, name: str, kind: str, value: str) -> None:
        super().__init__(notebook, name, kind, value)
        self.notebook, self.name, self.kind, self.value = notebook, name, kind, value

    def __str__(self) -> str:
        return f"{self.notebook}: parameter {self.name!r} is {self.kind} there, and {self.value or 'nothing'} is not"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One name that the `parameters` cell sets."""

    name: str
    kind: str = ""
    """One of `KINDS`; empty where any value will do."""
    declared: bool = False
    """Whether the cell says the type itself, rather than by its default alone."""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Typed:
    """A value as it was typed on the command line: `text`, and what YAML makes of it."""

    text: str
    value: Any


def declared_in(source: str) -> dict[str, Parameter]:
    """The parameters that a Python `parameters` cell sets; those it cannot type take any value."""
    import ast

    found: dict[str, Parameter] = {}
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return found
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = _annotated(node.target.id, ast.unparse(node.annotation))
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                names = [n.id for n in ast.walk(target) if isinstance(n, ast.Name)]
                kind = _kind_of_default(node.value) if isinstance(target, ast.Name) else ""
                found |= {name: Parameter(name, kind) for name in names}
    return found


def checked(
    notebook: str, given: Mapping[str, Any], declared: Mapping[str, Parameter] | None
) -> dict[str, Any]:
    """The values to inject, each known to the notebook and of its type.

    `declared` is None where the notebook's language is not understood: then
    every name and value is taken.

    Raises:
        UnknownParameterError: the notebook has no such parameter.
        ParameterTypeError: the value is of another type.
    """
    return {name: _value(notebook, name, value, declared) for name, value in given.items()}


def named(notebook: str, name: str, value: Any, declared: Mapping[str, Parameter] | None) -> dict[str, Any]:
    """A parameter whose value is not to be looked at, by its name.

    Raises:
        UnknownParameterError: the notebook has no such parameter.
    """
    if declared is not None and name not in declared:
        raise UnknownParameterError(notebook, name, tuple(declared))
    return {name: value}


def _value(notebook: str, name: str, given: Any, declared: Mapping[str, Parameter] | None) -> Any:
    value = given.value if isinstance(given, Typed) else given
    if declared is None:
        return value
    if name not in declared:
        raise UnknownParameterError(notebook, name, tuple(declared))
    parameter = declared[name]
    if parameter.kind == "str" and isinstance(given, Typed):
        return given.text
    # `-p n=` is a slip; who means None writes `null`
    is_slip = isinstance(given, Typed) and not given.text and bool(parameter.kind)
    if is_slip or not _fits(value, parameter):
        raise ParameterTypeError(notebook, name, parameter.kind, "" if is_slip else repr(value))
    return value


def _fits(value: Any, parameter: Parameter) -> bool:
    kind = parameter.kind
    if not kind or (value is None and (parameter.optional or not parameter.declared)):
        return True
    if isinstance(value, bool) or kind == "bool":
        return isinstance(value, bool) and kind == "bool"
    if kind == "float" or (kind == "int" and not parameter.declared):
        # `lr = 1` in the cell does not forbid 0.5
        return isinstance(value, (int, float))
    return type(value).__name__ == kind


def _annotated(name: str, annotation: str) -> Parameter:
    words = [word.strip() for word in annotation.replace("'", "").split("|")]
    optional = "None" in words
    words = [word for word in words if word != "None"]
    if len(words) == 1 and words[0].startswith("Optional["):
        optional, words = True, [words[0][len("Optional[") : -1]]
    kind = words[0].partition("[")[0].lower() if len(words) == 1 else ""
    return Parameter(name, kind if kind in KINDS else "", declared=True, optional=optional)


def _kind_of_default(node: Any) -> str:
    import ast

    try:
        kind = type(ast.literal_eval(node)).__name__
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return ""
    return kind if kind in KINDS else ""
