"""The pipeline run with real kernels: what runs, what is cached, what is brought back."""

from __future__ import annotations

import json
import os

import pytest
from pipeline_project import actions, write_notebook

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import ConfigError
from jupyter_mlx.pipelines.events import CellStarted, StageCached, StageFailed, StageStarted
from jupyter_mlx.pipelines.executors.base import Printed
from jupyter_mlx.pipelines.facts import InputMissingError
from jupyter_mlx.pipelines.outputs import TrackedOutputError
from jupyter_mlx.pipelines.parameters import ParameterTypeError, UnknownParameterError

RAN = {"double": "ran", "total": "ran"}
CACHED = {"double": "cached", "total": "cached"}


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_pipeline_runs_once_and_follows_what_changes(chain, runner):
    root = chain.root
    before = {path.name: path.read_bytes() for path in root.glob("*.ipynb")}
    events = []
    first = runner.run(listener=events.append)
    assert actions(first) == RAN
    assert (root / "total.txt").read_text() == "18.5"
    assert [(e.name, e.line) for e in events if isinstance(e, Printed)] == [("total", "18.5")]
    assert [type(e).__name__ for e in events if not isinstance(e, (CellStarted, Printed))] == [
        "StageStarted",
        "StageFinished",
    ] * 2
    assert [(e.cell, e.cells) for e in events if isinstance(e, CellStarted) and e.name == "total"] == [
        (1, 4), (2, 4), (3, 4), (4, 4),
    ]  # fmt: skip

    # nothing changed: nothing runs, and the notebooks are as they were
    assert actions(runner.run()) == CACHED
    assert {path.name: path.read_bytes() for path in root.glob("*.ipynb")} == before

    # the runs are in the ledger: params, metric, versions, executed notebook, outputs
    runs = {run.name: chain.ledger.get(run.id) for run in chain.ledger.page().runs}
    whole = runs.pop("pipeline")
    assert (whole.kind, whole.status, whole.id) == ("pipeline", "finished", first.run)
    assert {(run.kind, run.parent) for run in runs.values()} == {("stage", whole.id)}
    assert runs["double"].params == {"factor": 3}
    assert runs["total"].metrics == {"total": 18.5}
    assert [(v.path, v.how) for v in runs["total"].inputs if v.how == "declared"] == [("doubled", "declared")]
    assert {"total.txt", ".mlx/notebooks/total.ipynb"} <= {v.path for v in runs["total"].outputs}
    assert [o["text"] for o in chain.cell_outputs(runs["total"]) if o["output_type"] == "stream"] == [
        "18.5\n"
    ]
    assert "from helpers import total" in runs["total"].source

    # Markdown, a touched file, a reformatted notebook: nothing runs
    node = json.loads((root / "total.ipynb").read_text())
    node["cells"].insert(0, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Title"})
    (root / "total.ipynb").write_text(json.dumps(node))
    os.utime(root / "raw.txt", (1, 1))
    assert actions(runner.run()) == CACHED

    # a module: the stage that imports it alone
    edit(root / "helpers.py", "sum(xs)", "sum(xs) + 1")
    assert [(s.name, s.reason) for s in runner.plan().steps if s.action == "run"] == [
        ("total", "helpers.py changed")
    ]
    assert actions(runner.run()) == {"double": "cached", "total": "ran"}
    assert (root / "total.txt").read_text() == "19.5"

    # a stage that ran and wrote the same bytes makes nothing else run
    edit(root / "double.ipynb", "xs = [factor", "ys = 1; xs = [factor")
    assert [s.reason for s in runner.plan().steps] == ["code changed", "upstream: double runs"]
    assert actions(runner.run()) == {"double": "ran", "total": "cached"}

    # back to an earlier state: results come from the store
    edit(root / "helpers.py", "sum(xs) + 1", "sum(xs)")
    (root / "doubled/0.txt").unlink()
    events = []
    assert actions(runner.run(listener=events.append)) == CACHED
    assert [(e.name, e.restored) for e in events if isinstance(e, StageCached)] == [
        ("double", ("doubled",)), ("total", ("total.txt",)),
    ]  # fmt: skip
    assert (root / "total.txt").read_text() == "18.5"
    assert sorted(p.name for p in (root / "doubled").iterdir()) == ["0.txt", "1.txt", "2.txt"]
    assert "/doubled" in (root / ".gitignore").read_text()

    # another project copy with the lock alone knows the results by their fingerprint
    for kept in (root / ".mlx/results").iterdir():
        kept.unlink()
    assert actions(runner.run()) == CACHED


def test_parameters_of_the_command_line_are_laid_over_mlx_yaml(chain, runner):
    assert actions(runner.run(params={"factor": 1, "total.bias": 0})) == RAN
    assert (chain.root / "total.txt").read_text() == "6"
    assert [s.reason for s in runner.plan().steps] == ["params changed", "params changed"]
    assert actions(runner.run(["double"], force=True, params={"factor": 1})) == {"double": "ran"}


def test_a_failed_stage_stops_what_depends_on_it_and_nothing_else(chain, runner, notebook, stages):
    notebook("side", "open('side.txt', 'w').write('x')")
    text = (chain.root / "mlx.yaml").read_text().removeprefix("stages:\n")
    stages(text + "  side: {notebook: side.ipynb, outputs: [side.txt]}\n")
    edit(chain.root / "double.ipynb", "int(x) for x", "int(x) + 1 / 0 for x")
    events = []
    summary = runner.run(listener=events.append, jobs=1)
    assert actions(summary) == {"double": "failed", "side": "ran", "total": "skipped"}
    assert {row.name: row.reason for row in summary.stages}["total"] == "double failed"
    (failure,) = summary.failures
    kept = chain.root / failure.notebook
    assert (failure.cell, failure.problem) == (2, "ZeroDivisionError: division by zero")
    assert "1 / 0 for x" in failure.line
    assert "division by zero" in kept.read_text()
    assert [e.error for e in events if isinstance(e, StageFailed)] == [failure]
    failed = chain.ledger.get(next(run.id for run in chain.ledger.page().runs if run.name == "double"))
    assert (failed.status, failed.error.ename) == ("failed", "ZeroDivisionError")
    assert "double" not in json.loads((chain.root / "mlx.lock").read_text())["stages"]

    # mended: a rerun goes on from there
    edit(chain.root / "double.ipynb", "int(x) + 1 / 0 for x", "int(x) for x")
    assert actions(runner.run()) == {"double": "ran", "side": "cached", "total": "ran"}


def test_outputs_of_an_earlier_execution_are_not_mistaken_for_new_ones(chain, runner):
    runner.run()
    (chain.root / "raw.txt").write_text("5")
    assert actions(runner.run()) == RAN
    assert [p.name for p in (chain.root / "doubled").iterdir()] == ["0.txt"]


def test_an_output_that_was_edited_by_hand_is_not_lost(chain, runner):
    runner.run()
    (chain.root / "total.txt").write_text("mine")
    told = "total.txt was changed by hand (stage total made another)"
    assert [step.reason for step in runner.plan().steps] == ["cached", told]
    summary = runner.run()
    assert actions(summary) == {"double": "cached", "total": "failed"}
    assert summary.failures[0].problem.startswith(f"{told}; `jmlx run total --overwrite`")
    assert (chain.root / "total.txt").read_text() == "mine"
    assert actions(runner.run(overwrite=True)) == CACHED
    assert (chain.root / "total.txt").read_text() == "18.5"


def test_an_output_that_was_edited_by_hand_is_in_the_store_before_an_execution_replaces_it(chain, runner):
    runner.run()
    (chain.root / "total.txt").write_text("mine")
    assert actions(runner.run(["total"], force=True)) == {"double": "cached", "total": "ran"}
    assert (chain.root / "total.txt").read_text() == "18.5"
    assert chain.store.get(Digest.of(b"mine")) == b"mine"


def test_a_failed_execution_s_half_outputs_do_not_stand_in_the_way_of_going_back(chain, runner):
    runner.run()
    edit(
        chain.root / "total.ipynb",
        "import jupyter_mlx as jm",
        "Path('total.txt').write_text('half'); 1 / 0",
    )
    assert actions(runner.run()) == {"double": "cached", "total": "failed"}
    edit(
        chain.root / "total.ipynb",
        "Path('total.txt').write_text('half'); 1 / 0",
        "import jupyter_mlx as jm",
    )
    assert actions(runner.run()) == CACHED
    assert (chain.root / "total.txt").read_text() == "18.5"


WRONG = {
    "unmade": (["x = 1"], "outputs: [made/a.txt]", "its output made/a.txt was not made"),
    "dies": (["import os; os.kill(os.getpid(), 9)"], "", "failed in cell 1: the kernel died"),
    "hangs": (["import time", "time.sleep(20)"], "timeout: 0.5", "failed in cell 2: took longer than its timeout of 0.5 s"),
    "nope": (["x = 1"], "kernel: nope", "the kernel 'nope' is not installed; `jupyter kernelspec list`"),
    "own": (["open('in.txt', 'a').write('x')"], "inputs: [in.txt]", "its input in.txt changed while it ran"),
    "asks": (["input('?')"], "", "StdinNotImplementedError"),
    "syntax": (["def broken(:"], "", "SyntaxError"),
    "long": (["raise ValueError('a' * 50 + '\\n' + 'b' * 50)"], "", "ValueError: aaaaaaa"),
    "exits": (["import sys", "sys.exit(3)"], "", "failed in cell 2, at `sys.exit(3)`: SystemExit: 3"),
    "awaits": (["async def f():\n    raise OSError('no')", "await f()"], "", "OSError: no"),
}  # fmt: skip


def test_what_a_notebook_may_do_wrong_is_told_in_one_line(project, runner, notebook, stages):
    (project.root / "in.txt").write_text("x")
    for name, (cells, _, _) in WRONG.items():
        notebook(name, *cells)
    stages("".join(f"  {name}: {{notebook: {name}.ipynb, {more}}}\n" for name, (_, more, _) in WRONG.items()))
    summary = runner.run(jobs=2)
    assert actions(summary) == dict.fromkeys(WRONG, "failed")
    told = {failure.name: str(failure) for failure in summary.failures}
    assert {name: message in told[name] for name, (_, _, message) in WRONG.items()} == dict.fromkeys(
        WRONG, True
    ), told
    assert not any("\n" in text for text in told.values())
    assert {run.status for run in project.ledger.page().runs} == {"failed"}


def test_notebooks_that_are_unusual_run(project, runner, notebook, stages):
    notebook("nokernel", "x = 1", kernel=False)
    notebook("allowed", ("1 / 0", "raises-exception"), "open('after.txt', 'w').write('x')")
    notebook("leaves", "import sys", "sys.exit()", "1 / 0")
    notebook("empty")
    (project.root / "script.py").write_text('# %% tags=["parameters"]\nn = 1\n\n# %%\nprint(n)\n')
    stages(
        "  nokernel: {notebook: nokernel.ipynb}\n"
        "  allowed: {notebook: allowed.ipynb, outputs: [after.txt]}\n"
        "  leaves: {notebook: leaves.ipynb}\n"
        "  empty: {notebook: empty.ipynb}\n"
        "  script: {notebook: script.py, params: {n: 3}}\n"
    )
    summary = runner.run()
    assert set(actions(summary).values()) == {"ran"}, summary.failures
    runs = {run.name: project.ledger.get(run.id) for run in project.ledger.page().runs}
    assert [o["text"] for o in project.cell_outputs(runs["script"])] == ["3\n"]


def test_a_notebook_stands_in_its_own_folder_as_in_jupyterlab(project, runner, stages):
    write_notebook(
        project.root / "deep/nb/env.ipynb",
        "import os, beside\nprint(os.getcwd(), os.environ['JUPYTER_MLX_PROJECT'])",
        "print(os.environ['JUPYTER_MLX_NOTEBOOK'], os.environ['JUPYTER_MLX_RUN'])",
        "print(open('../../in.txt').read())\n_ = open('../../out.txt', 'w').write('made')",
    )
    (project.root / "deep/nb/beside.py").write_text("x = 7\n")
    (project.root / "in.txt").write_text("read")
    stages("  env: {notebook: deep/nb/env.ipynb, inputs: [in.txt], outputs: [out.txt]}\n")
    events = []
    summary = runner.run(listener=events.append)
    assert actions(summary) == {"env": "ran"}, summary.failures
    run = next(e.run for e in events if isinstance(e, StageStarted))
    told = "".join(o["text"] for o in project.cell_outputs(project.ledger.get(run)))
    root = str(project.root)
    assert told.split() == [f"{root}/deep/nb", root, "deep/nb/env.ipynb", run, "read"]
    (project.root / "deep/nb/beside.py").write_text("x = 8\n")
    assert [step.reason for step in project.runner().plan().steps] == ["deep/nb/beside.py changed"]


def test_what_does_not_fit_stops_before_anything_starts(chain, runner):
    with pytest.raises(UnknownParameterError, match="has no parameter 'lr'; it has bias, factor"):
        runner.run(params={"lr": 1})
    with pytest.raises(ParameterTypeError, match="parameter 'factor' is int"):
        runner.run(params={"factor": "three"})
    edit(chain.root / "mlx.yaml", "factor: 3", "factr: 3")
    with pytest.raises(ConfigError, match=r"mlx\.yaml:3: stages\.double\.params\.factr: .* it has factor"):
        runner.run()
    edit(chain.root / "mlx.yaml", "factr: 3", "factor: x")
    with pytest.raises(ConfigError, match=r"mlx\.yaml:3: stages\.double\.params\.factor: .* is int there"):
        runner.run()
    edit(chain.root / "mlx.yaml", "factor: x", "factor: 3")
    (chain.root / "raw.txt").unlink()
    assert runner.plan().steps[0].reason == "raw.txt missing"
    with pytest.raises(InputMissingError, match=r"stage double reads raw\.txt, which is not there"):
        runner.run()
    (chain.root / "raw.txt").write_text("1")
    (chain.root / "double.ipynb").unlink()
    with pytest.raises(ConfigError, match=r"mlx\.yaml:3: stages\.double\.notebook: there is no notebook"):
        runner.plan()
    assert chain.ledger.page().total == 0


def test_tracked_data_is_never_an_output(chain, runner):
    chain.workspace.add([chain.root / "raw.txt"])
    edit(chain.root / "mlx.yaml", "outputs: [total.txt]", "outputs: [raw.txt.d, total.txt]")
    edit(chain.root / "mlx.yaml", "raw.txt.d", "raw.txt/..//data")
    (chain.root / "data").mkdir()
    (chain.root / "data/kept.csv").write_text("x")
    chain.workspace.add([chain.root / "data/kept.csv"])
    with pytest.raises(TrackedOutputError, match=r"would replace data/kept\.csv"):
        runner.run()
    assert (chain.root / "data/kept.csv").read_text() == "x"


def test_a_result_whose_objects_are_lost_is_made_again(chain, runner):
    runner.run()
    import shutil

    shutil.rmtree(chain.root / ".mlx/store")
    (chain.root / "total.txt").unlink()
    fresh = type(chain).open(chain.root)
    assert [(s.action, s.reason) for s in fresh.runner().plan().steps] == [
        ("cached", "cached"), ("run", "output total.txt missing"),
    ]  # fmt: skip
    assert actions(fresh.runner().run()) == {"double": "cached", "total": "ran"}


def test_an_empty_folder_left_for_the_notebook_is_no_output(project, runner, notebook, stages):
    path = notebook("a", "open('made/x', 'w').write('1')")
    (project.root / "made").mkdir()
    stages("  a: {notebook: a.ipynb, outputs: [made]}\n")
    assert actions(runner.run()) == {"a": "ran"}
    write_notebook(path, "x = 1")
    assert "output made was not made" in str(runner.run().failures[0])


def test_a_pipeline_without_stages_is_done(runner):
    assert runner.run().stages == ()
    assert runner.plan().steps == ()


def test_a_failure_names_the_line_of_its_own_cell_also_where_an_earlier_cell_raised(runner, notebook, stages):
    notebook("fails", "def f(x):\n    y = 1\n    return 1 / x", "print('before')\nf(0)")
    stages("  fails: {notebook: fails.ipynb}\n")
    (failure,) = runner.run().failures
    assert "cell 2, at `f(0)`" in str(failure)
