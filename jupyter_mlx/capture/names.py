"""What one cell does with names, as far as its source alone can tell.

Scopes are Python's: what a function binds is its own, what it uses of the
notebook is used when it is called. Objects are followed by names: two names
are linked where one may hold the object of the other, or a part of it.
What depends on other cells (is `np` a module?) is left open here: see `slicing`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

SCALARS = frozenset(
    {
        "abs", "all", "any", "ascii", "bin", "bool", "callable", "chr", "complex", "dir", "divmod", "float", "format",
        "hasattr", "hash", "hex", "id", "input", "int", "isinstance", "issubclass", "len", "oct", "ord", "pow", "print",
        "repr", "round", "str", "bytes", "range", "type",
    }
)  # fmt: skip
"""Builtins whose value holds nothing of what they are given."""
CONSUMERS = frozenset(
    {
        "all", "any", "bytes", "dict", "enumerate", "filter", "frozenset", "iter", "list", "map", "max", "min", "next",
        "reversed", "set", "sorted", "sum", "tuple", "zip",
    }
)  # fmt: skip
"""Builtins that use an iterator up."""
STREAMS = frozenset(
    {
        "BytesIO", "DictReader", "NamedTemporaryFile", "StringIO", "TemporaryFile", "cycle", "enumerate", "filter",
        "islice", "iter", "map", "reversed", "zip",
    }
)  # fmt: skip
"""What makes iterators and files: whoever is given one may use it up, or write to it."""
FILE_WORDS = frozenset({"buf", "file", "fp", "stream"})
"""Keywords of what a call writes to."""
CHANGERS = frozenset({"setattr", "delattr"})
OPAQUE = frozenset({"exec", "eval", "get_ipython", "globals", "locals", "vars", "breakpoint"})
"""Functions that may use and define any name."""
WRITING_WORDS = frozenset(
    {
        "copyto", "fill_diagonal", "heapify", "heappop", "heappush", "insort", "insort_left", "insort_right", "place",
        "put", "putmask", "shuffle",
    }
)  # fmt: skip
"""Functions that change what they are given."""
WRITING_KEYWORDS = frozenset({"out", "inplace", "copy"})
HISTORY = frozenset({"_", "__", "___", "In", "Out", "_ih", "_oh", "_i", "_ii", "_iii"})
"""IPython's names for what earlier cells were and gave."""

Kind: TypeAlias = str
"""How a name was bound: `const`, `solid` (a new object that is no iterator), `def`, `class`, `import`, `of:x` (what
`x` gives when it is called, or a part of it), `iterator` (or a file), `other`."""


@dataclass(frozen=True, slots=True)
class Touch:
    """An object that may be changed in place, by the call that may do it; no call where it surely is."""

    name: str
    by: str = ""
    """The name that the call begins with."""
    path: str = ""
    """The attributes behind it, dotted."""
    alone: bool = False
    """The value of the call is not used: it is called for what it does."""
    writes: bool = False
    """The call says that it changes what it is given."""
    consumes: bool = False
    """Only an iterator is changed."""
    mildly: bool = False
    """Only what is known to be an iterator is used up: anything else is more likely."""
    seeded: bool = False
    """The call draws its random numbers from what it is told to; without a call: it is what a call draws from."""


@dataclass(slots=True)
class Later:
    """What a function does when it is called."""

    uses: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    touches: set[Touch] = field(default_factory=set)
    inside: set[Touch] = field(default_factory=set)
    """What it changes of its parameters and its own variables."""
    words: set[str] = field(default_factory=set)
    """Those of its uses that stand in texts only."""
    speaks: bool = False
    """It gives a text of its caller to what reads names in it."""
    opaque: bool = False

    def add(self, other: Later) -> None:
        """Do what another does, too."""
        self.uses |= other.uses
        self.binds |= other.binds
        self.touches |= other.touches
        self.inside |= other.inside
        self.words |= other.words
        self.speaks |= other.speaks


@dataclass(slots=True)
class Scope:
    """The names that a function or class binds as its own."""

    own: set[str]
    is_class: bool = False
    imports: dict[str, str] = field(default_factory=dict)
    """Name → the name by which the notebook knows what it is imported from."""


