"""Values on the wire."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.server import wire

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def strict(text: bytes) -> object:
    """Read JSON as a browser does: it knows no NaN."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


@given(VALUES)
def test_whatever_a_run_holds_a_browser_can_read(value):
    strict(wire.encode(value))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_finite_number_arrives_as_it_is(value):
    assert strict(wire.encode({"x": value})) == {"x": value}


def test_numbers_that_json_cannot_say_are_named():
    assert wire.plain([math.nan, math.inf, -math.inf]) == ["NaN", "Infinity", "-Infinity"]


def test_times_are_utc_and_sort_as_text():
    noon = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    moments = [
        noon,
        noon + timedelta(microseconds=1),
        noon + timedelta(milliseconds=1),
        noon + timedelta(hours=1),
    ]
    told = [wire.plain(moment) for moment in moments]
    assert told == sorted(told)
    east = noon.astimezone(timezone(timedelta(hours=5)))
    assert wire.plain(east) == "2026-03-01T12:00:00.000000Z"


def test_a_value_of_a_foreign_class_is_told_as_text():
    assert wire.plain({1: {2}, "path": complex(1, 2)}) == {"1": [2], "path": "(1+2j)"}
