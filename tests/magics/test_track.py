"""`%%track` in a real kernel: what the run holds of a cell."""

import time

import pytest
from libraries import require
from waiting import PATIENCE_S, until

from jupyter_mlx.digest import Digest
from jupyter_mlx.ledger.record import decode
from jupyter_mlx.project import Project

CELLS = {
    "a value": "x = 20\nx + 1",
    "a stream": "import sys\nprint('out')\nprint('err', file=sys.stderr)",
    "a display": "from IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))\ndisplay({'text/plain': 'raw'}, raw=True)",
    "an update of a display": "from IPython.display import display\nh = display('one', display_id=True)\nh.update('two')",
    "a cleared output": "from IPython.display import clear_output\nprint('gone')\nclear_output(wait=True)\nprint('stays')",
    "a figure": "%matplotlib inline\nimport matplotlib.pyplot as plt\n_ = plt.plot([1, 2])",
}


@pytest.mark.parametrize("source", CELLS.values(), ids=CELLS)
def test_the_run_holds_the_outputs_that_were_shown(kernel, root, last, source):
    reply = kernel(f"%%track\n{source}")
    project = Project.open(root)
    assert [strip(output) for output in project.cell_outputs(last())] == [
        strip(output) for output in reply.outputs
    ]


def strip(output):
    return {key: value for key, value in output.items() if key not in {"metadata", "execution_count"}}


def test_everything_that_was_asked_for_is_recorded(kernel, root, last):
    kernel("rate = 0.5\nimport jupyter_mlx as jm")
    (root / "in.csv").write_text("a\n1\n")
    reply = kernel(
        "%%track baseline -p lr=0.1 -p name=adam -p rate -m acc,scores -t first -t second -i in.csv -o out.txt\n"
        "text = open('in.csv').read()\n"
        "open('out.txt', 'w').write(text * 2)\n"
        "for i in range(3):\n"
        "    jm.log(loss=1 / (i + 1), step=i)\n"
        "acc = 0.9\n"
        "scores = {'f1': 0.8, 'auc': 0.7}",
        cell_id="the-cell",
    )
    assert reply.status == "ok"
    assert reply.text == ""
    run = last()
    assert (run.name, run.kind, run.status, run.cell_id) == ("baseline", "cell", "finished", "the-cell")
    assert run.params == {"lr": 0.1, "name": "adam", "rate": 0.5}
    assert run.metrics == {"loss": 1 / 3, "acc": 0.9, "scores.f1": 0.8, "scores.auc": 0.7}
    assert set(run.tags) == {"first", "second"}
    assert [(file.path, file.how, file.size_bytes) for file in run.inputs] == [("in.csv", "declared", 4)]
    assert [(file.path, file.how, file.size_bytes) for file in run.outputs] == [("out.txt", "declared", 8)]
    assert run.slice[-1] == "rate = 0.5\nimport jupyter_mlx as jm"
    project = Project.open(root)
    assert [step for step, _, _ in project.ledger.series(run.id)["loss"]] == [0, 1, 2]
    assert run.resources["cpu_s"] >= 0
    assert run.duration_s > 0


def test_files_are_seen_without_being_declared(kernel, root, last):
    (root / "seen.csv").write_text("a\n1\n")
    kernel("%%track\nimport pandas as pd\npd.read_csv('seen.csv').to_csv('made.csv')")
    run = last()
    assert [(file.path, file.how) for file in run.inputs] == [("seen.csv", "seen")]
    assert [(file.path, file.how) for file in run.outputs] == [("made.csv", "seen")]
    kernel("%%track --no-lineage\nopen('seen.csv').read()")
    assert last().inputs == ()


def test_a_cell_that_leaves_the_project_is_recorded_in_it(kernel, root, last):
    kernel("%%track left -o left.txt\nimport os\nopen('left.txt', 'w').close()\nos.chdir('/')\nprint('gone')")
    kernel(f"os.chdir({str(root)!r})")
    assert [(file.path, file.how) for file in last("name = left").outputs] == [("left.txt", "declared")]
    run = last()
    assert (run.name, run.status) == ("left", "finished")
    assert run.cell_outputs[0]["text"] == "gone\n"


