"""What `%%track --cache` must not take for done, in a real kernel."""

import os
import shutil
import signal
import time

import pandas as pd
import pytest

from jupyter_mlx.project import Project


@pytest.fixture
def kernel(loaded, root, tmp_path):
    """The module's kernel in an emptied project, with a key of its own."""
    loaded("%reset -f\n%load_ext jupyter_mlx")
    for path in root.iterdir():
        if path.name not in {".mlx", "mlx.yaml"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    loaded(
        f"import os, sys; os.environ['XDG_DATA_HOME'] = {str(tmp_path / 'home')!r}; sys.modules.pop('helper', None)"
    )
    return loaded


@pytest.fixture
def runs(root, kernel):
    """The runs of cells since the test began, the newest first, whole."""
    ledger = Project(root).ledger
    before = {run.id for run in ledger.page("kind = cell", limit=1000).runs}

    def fresh():
        found = [run.id for run in ledger.page("kind = cell", limit=1000).runs]
        return [ledger.get(id_) for id_ in found if id_ not in before]

    return fresh


def executed(reply):
    """Whether a cell was; why, it says itself."""
    assert reply.status == "ok", reply.text
    return "not executed" not in reply.text


def test_a_cell_of_another_folder_is_another_one(start, root):
    for name in ("expA", "expB"):
        (root / name).mkdir()
        (root / name / "t.txt").write_text(name)
    cell = "%%track --cache\nfrom pathlib import Path\nfound = Path('t.txt').read_text()"
    for name in ("expA", "expB"):
        kernel = start(root / name, XDG_DATA_HOME=str(root / "home"))
        kernel("%load_ext jupyter_mlx")
        kernel(cell)
        assert kernel("found").text == repr(name)


CANARY = "hunter2-canary-93f1"
TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3


def test_secrets_are_not_kept(start, root, runs):
    kernel = start(root, SVC_PASSWORD=CANARY, XDG_DATA_HOME=str(root / "home"))
    kernel("%load_ext jupyter_mlx")
    kernel(
        "%%track --cache\nimport os, numpy as np\n"
        "conn = {'pw': os.environ['SVC_PASSWORD']}\ntoken = 'ghp_' + 'a1B2c3D4e5F6' * 3\n"
        "inner = (token, 1)\nclass C: pass\nc = C(); c.x = conn\nwide = np.array([token])\nplain = [1]\n"
        "text = b'u:' + conn['pw'].encode()\ndef f(): return conn['pw']\n"
    )
    kernel("__import__('jupyter_mlx').afterwards.afterwards().flush()")
    (run,) = runs()
    left = [said for said in run.variables["left"] if "holds what looks like a secret" in said]
    assert {said.partition(":")[0] for said in left} == {"conn", "token", "inner", "c", "wide", "text"}
    assert "plain" in {name for kept in run.variables["kept"] for name in kept["names"]}
    for secret in (CANARY, TOKEN):
        for how in (secret.encode(), secret.encode("utf-32-le")):
            assert not [p for p in (root / ".mlx").rglob("*") if p.is_file() and how in p.read_bytes()]


LOOKING = {
    "glob": "import glob\nn = len(glob.glob('data/*.csv'))",
    "Path.glob": "from pathlib import Path\nn = len(list(Path('data').glob('*.csv')))",
    "listdir": "import os\nn = len(os.listdir('data'))",
    "scandir": "import os\nn = len([each.name for each in os.scandir('data')])",
    "in vain": "try:\n    n = len(open('data/b.csv').read())\nexcept FileNotFoundError:\n    n = 0",
    "exists": "import os\nn = os.path.exists('data/b.csv')",
    "exists of a name": "from pathlib import Path\nname = 'data/b.csv'\nn = Path(name).is_file()",
    "size": "import os\nn = os.path.getsize('data/a.csv')",
}


@pytest.mark.parametrize("code", LOOKING.values(), ids=LOOKING)
def test_what_was_looked_for_counts_as_what_was_read(kernel, root, code):
    (root / "data").mkdir()
    (root / "data/a.csv").write_text("1")
    cell = f"%%track --cache\n{code}"
    assert executed(kernel(cell))
    if "name" not in code and "size" not in code:
        assert not executed(kernel(cell))
    before = kernel("n").text
    (root / "data/b.csv").write_text("2")
    (root / "data/a.csv").write_text("123")
    (root / "data/a.csv").write_text("1") if "size" not in code else None
    assert executed(kernel(cell))
    assert kernel("n").text != before


def test_what_an_earlier_cell_listed_counts_too(kernel, root):
    (root / "data").mkdir()
    (root / "data/a.csv").write_text("1")
    listing = "import os; found = os.listdir('data')"
    cell = "%%track --cache\nn = len(found)"
    kernel(listing)
    kernel(cell)
    kernel(listing)
    assert not executed(kernel(cell))
    (root / "data/b.csv").write_text("2")
    kernel(listing)
    assert executed(kernel(cell))
    assert kernel("n").text == "2"
    (root / "data/b.csv").unlink()
    # the session has seen two, the folder has one
    assert executed(kernel(cell))
    assert kernel("n").text == "2"


def test_a_folder_that_native_code_reads_is_listed(kernel, root):
    (root / "data").mkdir()
    pd.DataFrame({"x": [1]}).to_parquet(root / "data/part-0.parquet")
    kernel("import pandas as pd")
    cell = "%%track --cache\nn = len(pd.read_parquet('data'))"
    kernel(cell)
    assert not executed(kernel(cell))
    pd.DataFrame({"x": [1]}).to_parquet(root / "data/part-1.parquet")
    assert executed(kernel(cell))
    assert kernel("n").text == "2"


def test_a_link_that_leads_elsewhere_is_another_file(kernel, root):
    (root / "data").mkdir()
    (root / "data/a.csv").write_text("a")
    (root / "data/b.csv").write_text("b")
    (root / "data/cur.csv").symlink_to("a.csv")
    cell = "%%track --cache\nfrom pathlib import Path\nfound = Path('data/cur.csv').read_text()"
    kernel(cell)
    assert not executed(kernel(cell))
    (root / "data/cur.csv").unlink()
    (root / "data/cur.csv").symlink_to("b.csv")
    assert executed(kernel(cell))
    assert kernel("found").text == "'b'"


# code before, the cell, what the cell does beside
EFFECTS = {
    "a function that fills a list": ("store = []\ndef add(x): store.append(x)", "add(3)", "store"),
    "numpy's seed": ("import numpy as np", "np.random.seed(0)", "np.random.rand()"),
    "random's seed": ("import random", "random.seed(0)", "random.random()"),
    "a function that seeds": (
        "import random\ndef seed_all(): random.seed(0)",
        "seed_all()",
        "random.random()",
    ),
    "a draw": ("import random; random.seed(1)", "u = random.random()", "random.random()"),
    "environ": ("import os", "os.environ['SPARED'] = '1'", "os.environ.get('SPARED')"),
    "an option of pandas": (
        "import pandas as pd",
        "pd.set_option('display.max_rows', 7)",
        "pd.get_option('display.max_rows')",
    ),
    "sys.path": ("import sys", "sys.path.insert(0, '/nowhere')", "sys.path[0]"),
    "a style": (
        "import matplotlib.pyplot as plt",
        "plt.style.use('ggplot')",
        "plt.rcParams['axes.facecolor']",
    ),
    "del": ("u = 1", "del u", "'u' in dir()"),
    "an alias": (
        "class Inner: fitted = False\nclass Outer:\n    def __init__(self, part): self.part = part\n    def fit(self): self.part.fitted = True; return self\nsc = Inner()",
        "pipe = Outer(sc)\nout = pipe.fit()",
        "(sc.fitted, pipe.part is sc)",
    ),
    "an alias that is not changed": ("sc = [1]", "pipe = [sc]", "pipe[0] is sc"),
    "an alias for a moment": ("box = {}", "b = box\nb['m'] = 1\nb = 0", "box"),
    "a part": ("box = {}\nmodel = [1]", "box['m'] = model", "box"),
    "a list that grows": ("L = [0]", "L.append(1)", "L"),
    "a column": ("import pandas as pd\ndf = pd.DataFrame({'a': [1.0]})", "df['a'] *= 2", "df['a'].tolist()"),
    "a generator of numbers": (
        "import numpy as np\nrng = np.random.default_rng(0)",
        "u = rng.random()",
        "rng.random()",
    ),
    "a method": (
        "class C:\n    n = 0\n    def up(self): self.n += 1; return self.n\nc = C()",
        "r = c.up()",
        "(c.n, r)",
    ),
    "a file that is removed": (
        "open('gone.txt', 'w').write('x')",
        "import os\nos.remove('gone.txt')",
        "os.path.exists('gone.txt')",
    ),
}


@pytest.mark.parametrize(("before", "cell", "shown"), EFFECTS.values(), ids=EFFECTS)
def test_what_a_cell_does_beside_is_not_left_out(start, root, tmp_path, before, cell, shown):
    found = []
    for _ in range(2):
        kernel = start(root, XDG_DATA_HOME=str(tmp_path))
        kernel("%load_ext jupyter_mlx")
        assert kernel(before).status == "ok"
        reply = kernel(f"%%track --cache\n{cell}")
        assert executed(reply), reply.text
        found.append(kernel(shown).text)
        kernel.manager.shutdown_kernel(now=True)
    assert "has done this, but" in reply.text
    assert found[0] == found[1] or "random" in shown


def test_what_a_function_binds_for_a_cell_is_brought_back(start, root, tmp_path):
    for _ in range(2):
        kernel = start(root, XDG_DATA_HOME=str(tmp_path))
        kernel("%load_ext jupyter_mlx")
        kernel("cfg = None\ndef setup():\n    global cfg\n    cfg = {'a': 1}")
        reply = kernel("%%track --cache\nsetup()")
        assert kernel("cfg").text == "{'a': 1}"
    assert not executed(reply)


GOES_ON = {
    "append": ("L = [0]", "L.append(1)", "len(L)"),
    "column": EFFECTS["a column"],
    "method": (*EFFECTS["a method"][:2], "r"),
}


@pytest.mark.parametrize(("before", "cell", "shown"), GOES_ON.values(), ids=GOES_ON)
def test_a_cell_that_goes_on_from_what_it_changed_is_executed_again(kernel, before, cell, shown):
    kernel(before)
    values = []
    for _ in range(3):
        assert executed(kernel(f"%%track --cache\n{cell}"))
        values.append(kernel(shown).text)
    assert len(set(values)) == 3


def test_a_function_that_is_brought_back_sees_the_notebook(start, root, tmp_path):
    cell = (
        "%%track --cache\ndef scale(x): return x * K\nclass By:\n    def do(self, x): return x * K\n"
        "by = By()\nsquare = lambda x: x * K"
    )
    for _ in range(2):
        kernel = start(root, XDG_DATA_HOME=str(tmp_path))
        kernel("%load_ext jupyter_mlx")
        kernel("K = 5")
        reply = kernel(cell)
    assert not executed(reply), reply.text
    assert kernel("K").text == "5"
    kernel("K = 6")
    assert kernel("scale(1), by.do(1), square(1), K").text == "(6, 6, 6, 6)"


def test_ordinary_work_is_spared(kernel):
    before = (
        "import numpy as np, pandas as pd\nfrom sklearn.linear_model import LogisticRegression\n"
        "df = pd.DataFrame({'a': np.arange(20.0), 'b': np.arange(20) % 2, 'c': list('xy') * 10})"
    )
    cell = (
        "%%track --cache\nX, y = df[['a']].copy(), df['b'].copy()\nmodel = LogisticRegression()\nmodel.fit(X, y)\n"
        "score = model.score(X, y)\nwide = df.assign(z=1).query('a > 3')\nrows = []\n"
        "for i in range(3):\n    rows.append(i)\n"
        "with open('made.txt', 'w') as file:\n    file.write('x')\nnp.save('a.npy', np.zeros(3))"
    )
    for _ in range(2):
        kernel("%reset -f")
        kernel(before)
        reply = kernel(cell)
    assert not executed(reply), reply.text
    assert kernel("score > 0, rows, len(wide), model.coef_.shape").text == "(True, [0, 1, 2], 16, (1, 1))"
    assert not executed(kernel(cell))


def test_a_name_that_may_not_have_been_bound_is_not_brought_back(kernel):
    cell = "%%track --cache\nif flag:\n    x = 1\ny = 2"
    kernel("flag = False\nx = 5")
    kernel(cell)
    kernel("x = 7")
    kernel(cell)
    assert kernel("x").text == "7"


def test_a_cell_that_swallowed_an_interrupt_has_not_done_its_work(start, root, runs):
    kernel = start(root, XDG_DATA_HOME=str(root / "home"))
    kernel("%load_ext jupyter_mlx")
    cell = (
        "%%track --cache\nimport time\ntry:\n    for i in range(100 if slow else 1):\n        time.sleep(0.1)\n"
        "except KeyboardInterrupt:\n    print('stopped early')"
    )
    kernel("slow = True")
    request = kernel.send(cell)
    time.sleep(1)
    kernel.manager.interrupt_kernel()
    assert "stopped early" in kernel.wait(request).text
    assert "interrupt" in runs()[0].incomplete[0]
    request = kernel.send(cell)
    time.sleep(1)
    kernel.manager.interrupt_kernel()
    reply = kernel.wait(request)
    assert executed(reply)
    assert "it was interrupted" in reply.text
    assert kernel(
        "import signal; signal.getsignal(signal.SIGINT).__name__, signal.set_wakeup_fd(-1)"
    ).text.startswith("('default_int_handler'")


def test_without_a_key_what_needs_none_is_kept_and_the_reason_is_true(start, root, tmp_path, runs):
    (tmp_path / "file").write_text("no folder")
    kernel = start(root, XDG_DATA_HOME=str(tmp_path / "file"))
    kernel("%load_ext jupyter_mlx")
    cell = "%%track --cache\nimport numpy as np\narray = np.arange(3)\nplain = [1]\npair = (1, [2])"
    kernel(cell)
    (run,) = runs()
    assert {name for kept in run.variables["kept"] for name in kept["names"]} == {"array", "plain"}
    assert "key" in run.variables["left"][0]
    reply = kernel(cell)
    assert "ran without --cache" not in reply.text
    assert executed(reply)
    assert "pair" in reply.text
    kernel("del pair")
    reply = kernel(cell)
    assert not executed(reply)
    assert "pair" in reply.text


def test_a_run_without_a_record_is_no_hit(start, root, tmp_path, runs):
    (tmp_path / "none").mkdir()
    far = tmp_path / "far.txt"
    far.write_text("1")
    cell = f"%%track --cache\nfound = open({str(far)!r}).read()"
    first = start(root, TMPDIR=str(tmp_path / "none"), XDG_DATA_HOME=str(tmp_path / "home"))
    first("%load_ext jupyter_mlx")
    first(
        "import time; from jupyter_mlx import afterwards; _ = afterwards.afterwards().ask(lambda: time.sleep(60))"
    )
    first(cell)
    os.kill(int(first("import os; os.getpid()").text), signal.SIGKILL)
    assert runs()[0].inputs == ()
    far.write_text("2")
    for _ in range(2):
        # the second one after the run was given a record, which lacks the file all the same
        second = start(root, TMPDIR=str(tmp_path / "none"), XDG_DATA_HOME=str(tmp_path / "home"))
        second("%load_ext jupyter_mlx")
        second(cell)
        assert second("found").text == "'2'"
        second("__import__('jupyter_mlx').afterwards.afterwards().flush()")


def test_what_a_spared_cell_read_is_an_input_of_those_that_need_it(start, root, runs):
    (root / "t.txt").write_text("1")
    reading, tracked = "%%track --cache\ntext = open('t.txt').read()", "%%track --cache\nn = len(text)"
    for _ in range(2):
        kernel = start(root, XDG_DATA_HOME=str(root / "home"))
        kernel("%load_ext jupyter_mlx")
        reply = kernel(reading)
    assert not executed(reply)
    kernel(tracked)
    assert [file.path for file in runs()[0].inputs] == ["t.txt"]
