"""A cell as plain Python: IPython's own syntax (magics, shell lines, help) taken out, what it does noted.

Source: IPython's documentation, "Built-in magic commands" and "Python vs IPython" (input syntax).
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

RUNS_CODE = frozenset({"time", "timeit", "capture", "prun", "track", "memit", "debug"})
"""Magics that execute the Python that stands behind or below them."""
SHOWS = frozenset(
    {
        "HTML", "SVG", "compare", "data", "hist", "history", "html", "javascript", "js", "latex", "ll", "ls", "lsmagic",
        "magic", "markdown", "note", "pdoc", "pinfo", "pinfo2", "pipeline", "psource", "pwd", "quickref", "reproduce",
        "restore", "runs", "snapshot", "svg", "track", "who", "who_ls", "whos",
    }
)  # fmt: skip
"""Magics after which nothing is different."""
CHANGES_SURROUNDINGS = frozenset(
    {
        "!", "aimport", "alias", "autoreload", "bash", "cd", "cmd", "colors", "conda", "config", "env", "file", "gui",
        "load_ext", "mamba", "matplotlib", "mkdir", "perl", "pip", "precision", "reload_ext", "ruby", "script",
        "set_env", "sh", "sx", "system", "unload_ext", "uv", "writefile", "xmode",
    }
)  # fmt: skip
"""Magics that bind no name, but change the session or files, on which any later cell may rely."""

_ASSIGNED = re.compile(r"^(?P<indent>\s*)(?P<names>[\w,\s*()]+?)\s*=\s*(?P<sign>[!%])(?P<rest>(?!=).*)$")
_LINE = re.compile(r"^(?P<indent>\s*)(?P<sign>%%?|!!?)(?P<rest>.*)$")
_HELP = re.compile(r"^\s*(?:\?{1,2}\s*[%\w.*]+|[%\w.*\[\]'\"]+\?{1,2})\s*$")
_EXPANDED = re.compile(r"\$(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)")
_OPTION = re.compile(r"^(?:-\w\s*\d*\s+)+")


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell is, without IPython's syntax."""

    tree: ast.Module | None
    """None where it is no Python even then."""
    binds: frozenset[str] = frozenset()
    """Names that a magic binds (`%%capture out`)."""
    uses: frozenset[str] = frozenset()
    """Names that shell lines and magics expand (`{name}`, `$name`)."""
    surroundings: bool = False
    """It changes the session or files."""
    unknown: bool = False
    """It has a magic that may do anything."""
    resets: bool = False
    """It takes all names of the notebook away."""

    @classmethod
    def of(cls, source: str) -> Cell:
        """Read a cell."""
        try:
            # the usual case; and only here a line may begin with `%` and be Python
            return cls(ast.parse(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return _Reader().read(source)


class _Reader:
    """Gathers what the magics of a cell do, and the Python that is left."""

    def __init__(self) -> None:
        self.binds: set[str] = set()
        self.uses: set[str] = set()
        self.surroundings = self.unknown = self.resets = False

    def read(self, source: str) -> Cell:
        body = source.lstrip()
        if body.startswith("%%"):
            body = self._cell_magic(body)
        lines = [self._line(line) for line in body.splitlines()]
        tree: ast.Module | None
        try:
            tree = ast.parse("\n".join(lines))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            tree = None
        return Cell(
            tree,
            frozenset(self.binds),
            frozenset(self.uses),
            self.surroundings,
            self.unknown or tree is None,
            self.resets,
        )

    def _cell_magic(self, source: str) -> str:
        """The Python below a cell magic, itself perhaps with another one first."""
        first, _, rest = source.partition("\n")
        name, *words = first[2:].split(None, 1) or [""]
        line = "".join(words).strip()
        if name not in RUNS_CODE:
            self._magic(name, f"{line}\n{rest}")
            self.binds.update(re.findall(r"--(?:out|err|proc)[ =]([A-Za-z_]\w*)", line))
            return ""
        if name == "capture":
            self.binds.update(word for word in line.split() if word.isidentifier())
        elif name in {"time", "timeit", "prun"}:
            # what stands beside the magic is executed too
            rest = f"{_OPTION.sub('', line)}\n{rest}"
        return self._cell_magic(rest.lstrip()) if rest.lstrip().startswith("%%") else rest

    def _line(self, line: str) -> str:
        if _HELP.match(line):
            return ""
        assigned = _ASSIGNED.match(line)
        if assigned:
            sign, rest = assigned["sign"], assigned["rest"]
            self._magic("!" if sign == "!" else rest.partition(" ")[0], rest)
            return f"{assigned['indent']}{assigned['names']} = ..."
        found = _LINE.match(line)
        if not found:
            return line
        name, _, rest = found["rest"].strip().partition(" ")
        if found["sign"].startswith("!"):
            self._magic("!", found["rest"])
        elif name in RUNS_CODE:
            return (
                f"{found['indent']}{_OPTION.sub('', rest.strip() + ' ').strip() or 'pass'}"
                if name != "track"
                else ""
            )
        elif name == "xdel" and rest.split()[-1:] and rest.split()[-1].isidentifier():
            return f"{found['indent']}del {rest.split()[-1]}"
        else:
            self._magic(name, rest)
        return f"{found['indent']}pass"

    def _magic(self, name: str, text: str) -> None:
        if name in SHOWS:
            return
        self.uses.update(found["plain"] or found["braced"] for found in _EXPANDED.finditer(text))
        if name in CHANGES_SURROUNDINGS:
            self.surroundings = True
        elif name == "reset" and not any(word[:1] != "-" for word in text.split()):
            self.resets = True
        else:
            self.unknown = True
