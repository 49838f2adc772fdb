"""`jmlx run` and its like as real processes: exit codes, JSON, signals, several at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from commands import COMMANDS
from pipeline_project import write_notebook
from waiting import PATIENCE_S, NeverCameError, until

from jupyter_mlx.project import Project

JMLX = [sys.executable, "-m", "jupyter_mlx.cli.main"]


@pytest.fixture
def start():
    """Start a command and go on; what is left of it when the test ends is killed."""
    started = []

    def begin(*words, cwd):
        process = COMMANDS.start(*words, cwd=cwd)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def wait_for(path: Path, process) -> None:
    def look():
        assert path.exists() or process.poll() is None, process.communicate()
        return path.exists()

    until(look, path)


def processes_of(root: Path) -> list[str]:
    """Kernels and workers that work for the project."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        try:
            if process.cwd() == str(root) and process.pid != os.getpid() and process.status() != "zombie":
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    ours = ("ipykernel", "kernels.warm", "executors.worker")
    return [line for line in found if any(name in line for name in ours)]


def left_over(root: Path) -> list[str]:
    """Those of them that do not end by themselves."""
    with contextlib.suppress(NeverCameError):
        until(lambda: not processes_of(root), every_s=0.1)
    return processes_of(root)


def statuses(root: Path) -> dict[str, str]:
    return {run.name: run.status for run in Project.open(root).ledger.page().runs}


@pytest.fixture
def slow(project, notebook, stages):
    """`first` takes until `go` exists; `second` reads what it wrote."""
    notebook(
        "first",
        "from pathlib import Path\nimport time\nPath('half.txt').write_text('half')\nPath('started').touch()",
        "while not Path('go').exists():\n    time.sleep(0.02)",
        "with open('count', 'a') as f: f.write('1')\nPath('half.txt').write_text('whole')",
    )
    notebook(
        "second", "from pathlib import Path\nPath('second.txt').write_text(Path('half.txt').read_text())"
    )
    stages(
        "  first: {notebook: first.ipynb, outputs: [half.txt]}\n"
        "  second: {notebook: second.ipynb, inputs: [half.txt], outputs: [second.txt]}\n"
    )
    return project.root


def test_run_and_plan_speak_json_on_stdout_and_to_people_on_stderr(chain, jmlx):
    planned = json.loads(jmlx("plan", "--json").stdout)["stages"]
    assert planned == [
        {"name": "double", "action": "run", "reason": "never ran", "duration_s": None},
        {"name": "total", "action": "run", "reason": "never ran", "duration_s": None},
    ]
    done = jmlx("run", "--json")
    assert done.returncode == 0, done.stderr
    assert [(s["name"], s["action"]) for s in json.loads(done.stdout)["stages"]] == [
        ("double", "ran"),
        ("total", "ran"),
    ]
    assert "double: running (never ran)" in done.stderr
    again = jmlx("run")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.splitlines()[-1] == "nothing to run: every result is known"
    assert json.loads(jmlx("run", "--json").stdout)["stages"][0]["action"] == "cached"
    assert json.loads(jmlx("dag", "--json").stdout)["stages"][1]["upstream"] == ["double"]
    assert jmlx("dag").stdout == "double\n└─ total\n"


