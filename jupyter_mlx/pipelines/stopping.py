"""Ctrl-C: what is executed is stopped, and how each of it ended is known."""

from __future__ import annotations

import queue
from collections.abc import Iterable
from contextlib import suppress

from .executors.base import Executor, Message, Outcome

LOOK_S = 0.2
"""Where nothing came for so long, it is asked which jobs the executor still holds."""


def stopped(
    executor: Executor, messages: queue.SimpleQueue[Message], names: Iterable[str]
) -> dict[str, Outcome]:
    """Stop an executor, and wait for how these jobs ended.

    A second interrupt does not wait for kernels, a third for nothing.

    `messages` is where the executor reports to. An interrupt may come while a
    job is handed over, or its outcome taken: what the executor does not hold has
    ended.
    """
    left = set(names)
    ended: dict[str, Outcome] = {}
    stop, now = True, False
    while True:
        try:
            if stop:
                executor.stop(now=now)
                stop = False
            if not left:
                return ended
            # before the look at what came: it is forgotten first, and reported then
            held = executor.held()
            message: Message | None = None
            with suppress(queue.Empty):
                message = messages.get(timeout=LOOK_S)
            if isinstance(message, Outcome):
                ended[message.name] = message
                left.discard(message.name)
            elif message is None:
                gone = left - held
                ended |= {name: Outcome(name, "interrupted") for name in gone}
                left -= gone
        except KeyboardInterrupt:
            if now:
                return ended | {name: Outcome(name, "interrupted") for name in left}
            stop = now = True
