"""Ctrl-C at the moments at which it finds things half done."""

import queue
import subprocess

import pytest
from pipeline_project import write_notebook

from jupyter_mlx.pipelines.executors.base import Job, Outcome
from jupyter_mlx.pipelines.executors.local import LocalExecutor
from jupyter_mlx.pipelines.executors.worker import Interrupt, decode, encode
from jupyter_mlx.pipelines.stopping import stopped
from jupyter_mlx.starting import command


class Hasty(LocalExecutor):
    """Is interrupted while it is handed a job, before or after it has it."""

    has_it = False

    def submit(self, job, report):
        if self.has_it:
            super().submit(job, report)
        raise KeyboardInterrupt


class HastyAfter(Hasty):
    has_it = True


@pytest.mark.parametrize("executor", [Hasty, HastyAfter])
def test_an_interrupt_while_a_stage_is_handed_over_ends_its_run(chain, runner, executor):
    runner.use(executor)
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    runs = chain.ledger.page().runs
    assert {(run.kind, run.status) for run in runs} == {("pipeline", "interrupted"), ("stage", "interrupted")}


def test_a_job_that_the_executor_does_not_hold_has_ended():
    executor = LocalExecutor(1)
    assert stopped(executor, queue.SimpleQueue(), ["lost"]) == {"lost": Outcome("lost", "interrupted")}
    executor.close()


def test_a_worker_does_not_begin_what_was_interrupted_before_and_goes_on(tmp_path):
    write_notebook(tmp_path / "one.ipynb", "1")
    jobs = [Job(name, str(tmp_path), "one.ipynb", str(tmp_path / name)) for name in ("first", "second")]
    # the second interrupt comes too late, and is not the next job's
    lines = [encode(Interrupt(1)), encode(jobs[0]), encode(Interrupt(1)), encode(jobs[1])]
    with subprocess.Popen(
        command("jupyter_mlx.pipelines.executors.worker"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as worker:
        worker.stdin.write("".join(f"{line}\n" for line in lines))
        worker.stdin.flush()
        told = map(decode, worker.stdout)
        ended = [next(one for one in told if isinstance(one, Outcome)) for _ in jobs]
        worker.stdin.close()
    assert [(one.name, one.status) for one in ended] == [("first", "interrupted"), ("second", "finished")]
