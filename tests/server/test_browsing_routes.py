"""The routes of a list of very many runs, asked through a real server."""

from __future__ import annotations

from jupyter_mlx.project import Project
from jupyter_mlx.server.browsing import ACTIONS_BYTES, MOST_IDS


async def test_a_page_begins_where_it_is_asked_to(ask, enter):
    ids = [enter(minute=minute) for minute in range(5)][::-1]
    found = (await ask("runs", params={"offset": "3", "limit": "1"})).json
    assert [run["id"] for run in found["runs"]] == [ids[3]]
    assert (found["offset"], found["total"]) == (3, 5)


async def test_children_are_counted_and_stand_under_their_parent(ask, enter):
    parent = enter("sweep", kind="sweep")
    child = enter("one", minute=1, parent=parent)
    orphan = enter("orphan", minute=2, parent="f" * 16)
    found = (await ask("runs", params={"roots": "true"})).json
    assert [(run["id"], run["children"]) for run in found["runs"]] == [(orphan, 0), (parent, 1)]
    under = (await ask("runs", params={"query": f'parent = "{parent}"'})).json
    assert [run["id"] for run in under["runs"]] == [child]


async def test_a_page_comes_with_the_shape_of_a_metric(ask, enter, project):
    ident, without = enter(minute=1), enter()
    project.ledger.insert_series(ident, {"loss": [(step, step / 2, 0.0) for step in range(1001)]})
    found = (await ask("runs", params={"spark": "loss"})).json["runs"]
    assert [run["id"] for run in found] == [ident, without]
    assert (found[0]["spark"][0], found[0]["spark"][-1]) == (0, 500)
    assert 30 <= len(found[0]["spark"]) <= 42
    assert found[1]["spark"] == []


async def test_names_are_told_to_complete_a_query(ask, enter):
    enter(params={"lr": 1}, metrics={"acc": 0.5}, tags=("best",))
    found = (await ask("runs", "names")).json
    assert (found["params"], found["metrics"], found["tags"]) == (["lr"], ["acc"], ["best"])
    assert {"started", "tag", "notebook"} <= set(found["fields"])
    assert "interrupted" in found["statuses"]


async def test_runs_fall_into_groups(ask, enter):
    enter(notebook="a.ipynb", tags=("x", "y"), minute=1)
    enter(notebook="a.ipynb", status="failed", minute=2)
    enter(minute=3)
    found = (await ask("runs", "groups", params={"by": "notebook"})).json["groups"]
    assert [(group["key"], group["count"], group["failed"]) for group in found] == [
        (None, 1, 0),
        ("a.ipynb", 2, 1),
    ]
    tags = (await ask("runs", "groups", params={"by": "tag"})).json["groups"]
    assert {group["key"]: group["count"] for group in tags} == {None: 2, "x": 1, "y": 1}
    assert (await ask("runs", "groups", params={"by": "rowid"})).status == 400


async def test_a_query_that_cannot_be_read_says_where(ask, project):
    error = (await ask("runs", params={"query": "acc > and"})).json["error"]
    assert (error["at"], error["problem"]) == (6, "expected a value after '>'")


async def test_many_runs_go_to_the_trash_and_come_back_at_once(ask, enter):
    ids = [enter(minute=minute) for minute in range(3)]
    done = await ask("runs", "actions", method="POST", json={"ids": ids[:2], "trashed": True})
    assert (done.status, done.json) == (200, {"changed": 2})
    assert (await ask("runs")).json["total"] == 1
    trash = (await ask("runs", "ids", params={"trash": "true"})).json
    assert (set(trash["ids"]), trash["total"]) == (set(ids[:2]), 2)
    await ask("runs", "actions", method="POST", json={"ids": ids[:2], "trashed": False})
    assert (await ask("runs", "ids")).json == {"ids": ids[::-1], "total": 3}


async def test_many_runs_are_tagged_at_once(ask, enter):
    ids = [enter(tags=("old",)), enter(tags=("b",))]
    change = {"ids": ids, "add_tags": ["best"], "drop_tags": ["old"], "starred": True}
    await ask("runs", "actions", method="POST", json=change)
    found = {run["id"]: run for run in (await ask("runs")).json["runs"]}
    assert [sorted(found[ident]["tags"]) for ident in ids] == [["best"], ["b", "best"]]
    assert all(run["starred"] for run in found.values())


async def test_one_unknown_run_among_many_leaves_all_as_they_were(ask, enter, project):
    known = enter()
    change = {"ids": [known, "f" * 16], "starred": True}
    assert (await ask("runs", "actions", method="POST", json=change)).status == 404
    assert not project.ledger.get(known).starred


async def test_what_is_no_action_is_refused(ask, project):
    for body in ({"ids": ["../x"]}, {"ids": ["a" * 16] * (MOST_IDS + 1)}, {"ids": [], "name": "x"}, {}):
        assert (await ask("runs", "actions", method="POST", json=body)).status == 400
    over = "x" * (ACTIONS_BYTES + 1)
    assert (await ask("runs", "actions", method="POST", body=over)).json["error"]["code"] == "bad-request"


async def test_more_changes_than_a_page_come_in_parts(ask, enter, project):
    for _ in range(1005):
        enter()
    first = (await ask("runs", params={"since": "0"})).json
    assert len(first["runs"]) == 1000
    rest = (await ask("runs", params={"since": str(first["seq"])})).json
    assert len(rest["runs"]) == 5
    assert rest["seq"] == project.ledger.seq()


async def test_a_project_is_made_where_there_is_none(ask, jp_root_dir):
    assert (await ask("runs")).json["error"]["code"] == "no-project"
    made = await ask("project", method="POST", json={})
    assert (made.status, made.json) == (201, {"project": jp_root_dir.name})
    assert Project.open(jp_root_dir).root == jp_root_dir.resolve()
    assert (await ask("runs")).json["total"] == 0
    assert (await ask("project", method="POST", json={})).status == 409
