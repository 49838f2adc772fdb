"""What goes wrong in our own part of a tracked cell is told in a line; the cell and its outputs are kept."""

import os
import shutil
import subprocess
import sys

import pytest
from waiting import until

from jupyter_mlx.project import Project

CELL = "%%track\nprint('kept')\n6 * 7"


def removed(folder):
    """Delete a folder in which a kernel may still complete its last run."""

    def gone():
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    until(gone)


@pytest.mark.parametrize("before", ["pass", "%%track\n1"], ids=["untouched", "in use"])
def test_a_cell_goes_on_where_the_project_s_folder_is_deleted_under_the_kernel(start, tmp_path, before):
    root = Project.create(tmp_path / "p").root
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    kernel(before)
    removed(root)
    reply = kernel(CELL)
    assert reply.status == "ok"
    assert "Traceback" not in reply.text
    assert [line for line in reply.text.split("\n") if "not recorded" in line]
    assert [output.get("text") for output in reply.outputs if output.get("name") == "stdout"] == ["kept\n"]
    assert reply.outputs[-1]["data"]["text/plain"] == "42"


def test_runs_go_on_where_the_state_of_the_project_is_deleted_under_the_kernel(start, tmp_path):
    root = Project.create(tmp_path / "p").root
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    kernel("%%track\n1")
    removed(root / ".mlx")
    assert kernel(CELL).text == "kept\n42"
    assert Project.open(root).ledger.page().total == 1


def test_a_fault_that_nobody_foresaw_is_one_line_below_the_cell(kernel):
    try:
        kernel("import builtins\nkept = builtins.open\nbuiltins.open = None")
        reply = kernel(CELL)
    finally:
        kernel("builtins.open = kept")
    assert reply.status == "ok"
    assert "Traceback" not in reply.text
    assert "not recorded whole: TypeError" in reply.text
    assert reply.outputs[-1]["data"]["text/plain"] == "42"
    assert kernel(CELL).text == "kept\n42"


def test_an_exception_that_cannot_be_shown_ends_its_run(kernel, last):
    kernel("%%track unshown\nclass E(Exception):\n    def __str__(self): raise ValueError\nraise E()")
    assert last("name = unshown").status == "failed"


def test_a_plain_terminal_tracks_too(tmp_path):
    """Typed at a prompt, and in a script that IPython executes."""
    project = Project.create(tmp_path / "p")
    cell = "get_ipython().run_cell('%%track {}\\nprint(2)\\n6 * 7')\n"
    (project.root / "s.ipy").write_text("%load_ext jupyter_mlx\n" + cell.format("script"))
    typed = f"%load_ext jupyter_mlx\n{cell.format('typed')}1 / 0\nexit\n"
    env = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython"), "NO_COLOR": "1"}
    shown = ""
    for words, given in ((["s.ipy"], ""), (["--simple-prompt", "--no-banner"], typed)):
        done = subprocess.run(
            [sys.executable, "-m", "IPython", *words],
            input=given, cwd=project.root, env=env, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        shown += done.stdout
    assert shown.count("]: 42") == 2
    for name in ("script", "typed"):
        run = project.ledger.get(project.ledger.page(f"name = {name}").runs[0].id)
        assert (run.status, run.notebook, run.notebook_how) == ("finished", None, "")
        assert run.cell_outputs[0]["text"].startswith("2\n")
