"""Ctrl-C is never lost."""

from __future__ import annotations

import os
import signal
import sys
import threading

AGAIN_S = 0.05


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
