"""The Dask executor keeps the contract, on workers that see the project and on workers that do not."""

import os
import subprocess
import sys

import pytest
from dask_cluster import Cluster
from libraries import require

from jupyter_mlx.testing.executor import ExecutorTests

require("distributed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.add_worker()
        made.add_worker()
        yield made
    finally:
        made.close()


class TestDaskExecutor(ExecutorTests):
    @pytest.fixture
    def executors(self, cluster):
        from jupyter_mlx.pipelines.executors.dask import DaskExecutor

        self.cluster = cluster
        return lambda slots: DaskExecutor(cluster.address, slots)

    def kill_worker(self, executor):
        from distributed import Client

        with Client(self.cluster.address, set_as_default=False) as client:
            busy = [address for address, keys in client.processing().items() if keys]
            (pid,) = client.run(os.getpid, workers=busy).values()
        (worker,) = [each for each in self.cluster.workers if each.pid == pid]
        self.cluster.kill(worker)
        self.cluster.add_worker()


@pytest.mark.parametrize("address", ["foo", "tls://127.0.0.1:1"])
def test_an_address_that_cannot_be_used_ends_the_command_with_a_line(project, notebook, stages, address):
    notebook("s", "1")
    stages("  s: {notebook: s.ipynb}\n")
    # a process that lets go of all that it has as it ends, as the copies of `jmlx` do not
    words = [sys.executable, "-m", "jupyter_mlx.cli.main", "run", "--executor=dask", "--scheduler", address]
    done = subprocess.run(words, cwd=project.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"jmlx: no Dask scheduler answers at {address} (")
    assert "Traceback" not in done.stderr
