"""The words behind a magic, read by its parser; what is wrong is told in one line, with the next step."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from jupyter_mlx.words import UnfinishedLineError, split_words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from jupyter_mlx.words import Word


def words_of(magic: str, line: str) -> list[Word]:
    """The words of a magic's line. Raises UsageError where it is unfinished."""
    try:
        return split_words(line)
    except UnfinishedLineError as error:
        raise UsageError(f"{magic}: {error}") from error


def texts(magic: str, line: str) -> list[str]:
    """As they are meant; see `words_of`."""
    return [word.text for word in words_of(magic, line)]


def parse(magic: str, described: Callable[[str], None], words: Sequence[str]) -> argparse.Namespace:
    """Read words as a function describes them by IPython's `magic_arguments`.

    Raises:
        UsageError: an option is not there, or misses its value, or a word is one too many.
    """
    parser: Any = described.parser  # type: ignore[attr-defined]  # IPython puts it there
    try:
        given, left = parser.parse_known_args(list(words))
    except UsageError as error:
        raise UsageError(f"{magic}: {str(error).removeprefix('argument ')}; `{magic}?` shows how") from error
    if left:
        raise UsageError(f"{magic}: {_left(magic, left, parser)}")
    found: argparse.Namespace = given
    return found


def _left(magic: str, left: Sequence[str], parser: Any) -> str:
    """What is wrong with words that no option and no place takes."""
    unknown = next((word.partition("=")[0] for word in left if word.startswith("-")), "")
    if not unknown:
        return f"{left[0]!r} is a word too many; a text with spaces is quoted: 'two words'"
    near = get_close_matches(unknown, parser._option_string_actions, n=1)
    return f"no such option: {unknown}" + (
        f"; did you mean {near[0]}?" if near else f"; `{magic}?` shows all there are"
    )
