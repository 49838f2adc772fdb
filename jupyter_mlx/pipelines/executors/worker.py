"""A worker: a process that executes notebooks, one after another, for one executor.

Jobs come as lines of JSON on its standard input, and interrupts, which name the
job that is meant; messages go as lines of JSON to its standard output. When the
input ends, because the executor closed it or died, the worker stops its kernel
and leaves.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from typing import IO, Any

from jupyter_mlx.interrupts import insist
from jupyter_mlx.pipelines.executors.base import CellStarted, Job, Message, Outcome, Printed
from jupyter_mlx.starting import leave_out

_ON_THE_WAY: dict[str, type[CellStarted | Printed]] = {"CellStarted": CellStarted, "Printed": Printed}


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Ask a worker to stop the nth job that it was given, whether it has come to it or not."""

    nth: int


def main() -> None:
    """Serve until the input ends."""
    # what libraries print must not come between the messages
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    insist()
    leave_out()
    desk = _Desk()
    threading.Thread(target=desk.listen, args=(sys.stdin,), daemon=True).start()
    while (job := desk.next()) is not None:
        _send(messages, _perform(desk, job, messages))


class _Desk:
    """The jobs that came, and which of them were interrupted."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._nth = 0
        """The job that was begun last."""
        self._busy = False
        self._interrupted = 0
        """Jobs up to this one are not to be begun."""

    def listen(self, lines: IO[str]) -> None:
        """Take in what comes, in a thread of its own."""
        for line in lines:
            fields: dict[str, Any] = json.loads(line)
            if fields.pop("type") == Interrupt.__name__:
                self._interrupt(**fields)
            else:
                self._jobs.put(Job(**fields))
        self._jobs.put(None)
        # nobody waits for the outcome any more
        self._interrupt(self._nth)

    def next(self) -> Job | None:
        """Wait for a job; None when no more will come."""
        while True:
            try:
                return self._jobs.get()
            except KeyboardInterrupt:
                # of the job before, which had just ended
                continue

    def begin(self) -> bool:
        """From now on an interrupt of the next job is raised; False where there was one already."""
        with self._lock:
            self._nth += 1
            self._busy = self._nth > self._interrupted
            return self._busy

    def end(self) -> None:
        """The job has ended: an interrupt of it comes too late."""
        with self._lock:
            self._busy = False

    def _interrupt(self, nth: int) -> None:
        with self._lock:
            self._interrupted = max(self._interrupted, nth)
            if self._busy and nth == self._nth:
                os.kill(os.getpid(), signal.SIGINT)


def encode(message: Job | Interrupt | Message) -> str:
    """A line of JSON, with the name of the message's type."""
    return json.dumps({"type": type(message).__name__, **asdict(message)})


def decode(line: str) -> Message:
    """What `encode` wrote."""
    fields = json.loads(line)
    kind = fields.pop("type")
    if kind in _ON_THE_WAY:
        return _ON_THE_WAY[kind](**fields)
    return Outcome(**{**fields, "traceback": tuple(fields["traceback"])})


def _perform(desk: _Desk, job: Job, messages: IO[str]) -> Outcome:
    from jupyter_mlx.pipelines.executors.command import perform

    try:
        if not desk.begin():
            return Outcome(job.name, "interrupted")
        try:
            return perform(job, lambda message: _send(messages, message))
        finally:
            desk.end()
    except KeyboardInterrupt:
        return Outcome(job.name, "interrupted")
    except Exception as error:
        # each job is answered, whatever a library raises
        import traceback

        lines = tuple(traceback.format_exception(error))
        problem = f"{type(error).__name__}: {error}"
        return Outcome(job.name, "failed", 0.0, problem, type(error).__name__, str(error), lines)


def _send(messages: IO[str], message: Message) -> None:
    try:
        messages.write(encode(message) + "\n")
    except (BrokenPipeError, ValueError):
        os._exit(1)


if __name__ == "__main__":
    main()
