import math
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from jupyter_mlx.errors import AccessError
from jupyter_mlx.ledger.database import DamagedLedgerError, NewerLedgerError
from jupyter_mlx.ledger.ledger import AmbiguousRunError, Ledger, RunNotFoundError
from jupyter_mlx.ledger.query import QueryError
from jupyter_mlx.ledger.run import Failure, FileVersion, Run, new_id, utc_now


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.db")


def entered(ledger, **facts):
    facts = {
        "name": "r",
        "kind": "cell",
        "status": "running",
        "started_at": utc_now(),
        "id": new_id(),
    } | facts
    run = Run(**facts)
    ledger.open(run)
    return run


def ids(page):
    return [run.id for run in page.runs]


def test_a_sealed_run_comes_back_as_it_was(ledger):
    run = entered(ledger, params={"lr": 0.1, "layers": [1, {"a": None}], "ünï": "code"}, tags=("b", "a"))
    done = replace(
        run, status="failed", duration_s=1.5, source="x = 1", slice=("import os",), notebook="a.ipynb", cell_id="c",
        metrics={"acc": 0.5}, git={"commit": "abc", "dirty": True}, environment="b3:" + "0" * 64,
        inputs=(FileVersion("data/a.csv", "b3:" + "1" * 64, 3),), outputs=(FileVersion("m", "b3:" + "2" * 64, 4, "seen", "folder"),),
        cell_outputs=({"output_type": "stream", "name": "stdout", "text": "hi"},),
        error=Failure("ValueError", "bad", ("frame",)), resources={"cpu_s": 0.25},
    )  # fmt: skip
    ledger.finish(done)
    found = ledger.get(run.id)
    assert replace(found, seq=0, notebook="a.ipynb", cell_id="c", tags=("b", "a")) == done
    assert set(found.tags) == {"a", "b"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**30, True, 0, -0.0, "10 MB " * 200_000])
def test_awkward_params_come_back(ledger, value):
    run = entered(ledger, params={"v": value})
    found = ledger.get(run.id).params["v"]
    if isinstance(value, float) and not math.isfinite(value):
        assert float(found) == value or math.isnan(value)
    elif value == 10**30:
        assert found == str(value)
    else:
        assert found == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.5, 3])
def test_awkward_metrics_come_back(ledger, value):
    run = entered(ledger)
    ledger.log(run.id, {"m": value})
    found = ledger.get(run.id).metrics["m"]
    assert found == value or (math.isnan(found) and math.isnan(value))


def test_steps_are_counted_where_none_is_given(ledger):
    run = entered(ledger)
    ledger.log(run.id, {"loss": 1.0})
    ledger.log(run.id, {"loss": 0.5}, step=10)
    ledger.log(run.id, {"loss": 0.2})
    assert [(step, value) for step, value, _ in ledger.series(run.id)["loss"]] == [
        (0, 1.0),
        (10, 0.5),
        (11, 0.2),
    ]
    assert ledger.get(run.id).metrics == {"loss": 0.2}


def test_what_was_logged_survives_the_seal(ledger):
    run = entered(ledger)
    ledger.log(run.id, {"acc": 0.9})
    assert ledger.finish(replace(run, status="finished")).metrics == {"acc": 0.9}


def test_a_run_is_named_by_the_beginning_of_its_id(ledger):
    first, second = entered(ledger, id="aa11"), entered(ledger, id="aa22")
    assert ledger.get("aa1").id == first.id
    assert ledger.get("last").id == second.id
    with pytest.raises(AmbiguousRunError, match="more digits"):
        ledger.get("aa")
    for absent in ("zz", "", "%", "aa11' OR 1=1 --"):
        with pytest.raises(RunNotFoundError, match="runs list"):
            ledger.get(absent)


