"""What a plan says, and what the run then does: the same, also of what is not on disk yet."""

from __future__ import annotations

import json
import shutil

import pytest
from commands import COMMANDS

from jupyter_mlx.project import Project

TRAIN = """
import sys, pathlib
from helper import made
seed, lr = sys.argv[1:]
folder = pathlib.Path("models", seed)
folder.mkdir(parents=True, exist_ok=True)
(folder / "model.txt").write_text(made(seed, lr))
(folder / "deep").mkdir(exist_ok=True)
(folder / "deep/log.txt").write_text(f"seed {seed}")
"""
STAGES = """
stages:
  train:
    command: [python, train.py, "${seed}", "${lr}"]
    matrix: {seed: [10, 9]}
    outputs: ["models/${seed}"]
  evaluate: {command: "cat models/*/model.txt models/notes.txt > scores.txt", inputs: [models], outputs: [scores.txt]}
  look: {command: "cat models/9/deep/log.txt > seen.txt", inputs: [models/9/deep], outputs: [seen.txt]}
  peek: {command: "cp models/10/model.txt peeked.txt", inputs: [models/10/model.txt], outputs: [peeked.txt]}
"""
KEPT = (
    "mlx.yaml",
    "mlx.lock",
    "params.yaml",
    "train.py",
    "helper.py",
    "models/notes.txt",
    "models/.gitignore",
)
"""What is in git."""


def jmlx(root, *words, code=0):
    done = COMMANDS.run(*words, cwd=root)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture
def trained(project, tmp_path):
    """A matrix whose outputs lie in one folder, with a file of the user's; stages read it, and parts of it."""
    root = project.root
    (root / "mlx.yaml").write_text(f"remotes:\n  origin: {{url: {tmp_path / 'remote'}}}\n{STAGES}")
    (root / "params.yaml").write_text("lr: 1\n")
    (root / "train.py").write_text(TRAIN)
    (root / "helper.py").write_text("def made(*words):\n    return ' '.join(words) + '\\n'\n")
    (root / "models").mkdir()
    (root / "models/notes.txt").write_text("mine\n")
    agreed(root, "ran")
    return root


def agreed(root, *expected):
    """What was planned, which must be what the run then did; `expected` are all the actions that there were."""
    planned = {step.name: step.action for step in Project.open(root).runner().plan().steps}
    summary = Project.open(root).runner().run(jobs=1)
    done = {row.name: row.action for row in summary.stages}
    assert not summary.failures, summary.failures
    assert {name: "ran" if action == "run" else action for name, action in planned.items()} == done
    assert set(done.values()) == set(expected)
    assert {step.reason for step in Project.open(root).runner().plan().steps} == {"cached"}


def clone(root, to):
    for name in KEPT:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, to / name)
    return to


def test_a_fresh_clone_has_nothing_to_run(trained, tmp_path):
    jmlx(trained, "push")
    theirs = clone(trained, tmp_path / "theirs")
    stages = json.loads(jmlx(theirs, "plan", "--json").stdout)["stages"]
    assert {stage["action"] for stage in stages} == {"cached"}
    assert "everything is as it was recorded" in jmlx(theirs, "status").stdout
    agreed(theirs, "cached")
    assert (theirs / "scores.txt").read_text() == "10 1\n9 1\nmine\n"


def test_outputs_that_were_deleted_are_known(trained):
    shutil.rmtree(trained / "models/9")
    agreed(trained, "cached")
    (trained / "models/10/model.txt").unlink()
    (trained / "models/.gitignore").unlink()
    agreed(trained, "cached")


def test_with_the_whole_folder_the_users_own_file_is_gone_and_that_counts(trained):
    shutil.rmtree(trained / "models")
    plan = Project.open(trained).runner().plan()
    assert (plan["evaluate"].action, plan["evaluate"].reason) == ("run", "models changed")
    assert plan["look"].action == plan["peek"].action == "cached"
    (trained / "models").mkdir()
    (trained / "models/notes.txt").write_text("mine\n")
    agreed(trained, "cached")


def test_a_parameter_that_was_put_back_is_known(trained):
    (trained / "params.yaml").write_text("lr: 2\n")
    Project.open(trained).runner().run(jobs=1)
    (trained / "params.yaml").write_text("lr: 1\n")
    agreed(trained, "cached")


def test_a_module_that_was_put_back_is_known(trained):
    before = (trained / "helper.py").read_text()
    (trained / "helper.py").write_text(before.replace("' '", "'-'"))
    Project.open(trained).runner().run(jobs=1)
    (trained / "helper.py").write_text(before)
    agreed(trained, "cached")


def test_a_file_of_the_users_that_changed_counts_beside_outputs_that_are_not_here(trained):
    shutil.rmtree(trained / "models/9")
    (trained / "models/notes.txt").write_text("another\n")
    agreed(trained, "cached", "ran")


def test_what_no_store_can_tell_is_said_so(trained):
    shutil.rmtree(trained / "models/9")
    wanted = json.loads((trained / "mlx.lock").read_text())["stages"]["train@seed=9"]["outputs"]["models/9"]
    shutil.rmtree(trained / ".mlx/store")
    assert wanted["kind"] == "folder"
    plan = Project.open(trained).runner().plan()
    assert plan["train@seed=9"].reason == "output models/9 missing"
    assert plan["look"].reason == plan["evaluate"].reason == "upstream: train@seed=9 runs"


def test_of_what_a_stage_was_seen_to_read_only_what_changed_is_named(project):
    root = project.root
    (root / "mlx.yaml").write_text("stages:\n  a: {command: [python, a.py], outputs: [out.txt]}\n")
    (root / "a.py").write_text("import lib\nopen('out.txt', 'w').write(open('c.json').read() + lib.X)\n")
    (root / "lib.py").write_text("X = '1'\n")
    (root / "c.json").write_text("{}")
    agreed(root, "ran")
    assert "c.json" in project.runner().pipeline().reads("a")
    (root / "lib.py").write_text("X = '2'\n")
    assert project.runner().plan()["a"].reason == "lib.py changed"
    (root / "c.json").write_text("[]")
    assert project.runner().plan()["a"].reason == "lib.py changed, c.json changed"
