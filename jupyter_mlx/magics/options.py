"""What stands on the `%%track` line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from IPython.core import magic_arguments as ma
from IPython.core.error import UsageError

MAGIC = "%%track"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one tracked cell."""

    name: str = ""
    params: tuple[tuple[str, Any], ...] = ()
    variables: tuple[str, ...] = ()
    """Names of variables that are params by the value that they have when the cell starts."""
    auto_params: bool = False
    metrics: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    lineage: bool = True
    cache: bool = False

    @classmethod
    @lru_cache(maxsize=256)
    def parse(cls, line: str) -> Options:
        """Read the line after `%%track`.

        Raises:
            UsageError: the line is wrong; the message says how it is written.
        """
        given = ma.parse_argstring(track_help, line)
        return cls(
            name=given.name or "",
            params=tuple(_param(text) for text in given.param or () if "=" in text),
            variables=tuple(
                _variable(text) for text in given.param or () if "=" not in text and text != "auto"
            ),
            auto_params="auto" in (given.param or ()),
            metrics=tuple(name for text in given.metrics or () for name in text.split(",") if name),
            inputs=tuple(given.inputs or ()),
            outputs=tuple(given.outputs or ()),
            tags=tuple(given.tag or ()),
            lineage=not given.no_lineage,
            cache=given.cache,
        )


@ma.magic_arguments("%%track")
@ma.argument("name", nargs="?", help="what the run is called; the notebook's name without it")
@ma.argument(
    "-p", "--param", action="append", metavar="K=V", help="a parameter; `auto`: the constants of the cell"
)
@ma.argument(
    "-m", "--metrics", action="append", metavar="VAR,…", help="variables (numbers, or dicts of them) to log"
)
@ma.argument("-i", "--inputs", action="append", metavar="PATH", help="a file or folder that the cell reads")
@ma.argument("-o", "--outputs", action="append", metavar="PATH", help="a file or folder that the cell writes")
@ma.argument("-t", "--tag", action="append", metavar="TAG", help="a label to find the run by")
@ma.argument(
    "--cache",
    action="store_true",
    help="bring back what a run has made already: same code, params and inputs",
)
@ma.argument("--no-lineage", action="store_true", help="do not look which files the cell opens")
def track_help(line: str) -> None:
    """Record this cell as a run: code, params, metrics, outputs, files, git and environment.

    The cell is executed by IPython as it always is.

        %%track baseline -p lr=0.1 -m accuracy -t first
        model = fit(lr=0.1)
        accuracy = model.score(x, y)
    """


def split(cell: str) -> tuple[str, str] | None:
    """The `%%track` line's rest and the cell below it; None for a cell without one."""
    body = cell.lstrip("\n\r\t ")
    first, _, rest = body.partition("\n")
    word, _, line = first.strip().partition(" ")
    return (line.strip(), rest) if word == MAGIC else None


def is_below(cell: str) -> bool:
    """Whether `%%track` stands below another cell magic, where it does nothing."""
    lines = cell.lstrip("\n\r\t ").splitlines()
    return (
        bool(lines) and lines[0].startswith("%%") and any(line.split(" ")[0] == MAGIC for line in lines[1:])
    )


def _param(text: str) -> tuple[str, Any]:
    import ast

    key, _, value = text.partition("=")
    try:
        return _variable(key), ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return key, {"true": True, "false": False, "null": None}.get(value, value)


def _variable(text: str) -> str:
    if not text.isidentifier():
        raise UsageError(
            f"%%track: -p {text}: a parameter is written -p name=value, or -p name for a variable"
        )
    return text
