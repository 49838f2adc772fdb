"""Kills kernels at random moments, and measures how soon each death is told; and what warm kernels hold in memory.

    python benchmarks/pipelines/kills.py --kernels 1000
    python benchmarks/pipelines/kills.py --memory 8

Each kernel is ended by a signal somewhere between its start and a few tenths of
a second later: while it starts, while a cell computes, sleeps, prints, or while it leaves.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import signal
import statistics
import tempfile
import threading
import time
from pathlib import Path

import psutil
import workloads

from jupyter_mlx.pipelines.executors.base import Job, Outcome
from jupyter_mlx.pipelines.notebook import execute

CELLS = [
    "import numpy as np",
    "sum(range(10 ** 5))",
    "for i in range(200):\n    print(i)",
    "import time\ntime.sleep(0.05)",
    "np.linalg.svd(np.ones((50, 50)))[1][0]",
]
SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM]
LONGEST_S = 0.45


def kernels_of(folder: Path) -> list[psutil.Process]:
    """The kernels whose notebook is in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def one(folder: Path, number: int) -> tuple[str, float]:
    """How one kernel ended, and how long after its death that was told; below zero where it had finished before."""
    here = folder / str(number)
    workloads.write(here / "note.ipynb", CELLS)
    job = Job(str(number), str(here), "note.ipynb", str(here / "done.ipynb"))
    killed_at: list[float] = []
    moment = random.uniform(0, LONGEST_S)

    def kill() -> None:
        # the kernel is known by its folder as soon as it has changed into it
        end = time.monotonic() + moment
        while time.monotonic() < end and not done.is_set():
            time.sleep(0.005)
        for process in kernels_of(here):
            try:
                os.kill(process.pid, random.choice(SIGNALS))
                killed_at.append(time.monotonic())
            except ProcessLookupError:
                pass

    done = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    outcome: Outcome = execute(job, lambda message: None)
    told_at = time.monotonic()
    done.set()
    killer.join()
    for path in here.iterdir():
        path.unlink()
    here.rmdir()
    late = told_at - killed_at[0] if killed_at else -1.0
    return (outcome.status if outcome.status != "failed" else outcome.problem), late


def many(kernels: int, threads: int) -> None:
    """Print how many kernels ended how, and how late the latest death was told."""
    numbers: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(kernels):
        numbers.put(number)
    found: list[tuple[str, float]] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mlx-kills-") as folder:

        def work() -> None:
            while True:
                try:
                    number = numbers.get_nowait()
                except queue.Empty:
                    return
                found.append(one(Path(folder), number))

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    late = sorted(seconds for _, seconds in found if seconds >= 0)
    print(f"{len(found)} kernels in {time.monotonic() - started:.0f} s, {len(late)} of them killed")
    print(f"told after: median {statistics.median(late):.3f} s, longest {late[-1]:.3f} s")
    for what in sorted({said for said, _ in found}):
        print(f"  {sum(said == what for said, _ in found):5}  {what}")


def memory(kernels: int, cold: bool) -> None:
    """Print what kernels that have run the medium notebook hold: shares of pages, and what is theirs alone."""
    with tempfile.TemporaryDirectory(prefix="mlx-memory-") as temporary:
        folder = Path(temporary)
        waits = "import time\nopen('ready', 'w').close()\nwhile True:\n    time.sleep(1)"
        threads = []
        for number in range(kernels):
            here = folder / str(number)
            workloads.write(here / "note.ipynb", [*workloads.MEDIUM, waits])
            job = Job(str(number), str(here), "note.ipynb", str(here / "done.ipynb"), cold=cold)
            threads.append(threading.Thread(target=execute, args=(job, lambda message: None)))
            threads[-1].start()
        while not all((folder / str(number) / "ready").exists() for number in range(kernels)):
            time.sleep(0.05)
        found = [process for number in range(kernels) for process in kernels_of(folder / str(number))]
        used = [process.memory_full_info() for process in found]
        pss, uss, rss = (sum(getattr(u, name) for u in used) / 2**20 for name in ("pss", "uss", "rss"))
        print(
            f"{len(found)} kernels{' (cold)' if cold else ''}: PSS {pss:.0f} MiB, own {uss:.0f} MiB, RSS {rss:.0f} MiB"
        )
        for process in found:
            process.kill()
        for thread in threads:
            thread.join()


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kernels", type=int, default=0)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", type=int, default=0)
    asked = parser.parse_args()
    random.seed(asked.seed)
    if asked.kernels:
        many(asked.kernels, asked.threads)
    if asked.memory:
        memory(asked.memory, cold=False)
        memory(asked.memory, cold=True)


if __name__ == "__main__":
    main()
