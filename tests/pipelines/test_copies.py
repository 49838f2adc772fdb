"""Stages that go on in the copy of a kernel that sleeps after a cell, with real kernels."""

from __future__ import annotations

import json
import os
import re
import sys

import psutil
import pytest
from pipeline_project import actions
from waiting import PATIENCE_S, until

from jupyter_mlx.pipelines.events import StageStarted
from jupyter_mlx.pipelines.kernels import calling

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are copied on Linux alone")

STILL = "is still in memory"
DIFFERS = re.compile(r"0x[0-9a-f]+|/tmp/ipykernel_\d+/\d+\.py|model_id\W+\w+|[0-9a-f]{32}")
UNRECORDED = """
import os, random, signal, sqlite3, threading
import numpy as np
class Holder:
    def __init__(self):
        self.double, self.lock = lambda x: 2 * x, threading.Lock()
random.seed(1); np.random.seed(1)
holder, rng, g = Holder(), np.random.default_rng(1), (i for i in range(9))
base = sqlite3.connect(':memory:')
base.execute('create table t (x)'); base.execute('insert into t values (7)')
os.makedirs('out', exist_ok=True)
with open('out/first.txt', 'w') as f: f.write('first')
os.environ['MODE'] = 'fast'
signal.signal(signal.SIGTERM, lambda *_: None)
first = (next(g), random.random(), np.random.rand(), rng.random())
first[0]"""


@pytest.fixture
def resumed(project, runner, notebook, stages):
    """Run the cells of `a` with checkpoints; what became of it, and from where it ran."""
    stages("  a: {notebook: a.ipynb}\n")
    runner.checkpoint_after_s = 0.0

    def run(*cells, stage="{notebook: a.ipynb, outputs: [out]}", **options):
        stages(f"  a: {stage}\n")
        notebook("a", *cells)
        reasons = []
        listener = lambda e: reasons.append(e.reason) if isinstance(e, StageStarted) else None  # noqa: E731
        summary = runner.run(listener=listener, **{"resume": True, **options})
        return actions(summary)["a"], " / ".join([*reasons, *map(str, summary.failures)])

    yield run
    for key in calling.warm_processes():
        calling.stop_warm_process(key, now=True)


@pytest.fixture
def goes_on(resumed):
    """Run cells of which the last are replaced, and make sure that the others stayed in memory."""

    def run(*cells, **options):
        ran, why = resumed(*cells, **options)
        assert ran == "ran", why
        assert STILL in why
        assert "top" not in why

    return run


def outputs(project):
    """Of each code cell: its count, and what it gave, but for what differs each time."""
    cells = json.loads((project.root / ".mlx/notebooks/a.ipynb").read_text())["cells"]
    return [
        (cell["execution_count"], DIFFERS.sub("…", json.dumps(cell["outputs"], sort_keys=True)))
        for cell in cells
        if cell["cell_type"] == "code"
    ]


def why_not(project):
    path = project.root / ".mlx/checkpoints/a/why-not"
    return path.read_text() if path.exists() else ""


def asleep():
    return {key: said for key, said in calling.warm_processes().items() if said.get("stage")}


def test_what_cannot_be_recorded_goes_on_in_memory_with_the_result_of_a_run_from_the_top(
    project, resumed, goes_on, tmp_path
):
    log = tmp_path / "log"
    count = f"os.system('echo once >> {log}');"
    last = (
        "os.environ['MODE'], next(g), holder.double(4), holder.lock.acquire(), base.execute('select x from t').fetchone()",
        "random.random(), np.random.rand(), rng.random(), os.getcwd(), os.listdir('out'), signal.getsignal(15).__name__",
        "round(float(np.linalg.svd(np.arange(90_000.).reshape(300, 300) % 7)[1].sum()), 3)",
    )
    assert resumed(UNRECORDED, count, "1 / 0")[0] == "failed"
    goes_on(UNRECORDED, count, *last)
    assert log.read_text() == "once\n"
    found = outputs(project)
    assert [count for count, _ in found] == [1, 2, 3, 4, 5]
    ran, why = resumed(UNRECORDED, count, *last, resume=False, force=True)
    assert (ran, STILL in why) == ("ran", False)
    assert outputs(project) == found


