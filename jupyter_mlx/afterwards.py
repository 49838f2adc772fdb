"""One thread that does what nobody waits for, once the process has rested for a moment.

Python runs one thread at a time: what is done while a cell is opened or sealed
is paid for by the cell. So nothing begins until nothing was asked for a moment,
or has waited too long. All is done before the interpreter exits.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

REST_S = 0.03
"""Nothing was asked for so long: the process rests."""
LATEST_S = 1.0
"""What has waited so long is begun all the same."""


class Afterwards:
    """Actions in the order in which they were asked for. Any number of threads may ask."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, Callable[[], None], Future[None]]] = deque()
        self._changed = threading.Condition()
        self._asked_s = 0.0
        self._flushing = 0
        self._is_busy = self._is_begun = self._sleeps = False

    def ask(self, action: Callable[[], None]) -> Future[None]:
        """Have something done; what it raises is in the future alone."""
        done: Future[None] = Future()
        with self._changed:
            self._asked_s = time.monotonic()
            self._waiting.append((self._asked_s, action, done))
            if not self._is_begun:
                self._is_begun = True
                # now, so that it runs before what it relies on is closed: those who registered first run last
                atexit.register(_finish)
                threading.Thread(target=self._work, name="jupyter-mlx", daemon=True).start()
            elif self._sleeps:
                # only then: a thread that is woken takes the interpreter's lock from the one that asks
                self._changed.notify_all()
        return done

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits until all is done."""
        return self._flushing > 0

    def flush(self) -> None:
        """Wait until all that was asked for is done; it is begun at once."""
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not (self._waiting or self._is_busy))
            self._flushing -= 1

    def _work(self) -> None:
        while True:
            with self._changed:
                self._await_turn()
                _, action, done = self._waiting.popleft()
                self._is_busy = True
            try:
                action()
                done.set_result(None)
            except BaseException as error:
                done.set_exception(error)
            del action, done
            with self._changed:
                self._is_busy = False
                if self._flushing:
                    self._changed.notify_all()

    def _await_turn(self) -> None:
        while not self._waiting or not self._flushing:
            if self._waiting:
                due_s = min(self._asked_s + REST_S, self._waiting[0][0] + LATEST_S)
                rest_s = due_s - time.monotonic()
                if rest_s <= 0:
                    return
                self._changed.wait(rest_s)
            else:
                self._sleeps = True
                self._changed.wait()
                self._sleeps = False


_process = [Afterwards()]
"""This process's own, and before it those of the processes that it was forked from: to let go of what
they wait for could undo it."""


def afterwards() -> Afterwards:
    """This process's own."""
    return _process[-1]


def ends_quietly() -> bool:
    """Whether this process may end without a word to Python: one that was forked mostly does."""
    return len(_process) > 1


def _finish() -> None:
    afterwards().flush()


def _in_child() -> None:
    _process.append(Afterwards())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
