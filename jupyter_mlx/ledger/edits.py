"""What people did to runs, a line each: a ledger that is made again from the records applies it.

A record is what a run was when it ended; tags, notes, stars and the trash come
later. The lines: `docs/format.md`, "Edits".
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from jupyter_mlx.errors import AccessError

from .rows import finite


class Edits:
    """One file that any number of processes append to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, run: str, **changes: Any) -> None:
        """Note changes of one run. Raises AccessError."""
        line = msgspec.json.encode(finite({"run": run, **changes})) + b"\n"
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(fd, line)
            finally:
                os.close(fd)
        except OSError as error:
            raise AccessError.of(error, self.path) from error

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The changes, oldest first; a line that is none is passed over."""
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return
        for line in lines:
            try:
                yield msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError:
                continue
