"""Stages that are commands: executed, cached, their files seen, their parameters and secrets handed over."""

from __future__ import annotations

import json
import os
import sys

import pytest
from pipeline_project import actions

from jupyter_mlx.errors import ConfigError
from jupyter_mlx.pipelines.references import MetricMissingError
from jupyter_mlx.pipelines.secrets import SecretMissingError

PY = sys.executable


@pytest.fixture
def script(project):
    def write(name: str, text: str) -> None:
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text(text)

    return write


def reasons(plan):
    return {step.name: (step.action, step.reason) for step in plan.steps}


def test_a_command_runs_once_and_again_when_its_script_its_modules_or_its_parameters_change(
    project, runner, stages, script
):
    script("tools/size.py", "SIZE = 3\n")
    script(
        "make.py",
        "import os, tools.size\nopen('made.txt', 'w').write(os.environ['MLX_PARAM_word'] * tools.size.SIZE)\n",
    )
    stages(f"  made: {{command: [{PY}, make.py], params: {{word: ab}}, outputs: [made.txt]}}\n")
    assert actions(runner.run()) == {"made": "ran"}
    assert (project.root / "made.txt").read_text() == "ababab"
    assert reasons(runner.plan())["made"] == ("cached", "cached")
    script("tools/size.py", "SIZE = 2\n")
    assert reasons(runner.plan())["made"] == ("run", "tools/size.py changed")
    script("tools/size.py", "SIZE = 3\n")
    assert reasons(runner.plan(params={"made.word": "x"}))["made"] == ("run", "params changed")
    script("make.py", "1\n")
    assert reasons(runner.plan())["made"][1].startswith("make.py changed")


def test_the_log_and_the_exit_code_of_a_command_are_told(project, runner, stages):
    stages("  a: {command: 'echo hello; echo no such thing >&2; exit 3'}\n")
    summary = runner.run()
    assert actions(summary) == {"a": "failed"}
    assert "exit code 3: no such thing" in str(summary.failures[0])
    assert [what for what, _ in summary.failures[0].shown.commands()] == ["what it had done"]
    assert (project.root / ".mlx/notebooks/a.log").read_text() == "hello\nno such thing\n"
    (run,) = project.ledger.page("kind = stage").runs
    assert run.status == "failed"


def test_a_command_that_is_not_there_and_one_that_hangs_are_told(runner, stages):
    stages("  a: {command: [no-such-program]}\n  b: {command: 'sleep 60', timeout: 0.3}\n")
    said = sorted(str(failure) for failure in runner.run().failures)
    assert "there is no such command" in said[0]
    assert "took longer than its timeout of 0.3 s" in said[1]


def test_what_a_command_reads_and_writes_is_seen_orders_the_stages_and_counts(
    project, runner, stages, script
):
    (project.root / "raw.csv").write_text("1 2 3")
    script("clean.py", "open('clean.csv', 'w').write(open('raw.csv').read() + ' 4')\n")
    script("sum.py", "open('sum.txt', 'w').write(str(sum(map(int, open('clean.csv').read().split()))))\n")
    stages(
        f"  total: {{command: [{PY}, sum.py], inputs: [clean.csv]}}\n  clean: {{command: [{PY}, clean.py], outputs: [clean.csv]}}\n"
    )
    assert actions(runner.run()) == {"clean": "ran", "total": "ran"}
    assert (project.root / "sum.txt").read_text() == "10"
    lock = json.loads((project.root / "mlx.lock").read_text())["stages"]
    assert lock["clean"]["seen"] == ["raw.csv"]
    assert lock["total"]["seen"] == ["sum.txt"]
    assert set(lock["total"]["outputs"]) == {"sum.txt"}
    assert set(actions(runner.run()).values()) == {"cached"}
    (project.root / "sum.txt").unlink()
    assert actions(runner.run())["total"] == "cached"
    assert (project.root / "sum.txt").read_text() == "10"
    (project.root / "raw.csv").write_text("7")
    assert reasons(runner.plan())["clean"] == ("run", "raw.csv changed")
    assert actions(runner.run()) == {"clean": "ran", "total": "ran"}
    (project.root / "raw.csv").write_text("1 2 3")
    assert actions(runner.run()) == {"clean": "cached", "total": "cached"}
    assert (project.root / "sum.txt").read_text() == "10"


def test_a_stage_that_declares_nothing_is_ordered_by_what_it_was_seen_to_read(
    project, runner, stages, script
):
    script("a.py", "open('x.txt', 'w').write('1')\n")
    script(
        "b.py", "import os\nif os.path.exists('x.txt'):\n    open('y.txt', 'w').write(open('x.txt').read())\n"
    )
    stages(f"  b: {{command: [{PY}, b.py]}}\n  a: {{command: [{PY}, a.py]}}\n")
    runner.run(["a"])
    runner.run(["b"])
    assert runner.run().stages[0].name == "a"
    script("a.py", "open('x.txt', 'w').write('2')\n")
    assert actions(runner.run()) == {"a": "ran", "b": "ran"}
    assert (project.root / "y.txt").read_text() == "2"


