"""Stages that run at the same time: each has its own files, and no one else's."""

from __future__ import annotations

import json
import sys

import pytest
from pipeline_project import actions

PY = sys.executable
WRITES = """\
import os, time
time.sleep(1.2)
os.makedirs({folder!r}, exist_ok=True)
open({path!r}, "w").write({folder!r})
time.sleep(1.2)
"""


@pytest.fixture
def script(project):
    """Write a Python script into the project."""
    return lambda name, text: (project.root / name).write_text(text)


def lock_of(project):
    return json.loads((project.root / "mlx.lock").read_text())["stages"]


@pytest.mark.parametrize("declared", [True, False])
def test_stages_that_write_files_of_the_same_name_have_each_its_own(
    project, runner, stages, script, declared
):
    for name in ("a", "b"):
        script(f"{name}.py", WRITES.format(folder=name, path=f"{name}/metrics.json"))
    end = {name: f", outputs: [{name}]" if declared else "" for name in ("a", "b")}
    stages("".join(f"  {name}: {{command: [{PY}, {name}.py]{end[name]}}}\n" for name in ("a", "b")))
    assert actions(runner.run(jobs=2)) == {"a": "ran", "b": "ran"}
    for name, entry in lock_of(project).items():
        assert entry.get("seen", []) == ([] if declared else [f"{name}/metrics.json"])


@pytest.mark.parametrize("declared", [True, False])
def test_points_of_a_matrix_that_write_the_same_name_have_each_its_own(
    project, runner, stages, script, declared
):
    script(
        "m.py",
        "import os, time\nseed = os.environ['MLX_PARAM_seed']\ntime.sleep(1.2)\n"
        "os.makedirs(f'models/{seed}', exist_ok=True)\n"
        "open(f'models/{seed}/m.txt', 'w').write(seed)\ntime.sleep(1.2)\n",
    )
    end = ", outputs: ['models/${seed}']" if declared else ""
    stages(f"  m: {{command: [{PY}, m.py], matrix: {{seed: [0, 1]}}{end}}}\n")
    assert actions(runner.run(jobs=2)) == {"m@seed=0": "ran", "m@seed=1": "ran"}
    for seed in (0, 1):
        seen = lock_of(project)[f"m@seed={seed}"].get("seen", [])
        assert seen == ([] if declared else [f"models/{seed}/m.txt"])


def test_stages_that_read_files_of_the_same_name_have_each_its_own(project, runner, stages, script):
    for name in ("a", "b"):
        (project.root / f"in/{name}").mkdir(parents=True)
        (project.root / f"in/{name}/x.csv").write_text(name)
        script(
            f"{name}.py", f"import time\ntime.sleep(1.2)\nopen('in/{name}/x.csv').read()\ntime.sleep(1.2)\n"
        )
    stages("".join(f"  {name}: {{command: [{PY}, {name}.py]}}\n" for name in ("a", "b")))
    assert actions(runner.run(jobs=2)) == {"a": "ran", "b": "ran"}
    assert {name: entry["seen"] for name, entry in lock_of(project).items()} == {
        "a": ["in/a/x.csv"],
        "b": ["in/b/x.csv"],
    }
