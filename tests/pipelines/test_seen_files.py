"""The files that a stage's notebook touches, and its secrets: by a real kernel."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from pipeline_project import actions

from jupyter_mlx.pipelines.single import execute_notebook
from jupyter_mlx.pipelines.sweeps.axes import parsed
from jupyter_mlx.pipelines.sweeps.search import Search
from jupyter_mlx.pipelines.sweeps.sweep import sweep
from jupyter_mlx.project import Project

PY = sys.executable


@pytest.fixture
def script(project):
    """Write a Python script into the project."""
    return lambda name, text: (project.root / name).write_text(text)


def reasons(runner):
    return {step.name: (step.action, step.reason) for step in runner.plan().steps}


def warnings_of(runner):
    events = []
    summary = runner.run(listener=events.append)
    return summary, [w for e in events if type(e).__name__ == "StageFinished" for w in e.warnings]


def test_a_notebook_is_seen_beside_a_tracked_cell_and_takes_secrets_past_its_defaults(
    project, runner, notebook, stages, monkeypatch
):
    canary, word = "hunter2-canary-5be107", "abracadabra"
    monkeypatch.setenv("MY_TOKEN", canary)
    # neither its name nor its look says that it is a secret: mlx.yaml does
    monkeypatch.setenv("HUB", word)
    (project.root / "data").mkdir()
    (project.root / "data/raw.txt").write_text("1 2")
    notebook(
        "work/clean",
        ("TOKEN = None\nhub = ''\nscale = 1", "parameters"),
        f"assert TOKEN == {canary[:7]!r} + {canary[7:]!r}\nprint(TOKEN, hub, hub == {word[:4]!r} + {word[4:]!r})",
        "%load_ext jupyter_mlx",
        "%%track inner\nraw = open('../data/raw.txt').read()",
        "from pathlib import Path\nPath('../clean.txt').write_text(raw * scale)",
    )
    notebook("total", "from pathlib import Path\nPath('total.txt').write_text(Path('clean.txt').read_text())")
    stages(
        "  clean: {notebook: work/clean.ipynb, params: {scale: 2, TOKEN: {secret: MY_TOKEN}}, secrets: {hub: HUB}}\n"
        "  total: {notebook: total.ipynb}\n"
    )
    # until it has run, the names of files in its code say what it waits for
    assert runner.pipeline().upstream["total"] == {"clean"}
    assert actions(runner.run()) == {"clean": "ran", "total": "ran"}
    assert (project.root / "total.txt").read_text() == "1 21 2"
    lock = json.loads((project.root / "mlx.lock").read_text())["stages"]
    assert lock["clean"]["seen"] == ["clean.txt", "data/raw.txt"]
    assert lock["total"]["seen"] == ["clean.txt", "total.txt"]
    inner = next(run for run in project.ledger.page("kind = cell").runs if run.name == "inner")
    assert [file.path for file in project.ledger.get(inner.id).inputs] == ["data/raw.txt"]
    project.ledger.checkpoint()
    files = [path for path in project.root.rglob("*") if path.is_file()]
    found = [p for p in files if any(text.encode() in p.read_bytes() for text in (canary, word))]
    assert found == []
    assert " True" in (project.root / ".mlx/notebooks/clean.ipynb").read_text()
    run = project.ledger.get(project.ledger.page('kind = "stage" and name = "clean"').runs[0].id)
    assert {(f.path, f.how) for f in run.inputs} == {("data/raw.txt", "seen")}
    assert ("clean.txt", "seen") in {(f.path, f.how) for f in run.outputs}
    (project.root / "data/raw.txt").write_text("3")
    assert actions(runner.run()) == {"clean": "ran", "total": "ran"}
    (project.root / "data/raw.txt").write_text("1 2")
    assert actions(runner.run()) == {"clean": "cached", "total": "cached"}
    assert (project.root / "total.txt").read_text() == "1 21 2"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import os; os.remove('raw.txt')", "its input raw.txt was removed while it ran"),
        ("open('raw.txt', 'a').write('2')", "its input raw.txt changed while it ran"),
    ],
)
def test_a_stage_that_removes_or_changes_its_declared_input_fails(
    project, runner, stages, script, body, message
):
    script("a.py", body)
    (project.root / "raw.txt").write_text("1")
    stages(f"  a: {{command: [{PY}, a.py], inputs: [raw.txt]}}\n")
    summary = runner.run()
    assert actions(summary) == {"a": "failed"}
    assert message in str(summary.failures[0])


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("text = open('raw.txt').read(); os.remove('raw.txt')", "removed"),
        ("text = open('raw.txt').read(); open('raw.txt', 'a').write('2')", "changed"),
    ],
)
def test_a_stage_that_removes_or_changes_what_it_read_undeclared_is_told(
    project, runner, stages, script, body, word
):
    script("a.py", f"import os\n{body}\nopen('made.txt', 'w').write(text)\n")
    (project.root / "raw.txt").write_text("1")
    stages(f"  a: {{command: [{PY}, a.py]}}\n")
    summary, warnings = warnings_of(runner)
    assert actions(summary) == {"a": "ran"}
    assert [w.partition(",")[0] for w in warnings] == [f"{word} raw.txt"]
    assert reasons(runner)["a"] == ("cached", "cached")


def test_a_lock_that_was_deleted_is_made_again_without_running(project, runner, stages, script):
    script("a.py", "open('x.txt', 'w').write(open('raw' + '.txt').read())\n")
    (project.root / "raw.txt").write_text("1")
    stages(f"  a: {{command: [{PY}, a.py]}}\n  b: {{command: 'cat x.txt > y.txt', outputs: [y.txt]}}\n")
    runner.run(["a"])
    assert actions(runner.run()) == {"a": "cached", "b": "ran"}
    assert runner.pipeline().upstream["b"] == {"a"}
    before = (project.root / "mlx.lock").read_bytes()
    (project.root / "mlx.lock").unlink()
    assert actions(runner.run()) == {"a": "cached", "b": "cached"}
    assert (project.root / "mlx.lock").read_bytes() == before


def test_a_lock_that_was_edited_vouches_for_nothing(project, runner, stages, tmp_path):
    stages(
        "  a: {command: 'echo 1 > a.txt', outputs: [a.txt]}\n  b: {command: 'echo 1 > b.txt', outputs: [b.txt]}\n"
    )
    runner.run()
    theirs = tmp_path / "theirs"
    shutil.copytree(project.root, theirs)
    shutil.rmtree(theirs / ".mlx/results")
    lock = json.loads((theirs / "mlx.lock").read_text())
    lock["stages"]["a"]["fingerprint"] = lock["stages"]["b"]["fingerprint"]
    (theirs / "mlx.lock").write_text(json.dumps(lock))
    assert reasons(Project.open(theirs).runner()) == {
        "a": ("run", "mlx.lock was edited"),
        "b": ("cached", "cached"),
    }


def test_points_count_what_they_read_undeclared_and_keep_what_they_write(project, runner, stages, script):
    script(
        "s.py",
        "import os\nn = os.environ['MLX_PARAM_n']\n"
        "open('made.txt', 'w').write(n + open('raw' + '.txt').read())\n",
    )
    (project.root / "raw.txt").write_text("x")
    stages(f"  s: {{command: [{PY}, s.py], params: {{n: 0}}}}\n")
    search = Search(parsed(["n=1,2"]))
    first = sweep(runner, "s", search, jobs=2)
    assert [point.action for point in first.points] == ["ran", "ran"]
    assert not (project.root / "made.txt").exists()
    for point in first.points:
        run = project.ledger.get(point.run)
        assert {(f.path, f.how) for f in run.inputs} == {("raw.txt", "seen")}
        made = next(f for f in run.outputs if f.path == "made.txt")
        assert project.store.get(project.workspace.named(made).digest).decode() == f"{point.params['n']}x"
    assert [point.action for point in sweep(runner, "s", search, jobs=2).points] == ["cached", "cached"]
    assert actions(runner.run(params={"s.n": 2})) == {"s": "cached"}
    assert (project.root / "made.txt").read_text() == "2x"
    (project.root / "raw.txt").write_text("y")
    assert [point.action for point in sweep(runner, "s", search, jobs=2).points] == ["ran", "ran"]
    assert (project.root / "made.txt").read_text() == "2x"


def test_a_notebook_that_is_executed_alone_records_its_files(project, runner, notebook):
    (project.root / "raw.txt").write_text("1")
    notebook("one", "open('made.txt', 'w').write(open('raw' + '.txt').read())")
    run = execute_notebook(runner, "one.ipynb", params={})
    assert {(f.path, f.how) for f in run.inputs} == {("raw.txt", "seen")}
    assert {f.path for f in run.outputs} >= {"made.txt"}
