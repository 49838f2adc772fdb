"""Stages that run at the same time: each has its own files, and no one else's."""

from __future__ import annotations

import json
import sys

import pytest
from pipeline_project import actions

from jupyter_mlx.pipelines.naming import Beside, Names, is_own
from jupyter_mlx.pipelines.stage import Stage

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


def test_what_only_the_file_system_told_of_anothers_output_is_told_and_no_error(project, runner, stages):
    stages(
        "  a: {command: 'mkdir -p out; echo 1 > out/x.txt', outputs: [out]}\n"
        "  b: {command: 'echo 2 > out/y.txt; echo 3 > b.txt'}\n"
    )
    events = []
    assert actions(runner.run(jobs=1, listener=events.append)) == {"a": "ran", "b": "ran"}
    told = [w for event in events if type(event).__name__ == "StageFinished" for w in event.warnings]
    assert told == ["wrote out/y.txt, it seems, which stage a writes too; let one write elsewhere"]
    assert lock_of(project)["b"]["seen"] == ["b.txt"]


@pytest.mark.parametrize(
    ("path", "role", "own", "is_its"),
    [
        # it names the very file, whatever the others name
        ("models/0/m.pt", "output", {"models/{seed}/m.pt"}, True),
        ("models/1/m.pt", "output", {"models/{seed}/m.pt"}, False),
        # declared by the other one
        ("theirs/m.pt", "output", {"m.pt"}, False),
        ("theirs/m.pt", "input", {"theirs/m.pt"}, True),
        # two name the folder: both may read of it, and of what is written nothing says who it was
        ("data/x.csv", "input", {"data"}, True),
        ("data/x.csv", "output", {"data"}, False),
        # no one else names it
        ("mine/new.pt", "output", {"new.pt"}, True),
        ("mine/new.pt", "output", {"old.pt"}, False),
    ],
)
def test_of_stages_at_the_same_time_a_file_is_whose_code_names_it_best(path, role, own, is_its):
    mine = Stage("s@seed=0", "s", "s.ipynb", params={"seed": 0})
    theirs = Stage("s@seed=1", "s", "s.ipynb", params={"seed": 1})
    texts = own | {"models/{seed}/m.pt", "data"}
    other = Beside("s@seed=1", Names.of(theirs, texts - {"m.pt", "new.pt"}), (), ("theirs",))
    unsure = {}
    assert is_own(path, role, Names.of(mine, own), (other,), unsure.__setitem__) == is_its
    assert unsure == ({"data/x.csv": "s@seed=1"} if (path, role) == ("data/x.csv", "output") else {})