def test_an_undeclared_read_is_told_and_counts(project, runner, stages, script):
    (project.root / "raw.csv").write_text("1")
    (project.root / "more.csv").write_text("1")
    script("a.py", "open('x.txt', 'w').write(open('raw.csv').read() + open('more.csv').read())\n")
    stages(f"  a: {{command: [{PY}, a.py], inputs: [raw.csv], outputs: [x.txt]}}\n")
    events = []
    runner.run(listener=events.append)
    (said,) = next(e.warnings for e in events if type(e).__name__ == "StageFinished")
    assert said == "read more.csv, which its `inputs` in mlx.yaml do not name; it counts all the same"
    (project.root / "more.csv").write_text("2")
    assert reasons(runner.plan())["a"] == ("run", "more.csv changed")


def test_two_writers_of_one_file_are_told_although_neither_declares_it(runner, stages, script):
    script("a.py", "open('x.txt', 'w').write('1')\n")
    script("b.py", "open('x.txt', 'w').write('2')\n")
    stages(f"  a: {{command: [{PY}, a.py], outputs: [x.txt]}}\n  b: {{command: [{PY}, b.py]}}\n")
    summary = runner.run()
    assert actions(summary)["b"] == "failed"
    assert "it wrote x.txt, which stage a writes too" in str(summary.failures[0])


def test_a_stage_that_reads_what_is_made_from_its_own_outputs_is_told(project, runner, stages, script):
    (project.root / "y.txt").write_text("0")
    script("a.py", "open('x.txt', 'w').write(open('y.txt').read())\n")
    script("b.py", "open('y.txt', 'w').write(open('x.txt').read() + '1')\n")
    stages(
        f"  a: {{command: [{PY}, a.py], outputs: [x.txt]}}\n"
        f"  b: {{command: [{PY}, b.py], inputs: [x.txt], outputs: [y.txt]}}\n"
    )
    summary = runner.run()
    assert actions(summary) == {"a": "failed", "b": "skipped"}
    assert "it read y.txt, which stage b writes, and b depends on a" in str(summary.failures[0])


def test_a_metric_of_another_stage_is_a_parameter_and_only_its_value_counts(project, runner, stages, script):
    script(
        "fit.py",
        "import jupyter_mlx as jm\njm.log(acc=0.5)\nopen('m.txt', 'w').write(open('raw.txt').read())\n",
    )
    (project.root / "raw.txt").write_text("1")
    stages(
        "  use: {command: 'echo ${fit.metrics.acc} ${fit.params.depth} ${fit.outputs[0]} > used.txt', outputs: [used.txt]}\n"
        f"  fit: {{command: [{PY}, fit.py], params: {{depth: 3}}, inputs: [raw.txt], outputs: [m.txt]}}\n"
        "  high: {command: 'echo high > high.txt', outputs: [high.txt], when: '${fit.metrics.acc} > 0.9'}\n"
    )
    first = runner.plan()
    assert first["use"].waits == ("fit.metrics.acc",)
    assert actions(runner.run()) == {"fit": "ran", "use": "ran", "high": "skipped"}
    assert (project.root / "used.txt").read_text() == "0.5 3 m.txt\n"
    assert set(actions(runner.run()).values()) == {"cached", "skipped"}
    (project.root / "raw.txt").write_text("2")
    assert actions(runner.run()) == {"fit": "ran", "use": "cached", "high": "skipped"}


def test_a_metric_that_was_not_logged_is_told_with_the_nearest(runner, stages, script):
    script("fit.py", "import jupyter_mlx as jm\njm.log(accuracy=0.5)\n")
    stages(f"  fit: {{command: [{PY}, fit.py]}}\n  use: {{command: 'echo ${{fit.metrics.accurcy}}'}}\n")
    summary = runner.run()
    assert "which fit did not log; did you mean 'accuracy'?" in str(summary.failures[0])
    with pytest.raises(MetricMissingError):
        runner.run()


