"""Kernels that are copies of a warm process: the same results as new ones, and their ways of ending."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from pipeline_project import write_notebook
from waiting import PATIENCE_S, until

from jupyter_mlx.pipelines.executors.base import Job
from jupyter_mlx.pipelines.kernels.wanted import wanted
from jupyter_mlx.pipelines.notebook import execute

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are copied on Linux alone")

ALIKE = [
    "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\nfrom sklearn.linear_model import Ridge",
    "import atexit, os, sys\natexit.register(lambda: open('exit.txt', 'a').write('handler '))\nleft_open = open('open.txt', 'w')\nleft_open.write('written')",
    "print(os.getcwd() == os.path.realpath('.'), oct(os.umask(0o22)), os.environ.get('MPLBACKEND'), sys.path[0])",
    "os.umask(0o77) and None\nimport locale\nlocale.setlocale(locale.LC_ALL), sys.stdin.read() if False else ''",
    "print(__name__, sys.argv[1:2], sys.flags, sys.stdout.encoding, 'PYTHONHASHSEED' in os.environ)",
    "pd.DataFrame({'a': [1, 2]}).describe()",
    "wide = pd.DataFrame([range(40)])\nprint(wide)\nwide",
    "pd.DataFrame({'a': range(20_000)}).eval('a * 2 + a').sum()",
    "pd.DataFrame({'a': ['x', 'y'] * 500}).to_parquet('table.parquet')\nlen(pd.read_parquet('table.parquet'))",
    "_ = plt.plot([1, 2])",
    "rng = np.random.default_rng(0)\nx = rng.normal(size=(200, 200))\nprint(round(float(np.linalg.svd(x)[1].sum()), 6), Ridge().fit(x, x[:, 0]).coef_.shape)",
    "!echo from a shell; echo and its errors >&2",
    "import subprocess\nprint(subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True).stdout)\nos.system('echo straight')",
    "import threading\nt = threading.Thread(target=lambda: sys.stdout.write('in a thread\\n'))\nt.start(); t.join()",
    "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool:\n    print(pool.map(abs, [-1, -2]))",
    "def square(x):\n    return x * x\nfrom joblib import Parallel, delayed\nprint(Parallel(n_jobs=2)(delayed(square)(i) for i in range(4)))",
    "import pickle, cloudpickle\nprint(pickle.loads(cloudpickle.dumps(square))(5), square.__module__)",
    "import asyncio\nawait asyncio.sleep(0)\nasyncio.get_running_loop().is_running()",
    "import logging\nlogging.warning('a warning')\nlogging.getLogger().handlers[:1] != []",
    "import warnings\nwarnings.warn('told')\nwarnings.warn('old', DeprecationWarning)",
    "took = %timeit -n1 -r1 -o -q pass\ntook.loops",
    "import ipywidgets\nbox = ipywidgets.IntSlider(3)\nbox.value",
    "import signal\nsignal.getsignal(signal.SIGINT).__name__, signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGCHLD)",
    "from IPython.display import display, HTML\nh = display(HTML('<b>1</b>'), display_id='one')\nh.update(HTML('<b>2</b>'))",
    "from resource import *\ngetrlimit(RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0)",
    "sorted(set(os.listdir('/proc/self/fd')) & {'0', '1', '2'}), os.read(0, 1)",
    ("input('?')", "raises-exception"),
    ("def broken():\n    return pd.DataFrame()['nothing']\nbroken()", "raises-exception"),
    "get_ipython().__class__.__name__, In[-1][:13], len(Out)",
]  # fmt: skip
DIFFERS = re.compile(
    r"0x[0-9a-f]+|/tmp/ipykernel_\d+/\d+\.py|model_id\W+\w+|IPY_MODEL_\w+|[0-9a-f]{32}|\x1b\[[0-9;]*m"
)
"""Addresses, process ids, ids of widgets."""


@pytest.fixture
def job(tmp_path):
    """Write a notebook into a folder of its own; make its job."""

    def make(*cells, folder="here", **fields):
        root = tmp_path / folder
        write_notebook(root / "note.ipynb", *cells)
        return Job("note", str(root), "note.ipynb", str(root / "done.ipynb"), **fields)

    return make


def run(job):
    return execute(job, lambda message: None)


def outputs(job):
    # papermill marks the place of each error with a cell of its own
    cells = [cell for cell in nbformat.read(job.executed, 4).cells if cell.cell_type == "code"]
    return [DIFFERS.sub("…", json.dumps(cell.outputs, sort_keys=True)) for cell in cells]


def parent_of(job):
    """The command of the process that made a job's kernel."""
    return outputs(job)[0]


