"""What the front ends are told, and when."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from waiting import PATIENCE_S, soon

from jupyter_mlx.project import Project
from jupyter_mlx.server.events import LOOKS_PER_ROUND, MOST_IDS, Change, LedgerWatch
from jupyter_mlx.server.source import ProjectSource

OPEN_A_RUN = """
import sys
from jupyter_mlx.ledger.run import Run, new_id, utc_now
from jupyter_mlx.project import Project
run = Run(id=new_id(), name="elsewhere", kind="cell", status="running", started_at=utc_now())
Project.open(sys.argv[1]).ledger.open(run)
print(run.id)
"""


def in_another_process(project: Project) -> str:
    """Open a run in a process that then ends without closing it; its id."""
    command = [sys.executable, "-c", OPEN_A_RUN, str(project.root)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def watch(project) -> LedgerWatch:
    return LedgerWatch(ProjectSource(project.root))


def test_the_first_look_tells_nothing(watch, enter):
    enter()
    assert watch.look() is None
    assert watch.look() is None


def test_a_run_of_another_process_is_seen(watch, project):
    watch.look()
    ident = in_another_process(project)
    change = watch.look()
    assert change.runs == (ident,)
    assert change.seq == project.ledger.seq()
    assert watch.look() is None


def test_a_run_that_went_to_the_trash_is_told(watch, project, enter):
    ident = enter()
    watch.look()
    project.ledger.trash(ident)
    assert watch.look().runs == (ident,)


def test_a_run_whose_process_died_is_closed_and_told(watch, project):
    ident = in_another_process(project)
    watch.look()
    found = [change for change in (watch.look() for _ in range(LOOKS_PER_ROUND)) if change]
    assert [ident in change.runs for change in found] == [True]
    assert project.ledger.get(ident).status == "interrupted"


def test_a_project_that_comes_and_one_that_goes_are_told(tmp_path):
    watch = LedgerWatch(ProjectSource(tmp_path))
    assert watch.look() is None
    Project.create(tmp_path)
    assert watch.look() == Change(0)
    assert watch.look() is None
    (tmp_path / "mlx.yaml").unlink()
    assert watch.look() == Change(0)
    assert watch.look() is None


def test_more_ids_than_an_event_should_hold_are_left_out():
    ids = [str(number) for number in range(MOST_IDS)]
    assert Change.of(7, ids).runs == tuple(ids)
    assert Change.of(7, [*ids, "one more"]) == Change(7)


async def test_who_listens_hears_of_a_run_of_another_process(jp_ws_fetch, ask, project):
    assert (await ask("events")).status == 200
    socket = await jp_ws_fetch("api", "events", "subscribe")
    heard = asyncio.ensure_future(socket.read_message())
    entered = set()

    async def told_of_one():
        # a run before the first look, which sets the mark, is not told: then another one
        entered.add(in_another_process(project))
        return (await asyncio.wait([heard], timeout=3))[0]

    await soon(told_of_one)
    event = json.loads(heard.result())
    assert event["schema_id"] == "https://events.jupyter.org/jupyter_mlx/runs_changed/v1"
    assert event["runs"]
    assert set(event["runs"]) <= entered
    assert "elsewhere" not in json.dumps(event)
    while event["seq"] != project.ledger.seq():  # of what came after it, another one tells
        event = json.loads(await asyncio.wait_for(socket.read_message(), PATIENCE_S))
    socket.close()


def test_a_glance_sees_that_another_process_wrote(watch, project, enter):
    assert not watch.glance()
    enter()
    watch.look()
    assert [watch.glance(), watch.glance()] == [False, False]
    in_another_process(project)
    assert [watch.glance(), watch.glance()] == [True, False]
