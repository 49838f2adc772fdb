from __future__ import annotations

import json
import pytest
from pipeline_project import actions
from jupyter_mlx.pipelines.events import StageStarted

@pytest.fixture
def resumed(project, runner, notebook, stages):
    stages("  a: {notebook: a.ipynb, outputs: [out]}\n")
    runner.checkpoint_after_s = 0.0

    def run(*cells):
        notebook("a", *cells)
        reasons = []
        listener = lambda e: reasons.append(e.reason) if isinstance(e, StageStarted) else None  # noqa: E731
        summary = runner.run(resume=True, listener=listener)
        return actions(summary)["a"], " / ".join([*reasons, *map(str, summary.failures)])

    return run

def executed(project):
    cells = json.loads((project.root / ".mlx/notebooks/a.ipynb").read_text())["cells"]
    return [(c["execution_count"], c["outputs"]) for c in cells]

def test_one(project, resumed):
    first = "import os\nos.makedirs('out', exist_ok=True)\ng = (i for i in range(9))\nprint('top'); next(g)"
    print(resumed(first, "1/0"))
    print((project.root/".mlx/checkpoints/a/why-not").read_text() if (project.root/".mlx/checkpoints/a/why-not").exists() else "")
    import os; print(os.listdir(project.root/".mlx/checkpoints/a"))
    print(resumed(first, "print('b', next(g))", "next(g)"))
    for e in executed(project): print(e)
    assert 0
