"""A line's words as a shell has them: quotes keep spaces, a backslash keeps a character, `#` begins a comment.

Source: POSIX Shell Command Language, 2.2 "Quoting" and 2.3 "Token Recognition".
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass

from .errors import UsageError

ESCAPES = os.name != "nt"
"""Whether a backslash is one; on Windows it stands in paths."""


class UnfinishedLineError(UsageError):
    """A line ends in the middle of a word."""

    code = "unfinished-line"

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line

    def __str__(self) -> str:
        if self.line.endswith("\\"):
            return "the line ends in a backslash; all its words stand on one line"
        mark = r"`\'`" if ESCAPES else '`"it\'s"`'
        return f"a quotation mark is not closed in this line; one that is meant as such is written {mark}"


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line."""

    text: str
    """As it is meant, without its quotes."""
    raw: str
    """As it is written."""
    begins: int
    """Its place in the line."""

    @property
    def ends(self) -> int:
        """The place behind it."""
        return self.begins + len(self.raw)


def split_words(line: str, *, escapes: bool = ESCAPES) -> list[Word]:
    """Split a line, of which a comment is no part.

    Raises:
        UnfinishedLineError: a quotation mark is not closed, or the line ends in a backslash.
    """
    pattern = _ESCAPED if escapes else _PLAIN
    found: list[Word] = []
    at = 0
    while (at := _SPACE.match(line, at).end()) < len(line) and line[at] != "#":  # type: ignore[union-attr]
        word = pattern.match(line, at)
        if word is None or (word.end() < len(line) and not line[word.end()].isspace()):
            raise UnfinishedLineError(line)
        found.append(Word(_meant(word[0], escapes=escapes), word[0], at))
        at = word.end()
    return found


def without(line: str, text: str) -> str:
    """A line without a word, the others as they are written; as it is where it can't be split."""
    try:
        return " ".join(word.raw for word in split_words(line) if word.text != text)
    except UnfinishedLineError:
        return line


_SPACE = re.compile(r"[ \t\r\n]*")
_ESCAPED = re.compile(r"""(?:[^ \t\r\n'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+""", re.DOTALL)
_PLAIN = re.compile(r"""(?:[^ \t\r\n'"]|'[^']*'|"[^"]*")+""")


def _meant(raw: str, *, escapes: bool) -> str:
    lexer = shlex.shlex(raw, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if not escapes:
        lexer.escape = ""
    return lexer.get_token() or ""
