"""Execution of a `command:` job: a child process in the project's folder, its log kept, its files seen."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jupyter_mlx.capture.redact import Redactor
from jupyter_mlx.pipelines import observing

from .base import CellStarted, Job, Outcome, Printed

GRACE_S = 5.0
"""How long a command may take to end after an interrupt before it is killed."""
PRINT_EVERY_S = 0.3
LONGEST_LINE = 200
SHELL = "/bin/sh"
NOT_FOUND = 127

Announce = Callable[[CellStarted | Printed], None]


def perform(job: Job, announce: Announce) -> Outcome:
    """Execute a job of either kind; see `notebook.execute` for what is raised."""
    if job.command is not None:
        return execute(job, announce)
    from jupyter_mlx.pipelines import notebook

    return notebook.execute(job, announce)


def execute(job: Job, announce: Announce) -> Outcome:
    """Execute a command; how it ended is told by the outcome.

    Raises:
        KeyboardInterrupt: it was interrupted; the process and its children are stopped, the log is saved.
    """
    started = time.monotonic()
    told: dict[str, Any] = {}
    used: dict[str, Any] = {}
    with _observed(job, told):
        code, last, late = _run(job, announce, used)
    # of this process the listening has told what is used
    told[observing.RESOURCES] = used
    duration_s = time.monotonic() - started
    if code == 0 and not late:
        return Outcome(job.name, "finished", duration_s, told=told)
    problem = f"took longer than its timeout of {job.timeout_s:g} s" if late else _why(code, last)
    return Outcome(job.name, "failed", duration_s, problem, "CommandFailed", last or problem, told=told)


def _run(job: Job, announce: Announce, used: dict[str, Any]) -> tuple[int, str, bool]:
    """The exit code, the last line that was printed, and whether the command was stopped at its timeout.

    `used` is filled with what the command and its children used.
    """
    redactor = _redactor(job)
    with Path(job.executed).open("w", encoding="utf-8") as log:
        try:
            process = _start(job)
        except OSError as error:
            log.write(f"{error}\n")
            return NOT_FOUND, f"{error.filename or job.command}: {error.strerror}", False
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        last, printed_at = "", 0.0
        end = None if job.timeout_s is None else time.monotonic() + job.timeout_s
        try:
            for clean in redactor.lines(_until(lines, end)):
                log.write(clean)
                log.flush()
                last = clean.strip()[:LONGEST_LINE] or last
                if time.monotonic() - printed_at > PRINT_EVERY_S:
                    printed_at = time.monotonic()
                    announce(Printed(job.name, last))
            return _ended(process, used), last, False
        except TimeoutError:
            _stop(process)
            return process.wait(), last, True
        except BaseException:
            _stop(process)
            raise


def _start(job: Job) -> subprocess.Popen[str]:
    assert job.command is not None
    is_line = isinstance(job.command, str)
    arguments = [SHELL, "-c", job.command] if isinstance(job.command, str) else list(job.command)
    return subprocess.Popen(
        job.command if is_line and sys.platform == "win32" else arguments,
        shell=is_line and sys.platform == "win32",
        cwd=job.root,
        env={**os.environ, **job.env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        # a group of its own, so that what it starts is stopped with it
        start_new_session=True,
    )


def _read(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _until(lines: queue.SimpleQueue[str | None], end: float | None) -> Iterator[str]:
    """The lines as they come; raises TimeoutError at the time `end`."""
    while True:
        try:
            line = lines.get(timeout=None if end is None else max(0.0, end - time.monotonic()))
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            return
        yield line


def _ended(process: subprocess.Popen[str], used: dict[str, Any]) -> int:
    """Wait for the command's end, and have the system tell what it used."""
    if not hasattr(os, "wait4"):
        return process.wait()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    used["cpu_s"] = usage.ru_utime + usage.ru_stime
    used["peak_memory_bytes"] = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return process.returncode


def _stop(process: subprocess.Popen[str]) -> None:
    """Interrupt the command and all that it started; kill what does not end."""
    for number in (signal.SIGINT, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                process.terminate()
            else:
                os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)


@contextmanager
def _observed(job: Job, told: dict[str, Any]) -> Iterator[None]:
    """Listen to the files that the command touches, where that is wanted."""
    if not job.observed:
        yield
        return
    observing.begin(job.root)
    try:
        yield
    finally:
        told.update(observing.end())


def _redactor(job: Job) -> Redactor:
    try:
        redactor = Redactor.open(Path(job.root) / ".mlx" / "salt")
    except OSError:
        redactor = Redactor(os.urandom(32))
    redactor.learn_named({**os.environ, **job.env})
    redactor.value(job.params)
    return redactor


def _why(code: int, last: str) -> str:
    said = f": {last}" if last else ""
    if code < 0:
        return f"the command was ended by {signal.Signals(-code).name}{said}"
    if code == NOT_FOUND:
        return f"there is no such command{said}"
    return f"the command ended with exit code {code}{said}"
