import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.reproducing.checks import Check, Tolerance, metrics, texts, verdict

LOOSE = Tolerance(rtol=0.01)
EXACT = Tolerance(rtol=0.0)


def states(checks):
    return {check.name: check.state for check in checks}


def test_the_verdict_is_that_of_the_worst():
    def of(*found):
        return verdict([Check("x", state) for state in found])

    assert of() == of("same", "new", "not-compared") == "same"
    assert of("same", "close") == "within-tolerance"
    assert of("close", "different") == of("missing") == "different"


def test_metrics_are_compared_by_the_tolerance():
    was = {"a": 1.0, "b": 1.0, "c": 1.0, "nan": math.nan, "inf": math.inf, "gone": 1.0}
    now = {"a": 1.0, "b": 1.005, "c": 1.02, "nan": math.nan, "inf": -math.inf, "come": 2.0}
    assert states(metrics(was, now, ({}, {}), LOOSE)) == {
        "a": "same",
        "b": "close",
        "c": "different",
        "nan": "same",
        "inf": "different",
        "gone": "missing",
        "come": "new",
    }


def test_without_a_tolerance_nothing_is_close():
    assert states(metrics({"a": 1.0}, {"a": math.nextafter(1.0, 2.0)}, ({}, {}), EXACT)) == {"a": "different"}


def test_each_step_of_a_series_counts():
    was, now = {"loss": 0.1}, {"loss": 0.1}
    series = [(0, 1.0, 0.0), (1, 0.5, 1.0), (2, 0.1, 2.0)]
    other = [(0, 1.0, 0.0), (1, 0.9, 1.0), (2, 0.1, 9.0)]
    assert metrics(was, now, ({"loss": series}, {"loss": series}), LOOSE)[0].state == "same"
    found = metrics(was, now, ({"loss": series}, {"loss": other}), LOOSE)[0]
    assert (found.state, found.detail) == ("different", "1 of 3 steps, the first is step 1")
    found = metrics(was, now, ({"loss": series}, {"loss": series[1:]}), LOOSE)[0]
    assert (found.state, found.detail) == ("different", "3 steps then, 2 now")


@pytest.mark.parametrize(
    ("was", "now", "state"),
    [
        ("loss 0.5000", "loss 0.5001", "close"),
        ("loss 0.5", "loss 0.6", "different"),
        ("loss 0.5", "acc 0.5", "different"),
        ("took 3.1 s", "took 12.9 s", "same"),
        ("epoch 1 [00:03<00:00, 31.2it/s]", "epoch 1 [00:04<00:00, 25.0it/s]", "same"),
        ("<Model at 0x7f3a5c0d1e50>", "<Model at 0x7f0000001234>", "same"),
        ("2024-01-02 03:04:05 done", "2025-11-12T13:14:15.678 done", "same"),
        ("1 2 3", "1 2", "different"),
        ("a\nb", "a\nc", "different"),
        ("", "x", "different"),
        ("nan", "nan", "same"),
    ],
)
def test_texts_are_compared_as_people_would(was, now, state):
    assert texts(was, now, LOOSE)[0] == texts(now, was, LOOSE)[0] == state


def test_what_differs_in_a_text_is_shown():
    assert texts("one\ntwo\nthree", "one\n2.5\nthree", LOOSE)[1] == "line 2: two → 2.5"


@given(st.text(), st.text())
def test_only_equal_texts_or_those_that_are_close_pass(was, now):
    assert texts(was, was, EXACT) == ("same", "")
    state, detail = texts(was, now, EXACT)
    assert state in {"same", "close", "different"}
    assert state != "different" or detail