def test_environment_and_git_arrive_beside(kernel, root, last):
    kernel("%%track\n1")
    run = until(lambda: (run := last()).environment and run)
    environment = Project.open(root).environment(run)
    assert environment["packages"]["jupyterlab"]
    assert environment["python"]


def test_an_exception_is_a_failed_run_with_its_traceback(kernel, last):
    reply = kernel("%%track\nraise ValueError('no such luck')")
    assert reply.status == "error"
    run = last()
    assert run.status == "failed"
    assert (run.error.ename, run.error.evalue) == ("ValueError", "no such luck")
    assert list(run.error.traceback) == reply.outputs[0]["traceback"]


@pytest.mark.parametrize(
    "body",
    ["import time\ntime.sleep(60)", "import asyncio\nwhile True:\n    await asyncio.sleep(0.1)"],
    ids=["plain", "await"],
)
def test_an_interrupted_cell_is_an_interrupted_run_that_keeps_what_it_did(kernel, root, last, body):
    def begun():
        runs = Project.open(root).ledger.page("name = stopped and status = running").runs
        return runs and runs[0].metrics

    request = kernel.send(
        f"%%track stopped\nimport jupyter_mlx as jm\nprint('begun', flush=True)\njm.log(started=1)\n{body}"
    )
    until(begun)
    time.sleep(0.3)
    kernel.manager.interrupt_kernel()
    assert kernel.wait(request).status == "error"
    run = last()
    assert run.status == "interrupted"
    assert run.metrics == {"started": 1}
    assert run.cell_outputs[0]["text"] == "begun\n"
    assert kernel("%%track\n'goes on'").text == "'goes on'"


def test_the_run_of_a_killed_kernel_is_interrupted(start, root, last):
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    kernel.send("%%track killed\nimport jupyter_mlx as jm, time\njm.log(loss=0.5)\ntime.sleep(60)")
    until(lambda: last().metrics.get("loss") == 0.5)
    assert last("name = killed").status == "running"
    kernel.manager.shutdown_kernel(now=True)
    run = last("name = killed")
    assert run.status == "interrupted"
    assert run.metrics == {"loss": 0.5}


def test_what_a_cell_logs_does_not_end_it_where_the_disk_takes_no_run(kernel, last):
    before = last().id
    kernel(
        "from jupyter_mlx.ledger.ledger import Ledger; from jupyter_mlx.errors import AccessError; taken = Ledger.open"
    )
    kernel(
        "def refuse(self, run): raise AccessError.of(OSError(28, 'No space left on device'), 'the ledger')"
    )
    kernel("Ledger.open = refuse")
    reply = kernel("%%track\nimport jupyter_mlx as jm\njm.log(loss=1)\n6 * 7")
    kernel("Ledger.open = taken")
    assert "this cell is not recorded" in reply.text
    assert "42" in reply.text
    assert last().id == before
    # and is over with the cell
    assert "NoActiveRunError" in kernel("jm.log(loss=1)").text


LATE = {
    "thread": "import threading, time, jupyter_mlx as jm\n"
    "def late():\n    go.wait()\n    jm.log(late=1)\n    done.set()\n"
    "go, done = threading.Event(), threading.Event()\n"
    "threading.Thread(target=late).start()",
    "task": "import asyncio, jupyter_mlx as jm\n"
    "async def late():\n    await go.wait()\n    jm.log(late=1)\n    done.set()\n"
    "go, done = asyncio.Event(), asyncio.Event()\n"
    "task = asyncio.create_task(late())",
}


@pytest.mark.parametrize("how", list(LATE))
def test_what_outlives_a_cell_logs_into_its_run_and_not_into_the_next(kernel, last, how):
    kernel(f"%%track first\n{LATE[how]}")
    wait = "await done.wait()" if how == "task" else "done.wait()"
    kernel(f"%%track second\ngo.set()\n_ = {wait}\njm.log(own=2)")
    assert last("name = second").metrics == {"own": 2.0}
    assert last("name = first").metrics == {"late": 1.0}


