"""Blobs over a network that fails now and then: what may pass is tried again, and the traffic is counted."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from .blobs import RemoteTroubleError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .blobs import Blobs, Part

T = TypeVar("T")

PAUSES_S = (0.2, 0.6, 1.8)
"""Before the second try, the third, …"""
PATIENCE_S = 60.0
"""A call that has taken so long is not tried again."""


class RetryingBlobs:
    """See `Blobs`. Every call can be made twice: blobs are immutable, and named before they are sent."""

    def __init__(self, blobs: Blobs, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._blobs, self._pauses = blobs, pauses_s
        self.copies = blobs.copies

    def __str__(self) -> str:
        return str(self._blobs)

    def put(self, name: str, parts: Sequence[Part]) -> None:
        """See `Blobs.put`."""
        self._again(lambda: self._blobs.put(name, parts))

    def get(self, name: str, start: int, length: int) -> bytes:
        """See `Blobs.get`."""
        return self._again(lambda: self._blobs.get(name, start, length))

    def copy(self, name: str, start: int, length: int, fd: int, at: int) -> int:
        """See `Blobs.copy`."""
        return self._again(lambda: self._blobs.copy(name, start, length, fd, at))

    def names(self, folder: str) -> list[str]:
        """See `Blobs.names`."""
        return self._again(lambda: self._blobs.names(folder))

    def delete(self, name: str) -> None:
        """See `Blobs.delete`."""
        self._again(lambda: self._blobs.delete(name))

    def _again(self, work: Callable[[], T]) -> T:
        started = time.monotonic()
        for pause_s in self._pauses:
            try:
                return work()
            except RemoteTroubleError:
                if time.monotonic() - started > PATIENCE_S:
                    raise
                time.sleep(pause_s)
        return work()


class CountingBlobs:
    """See `Blobs`. Knows how many bytes went each way."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self.copies = blobs.copies
        self.sent = self.received = 0

    def __str__(self) -> str:
        return str(self._blobs)

    def put(self, name: str, parts: Sequence[Part]) -> None:
        """See `Blobs.put`."""
        self._blobs.put(name, parts)
        with self._lock:
            self.sent += sum(map(len, parts))

    def get(self, name: str, start: int, length: int) -> bytes:
        """See `Blobs.get`."""
        data = self._blobs.get(name, start, length)
        with self._lock:
            self.received += len(data)
        return data

    def copy(self, name: str, start: int, length: int, fd: int, at: int) -> int:
        """See `Blobs.copy`."""
        count = self._blobs.copy(name, start, length, fd, at)
        with self._lock:
            self.received += count
        return count

    def names(self, folder: str) -> list[str]:
        """See `Blobs.names`."""
        return self._blobs.names(folder)

    def delete(self, name: str) -> None:
        """See `Blobs.delete`."""
        self._blobs.delete(name)
