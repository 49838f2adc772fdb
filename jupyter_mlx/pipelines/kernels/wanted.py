"""What a notebook imports, as far as it can be imported before the notebook runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from .family import READ_AT_IMPORT

_SETS = re.compile(
    r"""os\.environ\s*\[\s*(?P<item>[^\]]*)\]\s*=[^=]
    | os\.environ\s*\.\s*(?:setdefault|pop)\s*\(\s*(?P<call>[^,)]*)
    | os\.environ\s*\.\s*(?P<all>update|clear|\|=)
    | os\.(?:putenv|unsetenv)\s*\(\s*(?P<put>[^,)]*)
    | ^\s*%(?:set_)?env\s+(?P<magic>\w+)\s*[= ]
    | (?P<file>load_dotenv|%dotenv)""",
    re.VERBOSE | re.MULTILINE,
)
_MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)
_IMPORT = re.compile(r"^\s*(?:import|from)\s+([A-Za-z_][\w.]*)", re.MULTILINE)


def wanted(sources: Iterable[str]) -> tuple[str, ...] | None:
    """The modules that code cells import, each once, as `module` or `module:name`.

    None where the cells set variables that libraries read when they are
    imported (`OMP_NUM_THREADS`): then nothing may be imported ahead of them.
    """
    found: dict[str, None] = {}
    for source in sources:
        if any(_read_at_import(match) for match in _SETS.finditer(source)):
            return None
        found.update(dict.fromkeys(_imports(source)))
    return tuple(found)


def _read_at_import(match: re.Match[str]) -> bool:
    if match["all"] or match["file"]:
        return True
    name = (match["item"] or match["call"] or match["put"] or match["magic"] or "").strip()
    literal = name.strip("'\"")
    is_known = match["magic"] is not None or literal != name
    return not is_known or literal.startswith(READ_AT_IMPORT)


def _imports(source: str) -> Iterator[str]:
    if source.lstrip().startswith("%%"):
        return
    try:
        tree = ast.parse(_MAGIC.sub(r"\1pass", source))
    except (SyntaxError, ValueError):
        yield from _IMPORT.findall(source)
        return
    yield from _imported(tree.body)


def _imported(body: list[ast.stmt]) -> Iterator[str]:
    """Of statements that are executed with the cell; a function's own imports may never be."""
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield from (f"{statement.module}:{alias.name}" for alias in statement.names)
        elif isinstance(statement, (ast.Try, ast.With)):
            yield from _imported(statement.body)
