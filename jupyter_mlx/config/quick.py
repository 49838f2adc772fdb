"""The plain part of YAML, read by libyaml some 25 times as fast as by ruamel.yaml.

Only what both surely read alike: mappings, lists, quoted text, and plain text and
numbers that no version of YAML takes for anything else. All else, mistakes
included, is left to ruamel.yaml, which knows comments, lines and YAML 1.2.
"""

from __future__ import annotations

import re
from typing import Any, Final

UNSURE: Final = re.compile(
    r"[!&*?%\t\r\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|<<|[|>][-+0-9]*#|^---|^\.\.\.", re.MULTILINE
)
"""Tags, anchors, aliases, complex keys, directives, several documents; and what not all take for the end of a line."""
DEPTH: Final = 20
_TEXT = re.compile(r"(?:[A-Za-z_$]|\.{0,2}/)(?:[\w./@${}=,+ -]|:(?=/))*")
_WHOLE = re.compile(r"-?[1-9][0-9]{0,17}|0")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_WORDS: Final = {"": None, "null": None, "true": True, "false": False}
_CALLED_ELSE = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""In some version of YAML, in some case."""


class _UnsureError(Exception):
    """It is left to ruamel.yaml."""


def quick(text: str) -> tuple[Any, dict[str, int]] | None:
    """The values and the line of each dotted key; None where that is left to ruamel.yaml."""
    if UNSURE.search(text):
        return None
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.CBaseLoader)
        lines: dict[str, int] = {}
        return None if node is None else (_value(node, "", lines, 0), lines)
    except (AttributeError, yaml.YAMLError, _UnsureError):
        # libyaml is not there, or did not like it
        return None


def _value(node: Any, key: str, lines: dict[str, int], depth: int) -> Any:
    if depth > DEPTH:
        raise _UnsureError
    if node.id == "scalar":
        return node.value if node.style else _plain(node.value)
    start = f"{key}." if key else ""
    if node.id == "sequence":
        for at, item in enumerate(node.value):
            lines[f"{key}.{at}"] = item.start_mark.line + 1
        return [_value(item, f"{key}.{at}", lines, depth + 1) for at, item in enumerate(node.value)]
    names = [_value(name, "", lines, depth + 1) for name, _ in node.value]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise _UnsureError
    for name, (named, _) in zip(names, node.value, strict=True):
        lines[start + name] = named.start_mark.line + 1
    return {
        name: _value(item, start + name, lines, depth + 1)
        for name, (_, item) in zip(names, node.value, strict=True)
    }


def _plain(text: str) -> Any:
    """A scalar without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    if _TEXT.fullmatch(text) and text.lower() not in _CALLED_ELSE:
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    raise _UnsureError
