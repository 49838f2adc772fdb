"""Long work, each piece by `jmlx` in a process of its own: data that is added, sent or brought, the pipeline.

So the server stays free, what is refused is refused with the command line's
own words, and stopping is what Ctrl-C is there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias

from jupyter_mlx.data.progress import PROGRESS_VARIABLE, Count
from jupyter_mlx.errors import ConflictError, NotFoundError
from jupyter_mlx.interrupts import held
from jupyter_mlx.ledger.run import new_id

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_ID = "https://events.jupyter.org/jupyter_mlx/job_changed/v1"
SCHEMA = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "A job changed",
    "description": "Work that the panel began goes on, or has ended. No names: `jobs` tells them.",
    "personal-data": False,
    "type": "object",
    "required": ["id", "what", "state", "files", "of_files", "size_bytes", "of_bytes"],
    "properties": {
        "id": {"type": "string"},
        "what": {"type": "string", "description": "the command: add, checkout, push, pull, remove, run"},
        "state": {"enum": ["running", "done", "failed", "stopped"]},
        "files": {"type": "integer"},
        "of_files": {"type": "integer", "description": "0 while it is not known"},
        "size_bytes": {"type": "integer"},
        "of_bytes": {"type": "integer"},
    },
}
KEPT = 20
"""So many jobs are told, the newest ones."""
LINES = 200
"""So many of the lines that a job printed are kept."""
INTERRUPTED = 130

State: TypeAlias = Literal["running", "done", "failed", "stopped"]


class BusyError(ConflictError):
    """Another job of the same kind is under way."""

    code = "busy"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"`jmlx {self.what}` is under way; wait for its end, or stop it"


class NoJobError(NotFoundError):
    """There is no such job."""

    code = "no-job"

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self.ident = ident

    def __str__(self) -> str:
        return f"no job {self.ident}; the server may have been started anew"


@dataclass(slots=True)
class Job:
    """One piece of work; written by the thread that follows it alone."""

    id: str
    what: str
    paths: tuple[str, ...]
    """What it is about, for people."""
    process: subprocess.Popen[bytes]
    state: State = "running"
    count: Count = field(default_factory=Count)
    problem: str = ""
    code: str = ""
    """Of the error."""
    said: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))

    def as_event(self) -> dict[str, Any]:
        """See `SCHEMA`."""
        return {"id": self.id, "what": self.what, "state": self.state, **self.count.as_json()}

    def as_json(self) -> dict[str, Any]:
        """See `Job` of openapi.yaml."""
        return {
            **self.as_event(),
            "paths": self.paths,
            "pid": self.process.pid,
            "problem": self.problem,
            "code": self.code,
            "said": list(self.said),
        }


class Jobs:
    """The jobs of one server. Any thread may ask."""

    def __init__(self, tell: Callable[[Job], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._turns = 0

    def start(self, root: Path, what: str, arguments: Sequence[str], paths: Sequence[str] = ()) -> Job:
        """Begin `jmlx WHAT ARGUMENTS` in a project.

        Raises:
            BusyError: the same is under way.
        """
        with self._lock:
            if any(job.what == what and job.state == "running" for job in self._jobs.values()):
                raise BusyError(what)
            result = tempfile.TemporaryFile()  # noqa: SIM115 (`_follow` closes it)
            # who stops it at once stops a Python that has not begun
            with held():
                process = subprocess.Popen(
                    [sys.executable, "-m", "jupyter_mlx.cli.main", what, "--json", *arguments],
                    cwd=root,
                    env={**os.environ, PROGRESS_VARIABLE: "json"},
                    stdin=subprocess.DEVNULL,
                    stdout=result,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            job = Job(new_id(), what, tuple(paths), process)
            self._jobs[job.id] = job
            self._turns += 1
            for old in [one.id for one in self._jobs.values() if one.state != "running"][:-KEPT]:
                del self._jobs[old]
        threading.Thread(target=self._follow, args=(job, result), daemon=True).start()
        return job

    @property
    def turns(self) -> int:
        """How often a job began or ended: what asks for it now and then misses neither."""
        with self._lock:
            return self._turns

    def all(self) -> list[Job]:
        """The jobs, the newest first."""
        with self._lock:
            return list(self._jobs.values())[::-1]

    def stop(self, ident: str) -> Job:
        """End a job as Ctrl-C does; one that has ended stays as it is.

        Raises:
            NoJobError: there is none.
        """
        with self._lock:
            job = self._jobs.get(ident)
        if job is None:
            raise NoJobError(ident)
        if job.process.poll() is None:
            if os.name == "nt":
                job.process.terminate()
            else:
                job.process.send_signal(signal.SIGINT)
        return job

    def _follow(self, job: Job, result: IO[bytes]) -> None:
        assert job.process.stderr is not None
        with job.process.stderr as lines, result:
            for line in lines:
                self._hear(job, line.decode("utf-8", "replace").rstrip())
            returned = job.process.wait()
            result.seek(0)
            told = _told(result.read())
        job.problem, job.code = told
        state: State = "failed"
        if returned == 0:
            state = "done"
        elif returned in (INTERRUPTED, -signal.SIGINT, -signal.SIGTERM):
            state = "stopped"
        else:
            job.problem = job.problem or (job.said[-1] if job.said else f"ended with {returned}")
        with self._lock:
            job.state = state
            self._turns += 1
        self._tell(job)

    def _hear(self, job: Job, line: str) -> None:
        count = Count.of(line)
        if count is None:
            job.said.append(line)
            return
        job.count = count
        self._tell(job)


def _told(document: bytes) -> tuple[str, str]:
    """What went wrong, and its code, in the document that a command printed; empty where it says nothing of it."""
    try:
        found = json.loads(document)
    except ValueError:
        return "", ""
    if not isinstance(found, Mapping):
        return "", ""
    error, failures = found.get("error"), found.get("failures")
    if isinstance(error, Mapping):
        return str(error.get("message", "")), str(error.get("code", ""))
    if isinstance(failures, list):
        return "; ".join(f"{one['name']} failed: {one['problem']}" for one in failures), ""
    return "", ""
