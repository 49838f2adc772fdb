"""The log of a pipeline for continuous integration: each stage in one piece, when it has ended.

Stages run side by side, and their lines would be mixed. On GitHub each piece is
a group that folds, and a failure is an annotation of its notebook.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jupyter_mlx.ledger.wording import lasted, plain
from jupyter_mlx.pipelines.bench import executed_path
from jupyter_mlx.pipelines.events import (
    Event,
    StageCached,
    StageFailed,
    StageFinished,
    StageRetried,
    StageSkipped,
    StageStarted,
)
from jupyter_mlx.pipelines.telling import failure_lines

MOST_LINES = 500
"""Of what one stage printed; of more the end."""


class Log:
    """Writes the log as events come."""

    def __init__(self, root: Path, write: Callable[[str], None], *, github: bool | None = None) -> None:
        self._root, self._write = root, write
        self._github = os.environ.get("GITHUB_ACTIONS") == "true" if github is None else github

    def hear(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case StageStarted(name, reason):
                self._write(f"{name}: running ({reason})")
            case StageFinished(name, seconds):
                self._piece(f"{name}: done in {lasted(seconds)}", self._printed(name))
            case StageFailed(name, error):
                self._piece(f"{name}: failed", [*self._printed(name), *failure_lines(error, colours=False)])
                if self._github:
                    file = error.shown.notebook if error.shown else error.notebook
                    self._write(
                        f"::error file={_property(file)},title={_property(name)}::{_data(str(error))}"
                    )
            case StageRetried(name, attempt, of, problem):
                self._write(f"{name}: attempt {attempt} of {of} failed: {problem}")
            case StageCached(name):
                self._write(f"{name}: known")
            case StageSkipped(name, reason):
                self._write(f"{name}: skipped ({reason})")
            case _:
                pass

    def _piece(self, heading: str, lines: list[str]) -> None:
        if not self._github:
            self._write(f"== {heading}")
            for line in lines:
                self._write(f"   {line}".rstrip())
            return
        self._write(f"::group::{heading}")
        # what a notebook prints is data: a line of it that looks like a command is none
        token = secrets.token_hex(16)
        self._write(f"::stop-commands::{token}")
        for line in lines:
            self._write(line)
        self._write(f"::{token}::")
        self._write("::endgroup::")

    def _printed(self, stage: str) -> list[str]:
        lines = list(_streams(self._root / executed_path(stage)))
        left = len(lines) - MOST_LINES
        return [f"… {left} lines before …", *lines[left:]] if left > 0 else lines


def _streams(executed: Path) -> Iterator[str]:
    """What the cells of an executed notebook printed, line by line."""
    try:
        cells = json.loads(executed.read_bytes())["cells"]
    except (OSError, ValueError, KeyError):
        return
    for cell in cells:
        for output in cell.get("outputs", ()):
            if output.get("output_type") == "stream":
                yield from plain(_joined(output.get("text", ""))).splitlines()


def _joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(text)


def _data(text: str) -> str:
    """A message of a workflow command, as GitHub escapes it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
