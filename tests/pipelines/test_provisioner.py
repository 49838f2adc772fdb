"""The provisioner in a real Jupyter server: a warm kernel is started, interrupted, restarted and shut down."""

from __future__ import annotations

import json
import sys
import uuid

import psutil
import pytest
from waiting import PATIENCE_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are copied on Linux alone")
WHOSE = "import os, psutil\nprint(os.getpid(), 'kernels.warm' in ' '.join(psutil.Process(os.getppid()).cmdline()), 'x' in globals())"


@pytest.fixture
def kernelspec(jp_data_dir):
    folder = jp_data_dir / "kernels" / "warm"
    folder.mkdir(parents=True)
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Warm", "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": "mlx-provisioner"}},
    }  # fmt: skip
    (folder / "kernel.json").write_text(json.dumps(spec))
    return "warm"


async def test_a_kernel_of_jupyter_server_is_a_warm_one_for_all_of_its_life(
    kernelspec, jp_fetch, jp_ws_fetch
):
    made = await jp_fetch(
        "api", "kernels", method="POST", body=json.dumps({"name": kernelspec, "path": "note.ipynb"})
    )
    kernel = json.loads(made.body)["id"]

    async def ask(*words):
        return await jp_fetch(
            "api", "kernels", kernel, *words, method="POST", body="{}", request_timeout=PATIENCE_S
        )

    async def said(code, *, until="execute_reply", act=None):
        """What the cell prints, and its reply's status or error."""
        socket = await jp_ws_fetch("api", "kernels", kernel, "channels")
        asked = uuid.uuid4().hex
        header = {
            "msg_id": asked,
            "msg_type": "execute_request",
            "session": asked,
            "username": "",
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": False, "stop_on_error": True}
        whole = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        await socket.write_message(json.dumps(whole))
        printed, reply, idle = "", None, False
        while reply is None or not idle:
            text = await socket.read_message()
            assert text is not None, "the server closed the conversation"
            message = json.loads(text)
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "stream":
                printed += content["text"]
                if act is not None:
                    await ask(act)
            elif kind == "execute_reply":
                reply = content.get("ename", content["status"])
            idle = idle or (kind == "status" and content["execution_state"] == "idle")
        socket.close()
        return printed.split(), reply

    (first, warm, known), reply = await said(f"{WHOSE}\nx = 1")
    assert (warm, known, reply) == ("True", "False", "ok")
    printed, reply = await said("import time\nprint('begun', flush=True)\ntime.sleep(600)", act="interrupt")
    assert (printed, reply) == (["begun"], "KeyboardInterrupt")
    assert (await said(WHOSE))[0] == [first, "True", "True"]
    await ask("restart")
    second, warm, known = (await said(WHOSE))[0]
    assert (second != first, warm, known) == (True, "True", "False")
    assert not psutil.pid_exists(int(first))
    process = psutil.Process(int(second))
    await jp_fetch("api", "kernels", kernel, method="DELETE")
    process.wait(PATIENCE_S)