def test_two_kernels_track_at_once(start, root):
    kernels = [start(root), start(root)]
    for kernel in kernels:
        kernel("%load_ext jupyter_mlx\nimport jupyter_mlx as jm")
    requests = [
        kernel.send(f"for i in range(20):\n    get_ipython().run_cell(f'%%track pair{at}\\njm.log(i={{i}})')")
        for at, kernel in enumerate(kernels)
    ]
    replies = [kernel.wait(request) for kernel, request in zip(kernels, requests, strict=True)]
    assert [reply.status for reply in replies] == ["ok", "ok"]
    assert [reply.text for reply in replies] == ["", ""]
    ledger = Project.open(root).ledger
    for at in range(2):
        runs = ledger.page(f"name = pair{at} and status = finished", limit=100).runs
        assert sorted(run.metrics["i"] for run in runs) == list(range(20))


def test_track_on_records_every_cell_and_off_ends_it(kernel, root):
    ledger = Project.open(root).ledger
    kernel("%track on")
    before = ledger.page().total
    kernel("a = 1")
    kernel("# a comment only")
    kernel("%precision 4")
    kernel("%track off")
    kernel("b = 2")
    assert ledger.page().total == before + 1


def test_what_a_thread_prints_later_is_in_the_run_of_the_cell_that_shows_it(kernel, last):
    late = "import threading, time\ndef late():\n    time.sleep(0.3)\n    print('late')\nthreading.Thread(target=late).start()"
    kernel(f"%%track first\n{late}")
    reply = kernel("%%track second\nimport time\ntime.sleep(0.6)\nprint('mine')")
    outputs = last("name = second").cell_outputs
    assert [output["text"] for output in outputs] == [output["text"] for output in reply.outputs]
    assert "mine" in reply.text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--nonsense", "no such option: --nonsense"),
        ("-p 1x=2", "name=value"),
        ("-p not_there", "no such variable"),
        ("-i missing.csv", "no such file"),
        ("-i /etc/passwd", "outside the project"),
        ("-o /etc/passwd", "outside the project"),
    ],
)
def test_a_wrong_line_is_told_and_the_cell_does_not_run(kernel, root, line, told):
    before = Project.open(root).ledger.page().total
    reply = kernel(f"%%track {line}\nran = True")
    assert reply.status == "error"
    assert told in reply.text
    assert "Traceback" not in reply.text
    assert kernel("'ran' in globals()").text == "False"
    assert Project.open(root).ledger.page().total == before


def test_a_metric_that_is_not_there_is_told_and_the_run_is_kept(kernel, last):
    reply = kernel("%%track -m nowhere,text\ntext = 'words'")
    assert reply.status == "ok"
    assert "-m nowhere: there is no such variable" in reply.text
    assert "no number" in reply.text
    assert last().status == "finished"


def test_track_below_another_magic_says_where_it_belongs(kernel):
    assert "must be its first line" in kernel("%%time\n%%track\n1").text


def test_outside_a_project_the_cell_does_not_run_and_is_told_why(start, tmp_path):
    kernel = start(tmp_path)
    kernel("%load_ext jupyter_mlx")
    reply = kernel("%%track\nran = True")
    assert "jmlx init" in reply.text
    assert "Traceback" not in reply.text
    assert kernel("'ran' in globals()").text == "False"


def test_log_without_a_run_says_what_to_do(kernel):
    reply = kernel("import jupyter_mlx as jm\njm.log(acc=1)")
    assert "%%track" in reply.text
    assert "with jupyter_mlx.run" in reply.text


def test_where_the_ledger_cannot_be_written_the_cell_still_runs(start, tmp_path):
    root = Project.create(tmp_path / "p").root
    (root / ".mlx" / "ledger.db").mkdir()
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    reply = kernel("%%track\n6 * 7")
    assert reply.status == "ok"
    assert "42" in reply.text
    assert "not recorded" in reply.text


