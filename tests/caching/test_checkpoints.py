"""Checkpoints of a session: what one process kept, another goes on with, or refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

BEGIN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from jupyter_mlx.caching import making
shell = InteractiveShell.instance(colors="NoColor", history_length=0)
shell.history_manager.enabled = False
place = json.loads(sys.argv[1])
"""
RUN = """
making.begin(place)
from pathlib import Path
why = Path(place["folder"], "why-not")
for cell in json.loads(sys.argv[2]):
    why.unlink(missing_ok=True)
    result = shell.run_cell(cell)
    assert result.success, cell
    print(json.dumps(why.read_text() if why.exists() else ""), file=sys.__stdout__)
"""
GO_ON = """
from jupyter_mlx.caching.memory import DoubtError
for number in json.loads(sys.argv[2]):
    try:
        making.go_on(place, number)
        told = ""
    except DoubtError as error:
        told = str(error)
    print(json.dumps(told), file=sys.__stdout__)
if len(sys.argv) > 3:
    result = shell.run_cell(sys.argv[3])
    assert result.success
    print(json.dumps(shell.user_ns["found"]), file=sys.__stdout__)
"""


@pytest.fixture
def session(tmp_path):
    """Run a script in a process of its own; what it printed, line by line."""
    root, folder = tmp_path / "p", tmp_path / "kept"
    root.mkdir()
    folder.mkdir()
    (root / "helpers.py").write_text(
        "seen = []\nfactor = 2\n\ndef count(x, memory={}):\n    memory[x] = 1\n    return len(memory)\n"
    )
    place = {"folder": str(folder), "root": str(root), "outputs": ["out"], "after_s": 0}

    def run(script, *words):
        done = subprocess.run(
            [sys.executable, "-c", BEGIN + script, json.dumps(place), *words],
            cwd=root, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('"')]

    run.root = root
    return run


def test_a_session_goes_on_in_another_process_with_all_that_its_variables_share(session):
    cells = [
        (
            "import helpers, os, random, sys\nimport numpy as np\nos.environ['MODE'] = 'fast'\nos.makedirs('sub')\n"
            "os.chdir('sub')\nsys.path.append('/nowhere')"
        ),
        (
            "xs = [1]\nys = xs\nshared = helpers.seen\n\ndef double(x):\n    return factor * x\nfactor = 2\n\n"
            "class Point:\n    def __init__(self, x):\n        self.x = double(x)\npoint = Point(xs)\n"
            "random.seed(1)\nnp.random.seed(1)\nrandom.random(), np.random.rand()"
        ),
        "other = (i for i in range(3))",
    ]
    expected = subprocess.run(
        [sys.executable, "-c", ("import random\nimport numpy as np\nrandom.seed(1)\nnp.random.seed(1)\n"
         "random.random(), np.random.rand()\nprint(random.random(), np.random.rand())")],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert session(RUN, json.dumps(cells)) == ["", "", ""]
    check = (
        "ys.append(2); shared.append(1); factor = 3\n"
        "assert xs == [1, 2] and helpers.seen == [1] and double(2) == 6 and Point(1).x == 3\n"
        "assert 'other' not in dir() and os.environ['MODE'] == 'fast' and os.getcwd().endswith('sub')\n"
        "assert '/nowhere' in sys.path\n"
        "found = f'{random.random()} {np.random.rand()}'"
    )
    refused, found = session(GO_ON, '["000003"]', check)
    assert refused == ""
    assert found.split() == expected


def test_what_ends_with_the_process_is_in_no_checkpoint(session):
    (session.root / "out").mkdir()
    cases = {
        "import threading; stop = threading.Event(); t = threading.Thread(target=stop.wait); t.start()": "thread",
        "stop.set(); t.join()\nimport subprocess; child = subprocess.Popen(['sleep', '60'])": "child process",
        "child.kill(); child.wait()\nf = open('helpers.py')": "helpers.py is open",
        "f.close()\nopen('loose.txt', 'w').close()": "loose.txt was written, which is no output",
    }
    told = session(RUN, json.dumps(["x = 1", *cases, "y = 1"]))
    assert told[0] == ""
    for reason, expected in zip(told[1:], [*cases.values(), "loose.txt"], strict=True):
        assert expected in reason
    assert sorted(path.name for path in (session.root.parent / "kept").glob("*.json")) == ["000001.json"]


def test_a_session_is_refused_whose_modules_or_settings_are_not_those_of_a_fresh_import(session):
    cases = {
        "import helpers; helpers.seen.append(1)": "helpers",
        "helpers.seen.clear(); helpers.count(1)": "helpers",
        "helpers.count.__defaults__[0].clear(); helpers.factor = 3": "helpers",
        "helpers.factor = 2; import json; loads = json.loads; json.loads = lambda text: 1": "the module json",
        "json.loads = loads; import numpy as np; np.seterr(all='raise');": "numpy's settings",
        "np.seterr(all='warn'); import warnings; saved = warnings.filters[:]; warnings.simplefilter('error')": "filters of warnings",
        "warnings.filters[:] = saved; from collections import Counter; Counter.most = lambda self: 1": "collections",
        "del Counter.most; import logging; logging.getLogger('mine').setLevel(10)": "logging",
    }
    assert set(session(RUN, json.dumps(list(cases)))) == {""}
    numbers = [f"{i:06d}" for i in range(1, len(cases) + 1)]
    for reason, expected in zip(session(GO_ON, json.dumps(numbers)), cases.values(), strict=True):
        assert expected in reason


def test_what_another_user_wrote_is_not_opened(session):
    session(RUN, json.dumps(["x = 1"]))
    memory = session.root.parent / "kept" / "000001.memory"
    memory.write_bytes(b"cos\nsystem\n(S'touch evil'\ntR.")
    assert "not written by this user" in session(GO_ON, '["000001"]')[0]
    assert not (session.root / "evil").exists()