QUERIES = {
    "acc > 0.85": {2, 3},
    "acc > 0.85 and lr < 0.05": {3},
    "not acc > 0.85": {0, 1},
    "metrics.acc <= 0.8 or params.lr = 0.01": {0, 1, 3},
    "tag = best": {3},
    "tag != best": {0, 1, 2},
    "opt = adam": {0, 2},
    "opt != adam": {1, 3},
    'input = "data/a.csv"': {1},
    "kind = stage": {2},
    "name ~ rain": {2},
    "starred = true": {0},
    'started > "2 days ago"': {0, 1, 2},
    'started < "1 week ago"': {3},
    "note = ''": {0, 1, 2, 3},
    "unknown > 1": set(),
}


@pytest.fixture
def four(ledger):
    now = utc_now()
    runs = [
        entered(
            ledger, name="train" if at == 2 else "r", kind="stage" if at == 2 else "cell",
            started_at=now - timedelta(days=10 if at == 3 else 0, seconds=at),
            params={"lr": 0.1 if at < 3 else 0.01, "opt": "adam" if at % 2 == 0 else "sgd"},
            tags=("best",) if at == 3 else (),
        )
        for at in range(4)
    ]  # fmt: skip
    for run, acc in zip(runs, (0.7, 0.8, 0.9, 0.95), strict=True):
        inputs = (FileVersion("data/a.csv", "b3:" + "1" * 64, 3),) if run is runs[1] else ()
        ledger.finish(replace(run, status="finished", metrics={"acc": acc}, inputs=inputs))
    ledger.edit(runs[0].id, starred=True)
    return [run.id for run in runs]


@pytest.mark.parametrize("query", QUERIES)
def test_queries_select(ledger, four, query):
    assert {four.index(id_) for id_ in ids(ledger.page(query))} == QUERIES[query]


@pytest.mark.parametrize("query", ["started > 'no time'", "duration > long", "acc >", "x ;drop table runs"])
def test_a_query_that_makes_no_sense_is_refused(ledger, query):
    with pytest.raises(QueryError):
        ledger.page(query)


@pytest.mark.parametrize("sort", ["", "started", "-acc", "acc", "params.lr", "-name", "unknown"])
@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_hold_every_run_once_and_in_order(ledger, four, sort, limit):
    entered(ledger, name="has no metric")
    whole = ids(ledger.page(sort=sort))
    found, cursor = [], None
    while True:
        page = ledger.page(sort=sort, limit=limit, cursor=cursor)
        found += ids(page)
        cursor = page.next
        if cursor is None:
            break
    assert found == whole
    assert len(set(found)) == page.total == 5


def test_sorting_puts_runs_without_the_metric_last(ledger, four):
    without = entered(ledger).id
    assert ids(ledger.page(sort="-acc")) == [*reversed(four), without]
    assert ids(ledger.page(sort="acc")) == [*four, without]


def test_pages_do_not_shift_when_runs_arrive(ledger, four):
    first = ledger.page(limit=2)
    entered(ledger)
    second = ledger.page(limit=10, cursor=first.next)
    assert ids(first) + ids(second) == four


def test_a_forged_cursor_is_refused(ledger, four):
    with pytest.raises(QueryError, match="cursor"):
        ledger.page(cursor="bm90IGEgY3Vyc29y")


def test_changes_tell_what_a_view_has_to_merge(ledger, four):
    seq = ledger.seq()
    assert ledger.changed_since(seq).runs == ()
    ledger.edit(four[1], note="look")
    ledger.trash(four[2])
    changes = ledger.changed_since(seq)
    assert [run.id for run in changes.runs] == [four[1]]
    assert changes.removed == (four[2],)
    assert ledger.changed_since(changes.seq).runs == ()


def test_trash_hides_and_undo_shows(ledger, four):
    ledger.trash(four[0])
    assert four[0] not in ids(ledger.page())
    ledger.untrash(four[0])
    assert four[0] in ids(ledger.page())


def test_data_version_tells_the_writes_of_others(ledger, tmp_path):
    entered(ledger)
    before = ledger.data_version()
    assert ledger.data_version() == before
    entered(Ledger(tmp_path / "ledger.db"))
    assert ledger.data_version() != before


