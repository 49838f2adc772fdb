"""A kernel that exceeds the memory of its control group, by real groups of the system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from pipeline_project import write_notebook
from waiting import PATIENCE_S, until

from jupyter_mlx.project import Project

LIMIT = 700 << 20
"""Bytes: the command, a warm process and a kernel have room, three times what the cell wants has not."""


@pytest.fixture
def group():
    """A new control group with little memory and no swap; what is left in it ends with the test."""
    for base, limits in (
        ("/sys/fs/cgroup/memory", ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")),
        ("/sys/fs/cgroup", ("memory.max", "memory.swap.max")),
    ):
        folder = Path(base, f"jupyter-mlx-{os.getpid()}")
        try:
            folder.mkdir()
            (folder / limits[0]).write_text(str(LIMIT))
        except OSError:
            with suppress(OSError):
                folder.rmdir()
            continue
        with suppress(OSError):
            (folder / limits[1]).write_text("0" if limits[1].endswith("max") else str(LIMIT))
        yield folder
        until(partial(_ended, folder), "the end of all in the group")
        folder.rmdir()
        return
    pytest.skip("no control group for memory can be made here")


def _ended(folder: Path) -> bool:
    pids = [int(line) for line in (folder / "cgroup.procs").read_text().split()]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not pids


@pytest.mark.parametrize("cold", [(), ("--cold",)], ids=["copied", "new"])
def test_a_kernel_that_exceeds_the_memory_of_its_group_is_told_so(tmp_path, group, cold):
    Project.create(tmp_path)
    write_notebook(tmp_path / "note.ipynb", "print('before', flush=True)", f"x = b'x' * {3 * LIMIT}")
    command = [sys.executable, "-m", "jupyter_mlx.cli.main", "exec", "note.ipynb", *cold]
    enter = f'echo $$ > "{group}/cgroup.procs"; exec "$@"'
    ended = subprocess.run(
        ["sh", "-c", enter, "sh", *command],
        cwd=tmp_path,
        env={**os.environ, "JUPYTER_MLX_KERNELS": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "out of memory, by the limit of its control group (SIGKILL)" in ended.stderr
    (run,) = Project.open(tmp_path).ledger.page("kind = notebook").runs
    assert run.status == "failed"
