"""The REST routes, asked through a real server."""

from __future__ import annotations

import math

import psutil
import pytest
from waiting import until

from jupyter_mlx._version import __version__
from jupyter_mlx.digest import Digest
from jupyter_mlx.ledger.run import Failure, FileVersion
from jupyter_mlx.project import Project


async def test_runs_come_newest_first_a_page_at_a_time(ask, enter):
    ids = [enter(minute=minute) for minute in range(5)]
    first = (await ask("runs", params={"limit": "3"})).json
    assert [run["id"] for run in first["runs"]] == ids[:1:-1]
    assert first["total"] == 5
    rest = (await ask("runs", params={"limit": "3", "cursor": first["next"]})).json
    assert [run["id"] for run in rest["runs"]] == ids[1::-1]
    assert rest["next"] is None


async def test_runs_are_selected_and_sorted_by_the_ledger(ask, enter):
    for number, minute in enumerate((2, 1, 3)):
        enter(f"run {number}", minute=minute, metrics={"acc": number / 2})
    found = (await ask("runs", params={"query": "acc > 0.2", "sort": "-acc"})).json
    assert [run["name"] for run in found["runs"]] == ["run 2", "run 1"]


async def test_a_query_that_cannot_be_read_is_told_in_one_sentence(ask, project):
    answer = await ask("runs", params={"query": "acc >"})
    assert answer.status == 400
    assert answer.json["error"]["code"] == "query"
    assert "acc > 0.9" in answer.json["message"]


@pytest.mark.parametrize("limit", ["0", "1001", "many", "-1", "1e2", "٣"])
async def test_a_limit_out_of_bounds_is_refused(ask, project, limit):
    answer = await ask("runs", params={"limit": limit})
    assert (answer.status, answer.json["error"]["code"]) == (400, "bad-request")


async def test_since_tells_what_changed_and_what_went(ask, enter, project):
    old, gone = enter("old"), enter("gone")
    seq = (await ask("runs")).json["seq"]
    new = enter("new")
    project.ledger.trash(gone)
    found = (await ask("runs", params={"since": str(seq)})).json
    assert [run["id"] for run in found["runs"]] == [new]
    assert found["removed"] == [gone]
    assert found["total"] == 2
    assert found["seq"] > seq
    assert old not in str(found)


async def test_a_run_is_told_whole(ask, enter, project):
    failure = Failure("ValueError", "no data", ("\x1b[31mValueError\x1b[39m: no data",))
    file = FileVersion("data/a.csv", str(Digest.of(b"a")), 1, "seen")
    ident = enter("fit", status="failed", params={"lr": 0.1}, source="x = 1", inputs=(file,), error=failure)
    project.ledger.log(ident, {"loss": 0.5}, step=0, t=0.25)
    run = (await ask("runs", ident)).json
    assert run["params"] == {"lr": 0.1}
    assert run["source"] == "x = 1"
    assert run["inputs"] == [
        {
            "path": "data/a.csv",
            "digest": file.digest,
            "size_bytes": 1,
            "how": "seen",
            "kind": "file",
            "source": "",
            "changed": False,
        },
    ]
    assert run["error"]["ename"] == "ValueError"
    assert run["series"] == {"loss": [[0, 0.5, 0.25]]}
    assert run["started_at"] == "2026-03-01T12:00:00.000000Z"


async def test_numbers_that_json_cannot_say_are_told_by_name(ask, enter):
    ident = enter(params={"high": math.inf, "low": [-math.inf]}, metrics={"loss": math.nan})
    answer = await ask("runs", ident)
    assert b'"NaN"' in answer.body
    assert answer.json["metrics"] == {"loss": "NaN"}


async def test_the_beginning_of_an_id_is_enough(ask, enter):
    ident = enter()
    assert (await ask("runs", ident[:8])).json["id"] == ident


async def test_an_absent_run_says_what_to_do(ask, project):
    answer = await ask("runs", "0123456789abcdef")
    assert (answer.status, answer.json["error"]["code"]) == (404, "run-not-found")
    assert "jmlx runs list" in answer.json["message"]


async def test_a_long_series_is_thinned_and_has_a_route_of_its_own(ask, enter, project):
    ident = enter()
    project.ledger.insert_series(ident, {"loss": [(step, float(step % 100), 0.0) for step in range(5000)]})
    whole = (await ask(f"runs/{ident}")).json
    assert whole["points"] == {"loss": 5000}
    assert len(whole["series"]["loss"]) < 1100
    part = (await ask(f"runs/{ident}/series", params={"metric": "loss", "from": "100", "to": "199"})).json
    assert part["count"] == len(part["points"]) == 100
    few = (await ask(f"runs/{ident}/series", params={"metric": "loss", "points": "50"})).json
    assert few["count"] == 5000
    assert {0.0, 99.0} <= {value for _, value, _ in few["points"]}
    assert len(few["points"]) < 60
    assert (await ask(f"runs/{ident}/series", params={"metric": "none"})).json == {"count": 0, "points": []}
    assert (await ask(f"runs/{ident}/series", params={"metric": "loss", "points": "1"})).status == 400
    assert (await ask("runs/ffff/series", params={"metric": "loss"})).status == 404


async def test_outputs_are_whole(ask, enter):
    output = {"output_type": "stream", "name": "stdout", "text": "hello\n"}
    ident = enter(cell_outputs=(output,))
    assert (await ask("runs", ident, "outputs")).json == {"outputs": [output]}


