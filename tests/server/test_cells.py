"""The routes of notebooks: the runs of their cells, what changed since, and snapshots."""

from __future__ import annotations

import json

import pytest

from jupyter_mlx.digest import Digest
from jupyter_mlx.ledger.run import FileVersion

NOTEBOOK = "notebooks/fit.ipynb"


@pytest.fixture
def notebook(project):
    path = project.root / NOTEBOOK
    path.parent.mkdir()
    cell = {
        "cell_type": "code",
        "id": "c1",
        "source": "x = 1",
        "metadata": {},
        "outputs": [],
        "execution_count": 1,
    }
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


async def test_each_cell_is_told_with_its_last_run_and_the_one_before(ask, enter, project):
    for minute, acc in enumerate((0.5, 0.75, 0.875)):
        enter(minute=minute, notebook=NOTEBOOK, cell_id="one", metrics={"acc": acc}, source=f"fit({minute})")
    other = enter(notebook=NOTEBOOK, cell_id="two", source="x")
    enter(notebook="another.ipynb", cell_id="one")
    enter(kind="notebook", notebook=NOTEBOOK)
    gone = enter(minute=9, notebook=NOTEBOOK, cell_id="two")
    project.ledger.trash(gone)
    found = {
        cell["cell_id"]: cell for cell in (await ask("cells", params={"notebook": NOTEBOOK})).json["cells"]
    }
    assert found["one"]["count"] == 3
    assert (found["one"]["run"]["metrics"], found["one"]["run"]["source"]) == ({"acc": 0.875}, "fit(2)")
    assert found["one"]["before"]["metrics"] == {"acc": 0.75}
    assert (found["two"]["run"]["id"], found["two"]["before"]) == (other, None)


async def test_the_history_of_a_cell_has_its_sources_newest_first(ask, enter):
    for minute in range(3):
        enter(minute=minute, notebook=NOTEBOOK, cell_id="one", source=f"fit({minute})")
    answer = await ask("cells", "runs", params={"notebook": NOTEBOOK, "cell": "one"})
    assert [run["source"] for run in answer.json["runs"]] == ["fit(2)", "fit(1)", "fit(0)"]


async def test_data_that_is_no_longer_as_a_cell_read_it_is_named(ask, enter, project):
    (project.root / "same.csv").write_text("a")
    (project.root / "new.csv").write_text("b")
    files = tuple(
        FileVersion(path, str(Digest.of(b"a")), 1, "seen") for path in ("same.csv", "new.csv", "gone.csv")
    )
    outside = FileVersion("/nowhere/at/all", str(Digest.of(b"a")), 1, "seen", "outside")
    own = FileVersion("own.csv", str(Digest.of(b"a")), 1, "seen")
    enter(notebook=NOTEBOOK, cell_id="one", inputs=(*files, outside, own), outputs=(own,))
    enter(notebook=NOTEBOOK, cell_id="two", inputs=files[:1])
    answer = await ask("cells", "data", params={"notebook": NOTEBOOK})
    assert {cell: sorted(paths) for cell, paths in answer.json["changed"].items()} == {
        "one": ["gone.csv", "new.csv"]
    }


async def test_a_snapshot_has_what_was_asked_to_remember(ask, project, notebook):
    answer = await ask("snapshots", method="POST", json={"notebook": NOTEBOOK, "message": "good"})
    assert (answer.status, answer.json["kind"], answer.json["note"]) == (201, "snapshot", "good")
    assert project.ledger.get(answer.json["id"]).source == "x = 1"


HOSTILE = [
    "",
    "../x.ipynb",
    "/etc/passwd",
    "a/../../b",
    "a\\b",
    "a\0b",
    "./a",
    "a//b",
    ".mlx/ledger.db",
    ".git/config",
    "x" * 5000,
]


@pytest.mark.parametrize("path", HOSTILE)
async def test_what_is_no_path_of_the_project_is_refused(ask, project, path):
    answer = await ask("snapshots", method="POST", json={"notebook": path})
    assert (answer.status, answer.json["error"]["code"]) == (400, "bad-request")
    path = path.replace("\0", "\\")  # a server puts a blank for what a query string may not hold
    for route in (("cells",), ("cells", "data"), ("cells", "runs")):
        assert (await ask(*route, params={"notebook": path, "cell": "x"})).status == 400


async def test_a_snapshot_of_a_link_out_of_the_project_is_refused(ask, project, tmp_path):
    (tmp_path / "secret.ipynb").write_text("{}")
    (project.root / "link.ipynb").symlink_to(tmp_path / "secret.ipynb")
    answer = await ask("snapshots", method="POST", json={"notebook": "link.ipynb"})
    assert answer.status in (400, 404)


async def test_a_long_body_and_an_unknown_field_are_refused(ask, project):
    long = await ask("snapshots", method="POST", json={"notebook": "a.ipynb", "message": "x" * 70_000})
    other = await ask("snapshots", method="POST", json={"notebook": "a.ipynb", "to": "/etc"})
    assert [answer.status for answer in (long, other)] == [400, 400]
