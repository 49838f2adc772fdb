"""A real kernel, in a project of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

import pytest
from jupyter_client import KernelManager
from waiting import PATIENCE_S

from jupyter_mlx.magics.outputs import OutputLog
from jupyter_mlx.project import Project


@dataclass
class Reply:
    """What a front end gets for one cell."""

    status: str
    outputs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text that is shown: streams, plain results and tracebacks."""
        parts = (
            output.get("text")
            or output.get("data", {}).get("text/plain")
            or "".join(output.get("traceback", []))
            for output in self.outputs
        )
        return "".join(parts)


class Kernel:
    """A kernel and its client; `kernel(code)` executes a cell as a front end does."""

    def __init__(self, folder, **env):
        self.manager = KernelManager()
        # as a copy of a warm process it is there in half the time
        self.manager.kernel_spec.metadata = {"kernel_provisioner": {"provisioner_name": "mlx-provisioner"}}
        self.manager.start_kernel(cwd=str(folder), env={**os.environ, **env})
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE_S)

    def __call__(
        self, code: str, timeout: float = PATIENCE_S, cell_id: str = "cell-1", **metadata: object
    ) -> Reply:
        return self.wait(self.send(code, cell_id, **metadata), timeout)

    def send(self, code: str, cell_id: str = "cell-1", **metadata: object) -> str:
        """Ask for the execution of a cell, as JupyterLab does; the request's id."""
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
            "stop_on_error": False,
        }  # fmt: skip
        message = self.client.session.msg(
            "execute_request", content, metadata={"cellId": cell_id, **metadata}
        )
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def wait(self, request: str, timeout: float = PATIENCE_S) -> Reply:
        """The outputs of a request, until the kernel is idle again."""
        log = OutputLog()
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=timeout)
            except Empty:
                raise AssertionError(f"the kernel did not answer in {timeout} s") from None
            if message["parent_header"].get("msg_id") != request:
                continue
            kind = message["msg_type"]
            if kind == "status" and message["content"]["execution_state"] == "idle":
                break
            if kind in {
                "stream",
                "display_data",
                "execute_result",
                "error",
                "update_display_data",
                "clear_output",
            }:
                log.feed(kind, message["content"])
        reply = self.client.get_shell_msg(timeout=timeout)
        while reply["parent_header"].get("msg_id") != request:
            reply = self.client.get_shell_msg(timeout=timeout)
        return Reply(reply["content"]["status"], log.take())

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The project of the module's kernel."""
    return Project.create(tmp_path_factory.mktemp("project")).root


@pytest.fixture(scope="module")
def loaded(root):
    """The module's kernel, with the magics."""
    kernel = Kernel(root)
    assert kernel("%load_ext jupyter_mlx").status == "ok"
    yield kernel
    kernel.stop()


@pytest.fixture
def kernel(loaded):
    """The module's kernel, with an empty namespace."""
    loaded("%reset -f\n%load_ext jupyter_mlx")
    return loaded


@pytest.fixture
def start(request):
    """Start further kernels, which end with the test."""
    started = []

    def begin(folder, **env):
        started.append(Kernel(folder, **env))
        return started[-1]

    yield begin
    for kernel in started:
        kernel.stop()


@pytest.fixture
def last(root):
    """The run that was recorded last, whole and settled."""

    def newest(query: str = ""):
        project = Project.open(root)
        run = project.ledger.page(query, limit=1).runs[0]
        return project.ledger.get(run.id)

    return newest
