"""Times jmlx beside DVC on one disk, as whole processes, in turns, with a warm cache; prints ratios.

    python benchmarks/data/compare.py --disk /dev/shm --only small
    python benchmarks/data/compare.py --disk /var/tmp --only large medium
    python benchmarks/data/compare.py --disk /mnt/xfs --only large --links copy hardlink reflink
    python benchmarks/data/compare.py --quick

DVC is installed into an environment of its own under the user's cache. The table
is Markdown, for docs/benchmarks.md; `--json FILE` keeps every figure. A command
that fails is told in the table, and the rest goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path

import datasets
import measure
import peer
from datasets import DataSet
from measure import Figure
from rounds import Found, Round
from sides import Dvc, Ours, Side

BUDGETS = {
    "small": {
        "add": 10, "status, nothing changed": 5, "add of v2": 5, "checkout of v1, copy": 10,
        "checkout of all, copy": 3, "push": 10, "push of v2": 10, "pull": 10,
    },
    "large": {"add": 3, "push": 1, "pull": 1},
    "medium": {},
}  # fmt: skip
"""How many times faster than DVC a step has to be."""
PEAK_MIB = 200
COLUMNS = (
    "jmlx, s", "DVC, s", "times faster", "budget", "until durable: jmlx, s", "DVC, s", "times faster",
    "jmlx, MiB", "DVC, MiB",
)  # fmt: skip
JMLX = [sys.executable, "-m", "jupyter_mlx.cli.main"]
Sizes = dict[str, dict[str, int]]


def measured(data: DataSet, disk: Path, dvc: Path, rounds: int, links: list[str]) -> tuple[Found, Sizes]:
    """All rounds of one data set; the sizes are those of the last."""
    found: Found = defaultdict(lambda: defaultdict(list))
    sizes: Sizes = {}
    for number in range(rounds):
        print(f"{data.title}, round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=disk, prefix="mlx-benchmark-") as place:
            sides: list[Side] = [Ours(JMLX, Path(place, "jmlx")), Dvc([str(dvc)], Path(place, "dvc"))]
            one = Round(data, Path(place), sides, links)
            one.go()
        sizes = one.sizes
        for step, by_side in one.found.items():
            for side, figures in by_side.items():
                found[step][side] += figures
    return found, sizes


def table(data: DataSet, found: Found, sizes: Sizes) -> str:
    """One data set in Markdown."""
    lines = [
        f"| {data.title} | {' | '.join(COLUMNS)} |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for step, by_side in found.items():
        if "limit" in by_side:
            lines.append(f"| {step} | {_seconds(by_side['limit'])} | | | | | | | | |")
            continue
        ours, dvc = by_side["jmlx"], by_side["DVC"]
        budget = BUDGETS[data.name].get(step)
        cells = (
            step, _seconds(ours), _seconds(dvc), _ratio(ours, dvc), f"≥ {budget}" if budget else "",
            *(_seconds(_durable(figures)) for figures in (ours, dvc)), _ratio(_durable(ours), _durable(dvc)),
            _peak(ours), _peak(dvc),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    for what, by_side in sizes.items():
        lines.append(
            f"| {what}, MB | {by_side['jmlx'] / 1e6:,.1f} | {by_side['DVC'] / 1e6:,.1f} | | | | | | | |"
        )
    return "\n".join(lines)


def missed(data: DataSet, found: Found) -> list[str]:
    """The budgets that were not met, each with by how much."""
    lines = []
    for step, budget in BUDGETS[data.name].items():
        ours, dvc = found[step]["jmlx"], found[step]["DVC"]
        if not (_went(ours) and _went(dvc)):
            lines.append(f"- {step}: not measured")
        elif _median(dvc) < budget * _median(ours):
            lines.append(f"- {step}: {_ratio(ours, dvc)} times faster instead of {budget}")
    for step, by_side in found.items():
        peak = max((figure.peak_mib for figure in by_side.get("jmlx", ())), default=0)
        if peak > PEAK_MIB:
            lines.append(f"- {step}: {peak:.0f} MiB instead of {PEAK_MIB}")
    return lines


def _went(figures: list[Figure]) -> bool:
    return bool(figures) and not any(figure.error for figure in figures)


def _durable(figures: list[Figure]) -> list[Figure]:
    """The same, as if each took until all was on the disk."""
    return [replace(figure, seconds=figure.durable_s) for figure in figures]


def _median(figures: list[Figure]) -> float:
    return statistics.median(figure.seconds for figure in figures)


def _ratio(ours: list[Figure], dvc: list[Figure]) -> str:
    return f"{_median(dvc) / _median(ours):.1f}" if _went(ours) and _went(dvc) else "-"


def _seconds(figures: list[Figure]) -> str:
    wrong = [figure.error for figure in figures if figure.error]
    return f"failed: {' '.join(wrong[0].split())[:80]}" if wrong else f"{_median(figures):.2f}"


def _peak(figures: list[Figure]) -> str:
    return f"{max(figure.peak_mib for figure in figures):.0f}" if _went(figures) else "-"


def _as_json(found: Found, sizes: Sizes) -> dict[str, object]:
    steps = {
        step: {side: [asdict(one) for one in figures] for side, figures in by_side.items()}
        for step, by_side in found.items()
    }
    return {"steps": steps, "bytes": sizes}


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--disk", type=Path, help="a folder on the disk to measure; /dev/shm for memory")
    parser.add_argument(
        "--only", nargs="+", choices=["small", "large", "medium"], help="these data sets alone"
    )
    parser.add_argument("--files", type=int, default=100_000, help="how many small files")
    parser.add_argument("--mib", type=int, default=4096, help="size of the large file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--links", nargs="+", default=["copy", "hardlink"], help="ways of checkout")
    parser.add_argument(
        "--quick", action="store_true", help="everything in a minute or two, for trying it out"
    )
    parser.add_argument(
        "--fill-memory",
        action="store_true",
        help="on a virtual machine whose host takes back what memory is free: hold it before each command",
    )
    parser.add_argument("--peers", type=Path, default=peer.default_cache(), help="where DVC is kept")
    parser.add_argument("--json", type=Path, help="a file for every single figure")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    given = arguments()
    if given.quick:
        given.files, given.mib, given.rounds = 2000, 64, 1
    disk = given.disk or Path(tempfile.gettempdir())
    if given.fill_memory:
        measure.filler = measure.Filler()
    dvc, kept = peer.dvc(given.peers), {}
    print(
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"DVC {peer.VERSION}, {disk} ({shutil.disk_usage(disk).free // 10**9} GB free); medians of "
        f"{given.rounds}, whole processes, warm cache. jmlx syncs what it stores and verifies what it reads; "
        "DVC does neither, so the table also says how long each takes until all is on the disk.\n"
    )
    for data in (
        datasets.small(given.files),
        datasets.large(given.mib),
        datasets.medium(8 if given.quick else 50),
    ):
        if given.only and data.name not in given.only:
            continue
        # files below 1 MiB are always copied by jmlx
        links = [link for link in given.links if data.name != "small" or link != "reflink"]
        found, sizes = measured(data, disk, dvc, given.rounds, links)
        print(table(data, found, sizes), "\n", flush=True)
        if not given.quick:  # the budgets are meant for the full sizes
            short = missed(data, found)
            print("\n".join(["Missed:", *short]) if short else "All budgets are met.", "\n", flush=True)
        kept[data.name] = _as_json(found, sizes)
        if given.json:
            given.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
