"""What Python source says of other files: its imports, its changes of `sys.path`, names of files.

Read from the syntax alone: a module under a computed name is not seen.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

Import: TypeAlias = tuple[str, int, tuple[str, ...]]
"""Of `from ..a.b import c, d`: `("a.b", 2, ("c", "d"))`."""

SYS_PATH = -1
"""In the place of the level: the module is a folder that is added to `sys.path`."""
PYTHON_CELL_MAGICS = ("track", "time", "timeit", "capture", "prun")
LONGEST_NAME = 200
_IMPORT_LINE = re.compile(r"^\s*(?:from\s+(\.*)([\w.]*)\s+import\s+(.+)|import\s+(.+))$", re.M)
_TEXT = re.compile(r"""(?<![\w])[rbfRBF]{0,2}(["'])((?:(?!\1)[^\\\n])+)\1""")


def imports_of(source: str) -> list[Import]:
    """What Python source, or the source of an IPython cell, imports."""
    import ast

    try:
        tree = ast.parse(plain_python(source))
    except (SyntaxError, ValueError):
        return list(_imports_by_line(source))
    found: list[Import] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, 0, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", node.level, tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"sys.path.append", "sys.path.insert"}:
            found += [(folder, SYS_PATH, ()) for folder in _texts(node.args[-1:])]
    return found


def within(folder: str, added: str) -> str | None:
    """A folder that code in `folder` adds to `sys.path`, relative to the project; None outside of it."""
    path = posixpath.normpath(posixpath.join(folder, added))
    if path.startswith(("/", "..")):
        return None
    return "" if path == "." else path


def file_names(source: str) -> set[str]:
    """The texts in code that may be names of files or folders, in any language."""
    words = (found[2] for found in _TEXT.finditer(source))
    return {
        posixpath.normpath(word)
        for word in words
        if len(word) <= LONGEST_NAME and not set(word) & set("\t<>|")
    }


def _texts(nodes: list[Any]) -> Iterator[str]:
    import ast

    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                yield inner.value


def plain_python(source: str) -> str:
    """The Python of an IPython cell: without magics and shell lines; empty for another language's cell."""
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        if first[2:].replace("\t", " ").split(" ")[0].strip() not in PYTHON_CELL_MAGICS:
            return ""
        return plain_python(rest)
    lines = source.splitlines()
    return "\n".join("" if line.startswith(("%", "!", "?")) else line for line in lines)


def _imports_by_line(source: str) -> Iterator[Import]:
    """As `imports_of`, for source that Python's parser refuses."""
    for dots, module, names, plain in _IMPORT_LINE.findall(source):
        if plain:
            for word in plain.split(","):
                if word.split():
                    yield word.split()[0], 0, ()
        else:
            listed = [word.split()[0] for word in names.strip("() ").split(",") if word.split()]
            yield module, len(dots), tuple(listed)
