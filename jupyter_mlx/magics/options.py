"""What stands on the `%%track` line."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from IPython.core import magic_arguments as ma
from IPython.core.error import UsageError

from .arguments import parse, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
        given = parse(MAGIC, track_help, list(_words(line)))
        for flag, values in (("-i", given.inputs), ("-o", given.outputs), ("-t", given.tag)):
            if "" in (values or ()):
                raise UsageError(
                    f"%%track: {flag}: the value is empty; write it behind {flag}, or leave both"
                )
        return cls(
            name=given.name or "",
            params=tuple(_param(text) for text in given.param or () if "=" in text),
            variables=tuple(
                _variable(text) for text in given.param or () if "=" not in text and text != "auto"
            ),
            auto_params="auto" in (given.param or ()),
            metrics=tuple(
                name.strip() for text in given.metrics or () for name in text.split(",") if name.strip()
            ),
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
    word, *line = first.split(None, 1) or [""]
    return ("".join(line).strip(), rest) if word == MAGIC else None


def is_below(cell: str) -> bool:
    """Whether `%%track` stands below another cell magic, where it does nothing."""
    lines = cell.lstrip("\n\r\t ").splitlines()
    return (
        bool(lines)
        and lines[0].startswith("%%")
        and any(line.startswith(MAGIC) and line.split()[0] == MAGIC for line in lines[1:])
    )


def _words(line: str) -> Iterator[str]:
    """The words of a line. Raises UsageError where what is surely one value is several of them."""
    words = words_of(MAGIC, line)
    for at, word in enumerate(words):
        param = _PARAM.fullmatch(word.raw)
        if param and (param["flag"] or (at and words[at - 1].text in {"-p", "--param"})):
            _require_whole(
                line[word.begins :], param, [later.ends - word.begins for later in words[at + 1 :]]
            )
            yield word.raw if _is_python(param["value"], word.text) else word.text
        else:
            yield word.text
    if words and words[-1].text in _TAKING and line[words[-1].ends :].strip():
        raise UsageError(f"%%track: {words[-1].text}: no value; a `#` begins a comment; quote it: '#1'")


_PARAM = re.compile(r"(?P<flag>-p|--param=)?(?P<key>\w+)=(?P<value>.*)", re.DOTALL)
_TAKING = {"-p", "--param", "-m", "--metrics", "-i", "--inputs", "-o", "--outputs", "-t", "--tag"}


def _require_whole(line: str, param: re.Match[str], ends: Iterable[int]) -> None:
    """Refuse a value that is cut at a space: with what follows it is Python, and by itself a bracket is open."""
    value = param["value"]
    if sum(map(value.count, "[{(")) <= sum(map(value.count, "]})")):
        return
    for end in ends:
        whole = line[param.start("value") : end]
        try:
            ast.parse(whole, mode="eval")
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
        quoted = f'"{whole}"' if "'" in whole and not set(whole) & set('"\\') else shlex.quote(whole)
        raise UsageError(
            f"%%track: -p {param['key']}={value} has an open bracket; "
            f"a value with spaces is quoted: -p {param['key']}={quoted}"
        )


def _is_python(written: str, meant: str) -> bool:
    """Whether a list, dict or tuple is one only with the quotes that stand in it: `["a","b"]`."""
    if written[:1] not in {"[", "{", "("} or meant.endswith(written):
        return False
    try:
        ast.literal_eval(written)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _param(text: str) -> tuple[str, Any]:
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
