"""A worker: a process that executes notebooks, one after another, for one executor.

Jobs come as lines of JSON on its standard input, messages go as lines of JSON
to its standard output. SIGINT interrupts the job; when the input ends, because
the executor closed it or died, the worker stops its kernel and leaves.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from dataclasses import asdict
from typing import IO, Any

from jupyter_mlx.pipelines.executors.base import CellStarted, Job, Message, Outcome


def main() -> None:
    """Serve until the input ends."""
    # what libraries print must not come between the messages
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_listen, args=(sys.stdin, jobs, busy), daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    while True:
        try:
            job = jobs.get()
        except KeyboardInterrupt:
            continue
        if job is None:
            return
        busy.set()
        outcome = _perform(job, messages)
        busy.clear()
        _send(messages, outcome)


def encode(message: Job | Message) -> str:
    """A line of JSON, with the name of the message's type."""
    return json.dumps({"type": type(message).__name__, **asdict(message)})


def decode(line: str) -> Message:
    """What `encode` wrote."""
    fields = json.loads(line)
    if fields.pop("type") == "CellStarted":
        return CellStarted(**fields)
    return Outcome(**{**fields, "traceback": tuple(fields["traceback"])})


def _listen(lines: IO[str], jobs: queue.SimpleQueue[Job | None], busy: threading.Event) -> None:
    for line in lines:
        fields: dict[str, Any] = json.loads(line)
        fields.pop("type")
        jobs.put(Job(**fields))
    jobs.put(None)
    if busy.is_set():
        # nobody waits for the outcome any more
        os.kill(os.getpid(), signal.SIGINT)


def _perform(job: Job, messages: IO[str]) -> Outcome:
    from jupyter_mlx.pipelines import notebook

    try:
        return notebook.execute(job, lambda message: _send(messages, message))
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