def test_a_secret_is_nowhere_in_the_project(start, tmp_path):
    canary = "ghp_" + "c4n4Ry" * 6
    project = Project.create(tmp_path / "p")
    kernel = start(project.root, MLX_NOTE=canary)
    kernel("%load_ext jupyter_mlx")
    kernel(
        f"%%track -p api_key={canary}\nimport sys\nprint('{canary}' * 1)\nprint('x' * 9000 + '{canary}')\n'{canary}'"
    )
    kernel(f"%%track\nraise ValueError('{canary}')")
    kernel.manager.shutdown_kernel()
    found = [
        path for path in project.root.rglob("*") if path.is_file() and canary.encode() in path.read_bytes()
    ]
    assert found == []
    assert project.ledger.page().total == 2
    # what is compressed on the disk
    whole = [project.ledger.get(run.id) for run in project.ledger.page().runs]
    kept = [decode(project.store.get(Digest.parse(digest))) for digest in project.ledger.records().values()]
    assert canary not in f"{whole}{kept}"
    assert kept


def test_the_kernel_answers_every_other_request_as_before(kernel):
    client = kernel.client
    asked = {
        client.kernel_info: "kernel_info_reply",
        client.comm_info: "comm_info_reply",
        client.history: "history_reply",
        lambda: client.is_complete("x ="): "is_complete_reply",
        lambda: client.complete("prin"): "complete_reply",
        lambda: client.inspect("print"): "inspect_reply",
    }
    for ask, answer in asked.items():
        request = ask()
        while (reply := client.get_shell_msg(timeout=PATIENCE_S))["parent_header"].get("msg_id") != request:
            pass
        assert reply["msg_type"] == answer


def test_a_kernel_that_is_asked_to_shut_down_does(start, root):
    kernel = start(root)
    kernel("%load_ext jupyter_mlx\n")
    kernel("%%track\n1")
    process = kernel.manager.provisioner.process
    kernel.client.shutdown()
    assert process.wait(PATIENCE_S) == 0


def test_unload_takes_the_magics_away(start, root, last):
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    kernel("%unload_ext jupyter_mlx")
    before = Project.open(root).ledger.page().total
    assert kernel("print('plain')").text == "plain\n"
    kernel("%load_ext jupyter_mlx")
    kernel("%%track\n1")
    assert Project.open(root).ledger.page().total == before + 1


def holding(root, *texts):
    """The files below a folder that hold one of the texts."""
    return [
        path
        for path in root.rglob("*")
        if path.is_file() and any(text.encode() in path.read_bytes() for text in texts)
    ]


def test_what_is_secret_by_its_name_is_nowhere_in_the_project_either(start, tmp_path):
    """Shown in every way that a cell can: neither by a known form, nor by a name beside it."""
    project = Project.create(tmp_path / "p")
    held, assigned, lived = "Aq7-held & co/9", "Bw8-assigned-9Z", "Cx9-from-nowhere"
    kernel = start(project.root, DB_PASSWORD=held)
    kernel(
        "%load_ext jupyter_mlx\nimport jupyter_mlx as jm, os\nfrom IPython.display import HTML, JSON, display"
    )
    kernel(f"api_key = '{assigned}'")
    for cell in (
        "db_token = 'Cx9-' + 'from-nowhere'\nprint(db_token)",
        "print(os.environ['DB_PASSWORD'], api_key)",
        "os.environ['DB_PASSWORD']",
        "import html\ndisplay(HTML(f'<b>{html.escape(os.environ[\"DB_PASSWORD\"])}</b>' + 'x' * 5000 + api_key))",
        "display(JSON({'key of it': [api_key, os.environ['DB_PASSWORD']]}))",
        "display({'text/plain': '', 'application/json': {api_key: 1}}, metadata={'at': api_key}, raw=True)",
        "jm.log_table([{'a': api_key, 'b': os.environ['DB_PASSWORD']}])",
        "def f():\n    raise ValueError(api_key + os.environ['DB_PASSWORD'] + db_token)\nf()",
        f"%note it is {assigned}",
        "!echo $DB_PASSWORD",
    ):
        kernel(f"%%track -p note={assigned} -p api_key={assigned}\n{cell}" if cell[0] != "%" else cell)
    kernel.send(f"%%track killed\nprint('{assigned}', flush=True)\nimport time\ntime.sleep(60)")
    until(lambda: project.ledger.page("name = killed").runs)
    kernel.manager.shutdown_kernel(now=True)
    assert holding(project.root, held, assigned, lived, "held &amp; co") == []
    assert project.ledger.page().total == 10


