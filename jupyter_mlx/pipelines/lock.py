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
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, ConfigError, MlxError

from .result import Result

NAME = "mlx.lock"
FORMAT = 2
READ = (1, 2)
"""The first had neither metrics nor what was only seen."""
MAX_NAME = 200
"""Bytes of a stage's name that fit into a file name beside what is added to it."""
_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True)
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
    if data.get("format") not in READ:
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


def update(root: Path, state: Path, changes: Mapping[str, Result], known: frozenset[str]) -> None:
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
    path, handle = _open_lock(state, name)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield path
    finally:
        os.close(handle)


class Claim:
    """A stage that this process alone may execute or restore, until it lets go."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path, self._handle = path, handle

    @classmethod
    def take(cls, state: Path, stage: str) -> Claim | None:
        """Claim the stage; None where another process has it.

        Raises:
            AccessError: the project's folder cannot be written.
        """
        path, handle = _open_lock(state, f"stage {file_name(stage)}")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return cls(path, handle)

    @property
    def unfinished(self) -> bool:
        """Whether the last execution of the stage did not end well, so that its outputs may be halves."""
        return os.fstat(self._handle).st_size > 0

    def begin(self, run: str) -> None:
        """Note that an execution has begun; the note outlives this process."""
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, run.encode(), 0)

    def done(self) -> None:
        """Note that the outputs of the stage are whole."""
        os.ftruncate(self._handle, 0)

    def release(self) -> None:
        """Let go; harmless a second time."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def cut_short(state: Path, stage: str) -> bool:
    """Whether the last execution of a stage did not end well, or has not ended yet; see `Claim.unfinished`."""
    try:
        return (state / "locks" / f"stage {file_name(stage)}").stat().st_size > 0
    except OSError:
        return False


def file_name(stage: str) -> str:
    """The name of a stage as part of a file name."""
    name = stage.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    return name if len(name.encode()) <= MAX_NAME else f"{name[:60]}~{Digest.of(name.encode()).short}"


def _open_lock(state: Path, name: str) -> tuple[Path, int]:
    path = state / "locks" / name
    try:
        path.parent.mkdir(exist_ok=True)
        return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise AccessError.of(error, path) from error


def _fact(key: str, value: Any, comma: str) -> list[str]:
    if not isinstance(value, dict) or not value:
        return [f"      {_text(key)}: {_text(value)}{comma}"]
    rows = [f"        {_text(name)}: {_text(value[name])}" for name in sorted(value)]
    return [f"      {_text(key)}: {{", *(row + "," for row in rows[:-1]), rows[-1], f"      }}{comma}"]


def _text(value: Any) -> str:
    return _JSON.encode(value)


def _line(text: str, key: str) -> int:
    start = f"{_text(key)}:"
    found = (i for i, line in enumerate(text.splitlines(), 1) if line.strip().startswith(start))
    return next(found, 0)
