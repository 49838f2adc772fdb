"""The key of a cell: the digest of all that determines its result but for the data that it reads."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from typing import Any

from blake3 import blake3

FORMAT = 2


def key_of(source: str, slice_: Iterable[str], params: Mapping[str, Any], folder: str = ".") -> str:
    """32 hex digits of the code (without comments and white space), the cells before it, the params and the folder.

    The folder is the one where relative paths begin.
    """
    parts = [FORMAT, meaning(source), [meaning(cell) for cell in slice_], params, folder]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return blake3(text.encode("utf-8", "surrogatepass")).hexdigest(16)


def meaning(source: str) -> str:
    """What a cell says, whatever it looks like; of one that is no plain Python, its text."""
    try:
        return ast.dump(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source.strip()


def imports(source: str) -> tuple[str, set[str]]:
    """The imports of a cell, to be executed where the rest is not; and the names they bind."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "", set()
    kept = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.asname or alias.name.partition(".")[0] for node in kept for alias in node.names}
    return "\n".join(map(ast.unparse, kept)), names