def test_the_run_of_a_killed_process_is_interrupted_and_keeps_what_it_logged(ledger, tmp_path):
    script = f"""
import sys, time
from jupyter_mlx.ledger.ledger import Ledger
from jupyter_mlx.ledger.run import Run, utc_now
from pathlib import Path
ledger = Ledger(Path({str(tmp_path / "ledger.db")!r}))
ledger.open(Run(id="dead", name="r", kind="cell", status="running", started_at=utc_now()))
ledger.log("dead", {{"loss": 0.5}})
print("ready", flush=True)
time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    assert ledger.get("dead").status == "running"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    found = ledger.get("dead")
    assert found.status == "interrupted"
    assert found.metrics == {"loss": 0.5}


def test_a_forked_child_uses_a_connection_of_its_own(ledger):
    entered(ledger)
    pid = os.fork()
    if pid == 0:
        entered(ledger, name="child")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert ledger.page("name = child").total == 1


def test_a_child_that_is_forked_while_threads_write_can_write_too(ledger):
    stop = threading.Event()

    def write():
        while not stop.is_set():
            entered(ledger)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                signal.alarm(20)
                entered(ledger, name="child")
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert ledger.page("name = child").total == 20


def test_a_parent_that_closes_its_ledger_takes_nothing_away_from_a_child(ledger):
    entered(ledger)
    here, there = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        entered(ledger, name="child")
        os.write(here[1], b"x")
        os.read(there[0], 1)
        entered(ledger, name="child")
        os._exit(0 if ledger.page().total == 3 else 1)
    os.read(here[0], 1)
    ledger.page()
    ledger.close()
    os.write(there[1], b"x")
    assert os.waitpid(pid, 0)[1] == 0
    assert ledger.page("name = child").total == 2


def test_a_file_that_is_no_database_is_told_with_the_way_out(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"not a database at all, but long enough to be one" * 100)
    with pytest.raises(DamagedLedgerError, match="doctor --rebuild"):
        Ledger(tmp_path / "ledger.db").page()


def test_a_ledger_of_a_later_version_is_not_touched(ledger, tmp_path):
    entered(ledger)
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(NewerLedgerError, match="upgrade"):
        Ledger(tmp_path / "ledger.db").page()


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AccessError, match="file"):
        Ledger(tmp_path / "file" / "ledger.db").page()


def test_runs_that_wrote_a_file_are_found_newest_first(ledger):
    digest = "b3:" + "5" * 64
    made = []
    for at in range(2):
        run = entered(ledger, started_at=utc_now() + timedelta(seconds=at))
        ledger.finish(
            replace(
                run, status="finished", outputs=(FileVersion("m.npz", digest if at else "b3:" + "6" * 64, 1),)
            )
        )
        made.append(run.id)
    assert [run.id for run in ledger.writers("m.npz")] == made[::-1]
    assert [run.id for run in ledger.writers("m.npz", digest)] == [made[1]]
    assert ledger.writers("m.npz' --") == ()


def test_runs_are_found_by_their_key(ledger):
    first, second, other, _, trashed = (
        entered(ledger, key=key, started_at=utc_now() + timedelta(seconds=at))
        for at, key in enumerate(["k", "k", "other", "k", "k"])
    )
    for run in (first, second, other, trashed):
        ledger.finish(replace(run, status="finished", duration_s=2.0 if run is first else 0.5))
    ledger.trash(trashed.id)
    assert ledger.keyed("k") == (second.id, first.id)
    assert ledger.keyed("k", 1.0) == (first.id,)
    assert ledger.keyed("") == ()
    assert ledger.get(first.id).key == "k"


def test_the_progress_of_a_run_is_seen_by_others_until_it_is_sealed(ledger, tmp_path):
    run = entered(ledger, kind="stage", source="x = 1\n" * 200)
    before = ledger.seq()
    ledger.note(run.id, progress={"cell": 2, "cells": 5, "line": "epoch 3"})
    found = Ledger(tmp_path / "ledger.db").get(run.id)
    assert found.progress == {"cell": 2, "cells": 5, "line": "epoch 3"}
    assert (found.source, found.seq > before) == (run.source, True)
    ledger.finish(replace(run, status="finished"))
    ledger.note(run.id, progress={"cell": 3, "cells": 5})
    assert ledger.get(run.id).progress == {}
