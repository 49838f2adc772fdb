"""The routes of one run's page."""

from __future__ import annotations

import nbformat
import pytest
from waiting import soon

from jupyter_mlx.digest import Digest
from jupyter_mlx.ledger.run import FileVersion

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def version(path: str, content: bytes = b"x") -> FileVersion:
    return FileVersion(path, str(Digest.of(content)), len(content))


async def test_lineage_goes_back_to_the_makers_and_on_to_the_readers(ask, enter):
    made = enter("prepare", minute=0, outputs=(version("data/clean.csv"),))
    trained = enter("train", minute=1, inputs=(version("data/clean.csv"),), outputs=(version("model", b"m"),))
    used = enter("predict", minute=2, inputs=(version("model", b"m"),))
    answer = (await ask("runs", trained, "lineage")).json
    assert [run["id"] for origin in answer["origins"] for run in origin["runs"]] == [made]
    assert [run["id"] for file in answer["readers"] for run in file["runs"]] == [used]


async def test_a_cell_with_what_it_needed_becomes_a_notebook(ask, enter):
    output = {"output_type": "stream", "name": "stdout", "text": "3\n"}
    ident = enter(source="print(x)", slice=("x = 3",), cell_outputs=(output,))
    answer = (await ask("runs", ident, "notebook")).json
    nbformat.validate(answer["notebook"])
    assert [cell["source"] for cell in answer["notebook"]["cells"]] == ["x = 3", "print(x)"]
    assert answer["notebook"]["cells"][-1]["outputs"] == [output]
    assert not answer["whole"]
    assert (await ask("runs", ident, "script")).json == {"text": "x = 3\n\nprint(x)\n", "cells": None}


async def test_the_notebook_that_a_run_kept_is_given_whole(ask, enter, project):
    cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell("x = 1")]
    data = nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()
    digest = str(project.store.put(data))
    ident = enter(kind="notebook", notebook="a.ipynb", outputs=(FileVersion("a.ipynb", digest, len(data)),))
    answer = (await ask("runs", ident, "notebook")).json
    assert answer["whole"]
    assert [cell["source"] for cell in answer["notebook"]["cells"]] == ["# Title", "x = 1"]
    code = (await ask("runs", ident, "script")).json
    assert code["text"] == "# %% [markdown]\n# # Title\n\n# %%\nx = 1\n"
    assert code["cells"] == [
        {"cell_type": "markdown", "source": "# Title"},
        {"cell_type": "code", "source": "x = 1"},
    ]


async def test_figures_are_pictures_for_an_img_and_one_that_is_not_here_is_none(ask, enter):
    absent = {"digest": str(Digest.of(b"gone")), "size_bytes": 4, "encoding": "base64"}
    outputs = tuple(
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": data}}
        for data in (PIXEL, absent)
    )
    found = (await ask("runs", enter(cell_outputs=outputs), "figures")).json["figures"]
    assert found[0] == {"name": "figure 1", "address": f"data:image/png;base64,{PIXEL}"}
    assert found[1]["address"] is None


async def test_a_run_is_brought_back_beside_what_is_there(ask, enter, project):
    digest = str(project.store.put(b"a,b\n"))
    ident = enter(source="x = 1", inputs=(FileVersion("train.csv", digest, 4),))
    first = await ask("runs", ident, "restore", method="POST", json={})
    second = (await ask("runs", ident, "restore", method="POST", json={"only": "train.csv"})).json
    assert first.status == 201
    assert first.json["folder"] == f"restored/{ident[:8]}"
    assert second["folder"] == f"restored/{ident[:8]}-2"
    assert second["made"] == [f"restored/{ident[:8]}-2/train.csv"]
    assert (project.root / second["made"][0]).read_bytes() == b"a,b\n"


async def test_a_path_that_the_run_has_not_is_not_looked_for(ask, enter, project):
    ident = enter(source="x = 1")
    answer = await ask("runs", ident, "restore", method="POST", json={"only": "../../etc/passwd"})
    assert (answer.status, answer.json["error"]["code"]) == (404, "no-file-of-run")
    assert not any((project.root / "restored").iterdir())


@pytest.mark.parametrize("route", ["restore", "reproductions"])
async def test_a_body_that_is_not_described_or_too_long_is_refused(ask, enter, route):
    ident = enter(source="x = 1")
    for body in ({"only": 1}, {"to": "/etc"}, [], {"only": "x" * 2_000_000}):
        answer = await ask("runs", ident, route, method="POST", json=body)
        assert (answer.status, answer.json["error"]["code"]) == (400, "bad-request")


async def test_a_reproduction_that_cannot_be_says_why(ask, enter):
    ident = enter("sweep", kind="sweep")
    assert (await ask("runs", ident, "reproductions")).json["running"] is False
    begun = await ask("runs", ident, "reproductions", method="POST", json={})
    assert begun.status == 202
    again = await ask("runs", ident, "reproductions", method="POST", json={})
    assert (again.status, again.json["error"]["code"]) == (409, "being-reproduced")

    async def ended():
        state = (await ask("runs", ident, "reproductions")).json
        return None if state["running"] else state

    state = await soon(ended)
    assert "can't be made again" in state["problem"]
    assert state["found"] == []


async def test_the_verdicts_of_a_run_are_told(ask, enter):
    ident = enter()
    facts = {"verdict": "same", "metrics": [], "of": ident}
    output = {"output_type": "display_data", "metadata": {}, "data": {"application/json": facts}}
    again = enter(kind="reproduce", parent=ident, minute=1, cell_outputs=(output,))
    found = (await ask("runs", ident, "reproductions")).json["found"]
    assert [(one["id"], one["facts"]["verdict"]) for one in found] == [(again, "same")]


async def test_a_report_is_a_download_that_runs_nothing(ask, enter):
    ids = [enter("<script>alert(1)</script>"), enter("b")]
    answer = await ask("report", params={"ids": ",".join(ids)})
    assert answer.status == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert b"<script>" not in answer.body


@pytest.mark.parametrize("ids", ["", "../x", "abc", ",".join(f"{n:016x}" for n in range(51)), "a" * 2000])
@pytest.mark.parametrize("path", ["report", "compare/runs"])
async def test_what_is_no_list_of_ids_is_refused(ask, project, path, ids):
    answer = await ask(*path.split("/"), params={"ids": ids})
    assert (answer.status, answer.json["error"]["code"]) == (400, "bad-request")
