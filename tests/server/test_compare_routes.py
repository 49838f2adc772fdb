"""The routes of a comparison of several runs."""

from __future__ import annotations

import pytest


async def test_runs_stand_beside_each_other_in_the_order_asked_for(ask, enter):
    a = enter(params={"lr": 0.1, "note": "x" * 2000}, seeds={"numpy": {"set": [1]}})
    b = enter(params={"lr": 0.2}, minute=1, guessed=("acc",), seeds={"numpy": {"set": [2]}})
    found = (await ask("compare", "runs", params={"ids": f"{b},{a},{b}"})).json
    assert [run["id"] for run in found["runs"]] == [b, a]
    assert found["runs"][1]["params"]["note"] == "x" * 2000
    assert found["runs"][0]["guessed"] == ["acc"]
    assert found["seeds"] == [{"name": "numpy", "values": [[2], [1]]}]
    assert found["packages"] == []


async def test_curves_of_several_runs_are_thinned(ask, enter, project):
    a, b = enter(), enter(minute=1)
    project.ledger.insert_series(a, {"loss": [(step, 1 / (1 + step), step / 10) for step in range(5000)]})
    found = (
        await ask("compare", "curves", params={"ids": f"{a},{b}", "metric": "loss", "points": "100"})
    ).json
    assert [curve["id"] for curve in found["curves"]] == [a, b]
    assert found["curves"][0]["count"] == 5000
    assert 50 < len(found["curves"][0]["points"]) <= 102
    assert found["curves"][1]["points"] == []


async def test_columns_of_many_runs_are_lists(ask, enter):
    ids = [
        enter(f"run {n}", minute=n, params={"lr": n / 10, "kind": "a"}, metrics={"acc": n}) for n in range(3)
    ]
    found = (await ask("compare", "columns")).json
    assert found["ids"] == ids[::-1]
    assert found["columns"]["params.lr"] == [0.2, 0.1, 0.0]
    # what is the same in all tells nothing
    assert found["known"][-1] == "params.kind"
    assert "params.kind" not in found["columns"]
    asked = {"query": "acc > 0", "column": "metrics.acc", "limit": "1"}
    found = (await ask("compare", "columns", params=asked)).json
    assert (found["total"], found["ids"], found["columns"]) == (2, [ids[2]], {"metrics.acc": [2]})


@pytest.mark.parametrize("column", ["params.", "status", "secret", "params." + "x" * 501])
async def test_what_is_no_column_is_refused(ask, project, column):
    answer = await ask("compare", "columns", params={"column": column})
    assert (answer.status, answer.json["error"]["code"]) == (400, "bad-request")