def test_outputs_arrive_as_from_a_new_kernel(project, resumed, goes_on):
    first = (
        (
            "g = (i for i in range(9))\nimport logging, os, sys, warnings\nimport numpy as np\nimport matplotlib.pyplot as plt\n"
            "import asyncio\nlogging.basicConfig(); log = logging.getLogger('mine')\nlock = asyncio.Lock()\nheld = sys.stdout\n"
            "os.makedirs('out', exist_ok=True); open('out/a', 'w').close()\nasync def use():\n    async with lock: await asyncio.sleep(0)\n"
            "await asyncio.gather(use(), use());"
        ),
        "print('x' * 200_000)\n_ = plt.imshow(np.random.default_rng(0).random((200, 200)))",
    )
    last = (
        "next(g)\nlog.warning('told')",
        "print('printed'); print('held', file=held)",
        "print('wrong', file=sys.stderr)",
        "warnings.warn('beware')\n!echo shell",
        "_ = plt.plot([1, 2])",
        "from IPython.display import display, HTML\nh = display(HTML('<b>1</b>'), display_id='one')\nh.update(HTML('<b>2</b>'))",
        "await asyncio.gather(use(), use()); await asyncio.to_thread(sum, [1, 2])",
        "import threading\nt = threading.Thread(target=lambda: print('in a thread'))\nt.start(); t.join()",
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool:\n    print(pool.map(abs, [-1, -2]))",
        "import subprocess\nsubprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True).stdout",
        "import ipywidgets\nbox = ipywidgets.IntSlider(3)\nbox",
        "import signal\nsignal.getsignal(signal.SIGINT).__name__, signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGCHLD)",
        ("def deeper(n):\n    if n: deeper(n - 1)\n    else:\n        raise ValueError('deep')\ndeeper(2)", "raises-exception"),
        ("def far(n):\n    return 1 + far(n + 1)\nfar(0)", "raises-exception"),
        ("input('?')", "raises-exception"),
        "In[3], len(Out), _oh is Out, get_ipython().__class__.__name__, type(get_ipython().kernel).__name__",
    )  # fmt: skip
    assert resumed(*first, "1 / 0")[0] == "failed"
    goes_on(*first, *last)
    found = outputs(project)
    resumed(*first, *last, resume=False, force=True)
    expected = outputs(project)
    assert [cell for cell, _ in found] == [cell for cell, _ in expected]
    for (_, now), (_, then) in zip(found, expected, strict=True):
        assert now == then


def test_two_stages_of_one_copy_do_not_see_each_other_and_can_be_copied_themselves(resumed, goes_on):
    first = "import os; os.makedirs('out', exist_ok=True); open('out/a', 'w').close()\nxs, g = [], (i for i in range(9))"
    resumed(first, "1 / 0")
    goes_on(first, "xs.append(next(g)); assert xs == [0]", "xs.append('end')")
    goes_on(first, "xs.append(next(g) + 1); assert xs == [1]", "ys = (x for x in xs); 1")
    # of the copy that the resumed kernel made of itself
    goes_on(
        first,
        "xs.append(next(g) + 1); assert xs == [1]",
        "ys = (x for x in xs); 1",
        "assert next(ys) == 1 == next(g)",
    )
    assert len(asleep()) == 3


def test_what_a_woken_kernel_recorded_comes_back_in_another(resumed, goes_on):
    first = "import matplotlib.pyplot, os; os.environ['MODE'] = 'fast'; os.makedirs('out', exist_ok=True); open('out/a', 'w').close()\nx, g = 1, (i for i in range(9))"
    resumed(first, "1 / 0")
    goes_on(first, "y = x + 1", "1")
    end_all()
    # the log of child processes is this kernel's own
    last = "assert (y, os.environ['MODE'], os.path.exists(os.environ['JUPYTER_MLX_LINEAGE'])) == (2, 'fast', True)"
    ran, why = resumed(first, "y = x + 1", last)
    assert (ran, STILL in why, "top" in why, "from cell" in why) == ("ran", False, False, True), why


def end_all():
    for said in asleep().values():
        process = psutil.Process(said["pid"])
        process.kill()
        process.wait(PATIENCE_S)


def test_a_copy_that_was_killed_is_not_missed(project, resumed):
    first = "import os; os.makedirs('out', exist_ok=True); open('out/a', 'w').close()\nx, g = 1, (i for i in range(9))"
    resumed(first, "1 / 0")
    end_all()
    ran, why = resumed(first, "assert x == 1")
    assert (ran, STILL in why, "had done those" in why) == ("ran", False, True), why
    # and without a record
    resumed(first, "import threading; lock = threading.Lock()", "next(g); 1 / 0")
    end_all()
    ran, why = resumed(first, "import threading; lock = threading.Lock()", "assert next(g) == 0")
    assert (ran, STILL in why, "from" in why) == ("ran", False, False), why


