"""Source code and differences as coloured HTML."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from pygments.formatters import HtmlFormatter
    from pygments.lexer import Lexer

LONGEST = 200_000
"""Characters of a text that is coloured; of what is longer, so many."""
_LIGHT, _DARK = "default", "github-dark"


def coloured(text: str, language: str = "python") -> Markup:
    """A text as a `pre` with colours by style sheet; language: `python`, `diff`, `traceback` or `json`."""
    from pygments import highlight

    cut = text[:LONGEST] + (f"\n… {len(text) - LONGEST:,} more characters" if len(text) > LONGEST else "")
    # pygments escapes what it is given
    return Markup(highlight(cut, _lexer(language), _formatter(_LIGHT)))  # noqa: S704


def style_sheet() -> str:
    """The colours of code, for light and dark."""
    light, dark = (_formatter(style).get_style_defs(".code") for style in (_LIGHT, _DARK))
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"


@cache
def _formatter(style: str) -> HtmlFormatter:
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(style=style, cssclass="code")


@cache
def _lexer(language: str) -> Lexer:
    from pygments import lexers

    # of IPython's own, magics and `!` are known too
    if language == "python":
        from IPython.lib.lexers import IPython3Lexer

        found: Lexer = IPython3Lexer()
        return found
    return {"diff": lexers.DiffLexer, "traceback": lexers.PythonTracebackLexer, "json": lexers.JsonLexer}[
        language
    ]()
