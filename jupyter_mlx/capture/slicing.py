"""The slice: the earlier cells that a cell depends on, by the names they define and use.

When in doubt a cell is in the slice: magics, `import *`, `exec` and cells that
do not parse count as defining everything.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass

BUILTIN = frozenset(dir(builtins))
_OPAQUE_CALLS = {"exec", "eval", "get_ipython", "globals", "locals", "setattr", "__import__"}


@dataclass(frozen=True, slots=True)
class Names:
    """What a cell does with names."""

    defines: frozenset[str]
    """Names that it binds, or whose objects it may change in place."""
    uses: frozenset[str]
    """Names that it reads and did not bind itself first, as far as can be told."""
    opaque: bool
    """It may define anything."""

    @classmethod
    def of(cls, source: str) -> Names:
        """Read a cell's source, as Python or with IPython's magics in it."""
        lines = source.splitlines()
        magic = any(line.lstrip().startswith(("%", "!")) for line in lines)
        code = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)
        try:
            tree = ast.parse(code)
        except (SyntaxError, ValueError):
            return cls(frozenset(), frozenset(), opaque=True)
        visitor = _Visitor()
        visitor.visit(tree)
        return cls(
            frozenset(visitor.defines), frozenset(visitor.uses - BUILTIN), opaque=visitor.opaque or magic
        )


class _Visitor(ast.NodeVisitor):
    """Collects names; every scope counts as the top one, which can only make the slice larger."""

    def __init__(self) -> None:
        self.defines: set[str] = set()
        self.uses: set[str] = set()
        self.opaque = False

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.uses.add(node.id)
        else:
            self.defines.add(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.defines.add(node.name)
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.defines.add(node.name)
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.defines.add(node.name)
        self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> None:
        self.opaque |= node.name == "*"
        self.defines.add(node.asname or node.name.partition(".")[0])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        # `x.y = …`, and `x.append(…)`, which cannot be told from a mere look: both change x
        self._changes(node.value)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._changes(node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in _OPAQUE_CALLS:
            self.opaque = True
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            # a function may change what it is given
            self._changes(argument)
        self.generic_visit(node)

    def _changes(self, node: ast.AST) -> None:
        while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
            node = node.value
        if isinstance(node, ast.Name):
            self.defines.add(node.id)


def slice_of(source: str, earlier: list[str]) -> tuple[str, ...]:
    """The cells of `earlier` (in the order of execution) that `source` depends on, in that order."""
    wanted = set(Names.of(source).uses)
    everything = Names.of(source).opaque
    kept: list[str] = []
    for cell in reversed(earlier):
        names = Names.of(cell)
        if everything or names.opaque or names.defines & wanted:
            kept.append(cell)
            # a name that is only changed here is still defined further up, so it stays wanted
            wanted |= names.uses
    return tuple(reversed(kept))
