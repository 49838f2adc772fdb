"""What the checks of mlx.yaml share: a complaint with its line, and the shapes of values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from .values import NAME, complaint

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Checker:
    """Looks at plain values, and says which of them will not do."""

    def __init__(self, lines: Mapping[str, int], file: str = NAME) -> None:
        self.lines, self.file = lines, file

    def fail(self, key: str, problem: str) -> NoReturn:
        """Complain about the value at `key`.

        Raises:
            ConfigError: always.
        """
        raise complaint(self.lines, key, problem, self.file)

    def mapping(self, key: str, value: Any, known: tuple[str, ...] = ()) -> dict[str, Any]:
        """The mapping at `key`, empty where nothing stands there; raises ConfigError where it is none."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fail(key, f"should be `name: value` lines, and is {kind_of(value)}")
        for name in value:
            if known and name not in known:
                self.fail(
                    f"{key}.{name}" if key else name, f"is not a key that belongs here{nearest(name, known)}"
                )
        return value

    def name(self, key: str, name: str) -> None:
        """Make sure that `name` is one; raises ConfigError where not."""
        if not _PLAIN_NAME.fullmatch(name):
            self.fail(key, f"{name!r} is no name; take letters, digits, '.', '_' and '-'")


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or what there is to choose from."""
    from difflib import get_close_matches

    names = list(known)
    if near := get_close_matches(word, names, n=1):
        return f"; did you mean {near[0]!r}?"
    return f"; there is {', '.join(names[:12])}" if names else ""


def kind_of(value: Any) -> str:
    """What a value is, in the words of a complaint."""
    if value is None or value in ("", [], {}):
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value)
