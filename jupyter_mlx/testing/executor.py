"""What every executor must do, as a suite: subclass `ExecutorTests` and give it an `executors` fixture.

class TestMyExecutor(ExecutorTests):
    @pytest.fixture
    def executors(self):
        return lambda slots: MyExecutor(slots)
"""

# The names of the tests are their documentation.
# ruff: noqa: D102

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import nbformat
import pytest

from jupyter_mlx.pipelines.executors.base import TOLD_MIME, CellStarted, Job, Outcome

if TYPE_CHECKING:
    from jupyter_mlx.pipelines.executors.base import Executor, Message

Executors: TypeAlias = "Callable[[int], Executor]"

SLOTS = 2
PATIENCE_S = 120.0
"""How long an answer may take before a test gives up; no test waits so long for what works."""
TELL = f"""
from IPython.display import display
display({{{TOLD_MIME!r}: {{"seen": globals().get("seen")}}}}, raw=True)
"""
PARAMS = {
    "text": 'it\'s "quoted" ✓\n',
    "number": 0.1,
    "flag": True,
    "nothing": None,
    "nested": {"a": [1, {}]},
}


class Folder:
    """A project's folder with notebooks to be executed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "nb").mkdir()

    def job(self, name: str, *cells: str, **fields: Any) -> Job:
        """A job whose notebook has these code cells; `x = 1` is the one with the tag `parameters`."""
        make: Any = nbformat.v4
        made = [
            make.new_code_cell(cell, metadata={"tags": ["parameters"]} if cell == "x = 1" else {})
            for cell in cells
        ]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        node = make.new_notebook(cells=made, metadata={"kernelspec": spec})
        path = self.root / "nb" / f"{name}.ipynb"
        path.write_text(nbformat.writes(node), encoding="utf-8")
        executed = str(self.root / f"{name}-executed.ipynb")
        return Job(name=name, root=str(self.root), notebook=f"nb/{path.name}", executed=executed, **fields)

    def waiting(self, name: str) -> Job:
        """A job that goes on for longer than any test."""
        return self.job(name, "print('begun')", "import time\ntime.sleep(600)")


class Answers:
    """Collects what is reported of some jobs."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def report(self, message: Message) -> None:
        """Take a message, from any thread."""
        self._queue.put(message)

    def outcomes(self, count: int) -> dict[str, Outcome]:
        """Wait for so many outcomes; no job may have more than one."""
        found: dict[str, Outcome] = {}
        while len(found) < count:
            message = self._next(PATIENCE_S)
            if isinstance(message, Outcome):
                assert message.name not in found
                found[message.name] = message
        return found

    def wait_for_cell(self, name: str, cell: int) -> None:
        """Wait until that cell of the job has begun."""
        while True:
            message = self._next(PATIENCE_S)
            assert not isinstance(message, Outcome), message
            if isinstance(message, CellStarted) and (message.name, message.cell) == (name, cell):
                return

    def assert_silent(self) -> None:
        """Nothing is told after the outcome."""
        with suppress(queue.Empty):
            pytest.fail(f"told after the end: {self._next(0.2)}")

    def _next(self, timeout: float) -> Message:
        message = self._queue.get(timeout=timeout)
        self.messages.append(message)
        return message


def touch(path: Path) -> str:
    """Code that makes that file."""
    return f"from pathlib import Path\nPath({str(path)!r}).touch()"


def await_file(path: Path) -> str:
    """Code that waits for that file."""
    return (
        "import time\nfrom pathlib import Path\n"
        f"for _ in range({int(PATIENCE_S * 50)}):\n    if Path({str(path)!r}).exists(): break\n    time.sleep(0.02)\n"
        "else: raise TimeoutError"
    )


def printed(job: Job) -> str:
    """What the cells of the executed notebook have printed."""
    cells = json.loads(Path(job.executed).read_text("utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return "".join("".join(output.get("text", "")) for output in outputs)


class ExecutorTests:
    """The contract of `Executor`, each sentence of it a test."""

    shared: ClassVar[Executor | None] = None

    @classmethod
    def teardown_class(cls) -> None:
        """Let go of what several tests used."""
        if cls.shared is not None:
            cls.shared.close()
            cls.shared = None

    @pytest.fixture
    def executors(self) -> Executors:
        """Makes executors with so many slots."""
        raise NotImplementedError

    @pytest.fixture
    def executor(self, executors: Executors) -> Executor:
        """One that several tests use."""
        suite = type(self)
        suite.shared = suite.shared or executors(SLOTS)
        return suite.shared

    @pytest.fixture
    def fresh(self, executors: Executors) -> Iterator[Executor]:
        """One of the test's own, which it may stop."""
        made = executors(SLOTS)
        yield made
        made.stop(now=True)
        made.close()

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path)

    @pytest.fixture
    def answers(self) -> Answers:
        return Answers()

    def kill_worker(self, executor: Executor) -> None:
        """Kill the process that executes the only job of `executor`, as the system would."""
        del executor
        pytest.skip("the suite does not know how to kill a worker of this executor")

    def test_a_notebook_is_executed_with_its_params_in_its_own_folder(
        self, executor: Executor, folder: Folder, answers: Answers
    ) -> None:
        told = "import os\nhere = os.path.basename(os.getcwd())\n"
        told += "seen = [text, number, flag, nothing, nested, os.environ['ADDED'], here]"
        job = folder.job(
            "whole",
            "x = 1",
            told,
            "print('x is', x)",
            params={"x": 2, **PARAMS},
            env={"ADDED": "of the job"},
            epilogue=TELL,
        )
        before = (Path(job.root) / job.notebook).read_bytes()
        executor.submit(job, answers.report)
        outcome = answers.outcomes(1)["whole"]
        assert outcome == Outcome("whole", "finished", outcome.duration_s, told=outcome.told)
        assert outcome.duration_s > 0
        assert outcome.told == {"seen": [*PARAMS.values(), "of the job", "nb"]}
        assert printed(job) == "x is 2\n"
        assert (Path(job.root) / job.notebook).read_bytes() == before
        begun = [m for m in answers.messages if isinstance(m, CellStarted)]
        assert begun == [CellStarted("whole", cell, 3) for cell in (1, 2, 3)]
        answers.assert_silent()

    def test_a_failing_cell_is_told_and_what_came_before_is_kept(
        self, executor: Executor, folder: Folder, answers: Answers
    ) -> None:
        job = folder.job(
            "fails", "print('before')", "seen = 1\nwrong = 1 / 0", "print('after')", epilogue=TELL
        )
        executor.submit(job, answers.report)
        outcome = answers.outcomes(1)["fails"]
        assert (outcome.status, outcome.cell, outcome.line) == ("failed", 2, "wrong = 1 / 0")
        assert (outcome.ename, outcome.problem) == (
            "ZeroDivisionError",
            "ZeroDivisionError: division by zero",
        )
        assert "ZeroDivisionError" in "".join(outcome.traceback)
        assert outcome.told == {"seen": 1}
        assert printed(job) == "before\n"
        answers.assert_silent()

    def test_what_cannot_be_executed_is_an_answer_too(
        self, executor: Executor, folder: Folder, answers: Answers
    ) -> None:
        gone = replace(folder.job("gone", ""), notebook="nb/nowhere.ipynb")
        broken = folder.job("broken", "")
        (folder.root / broken.notebook).write_text("{no notebook")
        kernel = folder.job("kernel", "1", kernel="nobody-has-this")
        for job in (gone, broken, kernel):
            executor.submit(job, answers.report)
        outcomes = answers.outcomes(3)
        assert {name: outcome.status for name, outcome in outcomes.items()} == dict.fromkeys(
            outcomes, "failed"
        )
        assert "nb/nowhere.ipynb" in outcomes["gone"].problem
        assert "broken.ipynb" in outcomes["broken"].problem
        assert "nobody-has-this" in outcomes["kernel"].problem
        answers.assert_silent()

    def test_as_many_jobs_run_at_once_as_there_are_slots(
        self, executor: Executor, folder: Folder, answers: Answers
    ) -> None:
        assert executor.slots == SLOTS
        a, b = folder.root / "a", folder.root / "b"
        jobs = [
            folder.job("first", f"{touch(a)}\n{await_file(b)}"),
            folder.job("second", f"{touch(b)}\n{await_file(a)}"),
            folder.job("queued", "print('in its turn')"),
        ]
        for job in jobs:
            executor.submit(job, answers.report)
        assert {outcome.status for outcome in answers.outcomes(3).values()} == {"finished"}
        assert printed(jobs[2]) == "in its turn\n"

    def test_a_cell_is_stopped_at_its_timeout(
        self, executor: Executor, folder: Folder, answers: Answers
    ) -> None:
        job = folder.job("slow", "print('begun')", "import time\ntime.sleep(600)", timeout_s=0.4)
        executor.submit(job, answers.report)
        outcome = answers.outcomes(1)["slow"]
        assert (outcome.status, outcome.cell) == ("failed", 2)
        assert "timeout of 0.4 s" in outcome.problem
        assert printed(job) == "begun\n"

    def test_a_killed_kernel_fails_its_job_alone(
        self, executor: Executor, folder: Folder, answers: Answers
    ) -> None:
        executor.submit(
            folder.job("dies", "print('begun')", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
            answers.report,
        )
        executor.submit(folder.job("lives", "1"), answers.report)
        outcomes = answers.outcomes(2)
        assert (outcomes["dies"].status, outcomes["dies"].cell) == ("failed", 2)
        assert "kernel" in outcomes["dies"].problem
        assert outcomes["lives"].status == "finished"
        answers.assert_silent()

    def test_a_killed_worker_leaves_no_job_without_an_answer(
        self, fresh: Executor, folder: Folder, answers: Answers
    ) -> None:
        let_go = folder.root / "let-go"
        fresh.submit(folder.job("survives", await_file(let_go)), answers.report)
        answers.wait_for_cell("survives", 1)
        self.kill_worker(fresh)
        let_go.touch()
        outcome = answers.outcomes(1)["survives"]
        # it is told, or was executed elsewhere
        assert outcome.status in {"failed", "finished"}
        assert outcome.status == "finished" or outcome.problem
        fresh.submit(folder.job("after", "1"), answers.report)
        assert answers.outcomes(1)["after"].status == "finished"
        answers.assert_silent()

    def test_one_job_is_cancelled_and_the_executor_goes_on(
        self, executor: Executor, folder: Folder, answers: Answers
    ) -> None:
        running, after = folder.waiting("running"), folder.job("after", "1")
        executor.submit(running, answers.report)
        answers.wait_for_cell("running", 2)
        assert executor.held() == {"running"}
        executor.cancel("nobody")
        executor.cancel("running")
        outcomes = answers.outcomes(1)
        assert {outcome.status for outcome in outcomes.values()} == {"interrupted"}
        assert printed(running) == "begun\n"
        executor.submit(after, answers.report)
        assert answers.outcomes(1)["after"].status == "finished"

    @pytest.mark.parametrize("now", [False, True])
    def test_stop_answers_what_is_executed_and_what_is_queued(
        self, fresh: Executor, folder: Folder, answers: Answers, now: bool
    ) -> None:
        job = folder.waiting("running")
        fresh.submit(job, answers.report)
        answers.wait_for_cell("running", 2)
        for number in range(4):
            fresh.submit(folder.waiting(f"queued{number}"), answers.report)
        fresh.stop(now=now)
        outcomes = answers.outcomes(5)
        assert {outcome.status for outcome in outcomes.values()} == {"interrupted"}
        assert not fresh.held()
        assert now or printed(job) == "begun\n"
        fresh.close()
        answers.assert_silent()