def test_a_copied_kernel_gives_the_same_outputs_as_a_new_one(job):
    warm, cold = job(*ALIKE, folder="warm"), job(*ALIKE, folder="cold", cold=True)
    assert [run(each).status for each in (warm, cold)] == ["finished", "finished"]
    pairs = list(zip(outputs(warm), outputs(cold), strict=True))
    assert len(pairs) == len(ALIKE)
    assert [(one, other) for one, other in pairs if one != other] == []
    for name, text in (("exit.txt", "handler "), ("open.txt", "written")):
        assert [Path(each.root, name).read_text() for each in (warm, cold)] == [text, text]


WHOSE = "import os, random, psutil, numpy\nprint('kernels.warm' in ' '.join(psutil.Process(os.getppid()).cmdline()))"
DRAWS = "print(random.random(), numpy.random.rand())"


def test_kernels_are_copies_of_one_process_and_draw_different_numbers(job):
    made = [job(WHOSE, DRAWS, folder=str(i)) for i in range(2)]
    assert [run(each).status for each in made] == ["finished", "finished"]
    assert all("True" in parent_of(each) for each in made)
    assert outputs(made[0])[1] != outputs(made[1])[1]


@pytest.mark.parametrize(("first", "second", "shared"), [
    ("import sklearn.cluster", "import sklearn", False),
    ("from sklearn import cluster", "import sklearn", False),
    ("import sklearn.cluster", "from sklearn import cluster", True),
    ("from sklearn.cluster import KMeans", "from sklearn.cluster import DBSCAN", True),
])  # fmt: skip
def test_what_another_notebook_imports_is_not_there(job, first, second, shared):
    """A sub-module may change its package when it is imported."""
    one = job(first, "import os; print('made by', os.getppid())", folder="one")
    other = job(
        second,
        "import sys, os; print('sklearn.cluster' in sys.modules, 'made by', os.getppid())",
        folder="other",
    )
    assert [run(each).status for each in (one, other)] == ["finished", "finished"]
    said = [json.loads(outputs(each)[-1])[0]["text"] for each in (one, other)]
    assert said[1].split()[0] == str("cluster" in second)
    assert (said[0].split()[-1] == said[1].split()[-1]) is shared


@pytest.mark.parametrize("why", ["cold", "shadowed", "settings", "environment"])
def test_kernels_that_could_differ_are_new_processes(job, why):
    cells = ["%env OMP_NUM_THREADS=1"] if why == "environment" else []
    made = job(WHOSE, *cells, folder=why, cold=why == "cold")
    if why == "shadowed":
        Path(made.root, "numpy.py").write_text("rand = 1")
    if why == "settings":
        Path(made.root, ".mlx").mkdir()
        Path(made.root, ".mlx", "local.yaml").write_text("kernels:\n  cold: true\n")
    assert run(made).status == "finished"
    assert "False" in parent_of(made)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("os._exit(3)", "by itself with exit code 3"),
        ("os.kill(os.getpid(), 11)", "crashed in native code (SIGSEGV)"),
        ("os.kill(os.getpid(), 9)", "killed from outside (SIGKILL)"),
    ],
    ids=["exit", "crash", "kill"],
)
def test_a_dead_kernel_s_last_words_and_its_end_are_told(job, code, told):
    made = job(
        f"import os, sys, time\nprint('last words', flush=True)\nsys.stdout.flush()\ntime.sleep(0.3)\n{code}"
    )
    outcome = run(made)
    assert (outcome.status, outcome.cell) == ("failed", 1)
    assert told in outcome.problem
    assert "last words" in outputs(made)[0]


