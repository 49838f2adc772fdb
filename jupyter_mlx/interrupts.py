"""Ctrl-C is never lost."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN_S = 0.05
CAN_WAIT = hasattr(signal, "pthread_sigmask")
"""Whether an interrupt can be had to wait; not on Windows."""


@contextmanager
def held() -> Iterator[None]:
    """Have an interrupt wait, in this thread and in the processes that it starts, which hear it by `admit()`.

    Python that is just starting has nobody who would answer one: it ends with
    exit code 1 and a traceback of its own, or prints that, and goes on.
    """
    if not CAN_WAIT:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def admit() -> None:
    """Have an interrupt that waited come now, and later ones at once.

    Raises:
        KeyboardInterrupt: one had come.
    """
    if CAN_WAIT:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def insist() -> None:
    """Have an interrupt come again that met code which cannot raise it.

    In the callback of a weak reference, of which each import has one, or in a
    `__del__`, Python prints KeyboardInterrupt, and goes on as if nothing had come.
    """
    before = sys.unraisablehook

    def again(what: sys.UnraisableHookArgs) -> None:
        if not issubclass(what.exc_type, KeyboardInterrupt):
            before(what)
            return
        # not at once: it would meet the same code
        timer = threading.Timer(AGAIN_S, os.kill, (os.getpid(), signal.SIGINT))
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