def test_numbers_that_nobody_logged_are_metrics_and_marked(kernel, last):
    kernel("import jupyter_mlx as jm")
    kernel(
        "%%track -p auto -p rounds=3 -m asked\n"
        "lr = 0.1\nrounds = 1 + 2\nacc = sum([0.5, 0.25])\nasked = 1.0 + 1\nlogged = 2.0 + 1\njm.log(logged=5)\n"
        "for i in range(3):\n    step = i * 1.0\n{'f1': acc * 2}"
    )
    run = last()
    assert run.params == {"lr": 0.1, "rounds": 3}
    assert run.metrics == {"asked": 2.0, "logged": 5.0, "acc": 0.75, "f1": 1.5}
    assert run.guessed == ("acc", "f1")


def test_a_failed_cell_has_no_guessed_metrics(kernel, last):
    kernel("%%track\nacc = 0.5 + 0.1\n1 / 0")
    assert (last().metrics, last().guessed) == ({}, ())


def test_a_run_says_that_it_needs_a_cell_that_its_notebook_has_no_more(kernel, last):
    def execute(code, cell_id, *cells, notebook="a.ipynb"):
        kernel(code, cell_id=cell_id, jupyter_mlx={"notebook": notebook, "cells": cells})

    execute("kept = 1", "a", "a", "b", "c")
    execute("lost = 2", "b", "a", "b", "c")
    # on the same kernel another notebook, and a console, which tells nothing
    execute("other = 3", "x", "x", notebook="b.ipynb")
    kernel("asked = 4", cell_id="console")
    execute("%%track\nkept, lost, other, asked", "c", "a", "c")
    # other tests have left their cells in this kernel
    assert [note for note in last().slice_notes if "no more" in note] == [
        "lost: made by a cell that the notebook has no more; the slice has its text as it was executed",
    ]
    # what a hostile or a later front end may send is no reason to fail
    for cells in ("a", [1, None], {"a": 1}):
        kernel("%%track\nkept", jupyter_mlx={"notebook": "a.ipynb", "cells": cells})
        assert last().status == "finished"


def test_seeds_resources_and_the_slice_with_its_notes_are_in_the_run(kernel, last):
    kernel("import random\nrandom.seed(42)")
    kernel("rate = 1", cell_id="edited")
    kernel("x = [rate]", cell_id="other")
    kernel("rate = 2", cell_id="edited")
    kernel("unrelated = 1", cell_id="more")
    kernel("%%track\nrandom.random(), x", cell_id="tracked")
    run = last()
    assert run.seeds["random"]["set"] == [42]
    state = run.seeds["random"]["state"]
    assert run.slice[-3:] == ("import random\nrandom.seed(42)", "rate = 1", "x = [rate]")
    note = "rate: made by a cell that was edited and executed again since; the slice has its text as it was executed"
    assert note in run.slice_notes
    assert run.resources["peak_memory_bytes"] > run.resources["mean_memory_bytes"] / 2
    kernel("random.seed(42)")
    kernel("%%track\nrandom.random()")
    assert last().seeds["random"]["state"] == state


def test_a_training_loop_logs_itself_and_not_what_the_user_logs(kernel, last):
    require("lightgbm")
    kernel("import jupyter_mlx as jm, numpy as np, lightgbm")
    kernel(
        "%%track\nx = np.arange(60.).reshape(-1, 1); y = (x[:, 0] > 30).astype(int)\n"
        "def mine(env):\n    jm.log({'valid_0.auc': 0.5}, step=env.iteration)\n"
        "for _ in range(2):\n"
        "    lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(\n"
        "        x, y, eval_set=[(x[:50], y[:50])], eval_metric='auc', callbacks=[mine])"
    )
    run = last()
    assert set(run.metrics) == {
        "valid_0.auc",
        "valid_0.binary_logloss",
        "fit2.valid_0.auc",
        "fit2.valid_0.binary_logloss",
    }
    assert run.metrics["valid_0.auc"] == 0.5
    assert run.guessed == ()
