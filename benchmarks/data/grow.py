"""How time and memory grow with the number of files: 1,000 to 1,000,000 of 2 KiB, 1,000 in a folder or all in one.

python benchmarks/data/grow.py --disk /dev/shm [--up-to 1000000] [--peer-up-to 100000] [--one-folder]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import datasets
import peer
from compare import JMLX
from datasets import DataSet
from measure import Figure
from sides import DATA, Dvc, Ours, Side

STEPS = ("add", "status", "add of v2", "checkout of v1", "checkout of all")


def steps(side: Side, data: DataSet, original: Path) -> list[Figure]:
    """What each step takes."""
    side.begin(side.project)
    subprocess.run(["cp", "-r", original, side.project / DATA], check=True)
    figures = [side.call("add", DATA), side.call("status")]
    shutil.copy(side.project / side.pointer, side.folder / "v1")
    data.change(side.project / DATA)
    figures.append(side.call("add", DATA))
    shutil.copy(side.folder / "v1", side.project / side.pointer)
    figures.append(side.call("checkout"))
    shutil.rmtree(side.project / DATA)
    figures.append(side.call("checkout"))
    for figure in figures:
        if figure.error:
            print(f"{side.name}: {figure.error}", file=sys.stderr)
    return figures


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--disk", type=Path)
    parser.add_argument("--from", dest="start", type=int, default=1000)
    parser.add_argument("--up-to", type=int, default=1_000_000)
    parser.add_argument("--peer-up-to", type=int, default=100_000)
    parser.add_argument("--one-folder", action="store_true", help="the hard case: all files in one folder")
    parser.add_argument("--peers", type=Path, default=peer.default_cache())
    given = parser.parse_args()
    print("| files | | " + " | ".join(f"{step}, s (MiB)" for step in STEPS) + " |")
    print("|---|---|" + "---|" * len(STEPS))
    count = given.start
    while count <= given.up_to:
        data = datasets.small(count, count if given.one_folder else 1000)
        with tempfile.TemporaryDirectory(dir=given.disk, prefix="mlx-benchmark-") as place:
            data.make(Path(place, "original"))
            sides: list[Side] = [Ours(JMLX, Path(place, "jmlx"))]
            if count <= given.peer_up_to:
                sides.append(Dvc([str(peer.dvc(given.peers))], Path(place, "dvc")))
            for side in sides:
                found = steps(side, data, Path(place, "original"))
                cells = " | ".join(f"{one.seconds:.2f} ({one.peak_mib:.0f})" for one in found)
                print(f"| {count:,} | {side.name} | {cells} |", flush=True)
                shutil.rmtree(side.folder)
        count *= 10


if __name__ == "__main__":
    main()
