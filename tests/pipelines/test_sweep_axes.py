"""The axes of a sweep as people type them, and which points come of them."""

import pytest

from jupyter_mlx.pipelines.sweeps.axes import OpenAxisError, grid, parsed, plain
from jupyter_mlx.pipelines.sweeps.search import BadGoalError, Goal, Search
from jupyter_mlx.pipelines.values import BadValueError


def points(*texts, **how):
    return [plain(point) for point in Search(parsed(texts), **how).listed()]


def test_a_grid_is_every_combination():
    assert points("lr=0.1,0.01", "depth=2..3", "m=[1, 2]") == [
        {"lr": 0.1, "depth": 2, "m": [1, 2]}, {"lr": 0.1, "depth": 3, "m": [1, 2]},
        {"lr": 0.01, "depth": 2, "m": [1, 2]}, {"lr": 0.01, "depth": 3, "m": [1, 2]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x=0..1:0.25", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("x=0.1..0.3:0.1", [0.1, 0.2, 0.3]),
        ("n=2..16:4", [2, 6, 10, 14]),
        ("n=-2..1", [-2, -1, 0, 1]),
        ("s=a, b", ["a", "b"]),
        ("s=a..b", ["a..b"]),
    ],
)
def test_values_of_an_axis(text, values):
    assert [next(iter(point.values())) for point in points(text)] == values


@pytest.mark.parametrize(
    "axes",
    [["a=3..2"], ["a=0..99999"], ["a=0..200", "b=0..200"], ["a=0..1:0"], ["a=0..1:log"], ["a=0..1:1e-9"]],
)
def test_a_grid_without_points_or_with_far_too_many_is_refused(axes):
    with pytest.raises(BadValueError):
        list(grid(parsed(axes)))


@pytest.mark.parametrize("axis", ["x=0.0..1", "x=1e-4..1e-1:log", "n=1..1000:log"])
def test_a_range_without_an_end_of_values_is_no_grid_but_can_be_sampled(axis):
    with pytest.raises(OpenAxisError, match="--sample"):
        points(axis)
    assert len(points(axis, sample=5)) == 5


def test_a_sample_lies_in_its_ranges_and_is_the_same_for_a_seed():
    texts = ("lr=1e-4..1e-1:log", "n=1..1000:log", "k=2..4", "s=a,b")
    drawn = points(*texts, sample=200)
    assert all(1e-4 <= p["lr"] <= 1e-1 and 1 <= p["n"] <= 1000 and 2 <= p["k"] <= 4 for p in drawn)
    assert all(isinstance(p["n"], int) and isinstance(p["k"], int) for p in drawn)
    # each order of magnitude is as likely: a uniform draw would leave the lowest some 2 of 200
    assert sum(p["lr"] < 1e-3 for p in drawn) > 40
    assert drawn == points(*texts, sample=200)
    assert drawn != points(*texts, sample=200, seed=1)
    # a larger sample goes on where the smaller one ended
    assert points(*texts, sample=20) == drawn[:20]


def test_a_sample_that_has_room_for_all_points_is_the_grid():
    assert points("a=1..3", sample=10) == points("a=1..3")
    assert sorted(p["a"] for p in points("a=1..3", "b=0..1", sample=5)) != []
    found = [tuple(p.items()) for p in points("a=1..3", "b=0..1", sample=5)]
    assert len(found) == len(set(found)) == 5


@pytest.mark.parametrize("text", ["acc", "max:acc", "maximize:", ""])
def test_a_goal_says_a_direction_and_a_metric(text):
    with pytest.raises(BadGoalError, match="maximize:METRIC"):
        Goal.parse(text)
    assert Goal.parse("minimize:loss") == Goal("minimize", "loss")
    assert Goal.parse("maximize:a").rank({"a": 2}) < Goal.parse("maximize:a").rank({"a": 1})
    assert Goal.parse("minimize:a").rank({"a": 2}) < Goal.parse("minimize:a").rank({"a": float("nan")})
