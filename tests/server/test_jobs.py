"""Work that the server has done by `jmlx`: data that is added, sent and brought, the pipeline."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from waiting import soon

from jupyter_mlx.data.progress import Count


@pytest.fixture
def work(ask, project):
    """`await work("add", paths=[…])`: the job, when it has ended."""

    async def begin(what: str, **body):
        answer = await ask("jobs", method="POST", json={"what": what, **body})
        assert answer.status == 202
        return await ended(ask, answer.json["id"])

    return begin


async def ended(ask, ident):
    """A job, when it has ended."""

    async def look():
        found = next(job for job in (await ask("jobs")).json["jobs"] if job["id"] == ident)
        return None if found["state"] == "running" else found

    return await soon(look, "the end of the job")


async def test_data_is_added_sent_and_brought_back_with_its_progress(ask, work, project, tmp_path):
    path = project.root / "train.csv"
    path.write_text("1,2\n")
    job = await work("add", paths=["train.csv"])
    assert (job["state"], job["files"], job["size_bytes"]) == ("done", 1, 4)
    (project.root / "mlx.yaml").write_text(f"remotes: {{origin: {{url: {tmp_path / 'remote'}}}}}\n")
    assert (await work("push"))["state"] == "done"
    path.unlink()
    assert (await ask("data")).json["data"][0]["state"] == "missing"
    assert (await work("pull"))["state"] == "done"
    assert path.read_text() == "1,2\n"
    assert (await ask("data")).json["remotes"] == ["origin"]


async def test_bytes_that_are_in_no_store_are_not_replaced_and_it_is_said_as_in_a_terminal(work, project):
    path = project.root / "train.csv"
    path.write_text("1,2\n")
    await work("add", paths=["train.csv"])
    path.write_text("mine\n")
    job = await work("checkout", paths=["train.csv"])
    words = [sys.executable, "-m", "jupyter_mlx.cli.main", "checkout", "train.csv"]
    said = subprocess.run(words, check=False, cwd=project.root, capture_output=True, text=True).stderr
    assert job["state"] == "failed"
    assert said.strip() == f"jmlx: {job['problem']}"
    assert path.read_text() == "mine\n"


async def test_the_versions_of_data_and_their_difference_are_told(ask, work, project):
    git = ["git", "-C", str(project.root), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], check=True)
    for text in ("a,b\n1,2\n", "a,b\n1,2\n3,4\n"):
        (project.root / "t.csv").write_text(text)
        await work("add", paths=["t.csv"])
        subprocess.run([*git, "add", "t.csv.mlx"], check=True)
        subprocess.run([*git, "commit", "-qm", f"of {len(text)}"], check=True)
    found = (await ask("data", "versions", params={"path": "t.csv"})).json["versions"]
    assert [(one["subject"], one["size_bytes"]) for one in found] == [("of 12", 12), ("of 8", 8)]
    answer = await ask("data", "diff", params={"path": "t.csv", "a": found[1]["commit"], "b": "HEAD"})
    (difference,) = answer.json["differences"]
    assert difference["path"] == "t.csv"
    assert (await work("checkout", paths=["t.csv"], rev=found[1]["commit"]))["state"] == "done"
    assert (project.root / "t.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    "body",
    [
        {"what": "gc"},
        {"what": "add"},
        {"what": "add", "paths": ["../x"]},
        {"what": "add", "paths": ["/etc/passwd"]},
        {"what": "checkout", "rev": "--force"},
        {"what": "checkout", "rev": "a b"},
        {"what": "add", "paths": ["a"], "force": True},
        {"what": "add", "paths": ["a" * 70_000]},
        {"what": "push", "paths": ["a"] * 1001},
    ],
)
async def test_what_no_job_may_ask_is_refused(ask, project, body):
    answer = await ask("jobs", method="POST", json=body)
    assert (answer.status, answer.json["error"]["code"]) == (400, "bad-request")
    assert (await ask("jobs")).json["jobs"] == []


async def test_a_path_that_looks_like_an_option_is_a_path(work, project):
    (project.root / "--force").write_text("x")
    assert (await work("add", paths=["--force"]))["state"] == "done"
    assert (project.root / "--force.mlx").exists()


async def test_a_stage_that_failed_is_named_and_the_newest_run_of_each_is_told(ask, project):
    (project.root / "mlx.yaml").write_text(
        "stages:\n  a:\n    command: ls nowhere\n    matrix: {x: ['\"']}\n"
    )
    begun = await ask("pipeline", "run", method="POST", json={"stages": ["a"]})
    job = await ended(ask, begun.json["id"])
    assert job["state"] == "failed"
    assert (await ask("events")).json["jobs"] == 2  # it began, and ended
    assert job["problem"].startswith('a@x=" failed: ')
    (stage,) = (await ask("pipeline")).json["stages"]
    assert (stage["command"], stage["run"]["status"], stage["action"]) == ("ls nowhere", "failed", "run")
    assert stage["run"]["error"]
    assert (await ask("pipeline", "run")).status == 405


@pytest.fixture
def slow_stage(project):
    """A pipeline that goes on for a minute."""
    cells = '{"cells":[{"cell_type":"code","id":"a","source":"import time; time.sleep(60)","metadata":{},"outputs":[],"execution_count":null}],"metadata":{"kernelspec":{"name":"python3","display_name":"p"}},"nbformat":4,"nbformat_minor":5}'
    (project.root / "slow.ipynb").write_text(cells)
    (project.root / "mlx.yaml").write_text("stages:\n  slow:\n    notebook: slow.ipynb\n")


async def test_a_job_is_stopped_and_a_second_of_its_kind_waits(ask, project, slow_stage):
    begun = await ask("pipeline", "run", method="POST", json={})
    again = await ask("pipeline", "run", method="POST", json={})
    assert (begun.status, again.status, again.json["error"]["code"]) == (202, 409, "busy")

    async def under_way():
        (stage,) = (await ask("pipeline")).json["stages"]
        return stage if stage["run"] else None

    stage = await soon(under_way)
    assert (stage["line"], stage["upstream"], stage["run"]["status"]) == (2, [], "running")
    assert (await ask("jobs", begun.json["id"], method="DELETE")).status == 200
    assert (await ended(ask, begun.json["id"]))["state"] == "stopped"
    assert (await ask("jobs", "0" * 16, method="DELETE")).status == 404
    assert (await ask("jobs", "..%2F..", method="DELETE")).status in (400, 404)


async def test_a_job_is_stopped_while_python_begins(ask, slow_stage):
    for after_s in (0, 0.02, 0.05, 0.1, 0.2, 0.3):
        begun = await ask("pipeline", "run", method="POST", json={})
        await asyncio.sleep(after_s)
        await ask("jobs", begun.json["id"], method="DELETE")
        job = await ended(ask, begun.json["id"])
        assert (job["state"], job["problem"]) == ("stopped", ""), job["said"]


def test_how_far_work_is_comes_through_a_line():
    count = Count(1, 2, 3, 4)
    assert Count.of(count.line()) == count
    assert [
        Count.of(line) for line in ("", "adding", '{"progress": 3}', '{"progress": {"x": 1}}', '{"progress":')
    ] == [None] * 5
