"""A Dask cluster of processes of its own: a scheduler and workers, each with a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from waiting import until


class Cluster:
    """A scheduler, and workers with one thread each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen] = []
        file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)
        )
        self.file = file
        # Dask makes it, and then writes into it
        self._wait(lambda: file.exists() and file.read_text().rstrip().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    def add_worker(self, *options: str, hidden: Path | None = None) -> subprocess.Popen:
        """Start a worker; of one that is `hidden` from a folder, that folder is an empty one."""
        place = self.folder / f"worker{len(self.workers)}"
        place.mkdir()
        words = [
            "worker",
            self.address,
            "--nthreads",
            "1",
            "--no-nanny",
            "--no-dashboard",
            "--host",
            "127.0.0.1",
        ]
        words += ["--local-directory", str(place), "--death-timeout", "120", *options]
        self.workers.append(self._start(*words, cwd=place, hidden=hidden))
        return self.workers[-1]

    def kill(self, worker: subprocess.Popen) -> None:
        """End a worker as the system would."""
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()

    def close(self) -> None:
        """End all of it."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _start(self, *words: str, cwd: Path | None = None, hidden: Path | None = None) -> subprocess.Popen:
        command = [sys.executable, "-m", "dask", *words]
        if hidden is not None:
            script = f'mount -t tmpfs tmpfs "{hidden}" && exec "$@"'
            command = ["unshare", "-m", "sh", "-c", script, "sh", *command]
        log = (self.folder / f"{words[0]}{len(self.workers)}.log").open("wb")
        return subprocess.Popen(
            command, cwd=cwd or self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    def logs(self) -> str:
        """What scheduler and workers have printed."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def _wait(self, is_there) -> None:
        def look():
            assert self.scheduler.poll() is None, self.logs()
            return is_there()

        until(look, "Dask's scheduler")
