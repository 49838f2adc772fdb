"""Sweeps of a small notebook: by chance and by a study, side by side, stopped and gone on with."""

import signal
import time

import pytest
from click.testing import CliRunner
from commands import COMMANDS
from libraries import require
from waiting import PATIENCE_S

from jupyter_mlx.cli.main import cli
from jupyter_mlx.pipelines.parameters import ParameterTypeError, UnknownParameterError
from jupyter_mlx.pipelines.sweeps.axes import parsed
from jupyter_mlx.pipelines.sweeps.search import Goal, Search
from jupyter_mlx.pipelines.sweeps.sweep import sweep

SEED, TRIALS = 26, 7
FIT = """\
import jupyter_mlx as jm
from pathlib import Path
assert lr != 13, "an unlucky number"
for step in range(3):
    jm.log(loss=(lr - 3) ** 2 + depth, step=step)
Path("model.txt").write_text(f"{lr} {depth}")"""


@pytest.fixture
def fit(project, notebook, stages):
    notebook("fit", ("lr = 1.0\ndepth = 1", "parameters"), FIT)
    stages("  fit: {notebook: fit.ipynb, outputs: [model.txt]}\n")
    (project.root / "model.txt").write_text("mine")
    return project


def search(*texts, **how):
    return Search(parsed(texts), **how)


def test_points_run_side_by_side_and_one_that_fails_stops_no_other(fit, runner):
    done = sweep(runner, "fit", search("lr=1,13,2.5"), jobs=2)
    actions = sorted((p.params["lr"], p.action) for p in done.points)
    assert actions == [(1, "ran"), (2.5, "ran"), (13, "failed")]
    assert all("unlucky" in p.problem for p in done.points if p.action == "failed")
    # the work tree is as it was; what each wrote is in the store
    assert (fit.root / "model.txt").read_text() == "mine"
    children = fit.ledger.page(f'parent = "{done.run}"').runs
    assert {child.kind for child in children} == {"stage"}
    assert len(children) == 3
    for point in done.points:
        written = fit.ledger.get(point.run).outputs
        texts = [
            fit.store.get(fit.workspace.named(f).digest).decode() for f in written if f.path == "model.txt"
        ]
        assert texts == ([f"{point.params['lr']} 1"] if point.action == "ran" else [])
    parent = fit.ledger.get(done.run)
    assert (parent.status, parent.params) == ("finished", {"lr": [1, 13, 2.5]})
    assert not (fit.state / "places" / "fit").exists()
    # the same command is the same sweep: only what failed is tried again
    again = sweep(runner, "fit", search("lr=1,13,2.5"), jobs=2)
    assert again.run == done.run
    assert sorted(p.action for p in again.points) == ["cached", "cached", "failed"]


@pytest.mark.parametrize(
    ("axes", "error"),
    [
        (["lr=1", "lrr=1"], UnknownParameterError),
        (["lr=a,b"], ParameterTypeError),
        (["depth=x..y"], ParameterTypeError),
    ],
)
def test_what_does_not_fit_the_notebook_stops_a_sweep_before_anything_starts(fit, runner, axes, error):
    with pytest.raises(error):
        sweep(runner, "fit", search(*axes))
    assert fit.ledger.page().runs == ()


def test_a_study_prunes_the_hopeless_finds_the_best_and_goes_on(project, notebook, stages, runner):
    require("optuna")
    notebook(
        "fit",
        ("n = 1", "parameters"),
        "import jupyter_mlx as jm, time\n"
        "for step in range(600 if n else 3):\n    jm.log(loss=n, step=step)\n    if n: time.sleep(0.1)",
    )
    stages("  fit: {notebook: fit.ipynb}\n")
    # the slow one is rare, and with this seed it comes when others have shown what is good
    how = {"goal": Goal("minimize", "loss"), "seed": SEED}
    first = sweep(runner, "fit", search("n=0,0,0,0,0,1", trials=TRIALS, **how), jobs=1)
    assert [p.action for p in first.points] == ["ran"] + ["cached"] * (TRIALS - 2) + ["pruned"]
    assert [p.params["n"] for p in first.points] == [0] * (TRIALS - 1) + [1]
    assert first.points[-1].problem == ""
    pruned, parent = project.ledger.get(first.points[-1].run), project.ledger.get(first.run)
    assert (pruned.status, pruned.tags, parent.status) == ("interrupted", ("pruned",), "finished")
    assert (parent.metrics, parent.tags) == ({"loss": 0}, ("minimize:loss",))
    # of two trials this sweep has runs of its own: a third one is left
    more = sweep(runner, "fit", search("n=0,0,0,0,0,1", trials=3, **how), jobs=1)
    assert (more.run, len(more.points)) == (first.run, 1)


def test_a_sweep_that_is_stopped_goes_on_with_the_same_run(project, notebook, stages, jmlx):
    notebook(
        "slow",
        ("n = 1", "parameters"),
        f"from pathlib import Path\nimport time\nroot = Path({str(project.root)!r})\n"
        "if n == 2 and not (root / 'go').exists():\n    (root / 'there').touch()\n    time.sleep(600)",
    )
    stages("  slow: {notebook: slow.ipynb}\n")
    process = COMMANDS.start("sweep", "slow", "n=1..3", "-j", "1", "--json", cwd=project.root)
    while not (project.root / "there").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130
    process.communicate()
    (parent,) = project.ledger.page('kind = "sweep"').runs
    assert parent.status == "interrupted"
    (project.root / "go").touch()
    done = sweep(project.runner(), "slow", search("n=1..3"), jobs=1)
    assert done.run == parent.id
    assert [(p.params["n"], p.action) for p in done.points] == [(1, "cached"), (2, "ran"), (3, "ran")]
    assert project.ledger.get(parent.id).status == "finished"
    statuses = sorted(run.status for run in project.ledger.page(f'parent = "{parent.id}"').runs)
    assert statuses == ["finished"] * 3 + ["interrupted"]


def test_the_command_says_what_does_not_go_together(fit):
    for words, message in (
        (["lr=1", "--sample", "2", "--optimize", "maximize:acc"], "give one of the two"),
        (["lr=1", "--trials", "2"], "--trials is of --optimize"),
        (["lr=0.0..1"], "has no end of values"),
        (["lr=1", "--scheduler", "tcp://127.0.0.1:1"], "--scheduler is of Dask"),
    ):
        done = CliRunner().invoke(cli, ["sweep", "fit", *words])
        assert (done.exit_code, message in done.output) == (1, True), done.output
