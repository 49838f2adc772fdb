import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.ledger.ledger import Ledger
from jupyter_mlx.ledger.run import Run, utc_now
from jupyter_mlx.ledger.series import PART_POINTS, from_record, pack, thin, to_record, unpack

numbers = st.floats(allow_nan=False)
points = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), numbers, numbers), max_size=200)


@given(points)
def test_packed_points_come_back(found):
    assert unpack(pack(found)) == found


@given(st.lists(st.tuples(st.integers(-(2**40), 2**40), numbers, numbers), max_size=200))
def test_a_record_holds_a_series_of_any_length(found):
    told = to_record(found)
    assert from_record([list(point) for point in told] if isinstance(told, list) else told) == found


@pytest.mark.parametrize(
    "told", [{"count": 3, "zstd": "AAAA"}, {"count": -1, "zstd": ""}, {"zstd": ""}, [1], 3]
)
def test_what_is_no_series_is_refused(told):
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_record(told)


@given(st.lists(st.floats(), min_size=1, max_size=500), st.integers(2, 100))
def test_a_thinned_curve_keeps_its_ends_and_its_extremes(values, most):
    found = thin([(at, value, 0.0) for at, value in enumerate(values)], most)
    steps = [point[0] for point in found]
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, len(values) - 1)
    assert len(found) <= max(most, 2) + 4
    known = [value for value in values if not math.isnan(value)]
    if known:
        kept = [value for _, value, _ in found if not math.isnan(value)]
        assert (min(kept), max(kept)) == (min(known), max(known))


def test_a_part_of_a_long_series_is_read_alone(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.insert(Run("a" * 16, "r", "cell", "finished", utc_now()))
    many = [(step, float(step), 0.0) for step in range(-5, 3 * PART_POINTS)]
    ledger.insert_series("a" * 16, {"loss": many, "acc": many[:2]})
    assert ledger.series("a" * 16, "loss", 1000, 1100)["loss"] == many[1005:1106]
    assert ledger.series("a" * 16, "loss", last=-1)["loss"] == many[:5]
    assert ledger.series("a" * 16, "none") == {}
    assert ledger.series("a" * 16) == {"acc": many[:2], "loss": many}
