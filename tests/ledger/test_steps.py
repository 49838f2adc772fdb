"""Steps of metrics on their way into the ledger: real processes, kills, full disks."""

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from jupyter_mlx.errors import AccessError
from jupyter_mlx.ledger.ledger import Ledger
from jupyter_mlx.ledger.run import Run, new_id, utc_now


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.db")


@pytest.fixture
def run(ledger):
    made = Run(new_id(), "r", "cell", "running", utc_now())
    ledger.open(made)
    return made


def files(ledger):
    return sorted(path.name for path in (ledger.path.parent / "steps").glob("*"))


def logging_process(ledger, run, body):
    """A process that logs into a run, and says when it has."""
    script = f"""
import os, sys, time
from pathlib import Path
from jupyter_mlx.ledger.ledger import Ledger
ledger, run = Ledger(Path({str(ledger.path)!r})), {run.id!r}
{body}
print("ready", flush=True)
sys.stdin.read()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "ready\n"
    return child


def ended(child, sign=None):
    if sign is None:
        child.stdin.close()
    else:
        os.kill(child.pid, sign)
    child.wait()
    child.stdout.close()


def test_what_a_killed_process_logged_is_all_there(ledger, run):
    child = logging_process(ledger, run, "for i in range(5000): ledger.log(run, {'loss': i / 2}, i, i)")
    ended(child, signal.SIGKILL)
    assert ledger.series(run.id)["loss"] == [(i, i / 2, float(i)) for i in range(5000)]
    assert ledger.get(run.id).metrics == {"loss": 2499.5}
    assert files(ledger) == []


def test_another_process_sees_steps_while_they_are_logged(ledger, run):
    child = logging_process(ledger, run, "ledger.log(run, {'loss': 1.0})")
    seq = ledger.seq()
    assert ledger.fold()
    assert [found.metrics for found in ledger.changed_since(seq).runs] == [{"loss": 1.0}]
    assert not ledger.fold()
    assert len(files(ledger)) == 1  # its process may log on
    ended(child)
    ledger.fold()
    assert files(ledger) == []
    assert len(ledger.series(run.id)["loss"]) == 1


def test_several_processes_log_into_one_run_and_steps_go_on(ledger, run):
    ledger.log(run.id, {"loss": 0.0}, 0, 0.0)
    children = [
        logging_process(
            ledger, run, f"for i in range(100): ledger.log(run, {{'loss': {n}}}, None, {n} + i * 10)"
        )
        for n in (1, 2)
    ]
    for child in children:
        ended(child)
    found = ledger.series(run.id)["loss"]
    assert [step for step, _, _ in found] == list(range(201))
    # in turns, as their clocks say
    assert [value for _, value, _ in found[1:]] == [1.0, 2.0] * 100
    assert ledger.finish(replace(run, status="finished")).metrics == {"loss": 2.0}


def test_a_forked_child_logs_into_a_file_of_its_own(ledger, run):
    ledger.log(run.id, {"a": 1.0})
    pid = os.fork()
    if pid == 0:
        ledger.log(run.id, {"b": 2.0})
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    ledger.log(run.id, {"a": 3.0})
    assert len(files(ledger)) == 2
    assert ledger.finish(replace(run, status="finished")).metrics == {"a": 3.0, "b": 2.0}
    assert files(ledger) == []


def test_a_line_that_was_cut_short_is_passed_over_and_the_rest_is_read(ledger, run):
    ledger.log(run.id, {"a": 1.0})
    with (ledger.path.parent / "steps" / files(ledger)[0]).open("ab") as file:
        file.write(b'[5,0.1,{"a":\n[6,0.2,{"a":7.0}]\nnot json\n[1,2]\n[7,0.3,{"a"')
    assert [point[:2] for point in ledger.series(run.id)["a"]] == [(0, 1.0), (6, 7.0)]
    ledger.finish(replace(run, status="finished"))
    assert files(ledger) == []


def test_lines_are_counted_once_whoever_folds_them(ledger, run, tmp_path):
    others = [Ledger(tmp_path / "ledger.db") for _ in range(3)]
    for at in range(30):
        ledger.log(run.id, {"a": float(at)})
        others[at % 3].fold()
    assert len(ledger.series(run.id)["a"]) == 30


def test_steps_of_a_run_that_the_ledger_has_not_got_wait_for_it(ledger, run, tmp_path):
    ledger.log(run.id, {"a": 1.0})
    for path in tmp_path.glob("ledger.db*"):
        path.unlink()
    fresh = Ledger(tmp_path / "ledger.db")
    fresh.fold()
    assert len(files(ledger)) == 1
    assert fresh.finish(replace(run, status="finished")).metrics == {"a": 1.0}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, -0.0, 5e-324])
def test_any_number_comes_back(ledger, run, value):
    ledger.log(run.id, {"null": value, "ünï \n": value}, 2**62)
    (step, found, _), *rest = ledger.series(run.id)["ünï \n"]
    assert (step, rest) == (2**62, [])
    assert found == value or (math.isnan(found) and math.isnan(value))
    found = ledger.get(run.id).metrics["null"]
    assert found == value or (math.isnan(found) and math.isnan(value))


def test_a_series_of_many_parts_is_one(ledger, run):
    for at in range(2500):
        ledger.log(run.id, {"a": at}, at)
        if at % 700 == 0:
            ledger.fold()
    assert [step for step, _, _ in ledger.series(run.id)["a"]] == list(range(2500))
    ledger.log(run.id, {"a": 1.0})
    assert ledger.series(run.id)["a"][-1][0] == 2500


def test_a_disk_that_takes_no_more_is_told_and_later_steps_are_whole(ledger, run, tmp_path):
    import resource

    ledger.log(run.id, {"a": 1.0})
    size = (tmp_path / "steps" / files(ledger)[0]).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5, before[1]))  # a line is cut after 5 bytes
    try:
        with pytest.raises(AccessError, match="steps"):
            ledger.log(run.id, {"a": 2.0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    ledger.log(run.id, {"a": 3.0})
    assert [value for _, value, _ in ledger.series(run.id)["a"]] == [1.0, 3.0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads a file of Linux that opens, and cannot be read")
def test_steps_that_cannot_be_read_are_told_with_their_file(ledger, run):
    ledger.log(run.id, {"loss": 1.0})
    path = ledger.path.with_name("steps") / f"{run.id}.00000000.steps"
    path.symlink_to("/proc/self/mem")
    with pytest.raises(AccessError, match=f"{path.name}: Input/output error"):
        ledger.fold()
