"""The line magics in a real kernel."""

import nbformat
import pytest
from waiting import PATIENCE_S

from jupyter_mlx.project import Project


@pytest.fixture
def two(kernel, last):
    """Two runs that differ."""
    kernel("%%track one -p lr=0.1 -m acc\nacc = 0.5")
    first = last()
    kernel("%%track two -p lr=0.2 -m acc\nacc = 0.75")
    return first.id[:8], last().id[:8]


def test_runs_lists_what_a_query_selects(kernel, two):
    reply = kernel("%runs name = two and acc > 0.6")
    assert two[1] in reply.text
    assert two[0] not in reply.text
    assert "<table>" in reply.outputs[0]["data"]["text/html"]


def test_runs_shows_names_as_text(kernel):
    kernel("%%track <script>alert(1)</script>\n1")
    html = kernel("%runs").outputs[0]["data"]["text/html"]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_wrong_query_is_one_line(kernel):
    reply = kernel("%runs acc >")
    assert "expected a value" in reply.text
    assert "Traceback" not in reply.text


def test_compare_shows_what_differs(kernel, two):
    text = kernel(f"%compare {two[0]} {two[1]}").text
    assert "-acc = 0.5" in text
    assert "+acc = 0.75" in text
    assert "lr" in text


def test_restore_puts_the_cells_and_files_beside(kernel, root, last):
    (root / "r.csv").write_text("a\n1\n")
    kernel("factor = 3")
    kernel("%%track\nopen('r.csv').read() * factor")
    run = last()
    (root / "r.csv").write_text("changed")
    kernel(f"%restore {run.id}")
    folder = root / "restored" / run.id[:8]
    assert (folder / "r.csv").read_text() == "a\n1\n"
    assert (root / "r.csv").read_text() == "changed"
    notebook = nbformat.read(folder / f"run-{run.id[:8]}.ipynb", as_version=4)
    assert notebook.cells[-1].source == "open('r.csv').read() * factor"
    assert "factor = 3" in [cell.source for cell in notebook.cells]
    again = kernel(f"%restore {run.id}")
    assert "not an empty folder" in again.text


def test_the_pipeline_shows_how_far_it_is_and_what_failed(kernel, root):
    cells = ["import time, os\nwhile not os.path.exists('go'): time.sleep(0.05)", "1 / 0"]
    nodes = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=nodes), root / "fails.ipynb")
    (root / "mlx.yaml").write_text("stages:\n  fails: {notebook: fails.ipynb}\n")
    request = kernel.send("%pipeline")
    # the table is updated while the first cell goes on
    shown = ""
    while "cell 1 of 2" not in shown:
        message = kernel.client.get_iopub_msg(timeout=PATIENCE_S)
        if message["msg_type"] in {"display_data", "update_display_data"}:
            shown = message["content"]["data"]["text/plain"]
    (root / "go").touch()
    while "failed" not in shown:
        message = kernel.client.get_iopub_msg(timeout=PATIENCE_S)
        if message["msg_type"] == "update_display_data":
            shown = message["content"]["data"]["text/plain"]
    assert "ZeroDivisionError" in shown
    reply = kernel.wait(request)
    assert reply.status == "error"
    assert "│ 1 / 0" in reply.text
    assert "jmlx exec fails.ipynb" in reply.text
    assert "UsageError: %pipeline: fails failed" in reply.text
    (root / "mlx.yaml").write_text("stages: {}\n")


def test_a_note_is_written_on_the_newest_run(kernel, two, root):
    kernel("%note the better one")
    assert Project.open(root).ledger.get(two[1]).note == "the better one"


def test_data_lists_what_is_tracked(kernel, root):
    assert "jmlx add" in kernel("%data").text
    project = Project.open(root)
    (root / "d.csv").write_text("a\n")
    project.workspace.add([root / "d.csv"])
    assert "unchanged" in kernel("%data").text


def test_snapshot_keeps_the_notebook_as_it_is_saved(start, root, last):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    nbformat.write(notebook, root / "n.ipynb")
    kernel = start(root, JPY_SESSION_NAME=str(root / "n.ipynb"))
    kernel("%load_ext jupyter_mlx")
    kernel("%snapshot before the change")
    run = last("kind = snapshot")
    assert (run.notebook, run.note, run.source) == ("n.ipynb", "before the change", "x = 1")
    before = (root / "n.ipynb").read_bytes()
    (root / "n.ipynb").write_text("gone")
    project = Project.open(root)
    project.restore_run(run.id)
    assert (root / "restored" / run.id[:8] / "n.ipynb").read_bytes() == before


@pytest.mark.parametrize(
    "line",
    [
        "%compare a",
        "%compare a 'b",
        "%track maybe",
        "%restore",
        "%note",
        "%reproduce x",
        "%reproduce x --kep",
        "%snapshot",
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(kernel, line):
    reply = kernel(line)
    assert "UsageError" in reply.text
    assert "Traceback" not in reply.text
