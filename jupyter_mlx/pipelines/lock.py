"""mlx.lock: what the pipeline's last results are made of, one line a fact, for git.

It is JSON, sorted, so that two versions of it differ in the lines that differ.
One process writes at a time, and each writes its own stages only.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_mlx.config import replace_file
from jupyter_mlx.errors import AccessError, ConfigError, MlxError

from .result import Result

NAME = "mlx.lock"
FORMAT = 1
REPAIR = "take a good one from git (`git checkout mlx.lock`), or delete it: results are kept in .mlx"


def read(root: Path) -> dict[str, Result]:
    """Stage → its last result; empty where there is no lock.

    Raises:
        ConfigError: the lock is malformed.
        AccessError: it cannot be read.
    """
    try:
        text = (root / NAME).read_text("utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise AccessError.of(error, root / NAME) from error
    except UnicodeDecodeError as error:
        raise ConfigError(NAME, 0, "", f"is not UTF-8 text; {REPAIR}") from error
    return parse(text)


def parse(text: str) -> dict[str, Result]:
    """Read the text of a lock.

    Raises:
        ConfigError: it is malformed; the line and the stage are named.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        what = "holds an unfinished merge" if "<<<<<<<" in text else "is not JSON"
        raise ConfigError(NAME, line, "", f"{what}; {REPAIR}") from error
    if not isinstance(data, dict) or not isinstance(data.get("stages"), dict):
        raise ConfigError(NAME, 1, "stages", f"is missing; {REPAIR}")
    if data.get("format") != FORMAT:
        problem = f"is {data.get('format')!r}, and this version of jupyter_mlx knows {FORMAT}; upgrade it"
        raise ConfigError(NAME, _line(text, "format"), "format", problem)
    found: dict[str, Result] = {}
    for name, entry in data["stages"].items():
        try:
            found[name] = Result.parse(entry)
        except (KeyError, ValueError, TypeError, MlxError) as error:
            problem = f"is malformed ({error}); {REPAIR}"
            raise ConfigError(NAME, _line(text, name), f"stages.{name}", problem) from error
    return found


def render(results: Mapping[str, Result]) -> str:
    """The text of a lock: sorted, one line a fact."""
    stages = {name: results[name].entry() for name in sorted(results)}
    lines = ["{", f'  "format": {FORMAT},', '  "stages": {']
    for s, (name, entry) in enumerate(stages.items()):
        lines.append(f"    {_text(name)}: {{")
        for k, key in enumerate(sorted(entry)):
            lines += _fact(key, entry[key], "," if k + 1 < len(entry) else "")
        lines.append("    }" + ("," if s + 1 < len(stages) else ""))
    return "\n".join([*lines, "  }", "}", ""])


def update(root: Path, state: Path, changes: Mapping[str, Result], known: set[str]) -> None:
    """Write the results of these stages into the lock; stages not in `known` leave it.

    Raises:
        ConfigError: the lock as it stands is malformed.
        AccessError: it cannot be written.
    """
    with exclusive(state, NAME):
        before = read(root)
        after = {name: result for name, result in {**before, **changes}.items() if name in known}
        if after != before or not (root / NAME).exists():
            replace_file(root / NAME, render(after).encode())


@contextmanager
def exclusive(state: Path, name: str) -> Iterator[Path]:
    """Be the only one, of all processes, to work on `name`; waits. Gives the file that is locked.

    The system lets go of it when the process ends, however it ends.

    Raises:
        AccessError: the project's folder cannot be written.
    """
    path = state / "locks" / name.replace("/", "%2F")
    try:
        path.parent.mkdir(exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise AccessError.of(error, path) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield path
    finally:
        os.close(handle)


def _fact(key: str, value: Any, comma: str) -> list[str]:
    if not isinstance(value, dict) or not value:
        return [f"      {_text(key)}: {_text(value)}{comma}"]
    rows = [f"        {_text(name)}: {_text(value[name])}" for name in sorted(value)]
    return [f"      {_text(key)}: {{", *(row + "," for row in rows[:-1]), rows[-1], f"      }}{comma}"]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _line(text: str, key: str) -> int:
    start = f"{_text(key)}:"
    found = (i for i, line in enumerate(text.splitlines(), 1) if line.strip().startswith(start))
    return next(found, 0)