async def test_tags_note_and_star_are_changed_and_the_rest_stays(ask, enter):
    ident = enter(tags=("old",), params={"lr": 0.1})
    run = (await ask("runs", ident, method="PATCH", json={"starred": True, "note": "good"})).json
    assert (run["starred"], run["note"], run["tags"]) == (True, "good", ["old"])
    run = (await ask("runs", ident, method="PATCH", json={"tags": ["best"]})).json
    assert (run["starred"], run["note"], run["tags"]) == (True, "good", ["best"])
    assert run["params"] == {"lr": 0.1}


@pytest.mark.parametrize(
    "body",
    ['{"name": "x"}', '{"tags": "best"}', '{"starred": 1}', "[]", "{", '{"note": "' + "x" * 70_000 + '"}'],
)
async def test_a_body_of_another_shape_changes_nothing(ask, enter, body):
    ident = enter()
    before = (await ask("runs", ident)).json
    answer = await ask("runs", ident, method="PATCH", body=body)
    assert (answer.status, answer.json["error"]["code"]) == (400, "bad-request")
    assert (await ask("runs", ident)).json == before


async def test_a_run_in_the_trash_is_listed_no_more(ask, enter):
    ident = enter()
    assert (await ask("runs", ident, method="DELETE")).status == 204
    assert (await ask("runs")).json["total"] == 0


async def test_two_runs_are_compared(ask, enter):
    a, b = enter(params={"lr": 0.1}), enter(params={"lr": 0.2})
    answer = await ask("compare", params={"a": a, "b": b})
    assert answer.status == 200
    assert "lr" in str(answer.json)


async def test_an_object_is_a_download_that_no_browser_shows(ask, project):
    page = b"<script>alert(1)</script>"
    digest = project.store.put(page)
    answer = await ask("objects", str(digest))
    assert answer.body == page
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


async def test_an_absent_object_says_so(ask, project):
    answer = await ask("objects", str(Digest.of(b"absent")))
    assert (answer.status, answer.json["error"]["code"]) == (404, "object-not-found")


async def test_data_and_pipeline_are_told(ask, project, jp_root_dir):
    (jp_root_dir / "train.csv").write_text("1,2\n")
    project.workspace.add([jp_root_dir / "train.csv"])
    (found,) = (await ask("data")).json["data"]
    assert (found["path"], found["state"], found["size_bytes"], found["files"]) == (
        "train.csv",
        "unchanged",
        4,
        1,
    )
    assert (await ask("pipeline")).json == {"stages": []}


async def test_a_configuration_that_is_spoilt_is_told_with_file_and_line(ask, project, jp_root_dir):
    assert (await ask("pipeline")).status == 200
    (jp_root_dir / "mlx.yaml").write_text("stages:\n  train: 3\n")
    answer = await ask("pipeline")
    assert (answer.status, answer.json["error"]["code"]) == (400, "config")
    assert "mlx.yaml:2" in answer.json["message"]


async def test_the_pipeline_is_run_in_a_process_of_its_own(ask, project):
    answer = await ask("pipeline", "run", method="POST", json={})
    assert answer.status == 202
    # ended, and no zombie stays
    until(lambda: not psutil.pid_exists(answer.json["pid"]), "the end of the pipeline's process")
    (job,) = (await ask("jobs")).json["jobs"]
    assert (job["id"], job["what"], job["problem"]) == (answer.json["id"], "run", "")


@pytest.mark.parametrize("stage", ["--force", "-p", ""])
async def test_a_stage_that_would_be_an_option_is_refused(ask, project, stage):
    answer = await ask("pipeline", "run", method="POST", json={"stages": [stage]})
    assert (answer.status, answer.json["error"]["code"]) == (400, "bad-request")


async def test_events_say_where_the_ledger_stands(ask, enter):
    enter()
    answer = (await ask("events")).json
    assert answer == {
        "seq": 1,
        "jobs": 0,
        "schema_id": "https://events.jupyter.org/jupyter_mlx/runs_changed/v1",
        "version": __version__,
        "project": "root_dir",
        "prefix": "",
    }


async def test_outside_a_project_the_answer_says_how_to_make_one(ask):
    answer = await ask("runs")
    assert (answer.status, answer.json["error"]["code"]) == (404, "no-project")
    assert "jmlx init" in answer.json["message"]


async def test_a_project_that_is_made_later_is_seen_and_one_that_is_removed_is_gone(ask, jp_root_dir):
    assert (await ask("runs")).status == 404
    Project.create(jp_root_dir)
    assert (await ask("runs")).status == 200
    (jp_root_dir / "mlx.yaml").unlink()
    assert (await ask("runs")).json["error"]["code"] == "no-project"


async def test_a_project_above_the_server_s_folder_is_found(ask, jp_root_dir):
    Project.create(jp_root_dir.parent)
    answer = (await ask("events")).json
    assert answer["project"] == jp_root_dir.parent.name
    assert answer["prefix"] == "root_dir"


async def test_the_ledger_s_damage_is_an_error_in_the_same_shape(ask, project):
    _ = project.ledger.seq()
    project.ledger.close()
    for path in project.state.glob("ledger.db*"):
        path.write_bytes(b"this is no database" * 500)
    answer = await ask("runs")
    assert answer.status >= 500
    assert set(answer.json) == {"error", "message"}
