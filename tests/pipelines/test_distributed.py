"""A pipeline on a Dask cluster whose workers do not see the project; what a cluster may lack."""

import contextlib
import json
import queue
import re
import signal
import subprocess
import sys

import psutil
import pytest
from click.testing import CliRunner
from dask_cluster import Cluster
from libraries import require
from waiting import PATIENCE_S, until

from jupyter_mlx.cli.main import cli
from jupyter_mlx.pipelines.executors.base import Job, Outcome
from jupyter_mlx.pipelines.executors.dask import DaskExecutor
from jupyter_mlx.pipelines.executors.luggage import Home

require("distributed")

SECRET = "canary-5f3a9c"


def can_hide(folder):
    """Whether a process can be given a view of the file system in which a folder is empty."""
    done = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.fixture
def far(project, tmp_path):
    """A cluster of one worker that sees an empty folder in the project's place."""
    if sys.platform != "linux" or not can_hide(project.root):
        pytest.skip("only root on Linux can hide a folder from a process")
    (tmp_path / "cluster").mkdir()
    made = Cluster(tmp_path / "cluster")
    try:
        made.add_worker("--resources", "CPU=2", hidden=project.root)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.add_worker()
        yield made
    finally:
        made.close()


def invoke(*words):
    return CliRunner().invoke(cli, [*words])


@pytest.mark.parametrize("way", ["remote", "in hand"])
def test_a_stage_runs_where_nothing_of_the_project_is(project, notebook, stages, far, way, tmp_path):
    (project.root / "data").mkdir()
    (project.root / "data" / "raw.txt").write_text("1 2 3")
    (project.root / "helpers.py").write_text("def total(xs):\n    return sum(map(int, xs))\n")
    notebook(
        "add",
        ("bias = 0\nkey = ''", "parameters"),
        "import os\nfrom pathlib import Path\nimport jupyter_mlx as jm\nfrom helpers import total",
        "found = total(Path('data/raw.txt').read_text().split()) + bias\n"
        "for step in range(2):\n    jm.log(found=found, step=step)\n"
        "Path('made').mkdir(exist_ok=True)\nPath('made/total.txt').write_text(str(found))\n"
        "Path('log.txt').write_text('kept')\njm.log_artifact('log.txt')\nprint(os.getcwd())",
    )
    text = f"  add: {{notebook: add.ipynb, params: {{bias: 4, key: {SECRET}}}, inputs: [data], outputs: [made]}}\n"
    if way == "remote":
        text += f"remotes:\n  origin: {{url: {tmp_path / 'remote'}}}\n"
    stages(text)
    done = invoke("run", "--executor", "dask", "--scheduler", far.address, "--json")
    assert done.exit_code == 0, done.output + far.logs()
    assert (project.root / "made" / "total.txt").read_text() == "10"
    (run,) = project.ledger.page('kind = "stage"').runs
    assert (run.status, run.metrics) == ("finished", {"found": 10.0})
    assert [step for step, _, _ in project.ledger.series(run.id)["found"]] == [0, 1]
    whole = project.ledger.get(run.id)
    assert {file.path for file in whole.outputs} == {"made", ".mlx/notebooks/add.ipynb", "log.txt"}
    log = next(file for file in whole.outputs if file.path == "log.txt")
    assert project.store.get(project.workspace.named(log).digest) == b"kept"
    executed = (project.root / ".mlx/notebooks/add.ipynb").read_text()
    assert str(far.folder) in executed
    # it worked in a folder of the worker's own, which is gone, and nobody printed what the job holds
    assert not list((far.folder / "worker0").rglob("jmlx-*"))
    assert SECRET not in far.logs()
    again = invoke("run", "--executor", "dask", "--scheduler", far.address, "--json")
    assert [row["action"] for row in json.loads(again.stdout)["stages"]] == ["cached"]
    if way == "remote":
        assert (tmp_path / "remote").exists()
        swept = invoke("sweep", "add", "bias=1,2", "--executor", "dask", "--scheduler", far.address, "--json")
        assert swept.exit_code == 0, swept.output + far.logs()
        assert [point["metrics"] for point in json.loads(swept.stdout)["points"]] == [
            {"found": 7.0},
            {"found": 8.0},
        ]
        assert (project.root / "made" / "total.txt").read_text() == "10"


def test_a_command_and_what_is_not_declared_travel_too(project, stages, far):
    (project.root / "raw.txt").write_text("1 2")
    (project.root / "sums.py").write_text("def total(xs):\n    return sum(map(int, xs))\n")
    (project.root / "add.py").write_text(
        "import os\nfrom sums import total\n"
        "open('sum.txt', 'w').write(str(total(open('raw.txt').read().split())))\nprint(os.getcwd())\n"
    )
    stages(f"  add: {{command: [{sys.executable}, add.py]}}\n")
    done = invoke("run", "--executor", "dask", "--scheduler", far.address, "--json")
    assert done.exit_code == 0, done.output + far.logs()
    assert (project.root / "sum.txt").read_text() == "3"
    assert str(far.folder) in (project.root / ".mlx/notebooks/add.log").read_text()
    (run,) = project.ledger.page('kind = "stage"').runs
    whole = project.ledger.get(run.id)
    assert {(f.path, f.how) for f in whole.inputs} == {("raw.txt", "seen")}
    assert ("sum.txt", "seen") in {(f.path, f.how) for f in whole.outputs}
    (project.root / "raw.txt").write_text("4")
    assert [row.reason for row in project.runner().plan().steps] == ["raw.txt changed"]


