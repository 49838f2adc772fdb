"""Which files Python code opens to read, and which to write, as far as its syntax says so.

`open("a.csv", "w")`, `Path("a.csv").write_text(…)`, `df.to_csv("a.csv")`, also by a variable.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .imports import file_names, plain_python

ON_PATHS = {"read_text": "r", "read_bytes": "r", "write_text": "w", "write_bytes": "w", "touch": "w"}
"""Methods of a path, which is what they are called on."""
WRITERS = frozenset({
    "save", "savez", "savez_compressed", "savetxt", "savefig", "dump", "save_model", "save_pretrained",
    "save_file", "save_npz", "imwrite", "imsave", "mmwrite", "tofile", "write_table", "write_csv",
    "write_parquet", "write_json", "write_image", "write_html", "write_feather", "write_ipc",
})  # fmt: skip
READERS = frozenset({
    "load", "loadtxt", "genfromtxt", "fromfile", "imread", "load_model", "load_file", "load_npz", "mmread",
})  # fmt: skip
WRITE_BEGINS, READ_BEGINS = ("to_", "sink_"), ("read_", "scan_")
COPIES = frozenset({"copy", "copy2", "copyfile", "copytree", "move", "rename", "replace"})


@dataclass(slots=True)
class Opened:
    """The names of files, by what is done to them; one may be in both."""

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def add(self, names: Iterable[str], mode: str) -> None:
        """Note files that are opened in a mode."""
        found = set(names)
        if set(mode) & set("wax+"):
            self.written |= found
        if "r" in mode or "+" in mode:
            self.read |= found

    def join(self, other: Opened) -> None:
        """Add those of another piece of code."""
        self.read |= other.read
        self.written |= other.written


def opened(source: str) -> Opened:
    """What Python source, or the source of an IPython cell, opens; nothing for other languages."""
    found = Opened()
    try:
        tree = ast.parse(plain_python(source))
    except (SyntaxError, ValueError):
        return found
    variables = _variables(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _add_call(found, node, variables)
    return found


def _variables(tree: ast.AST) -> dict[str, set[str]]:
    """The names of files that variables stand for: texts and paths, but not what a call made of them."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        if isinstance(node.value, ast.Call) and _called(node.value) not in {"Path", "join"}:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                found.setdefault(target.id, set()).update(_names(node.value, {}))
    return found


def _add_call(found: Opened, call: ast.Call, variables: dict[str, set[str]]) -> None:
    name = _called(call)
    on = call.func.value if isinstance(call.func, ast.Attribute) else None
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    if name == "open":
        # `Path(…).open(mode)`, but `gzip.open(path, mode)`
        is_path = on is not None and not isinstance(on, ast.Name)
        is_path = is_path or (isinstance(on, ast.Name) and on.id in variables)
        target, rest = (on, call.args) if is_path else (call.args[0] if call.args else None, call.args[1:])
        found.add(_names(target, variables), _mode(rest, call))
    elif name in ON_PATHS and on is not None:
        found.add(_names(on, variables), ON_PATHS[name])
    elif name in COPIES and len(call.args) == len(("from", "to")):
        found.add(_names(call.args[0], variables), "r")
        found.add(_names(call.args[1], variables), "w")
    elif mode := _by_name(name):
        found.add((text for value in values for text in _names(value, variables)), mode)


def _by_name(function: str) -> str:
    """What a function does with the paths that it is given, by its name."""
    if function in WRITERS or function.startswith(WRITE_BEGINS):
        return "w"
    return "r" if function in READERS or function.startswith(READ_BEGINS) else ""


def _called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _mode(rest: list[ast.expr], call: ast.Call) -> str:
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "mode"), None)
    mode = given or (rest[0] if rest else ast.Constant("r"))
    return mode.value if isinstance(mode, ast.Constant) and isinstance(mode.value, str) else ""


def _names(node: ast.AST | None, variables: dict[str, set[str]]) -> Iterator[str]:
    """The names of files in an expression, those of further calls that open by themselves left out."""
    name = _called(node) if node is not None else ""
    if node is None or name == "open" or name in ON_PATHS or _by_name(name):
        return
    if isinstance(node, ast.Name):
        yield from variables.get(node.id, ())
    elif isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield from file_names(ast.unparse(node))
    else:
        for child in ast.iter_child_nodes(node):
            yield from _names(child, variables)
