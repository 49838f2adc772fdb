"""The text of mlx.yaml and params.yaml, parsed: plain values, and the line of each key.

Parsing YAML is the slow part of a command's start, so what was parsed is kept
in `.mlx/cache`, keyed by the digest of the file's bytes.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import ConfigError

from .quick import quick
from .values import NAME, STATE, complaint

if TYPE_CHECKING:
    from ruamel.yaml import YAML

CACHE_FORMAT = 1


def parsed(root: Path, data: bytes, name: str = NAME) -> tuple[Any, dict[str, int]]:
    """The parsed text and the line of each key; from the cache where the bytes are the same.

    Raises:
        ConfigError: see `parse`.
    """
    kept_as = "config.json" if name == NAME else f"{name}.json"
    cache, digest = root / STATE / "cache" / kept_as, str(Digest.of(data))
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(cache.read_bytes())
        if (kept["format"], kept["digest"]) == (CACHE_FORMAT, digest):
            return kept["data"], kept["lines"]
    try:
        plain, lines = parse(data)
    except ConfigError as error:
        problem = error.problem.replace(NAME, name)
        raise ConfigError(name, error.line, error.key, problem) from error.__cause__
    if (root / STATE).is_dir():
        from secrets import token_hex

        # a cache: a folder that cannot be written only makes the next start slower
        with suppress(OSError):
            cache.parent.mkdir(exist_ok=True)
            temporary = cache.with_name(f"{cache.name}.{token_hex(4)}")
            kept = {"format": CACHE_FORMAT, "digest": digest, "data": plain, "lines": lines}
            temporary.write_text(json.dumps(kept), "utf-8")
            temporary.replace(cache)
    return plain, lines


def parse(data: bytes) -> tuple[Any, dict[str, int]]:
    """Parse the bytes of mlx.yaml: plain values, and the line of each dotted key.

    Raises:
        ConfigError: they are not YAML, or hold what JSON cannot say.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(NAME, line, "", "is not UTF-8 text; save it as UTF-8") from error
    return quick(text) or careful(text)


def careful(text: str) -> tuple[Any, dict[str, int]]:
    """`parse`, of all that YAML has, by ruamel.yaml."""
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        tree = yaml().load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        word = re.search(r'duplicate key "(.*?)"', str(error))
        raise ConfigError(NAME, line, word[1] if word else "", "is there twice; keep one of them") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"is not YAML: {error.problem or error.context}; check the indentation and the quotes"
        raise ConfigError(NAME, mark.line + 1 if mark else 0, "", problem) from error
    except YAMLError as error:
        raise ConfigError(NAME, 0, "", f"is not YAML: {str(error).splitlines()[0]}") from error
    lines: dict[str, int] = {}
    return _plain(tree, "", lines, 0), lines


def scalar(text: str) -> Any:
    """What YAML makes of a value: a number, true, text, a list.

    Raises:
        ValueError: it is not YAML, or nothing that JSON can say.
    """
    from ruamel.yaml.error import YAMLError

    try:
        return _plain(yaml().load(text), "", {}, 0)
    except YAMLError as error:
        raise ValueError("is not YAML") from error
    except ConfigError as error:
        raise ValueError(error.problem) from error


def yaml() -> YAML:
    """The parser and writer that keeps comments, quotes and long lines."""
    from ruamel.yaml import YAML

    made = YAML(typ="rt")
    made.preserve_quotes = True
    made.width = 4096
    return made


def _plain(value: Any, key: str, lines: dict[str, int], depth: int) -> Any:
    """What JSON can say, of what ruamel.yaml made; `lines` is filled on the way."""
    if depth > 20:
        raise complaint(lines, key, "is nested too deeply")
    if getattr(getattr(value, "tag", None), "value", None):
        raise complaint(lines, key, f"has the tag {value.tag.value}, and mlx.yaml takes plain values only")
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                raise complaint(lines, key, f"has the key {name!r}, which is no text; write it in quotes")
            with suppress(AttributeError, KeyError):
                lines[_join(key, name)] = value.lc.key(name)[0] + 1  # type: ignore[attr-defined]
        return {str(name): _plain(item, _join(key, name), lines, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        with suppress(AttributeError, KeyError, TypeError):
            lines |= {f"{key}.{i}": value.lc.item(i)[0] + 1 for i in range(len(value))}  # type: ignore[attr-defined]
        return [_plain(item, f"{key}.{i}", lines, depth + 1) for i, item in enumerate(value)]
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise complaint(
        lines, key, "has a tag or a type that mlx.yaml does not take; write text, a number or a list"
    )


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
