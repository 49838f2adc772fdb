"""How a kernel learns its notebook and cell where no extension of ours says them."""

from __future__ import annotations

import os
import subprocess
import sys

import nbformat
import pytest

from jupyter_mlx.magics.identity import Identity, Witness
from jupyter_mlx.project import Project
from jupyter_mlx.recorder import NOTEBOOK_VARIABLE

CELL = "x = 1"


class Shell:
    """What of IPython's shell a witness asks."""

    def __init__(self, variables=(), **metadata):
        self.user_ns = dict(variables)
        self.metadata = metadata

    def get_parent(self):
        return {"header": {}, "metadata": self.metadata}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with notebooks `a` and `b`, and nothing told by the environment."""
    for name in ("JPY_SESSION_NAME", NOTEBOOK_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    for name in "ab":
        cell = nbformat.v4.new_code_cell(f"%%track -p k=1\n{CELL}", id=f"cell-{name}")
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    return tmp_path


def ours(folder, path):
    return {"notebook": path, "root": str(folder)}


def test_the_request_wins_over_all_else(folder, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "old.ipynb"))
    shell = Shell({"__vsc_ipynb_file__": str(folder / "b.ipynb")}, jupyter_mlx=ours(folder, "sub/a.ipynb"))
    assert Witness(shell).identify(folder, "id", CELL) == Identity("sub/a.ipynb", "id", "request")


@pytest.mark.parametrize(
    "told", ["a.ipynb", {}, {"notebook": 1, "root": 2}, {"notebook": "a.ipynb", "root": "/no/such/folder"}]
)
def test_a_request_that_says_nothing_usable_is_passed_over(folder, told):
    assert Witness(Shell(jupyter_mlx=told)).identify(folder, "id", CELL) == Identity(None, "id", "")


def test_a_notebook_outside_the_project_is_none_of_it(folder):
    shell = Shell(jupyter_mlx=ours(folder, "a.ipynb"))
    assert Witness(shell).identify(folder / "sub", "id", CELL) == Identity(None, "id", "request")


def test_a_console_beside_a_notebook_has_the_notebook_as_a_guess(folder, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "old.ipynb"))
    shell = Shell(jupyter_mlx=ours(folder, "a.ipynb"))
    witness = Witness(shell)
    witness.identify(folder, "id", CELL)
    shell.metadata = {"cellId": "of-the-console"}
    assert witness.identify(folder, "of-the-console", CELL) == Identity("a.ipynb", None, "guessed")


@pytest.mark.parametrize(
    "address", ["vscode-notebook-cell:{}#W0sZmls", "vscode-notebook-cell://ssh-remote%2Bhost{}#W0"]
)
def test_vs_code_says_it_by_the_address_of_the_cell(folder, address):
    witness = Witness(Shell({"__vsc_ipynb_file__": str(folder / "b.ipynb")}))
    found = witness.identify(folder, address.format(folder / "a.ipynb"), CELL)
    assert found == Identity("a.ipynb", "cell-a", "vscode")


def test_vs_code_says_it_by_its_variable(folder):
    witness = Witness(Shell({"__vsc_ipynb_file__": str(folder / "b.ipynb")}))
    assert witness.identify(folder, "id", CELL) == Identity("b.ipynb", "id", "vscode")


def test_our_runner_says_it_relative_to_the_project(folder, monkeypatch):
    monkeypatch.setenv(NOTEBOOK_VARIABLE, "a.ipynb")
    assert Witness(Shell()).identify(folder, None, CELL) == Identity("a.ipynb", "cell-a", "runner")


@pytest.mark.parametrize("name", ["a.ipynb", "a-jvsc-01234567-89ab-cdef-0123-456789abcdef.ipynb"])
def test_the_server_s_session_says_it_last(folder, monkeypatch, name):
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / name))
    assert Witness(Shell()).identify(folder, "id", CELL) == Identity("a.ipynb", "id", "session")


def test_a_console_of_its_own_has_no_notebook(folder, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "console-1"))
    assert Witness(Shell()).identify(folder, "id", CELL) == Identity(None, "id", "")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"cells": 3}', '{"cells": [{"cell_type": "code"}]}'])
def test_a_damaged_notebook_gives_no_cell(folder, monkeypatch, content):
    (folder / "a.ipynb").write_text(content)
    monkeypatch.setenv(NOTEBOOK_VARIABLE, "a.ipynb")
    assert Witness(Shell()).identify(folder, None, CELL) == Identity("a.ipynb", None, "runner")


def test_papermill_says_it_by_its_parameter(folder):
    witness = Witness(Shell({"PAPERMILL_INPUT_PATH": str(folder / "a.ipynb")}))
    assert witness.identify(folder, None, CELL) == Identity("a.ipynb", "cell-a", "papermill")


@pytest.mark.parametrize(
    "command",
    [["papermill", "work.ipynb", "done.ipynb"], ["jupyter", "execute", "other.ipynb", "work.ipynb"]],
    ids=["papermill", "jupyter execute"],
)
def test_what_executes_a_notebook_is_recognised(tmp_path, command):
    project = Project.create(tmp_path / "p")
    sources = ["%load_ext jupyter_mlx", "%%track inside\nx = 1"]
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{at}") for at, source in enumerate(sources)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, project.root / "work.ipynb")
    nbformat.write(nbformat.v4.new_notebook(metadata=notebook.metadata), project.root / "other.ipynb")
    # as from a terminal in JupyterLab, whose session is another notebook's
    env = {**os.environ, "JPY_SESSION_NAME": str(project.root / "outer.ipynb")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project.root,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    run = project.ledger.get(project.ledger.page("name = inside").runs[0].id)
    assert (run.notebook, run.cell_id, run.notebook_how) == ("work.ipynb", "cell-1", "command")
