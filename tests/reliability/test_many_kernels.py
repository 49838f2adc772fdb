"""Fifty processes track into one ledger at once, as fifty kernels would, in both kinds of journal."""

import os
import sqlite3
import subprocess
import sys

import pytest

from jupyter_mlx.ledger.ledger import Ledger

KERNELS = 50
BODY = """
import os, sys, time
from dataclasses import replace
from pathlib import Path
from jupyter_mlx.ledger.ledger import Ledger
from jupyter_mlx.ledger.run import Run, utc_now

def track(number):
    ledger = Ledger(Path("ledger.db"))
    for at in range(2):
        run = Run(f"{number:08x}{at:08x}", f"k{number}", "cell", "running", utc_now(), params={"at": at})
        ledger.open(run)
        for step in range(10):
            ledger.log(run.id, {"loss": step}, step)
        ledger.page("loss > 5", "-loss", 10)
        ledger.finish(replace(run, status="finished"))

start = time.monotonic() + 0.5
kernels = []
for number in range(int(sys.argv[1])):
    kernels.append(os.fork())
    if not kernels[-1]:
        time.sleep(max(0, start - time.monotonic()))  # so that all make the ledger at the same moment
        track(number)
        os._exit(0)
sys.exit(any(os.waitpid(kernel, 0)[1] for kernel in kernels))
"""


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_fifty_processes_track_at_once_and_every_run_is_there(tmp_path, journal):
    env = {**os.environ, "JUPYTER_MLX_LEDGER_JOURNAL": journal}
    done = subprocess.run(
        [sys.executable, "-c", BODY, str(KERNELS)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == journal
    ledger = Ledger(tmp_path / "ledger.db")
    page = ledger.page("status = finished and loss = 9", limit=1000)
    assert page.total == len(page.runs) == 2 * KERNELS
    assert all(len(ledger.series(run.id)["loss"]) == 10 for run in page.runs[::25])
    assert list((tmp_path / "steps").iterdir()) == []