def test_a_scheduler_that_is_not_there_is_told(project, notebook, stages):
    notebook("a", "1")
    stages("  a: {notebook: a.ipynb}\n")
    done = invoke("run", "--executor", "dask", "--scheduler", "tcp://127.0.0.1:1")
    assert done.exit_code == 1
    assert re.search(r"no Dask scheduler answers at tcp://127.0.0.1:1 .*`dask scheduler`", done.output)
    assert "Traceback" not in done.output


class StoppedWhilePacking(DaskExecutor):
    def _pack(self, job):
        taken = super()._pack(job)
        self.stop()
        return taken


def test_a_stage_that_is_stopped_while_its_luggage_is_packed_is_not_sent(project, notebook, far):
    notebook("slow", "import time; time.sleep(600)")
    home = Home(project.root, project.store, lambda: project.ledger, None)
    executor, answers = StoppedWhilePacking(far.address, 1, home), queue.SimpleQueue()
    root = str(project.root)
    executor.submit(Job("slow", root, "slow.ipynb", f"{root}/.mlx/slow.ipynb"), answers.put)
    assert answers.get(timeout=PATIENCE_S) == Outcome("slow", "interrupted")
    assert not executor.held()
    executor.close()


def test_ctrl_c_stops_what_a_cluster_executes(project, notebook, stages, cluster):
    notebook(
        "slow",
        "print('begun')",
        "from pathlib import Path\nimport time\nPath('there').touch()\ntime.sleep(600)",
    )
    stages("  slow: {notebook: slow.ipynb}\n")
    words = ["run", "--executor", "dask", "--scheduler", cluster.address]
    command = [sys.executable, "-m", "jupyter_mlx.cli.main", *words]
    process = subprocess.Popen(command, cwd=project.root, stderr=subprocess.PIPE, text=True)
    until((project.root / "there").exists)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    (run,) = project.ledger.page('kind = "stage"').runs
    assert run.status == "interrupted"
    assert "begun" in (project.root / ".mlx/notebooks/slow.ipynb").read_text()
    until(lambda: not kernels(cluster))


def test_a_command_that_is_killed_leaves_no_kernel_on_the_cluster(project, notebook, stages, cluster):
    notebook("slow", "from pathlib import Path\nimport time\nPath('there').touch()\ntime.sleep(600)")
    stages("  slow: {notebook: slow.ipynb}\n")
    words = ["run", "--executor", "dask", "--scheduler", cluster.address]
    process = subprocess.Popen([sys.executable, "-m", "jupyter_mlx.cli.main", *words], cwd=project.root)
    until((project.root / "there").exists)
    process.kill()
    process.wait()
    until(lambda: not kernels(cluster))


def test_a_worker_with_another_python_is_refused_and_one_with_other_packages_told():
    from jupyter_mlx.pipelines.executors.agreeing import VersionsDifferError, compared

    here = {"python": "3.11.2.final.0", "jupyter_mlx": "0.1.0", "numpy": "2.0", "lz4": None}
    assert compared("tcp://w:1", here, {**here, "python": "3.11.9.final.0"}) == ""
    assert (
        compared("tcp://w:1", here, {**here, "numpy": "1.26"})
        == "the worker tcp://w:1 has numpy 1.26 (here 2.0)"
    )
    for there in (
        {**here, "python": "3.12.1.final.0"},
        {**here, "jupyter_mlx": None},
        {**here, "jupyter_mlx": "0.2"},
    ):
        with pytest.raises(VersionsDifferError, match="install the same on both"):
            compared("tcp://w:1", here, there)


def test_a_cluster_of_its_own_is_started_where_no_scheduler_is_named(project, notebook, stages):
    notebook("a", "x = 1\nfrom pathlib import Path\nPath('a.txt').write_text('made')")
    stages("  a: {notebook: a.ipynb, outputs: [a.txt]}\n")
    done = invoke("run", "--executor", "dask", "-j", "1", "--json")
    assert done.exit_code == 0, done.output
    assert (project.root / "a.txt").read_text() == "made"


def kernels(cluster):
    """The kernels that the cluster's workers have."""
    below = [
        child for worker in cluster.workers for child in psutil.Process(worker.pid).children(recursive=True)
    ]
    return [child for child in below if any("ipykernel" in word for word in commands(child))]


def commands(process):
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []
