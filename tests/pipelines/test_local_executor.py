"""The local executor keeps the contract."""

import os
import signal

import pytest

from jupyter_mlx.pipelines.executors.local import LocalExecutor
from jupyter_mlx.testing.executor import ExecutorTests


class TestLocalExecutor(ExecutorTests):
    @pytest.fixture
    def executors(self):
        return LocalExecutor

    def kill_worker(self, executor):
        (worker,) = executor._workers
        os.kill(worker.process.pid, signal.SIGKILL)
