"""What is measured, step by step, for one data set: both sides in turns, the limits of the disk in the same run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import measure
from datasets import DataSet
from measure import Figure
from sides import DATA, Side

Found = dict[str, dict[str, list[Figure]]]
"""Step → side → figures; a limit of the disk has one side, `limit`."""


class Round:
    """One data set, made anew, taken through all steps by each side."""

    def __init__(self, data: DataSet, folder: Path, sides: list[Side], links: list[str]) -> None:
        self._data, self._folder, self._sides, self._links = data, folder, sides, links
        self.found: Found = defaultdict(lambda: defaultdict(list))
        self.sizes: dict[str, dict[str, int]] = {}

    def go(self) -> None:
        """Measure all steps."""
        original = self._folder / "original"
        self._data.make(original)
        self._limits(original)
        for side in self._sides:
            side.begin(side.project)
            subprocess.run(["cp", "-r", original, side.project / DATA], check=True)
        self._keep_versions()
        for link in self._links:
            self._switch(link, original)
        self._travel()
        self._each("gc", lambda side: side.gc())

    def _limits(self, original: Path) -> None:
        copy = self._folder / "copy"
        commands = {
            "read all": [sys.executable, measure.__file__, str(original)],
            "cp": ["cp", "-r", str(original), str(copy)],
            "cp and sync": ["sh", "-c", 'cp -r "$1" "$2" && sync -f "$2"', "sh", str(original), str(copy)],
        }
        for name, command in commands.items():
            self.found[f"limit: {name}"]["limit"].append(measure.run(command, self._folder, {}))
            _put_aside(copy, self._folder / f"aside {name}")
            if self._data.name != "small":
                shutil.rmtree(self._folder / f"aside {name}", ignore_errors=True)
                (self._folder / f"aside {name}").unlink(missing_ok=True)

    def _keep_versions(self) -> None:
        self._each("add", lambda side: side.call("add", DATA))
        self.sizes["stored, v1"] = {side.name: side.stored() for side in self._sides}
        self._each("add, nothing changed", lambda side: side.call("add", DATA))
        self._each("status, nothing changed", lambda side: side.call("status"))
        for side in self._sides:
            shutil.copy(side.project / side.pointer, side.folder / "v1")
            self._data.change(side.project / DATA)
        self._each("add of v2", lambda side: side.call("add", DATA))
        self.sizes["stored, v1 and v2"] = {side.name: side.stored() for side in self._sides}
        for side in self._sides:
            shutil.copy(side.project / side.pointer, side.folder / "v2")

    def _switch(self, link: str, original: Path) -> None:
        """Back to v1, and all of it again, each file connected to the store in one way."""
        self._point("v2")
        for side in self._sides:  # not measured: every file is connected that way before
            side.checkout(link)
        self._point("v1")
        self._each(f"checkout of v1, {link}", lambda side: side.checkout(link))
        for side in self._sides:
            _put_aside(side.project / DATA, side.folder / f"aside {link}")
        self._each(f"checkout of all, {link}", lambda side: side.checkout(link))
        for side in self._sides:  # what was measured must have been done
            words = ["diff", "-rq", original, side.project / DATA]
            if subprocess.run(words, capture_output=True, check=False).returncode:
                self.found[f"checkout of all, {link}"][side.name].append(Figure(0, 0, error="wrong bytes"))

    def _travel(self) -> None:
        """To a remote folder, and from there into a clone."""
        self._each("push", lambda side: side.call("push"))
        before = self.sizes["sent, v1"] = {side.name: measure.size_of(side.remote) for side in self._sides}
        self._each("push, nothing to push", lambda side: side.call("push"))
        self._point("v2")
        self._each("push of v2", lambda side: side.call("push"))
        self.sizes["sent, v2"] = {
            side.name: measure.size_of(side.remote) - before[side.name] for side in self._sides
        }
        clones = {side.name: side.clone() for side in self._sides}
        self._each("pull", lambda side: side.call("pull", project=clones[side.name]))

    def _each(self, step: str, work: Callable[[Side], Figure]) -> None:
        self._sides.reverse()  # who comes first may find a colder cache
        for side in self._sides:
            figure = work(side)
            self.found[step][side.name].append(figure)
            told = figure.error or f"{figure.seconds:.2f} s, {figure.peak_mib:.0f} MiB"
            print(f"  {step:<28} {side.name:<5} {told}", file=sys.stderr, flush=True)

    def _point(self, version: str) -> None:
        for side in self._sides:
            shutil.copy(side.folder / version, side.project / side.pointer)


def _put_aside(path: Path, aside: Path) -> None:
    """Move, not delete: some disks make files slowly where many were deleted just before."""
    if path.exists():
        path.rename(aside)