def test_a_failure_is_one_line_with_the_cell_the_line_and_the_notebook_and_exit_code_1(
    project, notebook, stages, jmlx
):
    notebook("bad", "x = 1", "y = 2\nz = x / 0")
    stages("  bad: {notebook: bad.ipynb}\n")
    done = jmlx("run", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["stages"][0]["action"] == "failed"
    assert (
        "jmlx: bad failed in cell 2, at `z = x / 0`: ZeroDivisionError: division by zero; "
        "as far as it came: .mlx/notebooks/bad.ipynb" in done.stderr
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "tarin"], 1, "mlx.yaml has no stage 'tarin'; there is double, total"),
        (["run", "tarin", "-p", "bias=1"], 1, "mlx.yaml has no stage 'tarin'"),
        (["run", "-p", "tarin.bias=1"], 1, "mlx.yaml has no stage 'tarin'"),
        (["run", "-p", "lr=1"], 1, "has no parameter 'lr'; it has bias, factor"),
        (["plan", "-p", "lr"], 1, "'lr': write it as NAME=VALUE"),
        (["run", "--watch", "--executor", "dask"], 2, "--watch with --executor dask is not in this version"),
        (["run", "-j", "0"], 2, "Invalid value for '-j'"),
        (["run", "--from", "tarin"], 1, "mlx.yaml has no stage 'tarin'; there is double, total"),
        (["exec", "none.ipynb"], 1, "there is no notebook none.ipynb"),
        (["exec", "raw.txt"], 1, "raw.txt cannot be read as a notebook: name an .ipynb, or a text file"),
        (["exec", "mlx.yaml"], 1, "mlx.yaml cannot be read as a notebook: name an .ipynb, or a text file"),
        (["exec", "."], 1, ". cannot be read as a notebook: it is a folder; name a notebook in it"),
        (["watch", "tarin"], 1, "mlx.yaml has no stage 'tarin'"),
        (["exec", "total.ipynb", "-p", "bias="], 1, "parameter 'bias' is float there, and nothing is not"),
        (["exec", "total.ipynb", "-p", "lr=1"], 1, "total.ipynb has no parameter 'lr'; it has bias"),
        (["exec", "/etc/x.ipynb"], 1, "lies outside the project"),
        (["pair", "raw.txt"], 1, "raw.txt cannot be paired"),
        (["sweep", "total", "lr=1,2"], 1, "total.ipynb has no parameter 'lr'; it has bias"),
        (["sweep", "nothing", "lr=1"], 1, "no stage 'nothing'"),
    ],
)
def test_wrong_use_is_told_with_its_exit_code(chain, jmlx, words, code, message):
    done = jmlx(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["stages:\n  a: {notebok: x.ipynb}\n", "stages: [\n"])
def test_a_malformed_mlx_yaml_or_lock_is_told(project, jmlx, text):
    (project.root / "mlx.yaml").write_text(text)
    done = jmlx("run")
    assert done.returncode == 1
    assert done.stderr.startswith("jmlx: mlx.yaml:")
    (project.root / "mlx.yaml").write_text("stages: {}\n")
    (project.root / "mlx.lock").write_text("{")
    assert jmlx("plan").stderr.startswith("jmlx: mlx.lock:1: is not JSON")