def test_what_the_cells_depended_on_has_changed_and_the_copy_does_not_count(project, resumed, monkeypatch):
    (project.root / "helpers.py").write_text("def twice(x):\n    return 2 * x\n")
    (project.root / "in.txt").write_text("1")
    stage = "{notebook: a.ipynb, inputs: [in.txt], params: {n: 5}, outputs: [out]}"
    cells = [
        ("n = 1", "parameters"),
        "import os, helpers; os.makedirs('out', exist_ok=True); g = (i for i in range(9))\nx = helpers.twice(n)",
    ]

    def from_the_top(last, stage=stage):
        ran, why = resumed(*cells, last, stage=stage)
        assert ran == "ran", why
        # after the parameters' cell alone it may
        assert "from cell 3" not in why

    end = "; open('out/a', 'w').close()"
    resumed(*cells, "1 / 0", stage=stage)
    cells[1] += " + 1"
    from_the_top(f"assert next(g) == 0 and x == 11{end}")
    (project.root / "in.txt").write_text("22")
    from_the_top(f"assert next(g) == 0 and x == 11 {end}")
    from_the_top(f"assert next(g) == 0 and x == 13  {end}", stage.replace("n: 5", "n: 6"))
    (project.root / "helpers.py").write_text("def twice(x):\n    return 3 * x\n")
    from_the_top(f"assert next(g) == 0 and x == 19   {end}", stage.replace("n: 5", "n: 6"))
    # a variable that new kernels have is the kernel's own affair: it refuses when it is asked
    monkeypatch.setenv("SOMETHING", "else")
    ran, why = resumed(
        *cells, f"next(g); assert os.environ['SOMETHING'] == 'else'{end}", stage=stage.replace("n: 5", "n: 6")
    )
    assert (ran, "from the top" in why) == ("ran", True), why


def test_a_library_has_changed_and_the_copy_does_not_count(project, resumed, tmp_path):
    library = tmp_path / "lib" / "theirs.py"
    library.parent.mkdir()
    library.write_text("VERSION = 1\n")
    first = (
        f"import os, sys; sys.path.append({str(library.parent)!r}); import theirs; g = (i for i in range(9))\n"
        "os.makedirs('out', exist_ok=True); open('out/a', 'w').close()"
    )
    resumed(first, "1 / 0")
    library.write_text("VERSION = 22\n")
    ran, why = resumed(first, "next(g); assert theirs.VERSION == 22")
    assert (ran, STILL in why) == ("ran", False), why


def test_a_copy_is_listed_stopped_bounded_and_ends_by_itself(project, resumed, goes_on, jmlx):
    first = (
        "import os; os.makedirs('out', exist_ok=True); open('out/a', 'w').close()\ng = (i for i in range(9))"
    )
    resumed(first, "1", "2", "3", "4", "1 / 0")
    found = asleep()
    assert sorted(said["cells"] for said in found.values()) == [3, 4, 5]
    listed = jmlx("kernels", "list").stdout
    key, pid = next((key, said["pid"]) for key, said in found.items() if said["cells"] == 5)
    assert f"{key}  process {pid}  the stage a after 5 cells" in listed
    assert "MiB of its own" in listed
    process = psutil.Process(pid)
    held = {os.readlink(f"/proc/{pid}/fd/{name}").partition(":")[0] for name in os.listdir(f"/proc/{pid}/fd")}
    assert held <= {"/dev/null", "/dev/urandom", "socket", "pipe", "anon_inode"}, held
    assert len([c for c in process.net_connections("all") if c.laddr]) == 1
    assert jmlx("kernels", "stop", key).returncode == 0
    process.wait(PATIENCE_S)
    goes_on(first, "1", "2", "3", "4", "assert next(g) == 0")
    left = [psutil.Process(said["pid"]) for said in asleep().values()]
    assert len(left) == 3
    (project.root / ".mlx/local.yaml").write_text("kernels: {idle_s: 0.2}\n")
    ran, why = resumed(first + " ", "1", "2")
    assert (ran, STILL in why) == ("ran", False)
    # those of another beginning end at once, and the new ones when nobody asked for a while
    for each in left:
        each.wait(PATIENCE_S)
    until(lambda: not asleep(), "their end")


