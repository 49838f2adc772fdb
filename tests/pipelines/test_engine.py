"""papermill with our engine: what papermill's own writes, logs and raises."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
import time
from importlib.metadata import entry_points

import nbformat
import pytest
from nbclient.exceptions import CellTimeoutError
from pipeline_project import write_notebook

from jupyter_mlx.pipelines.engine import EngineClient, PacedManager, register
from jupyter_mlx.pipelines.kernels import COLD_VARIABLE

CELLS = [
    ("x = 1", "parameters"),
    "print('out', x)\nimport sys\nprint('err', file=sys.stderr)\nx",
    "# papermill_description=Draws\nfrom IPython.display import display, clear_output\nprint('gone')\nclear_output()\ndisplay({'text/plain': 'a', 'text/html': '<b>a</b>'}, raw=True)",
    "import ipywidgets\nout = ipywidgets.Output()\nwith out:\n    print('inside')\nout",
]
DIFFERS = re.compile(r"\d{4}-\d\d-\d\dT[\d:.+Z]+|[0-9a-f]{32}|0x[0-9a-f]+|ipykernel_\d+")
"""Times, ids of widgets, addresses."""


@pytest.fixture(autouse=True)
def _known():
    register()


def executed(folder, *cells, engine="mlx", **options):
    """What papermill returns, without what differs from run to run."""
    import papermill

    path = write_notebook(folder / "note.ipynb", *cells)
    options = {"progress_bar": False, "cwd": str(folder), **options}
    return papermill.execute_notebook(str(path), str(folder / "done.ipynb"), engine_name=engine, **options)


def plain(node):
    for part in (node, *node.cells):
        part.pop("id", None)
        part.metadata.papermill.duration = None
    return json.loads(DIFFERS.sub("…", json.dumps(node)))


def _made(folder, engine):
    """The notebook as an engine makes it, and what it said."""
    said = {"stdout_file": io.StringIO(), "stderr_file": io.StringIO()}
    node = executed(folder, *CELLS, engine=engine, parameters={"x": 7}, execution_timeout=60, **said)
    return [plain(node), *(stream.getvalue() for stream in said.values())]


def _at_last(make):
    """What nbclient makes: where it speaks for a widget it now and then misses an answer, and waits for ever."""
    for _ in range(3):
        with contextlib.suppress(CellTimeoutError):
            return make()
    return make()


def test_the_notebook_is_the_one_that_papermill_s_own_engine_makes(tmp_path):
    made = {"mlx": _made(tmp_path, "mlx"), "nbclient": _at_last(lambda: _made(tmp_path, "nbclient"))}
    assert made["mlx"] == made["nbclient"]
    assert made["mlx"][1:] == ["out 7\ngone\n", "err\n"]


@pytest.mark.parametrize("engine", ["mlx", "nbclient"])
def test_a_failure_is_raised_and_saved_as_papermill_does(tmp_path, engine):
    from papermill import PapermillExecutionError

    with pytest.raises(PapermillExecutionError, match="division"):
        executed(tmp_path, "x = 1", "1 / 0", "x = 2", engine=engine)
    saved = nbformat.read(tmp_path / "done.ipynb", 4)
    states = [cell.metadata.papermill.get("status") for cell in saved.cells if cell.cell_type == "code"]
    assert states == ["completed", "failed", "pending"]


def test_a_notebook_is_saved_while_a_long_cell_goes_on(tmp_path):
    reader = (
        "import time\nfor _ in range(3000):\n"
        "    if '\"1\\\\n\"' in open('done.ipynb').read():\n        print('saved')\n        break\n    time.sleep(0.01)"
    )
    node = executed(tmp_path, "print(1)", reader)
    assert node.cells[1].outputs[0].text == "saved\n"


def test_what_takes_long_to_save_is_saved_seldom(tmp_path):
    saved = []

    class Slow(PacedManager):
        def write(self, **_):
            saved.append(1)
            time.sleep(0.02)

    manager = Slow(nbformat.v4.new_notebook(metadata={"papermill": {}}), progress_bar=False)
    for _ in range(50):
        manager.save()
    assert len(saved) == 1
    # at a twentieth of the time, however long the machine took for it
    assert 0 < manager.aside() <= max(1, 20 * manager._pace._took_s)
    manager.save_now()
    assert len(saved) == 2
    assert manager.aside() is None


def test_papermill_s_timeout_stops_a_cell(tmp_path):
    with pytest.raises(Exception, match="timed out while it was being executed, after 1 seconds"):
        executed(tmp_path, "import time\ntime.sleep(60)", execution_timeout=1)


def test_papermill_s_command_finds_the_engine(tmp_path):
    if "mlx" not in {entry.name for entry in entry_points(group="papermill.engine")}:
        pytest.skip("the installed jupyter_mlx has no entry point papermill.engine; install this tree")
    path = write_notebook(
        tmp_path / "note.ipynb", "import os, psutil\nprint(psutil.Process(os.getppid()).cmdline())"
    )
    command = [sys.executable, "-m", "papermill", "--engine", "mlx", path, tmp_path / "done.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "kernels.warm" in (tmp_path / "done.ipynb").read_text()


@pytest.mark.parametrize(
    "first", ["papermill", "jupyter_mlx.pipelines.engine", "jupyter_mlx.pipelines.notebook"]
)
def test_papermill_and_its_engine_are_imported_in_any_order(first):
    words = (
        f"import {first}, papermill; print(papermill.engines.papermill_engines.get_engine('mlx').nb_language)"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=False)
    assert "MlxEngine" in done.stdout, done.stderr


LAST_WORDS = """
def prepare():
    import sys, time
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.kernelbase import Kernel
    said, stdout, loop = Kernel._publish_status_and_flush, sys.stdout, IPKernelApp.instance().iopub_thread.io_loop
    close = loop.close
    def late(self, status, channel, *more):
        if channel == "control":
            time.sleep(1)
            stdout.flush()
        said(self, status, channel, *more)
    def slow(**options):
        time.sleep(3)
        close(**options)
    Kernel._publish_status_and_flush, loop.close = late, slow
prepare()
"""
"""The kernel's control channel flushes its output a second after it was told to leave; to end that takes three."""


@pytest.mark.parametrize("cold", ["1", ""])
def test_a_kernel_leaves_by_itself_also_where_it_has_last_words(tmp_path, monkeypatch, cold):
    monkeypatch.setenv(COLD_VARIABLE, cold)
    codes = []
    end = EngineClient._end

    def note(self):
        codes.append(self.km.provisioner.process.poll())
        end(self)

    monkeypatch.setattr(EngineClient, "_end", note)
    executed(tmp_path, LAST_WORDS)
    assert codes == [0]


DEAF = """
def prepare():
    kernel = get_ipython().kernel
    hear, held = kernel.shell_channel_thread_main, []
    async def late(message):
        # one request lies unseen until another connection has come
        held.append(message)
        if len({parts[0].bytes for parts in held}) > 1:
            kernel.shell_stream.on_recv(hear, copy=False)
            for each in held:
                await hear(each)
    loop = kernel.shell_channel_thread.io_loop
    loop.add_callback(lambda: kernel.shell_stream.on_recv(late, copy=False))
prepare()
"""


def test_a_kernel_that_misses_a_request_is_woken(tmp_path):
    node = executed(tmp_path, DEAF, "import time\ntime.sleep(0.1)", "'heard'")
    assert node.cells[-1].outputs[0].data["text/plain"] == "'heard'"
