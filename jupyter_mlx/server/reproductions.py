"""Runs that are being made again: each by `jmlx reproduce` in a process of its own, so that the server stays free."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlx.errors import ConflictError

if TYPE_CHECKING:
    from jupyter_mlx.ledger.run import Run
    from jupyter_mlx.project import Project

SAID_BYTES = 8192
"""So much of what the process said last is told."""
VERDICTS = 20
"""So many of the reproductions of one run are told, the newest first."""


class BeingReproducedError(ConflictError):
    """The run is being made again already."""

    code = "being-reproduced"

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.run = run

    def __str__(self) -> str:
        return f"run {self.run[:8]} is being made again already; wait for its verdict, or stop it"


@dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    result: Path
    said: Path

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def lines(self) -> list[str]:
        """What it said last."""
        return _end(self.said).decode("utf-8", "replace").splitlines()

    def problem(self) -> str:
        """Why it came to no verdict; empty while it runs, and where it came to one."""
        if self.is_running:
            return ""
        try:
            error = json.loads(_end(self.result, 1 << 20)).get("error")
        except (ValueError, AttributeError):
            error = {"message": f"`jmlx reproduce` ended with {self.process.returncode} and no verdict"}
        return str(error.get("message", "")) if isinstance(error, Mapping) else ""


class Reproductions:
    """The processes of one server, by project and run. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="jupyter_mlx-", ignore_cleanup_errors=True)
        self._children: dict[tuple[Path, str], _Child] = {}

    def start(self, project: Project, run: Run) -> None:
        """Begin to make a run again.

        Raises:
            BeingReproducedError: that goes on already.
        """
        key = (project.root, run.id)
        with self._lock:
            child = self._children.get(key)
            if child and child.is_running:
                raise BeingReproducedError(run.id)
            child = self._children[key] = _begin(project, run, Path(self._folder.name))
        # nobody else waits for it: without this it stays a zombie until the server ends
        threading.Thread(target=child.process.wait, daemon=True).start()

    def stop(self, project: Project, run: Run) -> None:
        """End the process as Ctrl-C does; nothing where none runs."""
        with self._lock:
            child = self._children.get((project.root, run.id))
            if child and child.is_running:
                if os.name == "nt":
                    child.process.terminate()
                else:
                    child.process.send_signal(signal.SIGINT)

    def state(self, project: Project, run: Run) -> dict[str, Any]:
        """What goes on, what it says, and the verdicts there are; see `Reproductions` of openapi.yaml."""
        with self._lock:
            child = self._children.get((project.root, run.id))
        found = project.ledger.page(f'parent = "{run.id}" and kind = reproduce', limit=VERDICTS).runs
        return {
            "running": bool(child and child.is_running),
            "said": child.lines() if child else [],
            "problem": child.problem() if child else "",
            "found": [
                {
                    "id": one.id,
                    "status": one.status,
                    "started_at": one.started_at,
                    "facts": _facts(project.ledger.get(one.id)),
                }
                for one in found
            ],
        }


def _begin(project: Project, run: Run, folder: Path) -> _Child:
    result, said = folder / f"{run.id}.json", folder / f"{run.id}.log"
    with result.open("wb") as stdout, said.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_mlx.cli.main", "reproduce", "--json", "--", run.id],
            cwd=project.root,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    return _Child(process, result, said)


def _end(path: Path, most: int = SAID_BYTES) -> bytes:
    """The last bytes of a file that another process writes."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return file.read(most)


def _facts(run: Run) -> Mapping[str, Any] | None:
    """The verdict and its grounds, as `jmlx reproduce` keeps them; None while there are none."""
    for output in run.cell_outputs:
        facts = (output.get("data") or {}).get("application/json")
        if isinstance(facts, Mapping) and "verdict" in facts:
            return facts
    return None
