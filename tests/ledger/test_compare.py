"""How two runs differ, and what of it comes first."""

import math
from dataclasses import replace

import pytest

from jupyter_mlx.ledger.cells import compare_cells
from jupyter_mlx.ledger.compare import Comparison, Rank
from jupyter_mlx.ledger.run import Failure, FileVersion, Run, utc_now


def run(id_="a" * 16, **facts):
    return Run(
        **{"id": id_, "name": "r", "kind": "cell", "status": "finished", "started_at": utc_now(), **facts}
    )


def compared(a, b, before=None, after=None):
    return Comparison.of(run(**a), run("b" * 16, **b), (before or {}, after or {}))


def test_two_equal_runs_do_not_differ_and_what_is_equal_is_counted():
    facts = {"params": {"lr": 0.1}, "metrics": {"acc": math.nan}, "source": "x = 1"}
    found = compared(facts, facts, {"packages": {"numpy": "1"}}, {"packages": {"numpy": "1"}})
    assert found.same
    assert found.equal == {"param": 1, "metric": 1, "package": 1}


def test_causes_come_before_effects_and_likely_causes_before_unlikely_ones():
    found = compared(
        {
            "source": "x = 1", "params": {"lr": 0.1}, "metrics": {"acc": 0.5}, "seeds": {"numpy": {"set": [1]}},
            "inputs": (FileVersion("data/a.csv", "b3:1", 1), FileVersion("/etc/x", "b3:1", 1, kind="outside")),
            "outputs": (FileVersion("m.bin", "b3:1", 1),), "git": {"commit": "1"},
        },
        {
            "source": "x = 2", "params": {"lr": 0.2}, "metrics": {"acc": 0.6}, "seeds": {"numpy": {"set": [2]}},
            "inputs": (FileVersion("data/a.csv", "b3:2", 1), FileVersion("/etc/x", "b3:2", 1, kind="outside")),
            "outputs": (FileVersion("m.bin", "b3:2", 1),), "git": {"commit": "2"}, "status": "failed",
        },
        {"python": "3.11.1", "cpu": "x", "packages": {"numpy": "1", "zzz": "1"}, "imported": ["numpy"]},
        {"python": "3.11.1", "cpu": "y", "packages": {"numpy": "2", "zzz": "2"}, "imported": ["numpy"]},
    )  # fmt: skip
    assert [change.name for change in found.ranked] == [
        "source", "lr", "data/a.csv", "numpy", "numpy", "/etc/x", "cpu", "zzz", "commit", "status", "acc", "m.bin",
    ]  # fmt: skip
    assert [change.kind for change in found.ranked][3:5] == ["seed", "package"]


def test_code_that_does_the_same_explains_little():
    found = compared({"source": "x = 1"}, {"source": "# why\nx  =  1"})
    assert found.ranked[0].rank is Rank.COSMETIC
    assert compared({"source": "x = 1"}, {"source": "%time x = 1"}).ranked[0].rank is Rank.CODE


def test_a_generator_that_nobody_set_is_chance_and_one_that_was_set_alike_is_no_difference():
    free = compared({"seeds": {"random": {"state": "a"}}}, {"seeds": {"random": {"state": "b"}}})
    assert [change.rank for change in free.ranked] == [Rank.CHANCE]
    fixed = compared(
        {"seeds": {"random": {"state": "a", "set": [7]}}}, {"seeds": {"random": {"state": "b", "set": [7]}}}
    )
    assert fixed.same


@pytest.mark.parametrize(
    ("a", "b", "note"),
    [
        (0.5, 0.75, "+0.25 (+50 %)"),
        (-2.0, -1.0, "+1 (+50 %)"),
        (0, 3, "+3"),
        (1.0, math.nan, ""),
        (1e308, -1e308, ""),
        (10**400, 1, ""),
    ],
)
def test_a_metric_s_change_is_told_in_numbers_where_there_are_any(a, b, note):
    assert [change.note for change in compared({"metrics": {"m": a}}, {"metrics": {"m": b}}).ranked] == [note]


def test_the_metric_that_moved_most_comes_first():
    found = compared({"metrics": {"a": 1.0, "b": 1.0}}, {"metrics": {"a": 1.1, "b": 0.5}})
    assert [change.name for change in found.ranked] == ["b", "a"]


def test_true_is_not_one_and_an_absent_param_is_not_none():
    assert not compared({"params": {"p": True}}, {"params": {"p": 1}}).same
    assert not compared({"params": {"p": None}}, {"params": {}}).same


def test_how_a_run_failed_is_an_effect():
    failed = {"status": "failed", "error": Failure("ValueError", "no")}
    assert [c.b for c in compared({}, failed).of_kind("status")] == ["ValueError: no", "failed"]


def test_the_json_has_the_ranked_list_and_the_same_by_kind():
    found = compared(
        {"params": {"lr": 1}, "metrics": {"m": 1}}, {"params": {"lr": 2}, "metrics": {"m": 1}}
    ).as_json()
    assert (found["ranked"][0]["name"], found["ranked"][0]["rank"], found["ranked"][0]["delta"]) == (
        "lr",
        "param",
        1,
    )
    assert found["params"] == found["ranked"]
    assert found["same"] == {"metric": 1}


def cell(source, id_=None, **more):
    return {"cell_type": "code", "source": source, "outputs": [], **({"id": id_} if id_ else {}), **more}


def told(a, b):
    return [(change.what, change.a, change.b) for change in compare_cells(a, b)]


def test_cells_are_told_apart_by_their_ids():
    a = [cell("x = 1", "1"), cell("y = 1", "2"), cell("z = 1", "3")]
    b = [cell("x = 1", "1"), cell("import os", "2"), cell("new", "4")]
    assert told(a, b) == [("removed", 3, None), ("changed", 2, 2), ("added", None, 3)]
    assert compare_cells(a, b)[1].lines[1:] == ("-y = 1", "+import os")


def test_cells_without_common_ids_are_told_apart_by_what_is_in_them():
    a = [cell("import numpy", "1"), cell("model = fit(x, lr=0.1)", "2"), cell("plot()", "3")]
    b = [cell("import numpy", "7"), cell("model = fit(x, lr=0.2)", "8"), cell("plot()", "9")]
    assert told(a, b) == [("changed", 2, 2)]
    assert told([cell("same")] * 3, [cell("same")] * 3) == []


def test_a_cell_that_was_moved_is_told_once():
    a = [cell("a", "1"), cell("b", "2"), cell("c", "3"), cell("d", "4")]
    assert told(a, [a[3], a[0], a[1], a[2]]) == [("moved", 4, 1)]


def test_a_cell_that_shows_something_else_is_told_and_the_count_is_not():
    shown = {
        "output_type": "execute_result",
        "data": {"text/plain": "1"},
        "execution_count": 1,
        "metadata": {},
    }
    other = {**shown, "data": {"text/plain": "2"}}
    assert told([cell("x", "1", outputs=[shown])], [cell("x", "1", outputs=[other])]) == [("outputs", 1, 1)]
    assert (
        told([cell("x", "1", outputs=[shown])], [cell("x", "1", outputs=[{**shown, "execution_count": 9}])])
        == []
    )


def test_odd_cells_are_compared_all_the_same():
    odd = [
        {},
        {"cell_type": "code", "source": ["a\n", "b"], "outputs": None, "id": 7},
        cell("a", "1"),
        cell("b", "1"),
    ]
    assert told(odd, odd) == []
    assert len(compare_cells(odd, [])) == 4


def test_runs_are_values_of_which_a_copy_is_equal():
    one = run(params={"lr": 1})
    assert Comparison.of(one, replace(one), ({}, {})).same
