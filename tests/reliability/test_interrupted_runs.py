"""A pipeline that is stopped, killed, or out of disk: no kernel is left, and a further run goes on."""

from __future__ import annotations

import json
import signal
import time

import psutil
import pytest
from commands import COMMANDS
from disks import mounted
from waiting import PATIENCE_S

from jupyter_mlx.project import Project


@pytest.fixture
def slow(project):
    """`before` ends at once; `slow` ignores interrupts and goes on until `go` exists."""
    (project.root / "before.py").write_text("# %%\nopen('before.txt', 'w').write('1')\n")
    (project.root / "slow.py").write_text(
        "# %%\nimport os, signal, time\nfrom pathlib import Path\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "Path('out.txt').write_text('half')\nPath('pid').write_text(str(os.getpid()))\n"
        "# %%\nwhile not Path('go').exists():\n    time.sleep(0.02)\n"
        "# %%\nPath('out.txt').write_text('whole')\n"
    )
    (project.root / "mlx.yaml").write_text(
        "stages:\n  before: {notebook: before.py, outputs: [before.txt]}\n"
        "  slow: {notebook: slow.py, inputs: [before.txt], outputs: [out.txt]}\n"
    )
    return project


@pytest.fixture
def started(slow):
    """`jmlx run --json`, when `slow` is under way; `.kernel` is its process."""
    process = COMMANDS.start("run", "--json")
    pid = slow.root / "pid"
    while not (pid.exists() and pid.read_text()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.kernel = psutil.Process(int(pid.read_text()))
    yield process
    process.kill()
    process.communicate()


def goes_on(project, jmlx):
    """A further run takes what had finished, and does the rest."""
    (project.root / "go").touch()
    done = jmlx("run", "--json")
    assert done.returncode == 0, done.stderr
    told = {stage["name"]: stage["action"] for stage in json.loads(done.stdout)["stages"]}
    assert told == {"before": "cached", "slow": "ran"}
    assert (project.root / "out.txt").read_text() == "whole"


def test_a_second_ctrl_c_leaves_at_once_also_where_a_cell_ignores_it(slow, started, jmlx):
    started.send_signal(signal.SIGINT)
    time.sleep(0.5)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=PATIENCE_S)
    assert (started.returncode, "Traceback" in said) == (130, False)
    psutil.wait_procs([started.kernel], timeout=PATIENCE_S)
    assert not started.kernel.is_running()
    assert {run.status for run in slow.ledger.page("name = slow or name = pipeline").runs} == {"interrupted"}
    goes_on(slow, jmlx)


def test_a_command_that_is_killed_before_it_wrote_the_lock_has_lost_nothing(slow, started, jmlx):
    started.kill()
    started.communicate()
    psutil.wait_procs([started.kernel], timeout=PATIENCE_S)
    assert not started.kernel.is_running()
    assert {run.name: run.status for run in slow.ledger.page().runs} == {
        "pipeline": "interrupted", "before": "finished", "slow": "interrupted",
    }  # fmt: skip
    goes_on(slow, jmlx)


def test_a_kernel_that_is_killed_fails_its_stage_and_a_further_run_goes_on(slow, started, jmlx):
    started.kernel.kill()
    told, said = started.communicate(timeout=PATIENCE_S)
    assert started.returncode == 1
    assert {s["name"]: s["action"] for s in json.loads(told)["stages"]} == {"before": "ran", "slow": "failed"}
    assert "the kernel died" in said
    goes_on(slow, jmlx)


def test_a_full_disk_while_a_notebook_is_saved_is_told_and_what_was_there_stays(tmp_path, jmlx):
    with mounted(tmp_path, ["mkfs.ext4", "-q"], 24) as disk:
        project = Project.create(disk / "p")
        (project.root / "big.py").write_text(
            "# %%\nimport random\nprint(random.randbytes(20_000_000).hex())\n"
        )
        (project.root / "good.py").write_text("# %%\nopen('good.txt', 'w').write('1')\n")
        (project.root / "mlx.yaml").write_text(
            "stages:\n  good: {notebook: good.py, outputs: [good.txt]}\n  big: {notebook: big.py}\n"
        )
        assert jmlx("run", "good", cwd=project.root).returncode == 0
        done = jmlx("run", cwd=project.root)
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list((project.root / ".mlx/notebooks").glob(".*"))
        assert jmlx("run", "good", "--json", cwd=project.root).returncode == 0
        project.ledger.close()
