"""One command as a whole process: its seconds, and the memory of its largest process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from memory import Filler

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled: this clone may be, too

_REST_S = 0.1  # longer than the moment in which a change of a file could hide from a stat


@dataclass(frozen=True)
class Figure:
    """What one command took."""

    seconds: float
    peak_mib: float
    durable_s: float = 0.0
    """Until all that it wrote was on the disk: the seconds, and those of a sync after it."""
    error: str = ""
    """Why it counts for nothing; empty where it went through."""


filler: Filler | None = None
"""Where memory is to be held before each command."""


def run(command: list[str], folder: Path, env: dict[str, str], fine: tuple[int, ...] = (0,)) -> Figure:
    """Run a command to its end; `fine` are the exit codes that mean that it worked.

    What others left to be written is written first: who syncs would pay for who does not.
    """
    os.sync()
    if filler is not None:
        filler.fill()
    time.sleep(_REST_S)
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        try:
            process = subprocess.Popen(
                command, cwd=folder, env={**os.environ, **env},
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=output,
            )  # fmt: skip
        except OSError as error:
            return Figure(0, 0, error=str(error))
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = code = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace").strip()
    os.sync()
    durable_s = time.perf_counter() - started
    peak = usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return Figure(seconds, peak, durable_s, "" if code in fine else f"exit code {code}: {said[-300:]}")


def size_of(folder: Path) -> int:
    """Bytes on the disk in a folder, each inode once; what is not there takes none."""
    seen: dict[tuple[int, int], int] = {}
    for above, _, names in os.walk(folder):
        for name in names:
            found = Path(above, name).lstat()
            seen[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(seen.values())


def read_all(path: str) -> None:
    """The limit of anything that reads the data: scan, stat and read."""
    inner = os.scandir(path) if Path(path).is_dir() else [path]
    for item in inner:
        if isinstance(item, os.DirEntry) and item.is_dir():
            read_all(item.path)
            continue
        os.stat(item)  # noqa: PTH116 (the raw limit)
        with open(item, "rb", buffering=0) as file:  # noqa: PTH123
            while file.read(1 << 20):
                pass


if __name__ == "__main__":
    read_all(sys.argv[1])