REFUSED = {
    "import threading; stop = threading.Event(); t = threading.Thread(target=stop.wait); t.start()": "thread",
    "stop.set(); t.join()\nimport subprocess; child = subprocess.Popen(['sleep', '60'])": "child process",
    "child.kill(); child.wait()\nf = open('helpers.py')": "helpers.py is open",
    "f.close(); import socket; s = socket.socket()": "socket:",
    "s.close(); import mmap; m = mmap.mmap(-1, 4096)": "mapped",
    "m.close(); import numpy as np; m = np.memmap('big.bin', mode='r')": "big.bin is open",
    "del m; import asyncio; task = asyncio.get_running_loop().call_later(600, print)": "asyncio",
    "task.cancel(); loop = asyncio.get_running_loop(); loop.call_soon(loop.call_soon, print);": "asyncio",
    "import signal; loop.add_signal_handler(signal.SIGUSR1, print)": "asyncio waits for signals",
    "loop.remove_signal_handler(signal.SIGUSR1); signal.setitimer(signal.ITIMER_REAL, 600);": "a timer runs",
    "signal.setitimer(signal.ITIMER_REAL, 0); import tempfile; d = tempfile.TemporaryDirectory()": "tidied up",
    "d.cleanup(); import os; e = os.eventfd(0)": "eventfd",
    "os.close(e); import sys, types; sys.modules['mpi4py'] = types": "mpi4py is loaded",
    "del sys.modules['mpi4py']; signal.signal(signal.SIGCHLD, print);": "SIGCHLD",
    "signal.signal(signal.SIGCHLD, signal.SIG_DFL);": "",
    "from ipywidgets import IntSlider; w = IntSlider()": "widgets are open",
    "IntSlider.close_all(); from sklearn.cluster import KMeans; KMeans(2, n_init=1).fit(np.arange(8_000.).reshape(-1, 2));": (
        "threads of a library run"
    ),
}
TELL = """
import pathlib
kept = pathlib.Path('.mlx/checkpoints/a')
print((kept / 'why-not').read_text() if (kept / 'why-not').exists() else '', [path.stem for path in kept.glob('*.copy')])
(kept / 'why-not').unlink(missing_ok=True)
"""


def test_what_a_copy_would_share_or_lack_makes_none(project, resumed):
    refused = dict(REFUSED)
    if (os.cpu_count() or 1) < 2:
        # no library starts threads there
        refused.popitem()
    (project.root / "helpers.py").write_text("")
    (project.root / "big.bin").write_bytes(bytes(4096))
    resumed(*(TELL + cell for cell in refused), TELL, stage="{notebook: a.ipynb}")
    for (number, said), (cell, reason) in zip(outputs(project)[1:], refused.items(), strict=True):
        if reason:
            assert f"after cell {number - 1}: " in said, cell
            assert reason in said.rpartition("in memory: ")[2], (cell, said)
        assert (f"{number - 1:06d}" in said) is not bool(reason), (cell, said)


@pytest.mark.parametrize("cell", ["import atexit", "import helpers"])
def test_what_is_done_at_the_end_makes_no_copy(project, resumed, cell):
    (project.root / "helpers.py").write_text("import atexit\n")
    resumed(cell, "1 / 0")
    assert "atexit" in why_not(project)
    assert not asleep()


def test_what_an_execution_left_that_never_ended_does_not_count(project, resumed, goes_on):
    first = (
        "import os; os.makedirs('out', exist_ok=True); open('out/a', 'w').close()\ng = (i for i in range(9))"
    )
    (project.root / "in.txt").write_text("1")
    resumed(first, "1 / 0")
    keep = "import shutil; shutil.copy('.mlx/checkpoints/a/account', '.mlx/was'); x = open('in.txt').read()"
    goes_on(first, keep, "print(x)")
    # as if it had been killed before its end
    (project.root / ".mlx/was").replace(project.root / ".mlx/checkpoints/a/account")
    (project.root / "in.txt").write_text("22")
    goes_on(first, keep, "print(x); next(g)")
    assert "22" in outputs(project)[-1][1]


def test_a_woken_kernel_is_interrupted_like_any_other(resumed, goes_on):
    first = (
        "import os; os.makedirs('out', exist_ok=True); open('out/a', 'w').close()\ng = (i for i in range(9))"
    )
    resumed(first, "1 / 0")
    timed = "{notebook: a.ipynb, outputs: [out], timeout: 1s}"
    ran, why = resumed(first, "import time; time.sleep(600)", stage=timed)
    assert (ran, STILL in why, "longer than its timeout" in why) == ("failed", True, True), why
    goes_on(first, "assert next(g) == 0")


def test_a_kernel_that_may_not_fit_twice_is_not_copied(project, runner, resumed):
    runner.copied_share = 1e-9
    resumed("g = (i for i in range(9))", "1 / 0")
    assert "might not fit" in why_not(project)
    assert not asleep()