def test_a_cell_that_ignores_interrupts_is_ended_at_its_timeout(job):
    made = job(
        "import ctypes\nctypes.CDLL(None).sleep\nctypes.PyDLL(None).sleep(50)", timeout_s=0.5, epilogue="1"
    )
    begun = time.monotonic()
    outcome = run(made)
    assert "timeout of 0.5 s" in outcome.problem
    assert time.monotonic() - begun < 40
    assert not [p for p in psutil.process_iter() if p.status() != "zombie" and _cwd(p) == made.root]


def test_settings_of_kernels_that_will_not_do_are_told_with_their_line(job):
    made = job("1")
    Path(made.root, ".mlx").mkdir()
    Path(made.root, ".mlx", "local.yaml").write_text("kernels:\n  idle_s: soon\n")
    assert ".mlx/local.yaml:2: kernels.idle_s" in run(made).problem


def _cwd(process):
    try:
        return process.cwd()
    except psutil.Error:
        return ""


def test_kernels_end_with_the_process_that_asked_for_them(job, tmp_path):
    made = job("import os, time\nopen('pid.txt', 'w').write(str(os.getpid()))\ntime.sleep(100)")
    code = (
        "import sys, json\nfrom jupyter_mlx.pipelines.notebook import execute\n"
        "from jupyter_mlx.pipelines.executors.base import Job\n"
        f"execute(Job(*{[made.name, made.root, made.notebook, made.executed]!r}), print)"
    )
    caller = psutil.Popen([sys.executable, "-c", code], stdout=-3, stderr=-3)
    pid = Path(made.root, "pid.txt")
    until(lambda: pid.exists() and pid.read_text())
    kernel = psutil.Process(int(pid.read_text()))
    caller.kill()
    caller.wait()
    kernel.wait(PATIENCE_S)


def test_many_kernels_at_once_are_each_their_own(job):
    made = [job(f"import os\nprint({i}, os.getpid() == os.getpgid(0))", folder=str(i)) for i in range(8)]
    outcomes = {}
    threads = [threading.Thread(target=lambda j=j: outcomes.update({j.root: run(j)})) for j in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {outcome.status for outcome in outcomes.values()} == {"finished"}
    assert [f"{i} True" in outputs(j)[0] for i, j in enumerate(made)] == [True] * 8


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        (
            ["import a.b as c, d\nfrom e.f import g", "%matplotlib inline\nimport h"],
            ("a.b", "d", "e.f:g", "h"),
        ),
        (["import os\nos.environ['OMP_NUM_THREADS'] = '1'", "import numpy"], None),
        (["import os\nos.environ['MY_TOKEN'] = '1'", "import numpy"], ("os", "numpy")),
        (["%env MKL_NUM_THREADS=1\nimport numpy"], None),
        (["import os\nos.environ.update(x)"], None),
        (["def f():\n    import late", "from . import own", "%%bash\nimport x", "x ="], ()),
    ],
)
def test_what_is_imported_ahead_is_read_from_the_cells(sources, found):
    assert wanted(sources) == found


def test_kernels_lists_and_stops_warm_processes(job, jmlx, tmp_path):
    home = {"JUPYTER_MLX_KERNELS": os.environ["JUPYTER_MLX_KERNELS"]}
    run(job("1"))
    listed = json.loads(jmlx("kernels", "list", "--json", env=home).stdout)
    assert listed
    assert all(row["kernels"] == [] for row in listed)
    stopped = json.loads(jmlx("kernels", "stop", "--json", env=home).stdout)
    assert stopped["stopped"] == [row["key"] for row in listed]
    assert json.loads(jmlx("kernels", "list", "--json", env=home).stdout) == []
    missing = jmlx("kernels", "stop", "absent", env=home)
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
