"""What a list of very many runs needs beside its pages."""

import itertools
from datetime import timedelta

import pytest

from jupyter_mlx.ledger.ledger import Ledger, RunNotFoundError
from jupyter_mlx.ledger.run import Run, new_id, utc_now

NOW = utc_now()


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.db")


def enter(ledger, at, **facts):
    run = Run(new_id(), f"run {at}", "cell", "finished", NOW - timedelta(minutes=at), **facts)
    ledger.insert(run)
    return run.id


def test_pages_by_place_are_the_pages_by_cursor(ledger):
    for at in range(230):
        metrics = {"acc": at % 10 / 10} if at % 3 else {}
        ident = enter(ledger, at, metrics=metrics, tags=("few",) if at % 40 == 0 else ())
        if at % 9 == 0:
            ledger.trash(ident)
    queries = ("", "acc > 0.3", "name ~ run and not acc = 0.5", "tag = few", "acc < 0")
    for query, sort in itertools.product(queries, ("", "started", "acc", "-acc", "duration")):
        whole = [run.id for run in ledger.page(query, sort, limit=1000).runs]
        for offset in {0, 1, 50, 149, len(whole), len(whole) + 7}:
            page = ledger.page(query, sort, limit=20, offset=offset)
            assert [run.id for run in page.runs] == whole[offset : offset + 20], (query, sort, offset)
        assert ledger.browsing.ids({"query": query}, sort, 5, 1000) == (whole[5:], len(whole))


def test_places_are_right_where_nothing_is_in_the_trash(ledger):
    ids = [enter(ledger, at, metrics={"acc": at} if at % 2 else {}) for at in range(60)]
    for sort in ("", "acc", "-acc"):
        whole = [run.id for run in ledger.page(sort=sort, limit=100).runs]
        assert sorted(whole) == sorted(ids)
        for offset in (0, 29, 30, 31, 59):
            found = ledger.page(sort=sort, limit=10, offset=offset)
            assert [run.id for run in found.runs] == whole[offset : offset + 10]


def test_a_change_of_many_survives_a_rebuild(ledger):
    ids = [enter(ledger, at, tags=("a",)) for at in range(2)]
    ledger.browsing.change(ids, add=["b"], drop=["a"], starred=True)
    assert [ledger.get(ident).tags for ident in ids] == [("b",), ("b",)]
    lines = list(ledger._edits)
    assert [(line["run"], line["tags"], line["starred"]) for line in lines] == [
        (ident, ["b"], True) for ident in ids
    ]


def test_a_change_of_an_unknown_run_changes_none(ledger):
    known = enter(ledger, 0)
    with pytest.raises(RunNotFoundError):
        ledger.browsing.change([known, "f" * 16], starred=True)
    assert not ledger.get(known).starred
    assert list(ledger._edits) == []


def test_a_long_series_keeps_its_ends(ledger):
    ident = enter(ledger, 0)
    ledger.insert_series(ident, {"loss": [(step, float(step), 0.0) for step in range(5000)]})
    shape = ledger.browsing.sparks([ident], "loss")[ident]
    assert (shape[0], shape[-1]) == (0, 4999)
    assert len({after - before for before, after in itertools.pairwise(shape[:-1])}) == 1
    assert ledger.browsing.sparks([ident], "acc") == {}


def test_names_that_most_of_the_newest_runs_have_come_first_and_those_of_the_trash_not_at_all(ledger):
    for at in (1, 2):
        enter(ledger, at, metrics={"loss": 1.0})
    enter(ledger, 3, metrics={"acc": 1.0}, tags=("kept",))
    for at in (4, 5, 6):
        ledger.trash(enter(ledger, at, metrics={"auc": 1.0}, tags=("kept", "gone")))
    names = ledger.browsing.names()
    assert (names.metrics, names.tags) == (("loss", "acc"), ("kept",))