def test_a_secret_reaches_the_command_and_is_written_nowhere(project, runner, stages, monkeypatch):
    canary = "hunter2-canary-9f3a61"
    stages('  a: {command: \'echo $TOKEN; test "$TOKEN" = "$WANT"\', params: {TOKEN: {secret: MY_TOKEN}}}\n')
    with pytest.raises(SecretMissingError, match="MY_TOKEN, which is not set"):
        runner.run()
    monkeypatch.setenv("MY_TOKEN", canary)
    monkeypatch.setenv("WANT", canary)
    assert actions(runner.run()) == {"a": "ran"}
    project.ledger.checkpoint()
    files = [path for path in project.root.rglob("*") if path.is_file()]
    assert [path for path in files if canary.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  a: {command: 'echo ${lr}', params: {lrr: 1}}\n", "mlx.yaml:2: stages.a.command: ${lr} is no parameter of this stage"),
        ("  a: {command: 'echo ${lr}', params: {lrr: 1}}\n", "did you mean 'lrr'?; `$${…}` leaves it to the shell"),
        ("  a: {command: ls}\n  b: {command: 'echo ${a.outputs[0]}'}\n", "mlx.yaml:3: stages.b.command: ${a.outputs[0]}: stage a declares 0 outputs"),
        ("  a: {command: ls}\n  b: {command: 'echo ${a.params.x}'}\n", "stage a has no parameter 'x'"),
        ("  a: {command: 'ls ${a.metrics.x}'}\n", "refers to the stage itself"),
        ("  a: {command: ls, matrix: {s: [0, 1]}}\n  b: {command: 'echo ${a.metrics.x}'}\n", "may mean several; name one of a@s=0, a@s=1"),
        ("  a: {command: ls}\n  b: {command: ls, inputs: ['${a.metrics.x}']}\n", "is not known before its stage has run"),
        ("  a: {command: ls, when: 'sed == 1', params: {seed: 1}}\n", "stages.a.when: ${sed} is no parameter of this stage"),
        ("  a: {command: ls, params: {x: '${y}', y: '${x}'}}\n", "refers to itself"),
        ("  a: {command: ls, params: {x: '${x}'}}\n", "refers to itself; give x a value, here or in params.yaml"),
    ],
)  # fmt: skip
def test_a_reference_that_means_nothing_names_its_line_and_key(runner, stages, text, message):
    stages(text)
    with pytest.raises(ConfigError) as caught:
        runner.plan()
    assert message in str(caught.value)


def test_a_parameter_takes_the_value_of_its_own_name_in_params_yaml(project, runner, stages):
    (project.root / "params.yaml").write_text("title: Hello\ndeep: {title: there}\n")
    stages(
        "  a:\n    command: ['echo', '${title}', '${deep.title}']\n"
        "    params: {title: '${title}', more: '${title} ${params.title}'}\n"
    )
    assert runner.pipeline()["a"].params == {"title": "Hello", "more": "Hello Hello"}
    assert runner.pipeline()["a"].command == ("echo", "Hello", "there")


def test_each_change_runs_what_depends_on_it_and_no_more(project, runner, stages, script):
    root = project.root
    script("parity.py", "def parity(n):\n    return n % 2\n")
    script(
        "a.py",
        "from parity import parity\nopen('a.txt', 'w').write(str(parity(int(open('raw.txt').read()))))\n",
    )
    (root / "raw.txt").write_text("1")
    text = (
        f"  a: {{command: [{PY}, a.py], inputs: [raw.txt], outputs: [a.txt]}}\n"
        "  b: {command: 'cat a.txt > b.txt', inputs: [a.txt], outputs: [b.txt]}\n"
        "  c: {command: 'echo ${n} > c.txt', params: {n: 1}, outputs: [c.txt]}\n"
    )
    stages(text)
    runner.run()
    none = dict.fromkeys("abc", "cached")
    lock = root / "mlx.lock"
    nothing = [
        lambda: lock.write_text(json.dumps(json.loads(lock.read_text()), indent=8)),
        lambda: [os.utime(path, (1, 1)) for path in root.iterdir()],
        lambda: stages(f"# a remark\n{text}"),
        lambda: script("unused.py", "1"),
    ]
    for change in nothing:
        change()
        assert {step.name: step.action for step in runner.plan().steps} == none
    # an input: what reads it; the same bytes came out, so nothing after it
    (root / "raw.txt").write_text("3")
    assert reasons(runner.plan()) == {
        "a": ("run", "raw.txt changed"),
        "b": ("run", "upstream: a runs"),
        "c": ("cached", "cached"),
    }
    assert actions(runner.run()) == {**none, "a": "ran"}
    # a module
    script("parity.py", "def parity(n):\n    return n % 3\n")
    assert actions(runner.run()) == {"a": "ran", "b": "ran", "c": "cached"}
    assert (root / "b.txt").read_text() == "0"
    # a parameter
    stages(text.replace("n: 1", "n: 2"))
    assert actions(runner.run()) == {**none, "c": "ran"}
    # back to the first state: a checkout
    stages(text)
    script("parity.py", "def parity(n):\n    return n % 2\n")
    (root / "raw.txt").write_text("1")
    assert actions(runner.run()) == none
    assert ((root / "b.txt").read_text(), (root / "c.txt").read_text()) == ("1", "1\n")
