"""The local executor: worker processes on this machine.

A worker is a process of its own, because papermill in threads races for
sockets and signals; it is used again for the next job, because its imports take
longer than a small notebook.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import IO

from jupyter_mlx.starting import command

from .base import Job, Outcome, Report
from .worker import Interrupt, decode, encode

GRACE_S = 10.0
"""How long a worker may take to stop its kernel and save before it is killed."""


class LocalExecutor:
    """See `Executor`."""

    def __init__(self, slots: int) -> None:
        self.slots = max(1, slots)
        self._jobs: queue.SimpleQueue[tuple[Job, Report] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._workers: set[_Worker] = set()
        self._busy: dict[str, _Worker] = {}
        """Job → the worker that performs it."""
        self._names: set[str] = set()
        self._cancelled: set[str] = set()
        self._waiting = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def submit(self, job: Job, report: Report) -> None:
        """See `Executor.submit`."""
        with self._lock:
            # first, for an interrupt may come between any two lines: what is held is also answered
            self._jobs.put((job, report))
            self._names.add(job.name)
            self._waiting += 1
            if self._waiting > len(self._threads) and len(self._threads) < self.slots:
                thread = threading.Thread(target=self._serve, daemon=True, name="jupyter-mlx-executor")
                self._threads.append(thread)
                thread.start()

    def held(self) -> frozenset[str]:
        """See `Executor.held`."""
        with self._lock:
            return frozenset(self._names)

    def cancel(self, name: str) -> None:
        """See `Executor.cancel`."""
        with self._lock:
            if name in self._names:
                self._cancelled.add(name)
            worker = self._busy.get(name)
            if worker is not None:
                # under the lock: the interrupt must not meet the job after this one
                worker.interrupt()

    def stop(self, *, now: bool = False) -> None:
        """See `Executor.stop`."""
        self._stopping.set()
        with suppress(queue.Empty):
            while (item := self._jobs.get_nowait()) is not None:
                self._answer(*item, Outcome(item[0].name, "interrupted"))
            self._jobs.put(None)  # which is for a thread
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            if now:
                worker.process.kill()
            else:
                worker.interrupt()

    def close(self) -> None:
        """See `Executor.close`."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _serve(self) -> None:
        worker: _Worker | None = None
        try:
            while (item := self._jobs.get()) is not None:
                job, report = item
                if self._is_stopped(job.name):
                    outcome = Outcome(job.name, "interrupted")
                else:
                    worker = self._alive(worker)
                    with self._lock:
                        self._busy[job.name] = worker
                    outcome = worker.perform(job, report, partial(self._is_stopped, job.name))
                self._answer(job, report, outcome)
        finally:
            if worker is not None:
                self._forget(worker)

    def _answer(self, job: Job, report: Report, outcome: Outcome) -> None:
        with self._lock:
            self._waiting -= 1
            self._names.discard(job.name)
            self._cancelled.discard(job.name)
            worker = self._busy.pop(job.name, None)
            if worker is not None:
                worker.calm()
        report(outcome)

    def _is_stopped(self, name: str) -> bool:
        return self._stopping.is_set() or name in self._cancelled

    def _alive(self, worker: _Worker | None) -> _Worker:
        if worker is not None:
            if worker.process.poll() is None:
                return worker
            self._forget(worker)
        made = _Worker()
        with self._lock:
            self._workers.add(made)
        return made

    def _forget(self, worker: _Worker) -> None:
        with self._lock:
            self._workers.discard(worker)
        worker.close()


class _Worker:
    """One worker process, seen from the executor."""

    def __init__(self) -> None:
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        self.process = subprocess.Popen(
            command(f"{__package__}.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            encoding="utf-8",
            # Ctrl-C goes to the command alone, which stops its workers in order
            start_new_session=True,
        )
        self.timer: threading.Timer | None = None
        self._given = 0
        self._writing = threading.Lock()

    def perform(self, job: Job, report: Report, is_stopped: Callable[[], bool]) -> Outcome:
        """Execute one job, and wait for how it ended."""
        assert self.process.stdout is not None
        try:
            self._given += 1
            self._write(encode(job))
            if is_stopped():
                self.interrupt()
            for line in self.process.stdout:
                message = decode(line)
                if isinstance(message, Outcome):
                    return message
                report(message)
        except BrokenPipeError:
            pass
        if is_stopped():
            return Outcome(job.name, "interrupted")
        return Outcome(job.name, "failed", problem=self._death())

    def interrupt(self) -> None:
        """Ask the worker to stop its kernel; kill it if it does not."""
        if self.timer is None:
            self.timer = threading.Timer(GRACE_S, self.process.kill)
            self.timer.daemon = True
            self.timer.start()
        with suppress(BrokenPipeError, ValueError):
            # a signal that met it between two jobs would be lost, or stop the wrong one
            self._write(encode(Interrupt(self._given)))

    def _write(self, line: str) -> None:
        assert self.process.stdin is not None
        with self._writing:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def calm(self) -> None:
        """A job that was interrupted has ended: the worker is good for the next one."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def close(self) -> None:
        """Let the worker leave, and wait for it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.calm()
        self.process.stdout.close()
        self.log.close()

    def _death(self) -> str:
        code = self.process.wait()
        if code < 0:
            return f"the process that executed it was ended by {signal.Signals(-code).name}"
        self.log.seek(max(0, self.log.seek(0, os.SEEK_END) - 4000))
        lines = self.log.read().decode("utf-8", "replace").strip().splitlines()
        return f"the process that executed it ended by itself: {lines[-1] if lines else f'exit code {code}'}"
