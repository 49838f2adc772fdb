"""Stages that begin at the first cell that differs, with real kernels, from what was recorded."""

from __future__ import annotations

import json

import pytest
from pipeline_project import actions

from jupyter_mlx.pipelines.events import StageStarted

BEFORE = (
    ("n = 1", "parameters"),
    "import helpers\nxs = [helpers.twice(n)]\nprint('once', n)",
    "import os\nys = xs\nos.makedirs('out', exist_ok=True)\nwith open('out/first.txt', 'w') as f: f.write('first')",
)


@pytest.fixture
def resumed(project, runner, notebook, stages, monkeypatch):
    """Write the last cells of `a`, and run it with checkpoints; what became of it, and from where it ran."""
    (project.root / "helpers.py").write_text("seen = []\n\ndef twice(x):\n    return 2 * x\n")
    stages("  a: {notebook: a.ipynb, params: {n: 5}, outputs: [out]}\n")
    runner.checkpoint_after_s = 0.0
    # no copy of a new process sleeps; those of warm ones are in `test_copies`
    monkeypatch.setenv("JUPYTER_MLX_COLD_KERNELS", "1")

    def run(*cells, before=BEFORE):
        notebook("a", *before, *cells)
        reasons = []
        listener = lambda e: reasons.append(e.reason) if isinstance(e, StageStarted) else None  # noqa: E731
        summary = runner.run(resume=True, listener=listener)
        return actions(summary)["a"], " / ".join([*reasons, *map(str, summary.failures)])

    return run


def executed(project):
    cells = json.loads((project.root / ".mlx/notebooks/a.ipynb").read_text())["cells"]
    return {"".join(cell["source"]): cell["outputs"] for cell in cells}


def test_a_stage_goes_on_at_the_cell_that_failed_and_at_one_that_was_edited(project, resumed):
    assert resumed("ys.append(1)\n1 / 0")[0] == "failed"
    ran, why = resumed(
        "ys.append(3)\nassert xs == [10, 3], xs\nopen('out/last.txt', 'w').write(str(xs))", "print(len(xs))"
    )
    assert ran == "ran", why
    assert "from cell 4: run " in why
    assert "top" not in why
    assert (project.root / "out/first.txt").read_text() == "first"
    assert executed(project)[BEFORE[1]][0]["text"] == ["once 5\n"]

    # what a later cell wrote is gone, what an earlier one wrote is there, and an input that was seen still counts
    ran, why = resumed("assert xs == [10]\nassert os.listdir('out') == ['first.txt']", "print(xs)")
    assert (ran, "from cell 4" in why, "top" in why) == ("ran", True, False), why
    result = json.loads((project.root / "mlx.lock").read_text())["stages"]["a"]
    assert list(result["modules"]) == ["helpers.py"]


def test_in_doubt_a_stage_runs_from_the_top(project, resumed):
    hidden = (*BEFORE, "helpers.seen.append(1)\ng = (i for i in range(3))")
    resumed("1 / 0", before=hidden)
    # the module is not what a fresh import gives
    ran, why = resumed("assert helpers.seen == [1]", before=hidden)
    assert ran == "ran", why
    assert "from the top" in why
    assert "the module helpers was another one" in why
    # a generator that is needed further down was not kept
    clean = (*BEFORE, "g = (i for i in range(3))")
    resumed("1 / 0", before=clean)
    ran, why = resumed("assert next(g) == 0", before=clean)
    assert (ran, "from cell 4: run " in why) == ("ran", True), why
    # another helper, and nothing of it is believed
    (project.root / "helpers.py").write_text("seen = []\n\ndef twice(x):\n    return 3 * x\n")
    ran, why = resumed("assert xs == [15]", before=clean)
    assert (ran, "from" in why) == ("ran", False), why
