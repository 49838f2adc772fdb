"""The query language: `lr < 0.1 and acc > 0.9 and tag = "best" and started > "2 days ago"`.

::

    query      = or
    or         = and { "or" and }
    and        = not { "and" not }
    not        = [ "not" ] ( "(" or ")" | comparison )
    comparison = name operator value
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "in" is not there: write `a = 1 or a = 2`
    value      = number | "text" | 'text' | word
    name       = a field, `metrics.NAME`, `params.NAME`, or the bare name of a metric or param

`~` means "contains". This module only reads; `filters` makes SQL of the result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from jupyter_mlx.errors import UsageError

Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "~"]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<word>[^\W\d][\w.@/\-]*|[\w.@/\-]+)
    | (?P<operator>!=|<=|>=|==|=|<|>|~)
    | (?P<bracket>[()])
    )""",
    re.VERBOSE,
)
_BACKTICKED = re.compile(r"\s*`(?P<name>[^`]+)`")
WORDS = {"and", "or", "not"}


class QueryError(UsageError):
    """A query cannot be read."""

    code = "query"

    def __init__(self, query: str, at: int, problem: str) -> None:
        super().__init__(query, at, problem)
        self.query, self.at, self.problem = query, at, problem

    def __str__(self) -> str:
        place = f"{self.query[: self.at]}▸{self.query[self.at :]}"
        return f"{self.problem} (at ▸ in: {place}); write for example: acc > 0.9 and kind = cell"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`name operator value`."""

    name: str
    operator: Operator
    value: str | float
    at: int
    """Where the name stands in the query."""


@dataclass(frozen=True, slots=True)
class Not:
    """The runs that are not in `part`."""

    part: Node


@dataclass(frozen=True, slots=True)
class Both:
    """The runs that are in each of `parts`."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """The runs that are in one of `parts`."""

    parts: tuple[Node, ...]


Node: TypeAlias = "Comparison | Not | Both | Either"


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the query."""

    kind: str
    text: str
    at: int


def parse(query: str) -> Node | None:
    """Read a query; None for an empty one.

    Raises:
        QueryError: with the place of the fault.
    """
    tokens = tokenize(query)
    if not tokens:
        return None
    parser = _Parser(query, tokens)
    node = parser.either()
    if parser.here is not None:
        raise QueryError(query, parser.here.at, f"expected `and`, `or` or the end, not {parser.here.text!r}")
    return node


def tokenize(query: str) -> list[Token]:
    """Split a query into its words."""
    tokens, at, end = [], 0, len(query.rstrip())
    while at < end:
        quoted = _BACKTICKED.match(query, at)
        match = quoted or _TOKEN.match(query, at)
        if match is None:
            start = len(query) - len(query[at:].lstrip())
            raise QueryError(query, start, f"{query[start]!r} does not belong in a query")
        kind = "word" if quoted else str(match.lastgroup)
        group = "name" if quoted else kind
        tokens.append(Token(kind, match.group(group), match.start(group)))
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, query: str, tokens: list[Token]) -> None:
        self._query, self._tokens, self._next, self._depth = query, tokens, 0, 0

    @property
    def here(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def either(self) -> Node:
        parts = [self._both()]
        while self._takes("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Node:
        parts = [self._not()]
        while self._takes("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _not(self) -> Node:
        self._depth += 1
        if self._depth > 100:
            raise QueryError(self._query, 0, "the query is nested too deeply")
        try:
            if self._takes("not"):
                return Not(self._not())
            if self._takes("("):
                node = self.either()
                if not self._takes(")"):
                    raise self._fault("a bracket is not closed")
                return node
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Comparison:
        name = self._take("word", "a name (of a field, metric or param)")
        operator = self._take("operator", f"an operator (= != < <= > >= ~) after {name.text!r}")
        value = self.here
        if value is None or value.kind not in {"text", "number", "word"} or value.text in WORDS:
            raise self._fault(f"expected a value after {operator.text!r}")
        self._next += 1
        found: str | float = value.text
        if value.kind == "number":
            found = float(value.text)
        elif value.kind == "text":
            found = re.sub(r"\\(.)", r"\1", value.text[1:-1])
        symbol = "=" if operator.text == "==" else operator.text
        return Comparison(name.text, symbol, found, name.at)  # type: ignore[arg-type]

    def _takes(self, text: str) -> bool:
        if self.here is not None and self.here.kind in {"word", "bracket"} and self.here.text.lower() == text:
            self._next += 1
            return True
        return False

    def _take(self, kind: str, what: str) -> Token:
        token = self.here
        if token is None or token.kind != kind or token.text.lower() in WORDS:
            raise self._fault(f"expected {what}")
        self._next += 1
        return token

    def _fault(self, problem: str) -> QueryError:
        return QueryError(self._query, self.here.at if self.here else len(self._query), problem)
