"""How far a long piece of work is: told to whoever draws it."""

from __future__ import annotations

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
