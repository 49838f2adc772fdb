"""The query language: `lr < 0.1 and acc > 0.9 and tag = "best" and started > "2 days ago"`.

::

    query      = or
    or         = and { "or" and }
    and        = not { "and" not }
    not        = "not" not | "(" or ")" | comparison
    comparison = name operator value
               | name [ "not" ] ( "contains" | "like" ) value
               | name [ "not" ] "in" "(" value { "," value } ")"
               | name "is" [ "not" ] "null"
    operator   = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~"
    value      = number | "text" | 'text' | word
    name       = word | `text` | "text", after "metrics." or "params." or alone

A name is a field, or the name of a metric or param. `~` and `contains` look for
a part of a text, whatever its case; `like` has `%` for any text and `_` for any
character. A run without the value fits no comparison but `!=`, `is null` and
what stands after `not`. This module only reads; `filters` makes SQL of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from jupyter_mlx.errors import UsageError

Operator: TypeAlias = Literal["=", "<", "<=", ">", ">=", "~", "like", "null"]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![\w.@/\-]))
    | (?P<word>[^\W\d][\w.@/\-]*|[\w.@/\-]+)
    | (?P<operator>!=|<=|>=|==|=|<|>|~)
    | (?P<bracket>[(),])
    )""",
    re.VERBOSE,
)
_BACKTICKED = re.compile(r"\s*`(?P<name>[^`]*)`")
WORDS = {"and", "or", "not"}
SPOKEN: dict[str, Operator] = {"contains": "~", "like": "like"}
PREFIXES = {"metrics.", "params.", "metric.", "param."}


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
    """`name operator value`; `!=` is `Not` around `=`."""

    name: str
    operator: Operator
    value: str | float
    """A number that was written without quotes is a float."""
    text: str
    """The value as it was written, without quotes."""
    at: int
    """Where the name stands in the query."""
    value_at: int


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
        kind = "name" if quoted else str(match.lastgroup)
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

    def _comparison(self) -> Node:
        name = self._name()
        if self._takes("is"):
            negated = self._takes("not")
            if not self._takes("null"):
                raise self._fault("expected `null` or `not null` after `is`")
            return _unless(negated, Comparison(name.text, "null", "", "", name.at, name.at))
        negated = self._takes("not")
        if self._takes("in"):
            return _unless(negated, self._list(name))
        for word, spoken in SPOKEN.items():
            if self._takes(word):
                return _unless(negated, self._value(name, spoken, word))
        if negated:
            raise self._fault("expected `in`, `like` or `contains` after `not`")
        sign = self._take("operator", f"an operator (= != < <= > >= ~) after {name.text!r}").text
        if sign == "!=":
            return Not(self._value(name, "=", sign))
        return self._value(name, "=" if sign == "==" else sign, sign)  # type: ignore[arg-type]

    def _name(self) -> Token:
        """A name: a word, or in quotes; after `metrics.` too."""
        token = self.here
        if token is not None and token.kind in {"name", "text"}:
            self._next += 1
            return Token("name", _unquoted(token), token.at)
        name = self._take("word", "a name (of a field, metric or param)")
        quoted = self.here
        if name.text in PREFIXES and quoted is not None and quoted.kind in {"name", "text"}:
            self._next += 1
            return Token("name", name.text + _unquoted(quoted), name.at)
        return name

    def _list(self, name: Token) -> Node:
        if not self._takes("("):
            raise self._fault("expected a bracket and values after `in`")
        parts = [self._value(name, "=", "(")]
        while self._takes(","):
            parts.append(self._value(name, "=", ","))
        if not self._takes(")"):
            raise self._fault("expected `,` or the closing bracket of `in`")
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _value(self, name: Token, operator: Operator, after: str) -> Comparison:
        token = self.here
        if token is None or token.kind not in {"text", "number", "word"} or token.text.lower() in WORDS:
            raise self._fault(f"expected a value after {after!r}")
        self._next += 1
        text = _unquoted(token)
        value: str | float = float(text) if token.kind == "number" else text
        return Comparison(name.text, operator, value, text, name.at, token.at)

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


def _unquoted(token: Token) -> str:
    return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL) if token.kind == "text" else token.text


def _unless(negated: bool, node: Node) -> Node:
    return Not(node) if negated else node
