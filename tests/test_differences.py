"""Two runs compared down to rows, labels, cells, figures and printed text, with a real store."""

import base64
import json
import shutil

import nbformat
import pytest

PNG = base64.b64encode(b"\x89PNG one").decode()


@pytest.fixture
def record(project):
    """`record(path=content, …)`: a run that read these files; its id."""

    def one(*outputs, **facts):
        run = project.recorder.open(kind="block", name="r")
        for path, content in facts.items():
            (project.root / f"{path}.csv").write_text(content)
            run.add_input(project.workspace.save(f"{path}.csv"))
        for output in outputs:
            run.add_cell_output(output)
        run.finish()
        project.recorder.flush()
        return run.id

    return one


def test_the_labels_that_changed_in_an_input_are_told(project, record):
    rows = [f"{at},{'cat' if at % 2 else 'dog'}" for at in range(20)]
    a = record(labels="\n".join(["id,label", *rows]))
    b = record(labels="\n".join(["id,label", *rows[:-1], "19,dog"]))
    found = project.comparison(a, b)
    (detail,) = found.inside.data
    assert "    label: 1 labels changed: cat->dog 1" in detail.lines
    assert detail.value["tables"][0]["changed"] == 1
    assert project.comparison(a, a).same


def test_the_files_of_a_folder_that_changed_are_told(project):
    ids = []
    for text in "one", "two":
        run = project.recorder.open(kind="block", name="r")
        (project.root / "data").mkdir(exist_ok=True)
        (project.root / "data" / "a.txt").write_text(text)
        (project.root / "data" / f"{text}.txt").write_text(text)
        run.add_input(project.workspace.save("data"))
        run.finish()
        ids.append(run.id)
    project.recorder.flush()
    lines = project.comparison(*ids).inside.data[0].lines
    assert "M data/a.txt  3 B -> 3 B" in lines
    assert "A data/two.txt  3 B" in lines


def test_data_whose_objects_are_gone_says_how_to_fetch_them(project, record):
    a, b = record(t="a\n1\n"), record(t="a\n2\n")
    environments = {run.environment for run in map(project.ledger.get, (a, b))}
    shutil.rmtree(project.state / "store")
    found = type(project)(project.root).comparison(a, b)
    assert environments
    assert [change.name for change in found.of_kind("input")] == ["t.csv"]
    assert "jmlx pull" in found.inside.data[0].lines[0]


def figure(payload, **more):
    return {"output_type": "display_data", "data": {"image/png": payload, **more}, "metadata": {}}


def test_figures_and_printed_text_are_compared(project, record):
    other = base64.b64encode(b"\x89PNG two" * 2000).decode()
    told = {"output_type": "stream", "name": "stdout", "text": "loss 1\n"}
    a = record(figure(PNG), figure(PNG), told)
    b = record(figure(PNG), figure(other), {**told, "text": "loss 2\n"})
    found = project.comparison(a, b)
    assert [change.name for change in found.of_kind("figure")] == ["figure 2"]
    assert "-loss 1" in found.inside.text
    assert "+loss 2" in found.inside.text


def test_two_snapshots_are_compared_cell_by_cell(jmlx, project):
    cells = [nbformat.v4.new_code_cell(f"x{at} = {at}") for at in range(3)]
    ids = []
    for at in range(2):
        cells[1].source = f"x1 = {at}"
        nbformat.write(nbformat.v4.new_notebook(cells=cells[: 3 - at]), project.root / "n.ipynb")
        ids.append(project.snapshot("n.ipynb").id)
    project.recorder.flush()
    done = jmlx("runs", "compare", *ids)
    assert "cell 2 changed" in done.stdout
    assert "cell 3 removed" in done.stdout
    assert "+x1 = 1" in done.stdout
    found = json.loads(jmlx("runs", "compare", *ids, "--json").stdout)
    assert [cell["what"] for cell in found["cells"]] == ["removed", "changed"]
    assert found["ranked"][0]["note"] == "cells: 1 changed, 1 removed"


def test_a_notebook_of_an_older_format_and_a_broken_one_are_compared_as_far_as_they_can_be(project):
    old = nbformat.v3.new_notebook(
        worksheets=[nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell("x = 1")])]
    )
    ids = []
    for text in (nbformat.v3.nbjson.writes(old), nbformat.writes(nbformat.v4.new_notebook()), '{"cells": 3'):
        (project.root / "n.ipynb").write_text(text)
        ids.append(project.snapshot("n.ipynb").id)
    project.recorder.flush()
    assert [cell.what for cell in project.comparison(ids[0], ids[1]).inside.cells] == ["removed"]
    assert project.comparison(ids[1], ids[2]).inside.cells == ()