def test_ctrl_c_stops_kernels_marks_runs_and_a_rerun_goes_on(slow, start, jmlx):
    process = start("run", cwd=slow)
    wait_for(slow / "started", process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert processes_of(slow) == []
    assert statuses(slow) == {"pipeline": "interrupted", "first": "interrupted"}
    assert (slow / ".mlx/notebooks/first.ipynb").exists()
    assert not (slow / "mlx.lock").exists()
    (slow / "go").touch()
    assert jmlx("run").returncode == 0
    assert (slow / "second.txt").read_text() == "whole"


def test_a_command_killed_in_the_middle_leaves_no_kernel_and_a_rerun_goes_on(slow, start, jmlx):
    process = start("run", cwd=slow)
    wait_for(slow / "started", process)
    process.kill()
    process.communicate()
    assert left_over(slow) == []
    assert statuses(slow) == {"pipeline": "interrupted", "first": "interrupted"}
    (slow / "go").touch()
    assert jmlx("run").returncode == 0
    assert (slow / "second.txt").read_text() == "whole"


def test_two_commands_at_once_share_the_work_and_both_succeed(slow, start):
    one = start("run", "--json", cwd=slow)
    wait_for(slow / "started", one)
    two = start("run", cwd=slow)
    said = two.stderr.readline()
    (slow / "go").touch()
    told = [process.communicate(timeout=PATIENCE_S) for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0), told
    assert said == "first: another process is at it; waiting for its result\n"
    assert (slow / "count").read_text() == "1"
    assert (slow / "second.txt").read_text() == "whole"


def test_two_commands_at_once_on_different_stages_are_both_in_the_lock(project, notebook, stages, start):
    for name in "ab":
        notebook(
            name,
            f"from pathlib import Path\nimport time\nPath('on-{name}').touch()\n"
            f"while not Path('go').exists():\n    time.sleep(0.02)\nPath('{name}.txt').write_text('{name}')",
        )
    stages("".join(f"  {name}: {{notebook: {name}.ipynb, outputs: [{name}.txt]}}\n" for name in "ab"))
    both = [start("run", name, cwd=project.root) for name in "ab"]
    for name, process in zip("ab", both, strict=True):
        wait_for(project.root / f"on-{name}", process)
    (project.root / "go").touch()
    told = [process.communicate(timeout=PATIENCE_S) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert set(json.loads((project.root / "mlx.lock").read_text())["stages"]) == {"a", "b"}


def test_a_worker_that_is_killed_fails_its_stage_alone(slow, start, jmlx):
    process = start("run", "--json", cwd=slow)
    wait_for(slow / "started", process)
    worker = next(
        p for p in psutil.Process(process.pid).children() if "executors.worker" in " ".join(p.cmdline())
    )
    worker.kill()
    told, said = process.communicate(timeout=PATIENCE_S)
    assert [s["action"] for s in json.loads(told)["stages"]] == ["failed", "skipped"]
    assert "first failed: the process that executed it was ended by SIGKILL" in said
    assert process.returncode == 1
    assert left_over(slow) == []


def test_exec_runs_one_notebook_and_changes_nothing_of_it(project, notebook, jmlx):
    path = notebook("one", ("n = 1", "parameters"), "print(n)", "import jupyter_mlx as jm\njm.log(n=n)")
    before = path.read_bytes()
    (project.root / "elsewhere").mkdir()
    done = jmlx(
        "exec", "../one.ipynb", "-p", "n=4", "-o", "../done.ipynb", "--json", cwd=project.root / "elsewhere"
    )
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert (run["kind"], run["status"], run["params"], run["metrics"]) == (
        "notebook",
        "finished",
        {"n": 4},
        {"n": 4},
    )
    assert run["notebook"] == "one.ipynb"
    assert path.read_bytes() == before
    executed = json.loads((project.root / "done.ipynb").read_text())
    outputs = {"".join(cell["source"]): cell["outputs"] for cell in executed["cells"]}
    assert outputs["print(n)"][0]["text"] == ["4\n"]
    assert not (project.root / "mlx.lock").exists()


def test_exec_of_a_notebook_that_raises_keeps_it_and_exits_with_1(project, notebook, jmlx):
    notebook("bad", "1 / 0")
    done = jmlx("exec", "bad.ipynb")
    assert (done.returncode, done.stdout) == (1, "")
    assert "bad failed in cell 1, at `1 / 0`: ZeroDivisionError" in done.stderr
    kept = done.stderr.rpartition("as far as it came: ")[2].strip()
    assert "ZeroDivisionError" in (project.root / kept).read_text()


def test_exec_works_outside_of_any_project_and_leaves_nothing_there(tmp_path, jmlx):
    write_notebook(tmp_path / "one.ipynb", ("n = 1", "parameters"), "print(n)\nassert n != 3")
    before = sorted(tmp_path.iterdir())
    done = jmlx("exec", "one.ipynb", "-p", "n=4", "-o", "done.ipynb", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert (run["id"], run["status"], run["params"]) == (None, "finished", {"n": 4})
    outputs = [cell["outputs"] for cell in json.loads((tmp_path / "done.ipynb").read_text())["cells"]]
    assert any(found and found[0]["text"] == ["4\n"] for found in outputs)
    failed = jmlx("exec", "one.ipynb", "-p", "n=3", cwd=tmp_path)
    assert failed.returncode == 1
    assert "one failed in cell 2, at `assert n != 3`: AssertionError" in failed.stderr
    assert "has no parameter 'm'" in jmlx("exec", "one.ipynb", "-p", "m=3", cwd=tmp_path).stderr
    (tmp_path / "done.ipynb").unlink()
    assert sorted(tmp_path.iterdir()) == before


def test_a_project_that_cannot_be_written_is_told_and_still_planned(chain, jmlx, tmp_path):
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("mounting a read-only folder takes root; run the tests as root to include this one")
    jmlx("plan")
    mount = (
        f"mount --bind {chain.root} {chain.root} && mount -o remount,ro,bind {chain.root} && cd {chain.root}"
    )
    words = " ".join(JMLX)
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{mount} && {words} plan --json && {words} run"],
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert json.loads(done.stdout)["stages"][0]["reason"] == "never ran"
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_sweep_makes_a_run_a_point_and_leaves_the_outputs_as_they_were(chain, jmlx):
    jmlx("run")
    before = (chain.root / "total.txt").read_text()
    done = jmlx("sweep", "total", "bias=0.5,1..3", "--json")
    assert done.returncode == 1  # 1..3 within a list is text, and bias is a number
    done = jmlx("sweep", "total", "bias=0.5,1,2", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [(p["params"], p["action"], p["metrics"]) for p in told["points"]] == [
        ({"bias": 0.5}, "ran", {"total": 18.5}),
        ({"bias": 1}, "ran", {"total": 19.0}),
        ({"bias": 2}, "ran", {"total": 20.0}),
    ]
    assert (chain.root / "total.txt").read_text() == before
    runs = {run.id: run for run in chain.ledger.page().runs}
    assert runs[told["run"]].kind == "sweep"
    assert [runs[p["run"]].parent for p in told["points"]] == [told["run"]] * 3
    again = json.loads(jmlx("sweep", "total", "bias=1..2", "--json").stdout)["points"]
    assert [p["action"] for p in again] == ["cached", "cached"]
    assert json.loads(jmlx("run", "--json").stdout)["stages"][1]["action"] == "cached"
    # a point that was swept is a known result of the stage
    assert json.loads(jmlx("run", "--json", "-p", "bias=2").stdout)["stages"][1]["action"] == "cached"
    assert (chain.root / "total.txt").read_text() == "20"


def test_pair_writes_the_missing_side_and_follows_the_one_that_changed(project, notebook, jmlx):
    path = notebook("a", ("n = 1", "parameters"), "print(n)")
    text = path.with_suffix(".py")
    assert jmlx("pair", "a.ipynb").stdout.split() == ["paired", "a.ipynb"]
    assert '# %% tags=["parameters"]\nn = 1' in text.read_text()
    assert json.loads(path.read_text())["metadata"]["jupytext"]["formats"] == "ipynb,py:percent"
    assert jmlx("pair", "a.py").stdout.split() == ["unchanged", "a.py"]
    text.write_text(text.read_text().replace("print(n)", "print(n + 1)"))
    assert "updated .ipynb" in jmlx("pair", "a.ipynb").stdout
    assert "print(n + 1)" in path.read_text()
    path.write_text(path.read_text().replace("print(n + 1)", "print(n + 2)"))
    assert "updated .py" in jmlx("pair", "a.ipynb").stdout
    assert "print(n + 2)" in text.read_text()
    # both: the user decides
    path.write_text(path.read_text().replace("print(n + 2)", "print(3)"))
    text.write_text(text.read_text().replace("print(n + 2)", "print(4)"))
    both = (path.read_bytes(), text.read_bytes())
    done = jmlx("pair", "a.ipynb")
    assert done.returncode == 1
    assert (
        "differ first in cell 2: `print(3)` and `print(4)`; `jmlx pair --keep ipynb a.ipynb`" in done.stderr
    )
    assert (path.read_bytes(), text.read_bytes()) == both
    assert jmlx("pair", "--keep", "py", "a.ipynb").returncode == 0
    assert "print(4)" in path.read_text()


def test_pair_keeps_the_outputs_of_cells_that_stay_the_same(project, jmlx):
    path = write_notebook(project.root / "a.ipynb", "print(1)", "print(2)")
    node = json.loads(path.read_text())
    for cell in node["cells"]:
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["kept\n"]}]
    path.write_text(json.dumps(node))
    jmlx("pair", "a.ipynb")
    text = path.with_suffix(".py")
    text.write_text(text.read_text().replace("print(2)", "print(22)"))
    jmlx("pair", "a.ipynb")
    found = [("".join(c["source"]), len(c["outputs"])) for c in json.loads(path.read_text())["cells"]]
    assert found == [("print(1)", 1), ("print(22)", 0)]


def test_two_files_that_differ_and_were_never_paired_are_a_conflict(project, jmlx):
    write_notebook(project.root / "a.ipynb", "print(1)")
    (project.root / "a.py").write_text("# %%\nprint(2)\n")
    assert jmlx("pair", "a.ipynb").returncode == 1
    assert (project.root / "a.py").read_text() == "# %%\nprint(2)\n"


def test_a_notebook_is_paired_with_markdown_where_that_is_named(project, notebook, jmlx):
    path = notebook("a", ("n = 1", "parameters"), "print(n)")
    assert jmlx("pair", "a.md").stdout.split() == ["paired", "a.md"]
    text = path.with_suffix(".md")
    assert '```python tags=["parameters"]\nn = 1\n```' in text.read_text()
    text.write_text(text.read_text().replace("print(n)", "print(n + 1)"))
    # the notebook says which text is its own
    assert "updated .ipynb" in jmlx("pair", "a.ipynb").stdout
    assert "print(n + 1)" in path.read_text()
    assert not path.with_suffix(".py").exists()
    assert jmlx("pair", "a.ipynb").stdout.split() == ["unchanged", "a.ipynb"]
    refused = jmlx("pair", "--keep", "py", "a.ipynb")
    assert refused.returncode == 0  # nothing differs, so nothing has to be decided
