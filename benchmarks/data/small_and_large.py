"""Times the data layer beside the limits of the machine, as ratios: many small files, one large one.

    python benchmarks/data/small_and_large.py [FOLDER] [--files 100000] [--mib 1024]

FOLDER says which disk (/dev/shm for memory). Each figure is one cold call of
the layer with a warm page cache; raw figures are taken in the same run.
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from jupyter_mlx.data.links import Link
from jupyter_mlx.project import Project

SMALL_BYTES = 2048
IN_A_FOLDER = 1000


def timed(label, work, limit_s=None):
    start, cpu = time.perf_counter(), time.process_time()
    work()
    took = time.perf_counter() - start
    ratio = f"{took / limit_s:8.2f} x" if limit_s else ""
    print(f"{label:<44} {took:8.3f} s  {time.process_time() - cpu:8.3f} s cpu {ratio}", flush=True)
    return took


def make_small(folder, count):
    for number in range(count):
        inner = folder / f"d{number // IN_A_FOLDER:04}"
        if number % IN_A_FOLDER == 0:
            inner.mkdir(parents=True)
        (inner / f"{number}.bin").write_bytes(os.urandom(SMALL_BYTES))


def read_all(folder):
    for inner in os.scandir(folder):
        for item in os.scandir(inner.path):
            item.stat()
            with open(item.path, "rb", buffering=0) as file:  # noqa: PTH123 (the raw limit)
                file.read()


def small_files(root, count):
    def workspace():
        return Project.open(root).workspace

    data = root / "data"
    make_small(data, count)
    time.sleep(0.2)  # longer than the tick in which a write could hide
    print(f"{count:,} files of {SMALL_BYTES} bytes")
    raw = timed("  read them (the limit)", lambda: read_all(data))
    copy = timed("  cp -r (the limit)", lambda: subprocess.run(["cp", "-r", data, root / "copy"], check=True))
    timed("  add", lambda: workspace().add(["data"]), raw)
    first = workspace().pointers()[0]
    timed("  add, nothing changed", lambda: workspace().add(["data"]), raw)
    timed("  status, nothing changed", lambda: workspace().status(), raw)
    for number in range(0, count, max(1, count // 100)):
        (data / f"d{number // IN_A_FOLDER:04}" / f"{number}.bin").write_bytes(os.urandom(SMALL_BYTES))
    time.sleep(0.2)
    timed("  add of v2 (100 files changed)", lambda: workspace().add(["data"]), raw)
    timed("  checkout of v1 (100 files differ)", lambda: workspace().restore(first), copy)
    data.rename(root / "aside")  # not deleted: ext4 makes files slowly where many were deleted just before
    timed("  checkout of all", lambda: workspace().checkout(), copy)
    (root / "mlx.yaml").write_text("remotes: {origin: {url: remote}}\n")
    timed("  push", lambda: workspace().push(Project.open(root).remote()), copy)
    timed("  push, nothing to push", lambda: workspace().push(Project.open(root).remote()))
    (root / ".mlx/store").rename(root / "old store")
    timed("  fetch", lambda: workspace().fetch(Project.open(root).remote()), copy)


def large_file(root, mib):
    path = root / "large.bin"
    with path.open("wb") as file:
        for _ in range(mib // 4):
            file.write(os.urandom(4 << 20))
    print(f"one file of {mib} MiB")
    words = ["dd", f"if={path}", f"of={root}/copy", "bs=1M", "conv=fsync", "status=none"]
    copy = timed("  cp and sync (the limit)", lambda: subprocess.run(words, check=True))
    (root / "copy").unlink()
    workspace = Project.open(root).workspace
    timed("  add", lambda: workspace.add(["large.bin"]), copy)
    timed("  status, nothing changed", lambda: workspace.status(["large.bin"]))
    path.unlink()
    timed("  checkout, copy", lambda: workspace.checkout(["large.bin"]), copy)
    timed("  checkout, hard link", lambda: workspace.checkout(["large.bin"], link=Link.HARDLINK))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", help="where to work; without it, the system's temporary folder")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--mib", type=int, default=1024)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        small_files(Project.create(Path(folder) / "small").root, given.files)
        large_file(Project.create(Path(folder) / "large").root, given.mib)


if __name__ == "__main__":
    main()
