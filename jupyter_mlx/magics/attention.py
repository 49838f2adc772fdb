"""Whether an interrupt (Ctrl-C) reached a cell, which may have swallowed it; the cell notices nothing of that."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress


class Attention:
    """Hears signals from its making until `end`, beside Python's own handler, which stays in its place."""

    def __init__(self) -> None:
        self._ends: tuple[int, int] | None = None
        is_plain = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if os.name != "posix" or threading.current_thread() is not threading.main_thread() or not is_plain:
            return
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        if before != -1:
            # an event loop hears by it
            signal.set_wakeup_fd(before, warn_on_full_buffer=False)
            os.close(reading)
            os.close(writing)
            return
        self._ends = reading, writing

    def end(self) -> bool:
        """Hear no more; whether there was an interrupt."""
        if self._ends is None:
            return False
        (reading, writing), self._ends = self._ends, None
        with suppress(ValueError):  # not the main thread any more
            now = signal.set_wakeup_fd(-1)
            if now not in {-1, writing}:
                signal.set_wakeup_fd(now)
        heard = b""
        with suppress(BlockingIOError):
            heard = os.read(reading, 4096)
        os.close(reading)
        os.close(writing)
        return signal.SIGINT in heard
