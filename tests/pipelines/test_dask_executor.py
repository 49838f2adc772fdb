"""The Dask executor keeps the contract, on workers that see the project and on workers that do not."""

import os

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
