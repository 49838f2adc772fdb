"""How far a long piece of work is: told to whoever draws it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, Protocol


class Progress(Protocol):
    """Counts files and bytes."""

    def total(self, files: int, size_bytes: int) -> None:
        """How much there will be to do, as far as that is known; told again when more is known.

        Nothing to do, or less than before, means that another piece of work begins.
        """

    def advance(self, files: int, size_bytes: int) -> None:
        """So much more is done."""


class Silent:
    """Draws nothing."""

    def total(self, files: int, size_bytes: int) -> None:
        """See `Progress.total`."""

    def advance(self, files: int, size_bytes: int) -> None:
        """See `Progress.advance`."""


SILENT: Final = Silent()


PROGRESS_VARIABLE = "JMLX_PROGRESS"
"""`json` in it has `jmlx` say on stderr how far it is, a line of JSON each time, for the program that started it."""
_MARK = '{"progress":'


@dataclass(frozen=True, slots=True)
class Count:
    """How far a piece of work is."""

    files: int = 0
    of_files: int = 0
    """0 while it is not known."""
    size_bytes: int = 0
    of_bytes: int = 0

    def as_json(self) -> dict[str, int]:
        """Its numbers by their names."""
        return asdict(self)

    def line(self) -> str:
        """As another process reads it, by `of`."""
        return f"{_MARK} {json.dumps(self.as_json())}}}"

    @classmethod
    def of(cls, line: str) -> Count | None:
        """What a line says; None for a line that is none of ours."""
        if not line.startswith(_MARK):
            return None
        try:
            return cls(**json.loads(line)["progress"])
        except (ValueError, TypeError):
            return None


class Counting:
    """Files and bytes done, of how many; a `Progress`."""

    def __init__(self, show: Callable[[Count], None]) -> None:
        self._show = show
        self._files = self._bytes = 0
        self._before = self._known = 0, 0

    @property
    def count(self) -> Count:
        """As things stand."""
        return Count(self._files, self._known[0], self._bytes, self._known[1])

    def total(self, files: int, size_bytes: int) -> None:
        """See `Progress.total`."""
        files_before, bytes_before = self._before
        known_files, known_bytes = self._known
        if files_before + files < known_files or bytes_before + size_bytes < known_bytes:
            files_before, bytes_before = self._before = self._files, self._bytes
        self._known = files_before + files, bytes_before + size_bytes
        self._show(self.count)

    def advance(self, files: int, size_bytes: int) -> None:
        """See `Progress.advance`."""
        self._files += files
        self._bytes += size_bytes
        self._show(self.count)
