"""Waiting for what comes by itself: as long as a loaded machine may take, and no longer than it has to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 120.0
"""A test never fails because a machine is slow: what has not come by then does not come."""


class NeverCameError(AssertionError):
    """What a test waited for did not come."""


def until(look: Callable[[], T], what: object = "it", *, every_s: float = 0.02) -> T:
    """The first true answer of `look()`.

    Raises:
        NeverCameError: there was none in PATIENCE_S.
    """
    end = time.monotonic() + PATIENCE_S
    while not (found := look()):
        if time.monotonic() > end:
            raise NeverCameError(f"{what} did not come in {PATIENCE_S:.0f} s")
        time.sleep(every_s)
    return found


async def soon(look: Callable[[], Awaitable[T]], what: object = "it", *, every_s: float = 0.05) -> T:
    """The first true answer of `await look()`.

    Raises:
        NeverCameError: there was none in PATIENCE_S.
    """
    end = time.monotonic() + PATIENCE_S
    while not (found := await look()):
        if time.monotonic() > end:
            raise NeverCameError(f"{what} did not come in {PATIENCE_S:.0f} s")
        await asyncio.sleep(every_s)
    return found
