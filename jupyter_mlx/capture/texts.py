"""Names that stand in texts: queries, formulas and code that a call reads as such."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from .names import HISTORY

READERS = frozenset(
    {
        "Timer", "dmatrices", "dmatrix", "eval", "evaluate", "execute", "executemany", "executescript", "feglm",
        "feols", "fepois", "from_formula", "gee", "glm", "gls", "glsar", "logit", "mixedlm", "mnlogit", "model_matrix",
        "negativebinomial", "ols", "phreg", "poisson", "probit", "quantreg", "query", "read_sql", "read_sql_query",
        "repeat", "rlm", "runctx", "sql", "sqldf", "timeit", "wls",
    }
)  # fmt: skip
"""Functions that find names of the notebook in the texts that they are given."""
_WORD = re.compile(r"[^\W\d]\w*")
_AFTER_AT = re.compile(r"@\s*([^\W\d]\w*)")
_SQL = re.compile(
    r"\b(?:call|create|describe|from|insert|pivot|select|show|summarize|table|unpivot|update|values|with)\b",
    re.I,
)


def words_of(node: ast.AST) -> set[str]:
    """The words of the texts that stand in an expression, as far as they may be names of a notebook."""
    return {word for text in _texts(node) for word in _WORD.findall(text)} - HISTORY


def read_by(function: str, given: Iterable[ast.expr]) -> tuple[set[str], set[str]]:
    """The names in the texts that a reader is given, and those that may hold such texts."""
    words: set[str] = set()
    names: set[str] = set()
    for part in given:
        for text in _texts(part):
            # pandas takes a plain word in a query for a column
            plain = function == "query" and not _SQL.search(text)
            words.update((_AFTER_AT if plain else _WORD).findall(text))
        names.update(each.id for each in ast.walk(part) if isinstance(each, ast.Name))
    return words - HISTORY, names


def _texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
