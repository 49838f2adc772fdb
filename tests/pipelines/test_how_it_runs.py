"""How a pipeline runs, with real kernels: retries, what begins after a failure, from where, with what room."""

from __future__ import annotations

import sys

import pytest
from pipeline_project import actions

from jupyter_mlx.pipelines.events import StageFailed, StageRetried, StageStarted
from jupyter_mlx.pipelines.slots import TooLargeError

COUNTS = (
    "from pathlib import Path\nn = Path('tries')\nn.write_text(n.read_text() + 'x' if n.exists() else 'x')"
)


def test_a_stage_that_fails_now_and_then_is_tried_again_each_time_as_a_run_of_its_own(
    project, runner, notebook, stages
):
    notebook("flaky", COUNTS, "assert len(n.read_text()) == 2, 'not yet'")
    stages("  flaky: {notebook: flaky.ipynb, retries: 3, retry_delay: 0.1}\n")
    events = []
    summary = runner.run(listener=events.append)
    assert actions(summary) == {"flaky": "ran"}
    (retried,) = [e for e in events if isinstance(e, StageRetried)]
    assert (retried.attempt, retried.of, retried.delay_s) == (1, 4, 0.1)
    assert "not yet" in retried.problem
    runs = project.ledger.page("kind = stage").runs
    assert sorted(run.status for run in runs) == ["failed", "finished"]
    assert {run.parent for run in runs} == {summary.run}


def test_a_failure_shows_its_cell_and_what_to_do_next_without_secrets(project, runner, notebook, stages):
    notebook(
        "bad",
        ("lr = 0.5", "parameters"),
        "password = 'hunter2-and-more'\nraise ValueError('no entry for ' + password)",
    )
    stages("  bad: {notebook: bad.ipynb, params: {lr: 0.25}, retries: 1}\n")
    events = []
    summary = runner.run(listener=events.append)
    assert sum(isinstance(e, StageStarted) and e.name == "bad" for e in events) == 2
    (failed,) = [e.error for e in events if isinstance(e, StageFailed)]
    shown = failed.shown
    assert (shown.cell_id, shown.notebook) == ("cell-1", "bad.ipynb")
    assert "raise ValueError('no entry for ' + password)" in shown.source
    assert "ValueError" in "".join(shown.traceback)
    assert "hunter2" not in shown.source + "".join(shown.traceback)
    assert dict(shown.commands())["run it alone"] == "jmlx exec bad.ipynb -p lr=0.25"
    assert project.ledger.get(summary.run).status == "failed"


USES = "data = bytearray(b'x') * (300 << 20)\nimport time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_stage_uses_is_what_its_kernel_used_and_not_who_waits_for_it(
    project, runner, notebook, stages, fails
):
    notebook("hungry", USES, "1 / 0" if fails else "del data")
    notebook("small", "pass")
    stages("  hungry: {notebook: hungry.ipynb}\n  small: {notebook: small.ipynb}\n")
    runner.run(jobs=2)
    used = {
        run.name: project.ledger.get(run.id).resources for run in project.ledger.page("kind = stage").runs
    }
    assert used["hungry"]["peak_memory_bytes"] > 300 << 20 > used["small"]["peak_memory_bytes"]
    assert used["hungry"]["cpu_s"] >= 0.5 > used["small"]["cpu_s"]
    assert used["small"]["mean_memory_bytes"] > 0


def test_what_a_command_uses_is_what_it_and_its_children_used(project, runner, stages):
    (project.root / "hungry.py").write_text(USES)
    stages(f"  hungry: {{command: 'true; {sys.executable} hungry.py'}}\n  small: {{command: 'true'}}\n")
    runner.run(jobs=1)
    used = {
        run.name: project.ledger.get(run.id).resources for run in project.ledger.page("kind = stage").runs
    }
    assert used["hungry"]["peak_memory_bytes"] > 300 << 20
    assert used["hungry"]["cpu_s"] >= 0.5 > used["small"]["cpu_s"]


def test_fail_fast_begins_nothing_more(runner, notebook, stages):
    notebook("bad", "1 / 0")
    notebook("good", "x = 1")
    stages("  bad: {notebook: bad.ipynb}\n  good: {notebook: good.ipynb}\n")
    summary = runner.run(jobs=1, fail_fast=True)
    assert actions(summary) == {"bad": "failed", "good": "skipped"}
    assert summary.stages[1].reason == "not begun, since bad failed"


def test_from_a_stage_on_all_is_executed_again_and_nothing_before_it(chain, runner, notebook, stages):
    text = (chain.root / "mlx.yaml").read_text().removeprefix("stages:\n")
    notebook("side", "x = 1")
    stages(text + "  side: {notebook: side.ipynb}\n")
    runner.run()
    assert {s.name: s.action for s in runner.plan(start=["double"]).steps} == {
        "double": "run",
        "total": "run",
    }
    assert actions(runner.run(start=["total"])) == {"double": "cached", "total": "ran"}


def test_a_stage_that_asks_for_more_than_there_is_stops_before_anything_starts(
    project, runner, notebook, stages
):
    notebook("a", "x = 1")
    stages("  a: {notebook: a.ipynb}\n  big: {notebook: a.ipynb, resources: {memory: 9000GB}}\n")
    with pytest.raises(TooLargeError, match="stage big asks for 9e\\+03 GB memory"):
        runner.run()
    assert project.ledger.page().total == 0


def test_stages_that_need_the_same_gpu_run_one_after_another(project, runner, notebook, stages, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    code = (
        "import os, time; from pathlib import Path\n"
        "assert os.environ['CUDA_VISIBLE_DEVICES'] == '7'\n"
        "Path('held').mkdir(); time.sleep(0.3); Path('held').rmdir()"
    )
    for name in "ab":
        notebook(name, code, f"print('{name}')")
    stages("".join(f"  {n}: {{notebook: {n}.ipynb, resources: {{gpus: 1}}}}\n" for n in "ab"))
    summary = runner.run(jobs=2)
    assert actions(summary) == {"a": "ran", "b": "ran"}, summary.failures
