"""The warm process itself: how long it lives, and for whom."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest
from pipeline_project import write_notebook
from waiting import PATIENCE_S

from jupyter_mlx.pipelines.executors.base import Job
from jupyter_mlx.pipelines.kernels.calling import private_folder, warm_processes
from jupyter_mlx.pipelines.notebook import execute

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are copied on Linux alone")
NOBODY = 65534


def test_a_warm_process_is_not_older_than_its_packages_and_ends_when_nobody_calls(tmp_path):
    # what is imported from here is imported by this warm process alone
    package = tmp_path / "lib" / "sitecustomize.py"
    package.parent.mkdir()
    package.write_text("VERSION = 1\n")
    write_notebook(
        tmp_path / "note.ipynb", "import os, sitecustomize\nprint(os.getppid(), sitecustomize.VERSION)"
    )
    job = Job(
        "note", str(tmp_path), "note.ipynb", str(tmp_path / "done.ipynb"),
        env={"PYTHONPATH": f"{package.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )  # fmt: skip

    def said():
        assert execute(job, lambda message: None).status == "finished"
        pid, version = nbformat.read(job.executed, 4).cells[0].outputs[0].text.split()
        return int(pid), int(version)

    pid, version = said()
    first = psutil.Process(pid)
    assert version == 1
    assert said() == (pid, 1)
    package.write_text("VERSION = 22\n")
    pid, version = said()
    assert (version, pid != first.pid) == (22, True)
    first.wait(PATIENCE_S)
    second = psutil.Process(pid)
    (tmp_path / ".mlx").mkdir()
    (tmp_path / ".mlx" / "local.yaml").write_text("kernels:\n  idle_s: 1\n")
    assert said() == (pid, 22)
    second.wait(PATIENCE_S)


ASK = """
import os, socket
os.chdir({folder!r})
os.setgroups([])
os.setgid({nobody})
os.setuid({nobody})
s = socket.socket(socket.AF_UNIX)
s.connect({name!r})
s.sendall(b'{{"ask": "status"}}\\n')
print(s.makefile().read())
"""
ANSWER = """
import os, socket
os.chdir({folder!r})
s = socket.socket(socket.AF_UNIX)
s.bind('other.sock')
os.setgroups([])
os.setgid({nobody})
os.setuid({nobody})
s.listen()
print('listening', flush=True)
conversation, _ = s.accept()
if conversation.recv(1000):
    conversation.sendall(b'{{"pid": 1}}\\n')
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_warm_process_answers_nobody_else_and_nobody_else_is_believed(tmp_path):
    write_notebook(tmp_path / "note.ipynb", "1")
    assert (
        execute(Job("note", str(tmp_path), "note.ipynb", str(tmp_path / "done.ipynb")), print).status
        == "finished"
    )
    folder = private_folder()
    (path, *_) = folder.glob("*.sock")
    known = {"folder": str(folder), "nobody": NOBODY}

    def asked():
        code = ASK.format(name=path.name, **known)
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "PermissionError" in asked().stderr
    # and where the folder and the socket had been opened to all
    path.chmod(0o666)
    folder.chmod(0o755)
    try:
        done = asked()
    finally:
        folder.chmod(0o700)
        path.chmod(0o600)
    assert "pid" not in done.stdout
    assert "PermissionError" not in done.stderr

    other = subprocess.Popen(
        [sys.executable, "-c", ANSWER.format(**known)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert other.stdout.readline() == b"listening\n", other.stderr.read()
        listed = warm_processes()
        assert path.stem in listed
        assert "other" not in listed
    finally:
        other.kill()
        other.communicate()
        Path(folder, "other.sock").unlink(missing_ok=True)
