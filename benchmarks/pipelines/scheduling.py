"""What it costs to schedule 200 stages: deciding, runs in the ledger, versions, the lock.

The notebooks are not executed: an executor that writes a stage's outputs and an
empty executed notebook at once stands in for the kernels, so that what is left
is the command's own part. Beside the wall time stands the processor time of the
whole process, with the records of the runs written beside.

    python benchmarks/pipelines/scheduling.py [--stages 200] [--layers 10] [--folder /dev/shm]
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import tempfile
import time
from pathlib import Path

from jupyter_mlx.pipelines.executors.base import Job, Outcome, Report
from jupyter_mlx.pipelines.runner import Runner
from jupyter_mlx.project import Project

SPEC = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


class Instant:
    """An executor whose jobs are done when they are submitted."""

    slots = 4

    def submit(self, job: Job, report: Report) -> None:
        """Write what the stage's notebook would."""
        name = Path(job.notebook).stem
        Path(job.root, "out", name).write_text(name)
        Path(job.executed).write_bytes(Path(job.root, job.notebook).read_bytes())
        report(Outcome(job.name, "finished", 0.001))

    def stop(self, *, now: bool = False) -> None:
        """There is nothing to stop."""

    def cancel(self, name: str) -> None:
        """There is nothing to stop."""

    def close(self) -> None:
        """There is nothing to close."""


class Bare(Runner):
    """The runner, with that executor."""

    def executor(self, slots: int, **_: object) -> Instant:  # type: ignore[override]
        """See `Instant`."""
        return Instant()


def layered(root: Path, stages: int, layers: int) -> None:
    """Each stage reads what two stages of the layer above wrote."""
    width = stages // layers
    lines = ["stages:"]
    (root / "out").mkdir()
    for i in range(stages):
        cell = {
            "cell_type": "code", "id": f"c{i}", "metadata": {}, "execution_count": None, "outputs": [],
            "source": f"open('out/n{i}', 'w').write('n{i}')",
        }  # fmt: skip
        node = {"cells": [cell], "metadata": SPEC, "nbformat": 4, "nbformat_minor": 5}
        (root / f"n{i}.ipynb").write_text(json.dumps(node))
        above = [i - width, i - width + (1 if (i + 1) % width else 1 - width)] if i >= width else []
        read = ", ".join(f"out/n{j}" for j in dict.fromkeys(above))
        lines.append(f"  n{i}: {{notebook: n{i}.ipynb, inputs: [{read}], outputs: [out/n{i}]}}")
    (root / "mlx.yaml").write_text("\n".join(lines) + "\n")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stages", type=int, default=200)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--folder", help="where the project is made")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        project = Project.create(Path(folder, "p"))
        layered(project.root, given.stages, given.layers)
        profile = cProfile.Profile()
        for what in ("first", "nothing changed"):
            runner = Bare(project.root, project.state, project.workspace, lambda: project.recorder)
            before, cpu = time.perf_counter(), time.process_time()
            if given.profile:
                profile.enable()
            summary = runner.run(jobs=4)
            profile.disable()
            wall, used = time.perf_counter() - before, time.process_time() - cpu
            assert not summary.failures
            each = 1000 / given.stages
            print(f"{what:<16} {wall:6.2f} s, {wall * each:5.2f} ms a stage; processor {used * each:5.2f} ms")
        if given.profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
