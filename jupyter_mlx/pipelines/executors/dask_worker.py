"""The side of the Dask executor that is on the workers: a job is executed there by a local executor.

The functions travel by name, so that a worker needs the same version of this package.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_mlx.errors import MlxError

from . import luggage
from .agreeing import own_versions
from .base import Job, Message, Outcome
from .local import LocalExecutor
from .luggage import Parcel, Souvenirs
from .worker import encode

LOOK_EVERY_S = 2.0
"""How often a worker looks whether anybody still waits for what it executes."""

_hands: list[LocalExecutor] = []
_performing: dict[str, LocalExecutor] = {}
_interrupted: set[str] = set()
_lock = threading.Lock()


def perform(parcel: Parcel) -> Souvenirs | None:
    """Execute a job in this Dask worker; None where it has to come again, with its luggage."""
    from distributed import get_worker

    worker: Any = get_worker()
    if parcel.versions != own_versions():
        problem = (
            f"the worker {worker.address} has Python and jupyter_mlx {own_versions()}, not {parcel.versions}"
        )
        return Souvenirs(Outcome(parcel.job.name, "failed", problem=problem))
    if _sees(parcel.witness):
        return Souvenirs(_executed(parcel, parcel.job, worker))
    if parcel.luggage is None:
        return None
    folder = luggage.scratch_folder(worker.local_directory)
    try:
        job, scratch = luggage.unpacked(parcel.luggage, parcel.job, folder)
        return scratch.souvenirs(job, _executed(parcel, job, worker))
    except (MlxError, OSError) as error:
        return Souvenirs(Outcome(parcel.job.name, "failed", problem=str(error), ename=type(error).__name__))
    finally:
        luggage.remove(folder)


def interrupt(tokens: list[str]) -> list[str]:
    """Interrupt those of the jobs that this worker executes; those that come later end at once."""
    with _lock:
        _interrupted.update(tokens)
        running = {token: _performing[token] for token in tokens if token in _performing}
    for token, executor in running.items():
        executor.cancel(token)
    return list(running)


def _sees(witness: tuple[str, str]) -> bool:
    """Whether this worker has the file that lies beside the executed notebook."""
    path, text = witness
    try:
        return Path(path).read_text() == text
    except (OSError, UnicodeDecodeError):
        return False


def _executed(parcel: Parcel, job: Job, worker: Any) -> Outcome:
    answers: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def report(message: Message) -> None:
        if isinstance(message, Outcome):
            answers.put(message)
        else:
            worker.log_event(parcel.topic, {"token": parcel.token, "message": encode(message)})

    with _lock:
        if parcel.token in _interrupted:
            return Outcome(job.name, "interrupted")
        if not _hands:
            _hands.append(LocalExecutor(worker.state.nthreads))
        executor = _performing[parcel.token] = _hands[0]
    try:
        # by its token: jobs of several people may meet on a worker
        executor.submit(replace(job, name=parcel.token), report)
        while True:
            try:
                return answers.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                if _is_unwanted(worker, f"{parcel.job.name.partition('@')[0]}-{parcel.token}"):
                    executor.cancel(parcel.token)
    finally:
        with _lock:
            _performing.pop(parcel.token, None)


def _is_unwanted(worker: Any, key: str) -> bool:
    """Whether nobody waits for the task any more: its command was killed, say."""
    task = worker.state.tasks.get(key)
    return task is None or task.state in {"cancelled", "released", "forgotten"}