@dataclass(slots=True)
class Names:
    """What a cell does with the names of the notebook. Not changed once it is made."""

    uses: set[str] = field(default_factory=set)
    """Read before the cell itself has surely bound them."""
    mentions: dict[str, frozenset[str]] = field(default_factory=dict)
    """Every name that is read outside functions → what the cell had bound when it first was."""
    binds: set[str] = field(default_factory=set)
    """May be bound, or deleted."""
    settles: set[str] = field(default_factory=set)
    """Surely bound, when the cell has run to its end."""
    touches: set[Touch] = field(default_factory=set)
    links: list[frozenset[str]] = field(default_factory=list)
    laters: list[tuple[frozenset[str], Later]] = field(default_factory=list)
    """The functions that the cell makes, each with the names that may hold it."""
    kinds: dict[str, set[Kind]] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    """Imported name → what it is, dotted from its package."""
    aliases: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """Name → the name and attributes that it is another name of: `npr = np.random`."""
    texts: dict[str, set[str]] = field(default_factory=dict)
    """Name → the words of the texts that are bound to it."""
    spoken: dict[str, frozenset[str]] = field(default_factory=dict)
    """Names whose texts are read as code → what the cell had bound when they were."""
    said: dict[str, set[str]] = field(default_factory=dict)
    """Function → the words of the texts that it is given."""
    makers: dict[str, set[str]] = field(default_factory=dict)
    """Name → the classes without a seed, and the names, that it was made from."""
    moving: set[str] = field(default_factory=set)
    """Classes whose objects an operator, or reading an attribute, may change."""
    surroundings: bool = False
    """It changes the session or files, on which any later cell may rely."""
    defines_any: bool = False
    uses_any: bool = False
    resets: bool = False
    """It takes all names away."""


def chain(node: ast.expr) -> tuple[str, str]:
    """The name that an expression such as `a.b(x)[0].c` begins with, and its attributes, dotted; or empty texts."""
    parts: list[str] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return "", ""
    return node.id, ".".join(reversed(parts))


def shared(node: ast.AST) -> set[str]:
    """The names whose objects, or parts of them, the value of an expression may hold."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, (ast.Constant, ast.Compare, ast.JoinedStr)):
        return set()
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return set()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SCALARS:
        return set()
    if isinstance(node, ast.Lambda):
        return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    return set().union(*map(shared, ast.iter_child_nodes(node)))


def kind_of(node: ast.expr) -> Kind:
    """How a name is bound by the assignment of this value."""
    if isinstance(node, (ast.Constant, ast.JoinedStr, ast.Compare)):
        return "const"
    if isinstance(node, (ast.UnaryOp, ast.BinOp, ast.Tuple)):
        return "const" if all(kind_of(part) == "const" for part in _operands(node)) else "other"
    if isinstance(node, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)):
        return "solid"
    if isinstance(node, ast.GeneratorExp):
        return "iterator"
    if isinstance(node, ast.Call):
        if any(keyword.arg in {"chunksize", "iterator"} for keyword in node.keywords):
            return "other"
        root, path = chain(node)
        return "iterator" if (path.rpartition(".")[2] if path else root) in STREAMS else f"of:{root}"
    if isinstance(node, (ast.Subscript, ast.Attribute)):
        return f"of:{chain(node)[0]}"
    return "other"


def _operands(node: ast.UnaryOp | ast.BinOp | ast.Tuple) -> Sequence[ast.expr]:
    if isinstance(node, ast.UnaryOp):
        return (node.operand,)
    return (node.left, node.right) if isinstance(node, ast.BinOp) else node.elts


def bound_in(body: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """The names that a function's statements bind as its own, and those that it declares to be others'."""
    own: set[str] = set()
    others: set[str] = set()
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            own.add(node.name)
            waiting += node.decorator_list
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            others.update(node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            own.add(node.id)
        elif isinstance(node, ast.alias):
            own.add(node.asname or node.name.partition(".")[0])
        else:
            own.update(_other_names(node))
        waiting += ast.iter_child_nodes(node)
    return own - others, others


def _other_names(node: ast.AST) -> Iterator[str]:
    """The names that a node binds and that are no `Name`: of patterns and exceptions."""
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def parameters(arguments: ast.arguments) -> set[str]:
    """The names that a function is given."""
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {argument.arg for argument in (*named, arguments.vararg, arguments.kwarg) if argument is not None}


def says_it_writes(function: str, keywords: Iterable[ast.keyword]) -> bool:
    """Whether a call says that it changes what it is given: by its name, or as `out=` or `inplace=`."""
    return (
        function in WRITING_WORDS
        or (function.endswith("_") and not function.endswith("__"))
        or any(keyword.arg in WRITING_KEYWORDS for keyword in keywords)
    )
