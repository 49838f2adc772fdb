"""Pieces of bytes that are read again: a few are in memory, many in a file without a name."""

from __future__ import annotations

import tempfile
import weakref
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FEW_BYTES = 1 << 20


class Spool:
    """Pieces in the order in which they were put in. One that was not put into has no file."""

    __slots__ = ("__weakref__", "_ends", "_few", "_file", "_most", "size_bytes")

    def __init__(self, most: int = _FEW_BYTES) -> None:
        self._most = most
        """Up to so many bytes are in memory."""
        self._few: list[bytes] = []
        self._ends: list[int] = []
        self._file: IO[bytes] | None = None
        self.size_bytes = 0

    def add(self, piece: bytes) -> int:
        """Put one in; its number."""
        self.size_bytes += len(piece)
        self._ends.append(self.size_bytes)
        if self._file is None and self.size_bytes <= self._most:
            self._few.append(piece)
        else:
            self._opened().write(piece)
        return len(self._ends) - 1

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the spool is)
            weakref.finalize(self, self._file.close)
            self._file.write(b"".join(self._few))
            self._few = []
        self._file.seek(0, 2)
        return self._file

    def __getitem__(self, number: int) -> bytes:
        if self._file is None:
            return self._few[number]
        start = self._ends[number - 1] if number else 0
        self._file.seek(start)
        return self._file.read(self._ends[number] - start)

    def __iter__(self) -> Iterator[bytes]:
        return (self[number] for number in range(len(self._ends)))

    def read(self) -> bytes:
        """All pieces together."""
        if self._file is None:
            return b"".join(self._few)
        self._file.seek(0)
        return self._file.read()

    def fileno(self) -> int:
        """The open file that holds all pieces together, however few."""
        file = self._opened()
        file.flush()
        file.seek(0)
        return file.fileno()
