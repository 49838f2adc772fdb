"""Notebook files: what is read of each format, and in which words a bad one is refused."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest

from jupyter_mlx.pipelines import formats
from jupyter_mlx.pipelines.formats import BadNotebookError, NotebookMissingError, document
from jupyter_mlx.pipelines.sources import Sources

PERCENT = """\
# %% [markdown]
# # Title

# %% tags=["parameters"]
lr = 0.1

# %%
import helpers
print(lr)
"""
MARKDOWN = (
    '# Title\n\n```python tags=["parameters"]\nlr = 0.1\n```\n\n```python\nimport helpers\nprint(lr)\n```\n'
)


def ipynb(**metadata):
    cells = [
        nbformat.v4.new_markdown_cell("# Title"),
        nbformat.v4.new_code_cell("lr = 0.1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(
            "import helpers\nprint(lr)", outputs=[nbformat.v4.new_output("stream", text="x")]
        ),
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def code(found):
    return [(cell.source, cell.tags) for cell in found.cells if cell.kind == "code"]


@pytest.mark.parametrize(("name", "text"), [("a.py", PERCENT), ("a.md", MARKDOWN), ("a.ipynb", None)])
def test_every_format_says_the_same(name, text):
    data = (text or nbformat.writes(ipynb())).encode()
    found = document(data, name)
    assert code(found) == [("lr = 0.1", ("parameters",)), ("import helpers\nprint(lr)", ())]
    assert (found.kernel, found.language) == ("python3", "python")


def test_a_notebook_of_format_3_is_read():
    old = nbformat.v3.new_notebook(
        worksheets=[nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell(input="x = 1")])]
    )
    assert code(document(nbformat.v3.writes_json(old).encode(), "old.ipynb")) == [("x = 1", ())]


def test_kernel_and_language_are_the_notebook_s():
    spec = {"name": "ir", "display_name": "R", "language": "R"}
    found = document(nbformat.writes(ipynb(kernelspec=spec)).encode(), "a.ipynb")
    assert (found.kernel, found.language) == ("ir", "r")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "it is empty"),
        (b"{\n\n x", "line 3 is not JSON"),
        (b"<<<<<<< HEAD\n{}", "unfinished merge"),
        (b"[]", "JSON without cells"),
        (b'{"nbformat": 4, "cells": [{}]}', "a cell lacks 'source'"),
        (b'{"nbformat": 4, "cells": ["\xff"]}', "is not UTF-8"),
        (
            b'{"nbformat": 9, "nbformat_minor": 0, "metadata": {}, "cells": []}',
            "cannot be read as a notebook",
        ),
    ],
)
def test_a_file_that_is_no_notebook_is_told(data, problem):
    with pytest.raises(BadNotebookError) as caught:
        document(data, "bad.ipynb")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_notebook_and_a_folder_are_told(tmp_path):
    with pytest.raises(NotebookMissingError, match=r"no notebook nb/x\.ipynb"):
        formats.read_bytes(tmp_path / "nb/x.ipynb", "nb/x.ipynb")
    with pytest.raises(BadNotebookError, match="nb cannot be read as a notebook: it is a folder"):
        formats.read_bytes(tmp_path, "nb")


def test_nbformat_is_imported_without_the_grammar_of_web_addresses():
    program = (
        "import sys; from jupyter_mlx.pipelines import formats\n"
        'formats.load(b\'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}\', \'a.ipynb\')\n'
        "assert 'nbformat' in sys.modules and 'rfc3987_syntax' not in sys.modules and 'lark' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.fixture
def sources(tmp_path):
    (tmp_path / ".mlx").mkdir()
    (tmp_path / "nb").mkdir()
    (tmp_path / "nb/a.py").write_text(PERCENT)
    (tmp_path / "helpers.py").write_text("import deeper\n")
    (tmp_path / "nb/deeper.py").write_text("")
    return Sources(tmp_path, tmp_path / ".mlx")


def test_facts_are_kept_so_that_the_next_command_parses_nothing(sources):
    first = sources.notebook("nb/a.py")
    modules = sources.modules("nb/a.py", first)
    sources.save()
    program = (
        "import sys; from pathlib import Path; from jupyter_mlx.pipelines.sources import Sources\n"
        "s = Sources(Path(sys.argv[1]), Path(sys.argv[1]) / '.mlx')\n"
        "f = s.notebook('nb/a.py'); print(f.code, *sorted(s.modules('nb/a.py', f)))\n"
        "assert not {'jupytext', 'nbformat', 'papermill'} & set(sys.modules), sys.modules.keys()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(sources.root)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [first.code, "helpers.py", "nb/deeper.py"]
    assert sorted(modules) == ["helpers.py", "nb/deeper.py"]


def test_a_damaged_cache_of_facts_is_not_believed(sources):
    first = sources.notebook("nb/a.py")
    sources.save()
    (sources.state / "cache/code.json").write_text('{"format": 1, "entries": 3}')
    assert Sources(sources.root, sources.state).notebook("nb/a.py") == first


def test_the_parameters_cell_types_the_parameters(sources):
    assert [(p.name, p.kind) for p in sources.notebook("nb/a.py").parameters.values()] == [("lr", "float")]


def test_outputs_and_metadata_change_no_code(sources):
    path = sources.root / "nb/b.ipynb"
    path.write_text(nbformat.writes(ipynb()))
    first = sources.notebook("nb/b.ipynb").code
    node = json.loads(path.read_text())
    node["cells"][2]["outputs"] = []
    node["cells"][2]["execution_count"] = 7
    node["cells"][0]["source"] = ["another title"]
    node["metadata"]["more"] = 1
    path.write_text(json.dumps(node, indent=4))
    assert sources.notebook("nb/b.ipynb").code == first
