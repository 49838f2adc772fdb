import math
import types

import numpy as np
import pandas as pd
import pytest

from jupyter_mlx.caching import variables
from jupyter_mlx.caching.variables import bring, keep, user_key
from jupyter_mlx.errors import AccessError
from jupyter_mlx.store import LocalStore

MINE, THEIRS = b"m" * 32, b"t" * 32


@pytest.fixture
def store(tmp_path):
    return LocalStore.open(tmp_path / "store", tmp_path / "tmp")


def formats(found):
    return {name: kept.format for kept in found.kept for name in kept.names}


class Point:
    def __init__(self, x):
        self.x = x


PLAIN = {
    "number": 3, "huge": 1 << 63, "text": "ü", "nothing": None, "real": 0.1, "bytes": b"\0", "yes": True,
    "nested": {"a": [1, 2.5, {"b": None}], "c": "d"},
}  # fmt: skip


def test_data_is_kept_in_formats_that_execute_nothing(store):
    values = PLAIN | {
        "array": np.arange(6.0).reshape(2, 3),
        "scalar": np.float32(0.5),
        "frame": pd.DataFrame({"x": [1, 2], "y": ["a", None]}, index=pd.Index(["r", "s"], name="i")),
    }
    found = keep(values, store, MINE)
    assert formats(found) == dict.fromkeys(PLAIN, "data") | {
        "array": "array",
        "scalar": "array",
        "frame": "table",
    }
    back = bring(found, store, THEIRS)  # nothing of it needs a key
    assert back.problems == ()
    assert {name: back.values[name] for name in PLAIN} == PLAIN
    assert {name: type(back.values[name]) for name in PLAIN} == {name: type(PLAIN[name]) for name in PLAIN}
    assert back.values["array"].dtype == np.float64
    assert (back.values["array"] == values["array"]).all()
    assert type(back.values["scalar"]) is np.float32
    pd.testing.assert_frame_equal(back.values["frame"], values["frame"])


@pytest.mark.parametrize(
    "value",
    [
        (1, 2), {1: "a"}, {1, 2}, 1 << 70, [(1,)], Point(1), np.array([Point(1)]), np.array(3),
        pd.DataFrame({"x": [Point(1)]}), pd.Series([1]), lambda x: x + 1, math.inf.hex,
    ],
)  # fmt: skip
def test_what_they_cannot_give_back_as_it_is_is_pickled(store, value):
    found = keep({"x": value}, store, MINE)
    assert formats(found) == {"x": "pickle"}
    back = bring(found, store, MINE)
    assert back.problems == ()
    assert type(back.values["x"]) is type(value)


def test_nan_and_infinity_come_back(store):
    back = bring(keep({"a": math.nan, "b": [math.inf]}, store, MINE), store, MINE)
    assert math.isnan(back.values["a"])
    assert back.values["b"] == [math.inf]


def test_a_list_that_holds_one_list_twice_still_does(store):
    inner = [1]
    back = bring(keep({"x": [inner, inner]}, store, MINE), store, MINE).values["x"]
    assert back[0] is back[1]


def test_two_names_of_one_object_stay_so(store):
    point = Point(1)
    back = bring(keep({"a": point, "b": point}, store, MINE), store, MINE)
    assert back.values["a"] is back.values["b"]


def test_two_names_of_one_plain_object_stay_so(store):
    inner, array = [1], np.arange(3)
    values = {"a": inner, "b": {"x": [2, inner]}, "c": array, "d": array, "e": [1], "f": 1, "g": 1}
    found = keep(values, store, MINE)
    assert formats(found) == dict.fromkeys("abcd", "pickle") | dict.fromkeys("efg", "data")
    back = bring(found, store, MINE).values
    assert back["b"]["x"][1] is back["a"]
    assert back["c"] is back["d"]


def test_a_plain_object_that_another_refers_to_is_the_same_one_again(store):
    table = pd.DataFrame({"x": [1]})
    values = {"inner": [1], "array": np.arange(3), "table": table, "apart": [1]}
    values["point"] = Point([values["inner"], values["array"], table])
    found = keep(values, store, MINE)
    assert formats(found) == dict.fromkeys(values, "pickle") | {"apart": "data"}
    back = bring(found, store, MINE).values
    for name, each in zip(("inner", "array", "table"), back["point"].x, strict=True):
        assert back[name] is each


def test_what_refers_to_itself_still_does(store):
    around: list = [1]
    around.append({"again": around})
    crossing: list = [[], []]
    for each in crossing:
        each += [crossing, crossing]
    point = Point(None)
    point.x = point
    back = bring(keep({"around": around, "crossing": crossing, "point": point}, store, MINE), store, MINE)
    assert back.problems == ()
    assert back.values["around"][1]["again"] is back.values["around"]
    assert back.values["crossing"][0][1] is back.values["crossing"]
    assert back.values["point"].x is back.values["point"]


def test_a_million_small_objects_come_back_or_are_told_in_time(store, monkeypatch):
    many = {"plain": [[at] for at in range(1_000_000)]}
    back = bring(keep(many, store, MINE), store, MINE).values["plain"]
    assert (len(back), back[-1]) == (1_000_000, [999_999])
    monkeypatch.setattr(variables, "MOST_S", 0.1)
    found = keep({"many": [Point(at) for at in range(1_000_000)], "good": Point(1)}, store, MINE)
    assert formats(found) == {"good": "pickle"}
    assert found.left == ("many: can't be pickled (_TooLongError: it takes longer than 0.05 s)",)


def test_a_class_of_the_notebook_is_the_class_of_its_objects(store):
    space = {"__name__": "__main__"}
    exec("class Own:\n    x = 1\nown = Own()", space)
    back = bring(keep({"Own": space["Own"], "own": space["own"]}, store, MINE), store, MINE)
    assert isinstance(back.values["own"], back.values["Own"])


def test_what_somebody_else_pickled_is_not_opened(store):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("it was opened",))

    found = keep({"x": Evil()}, store, THEIRS)
    back = bring(found, store, MINE)
    assert back.values == {}
    assert back.problems == ("x: pickled by somebody else, and so not opened",)


def test_a_signature_is_of_one_pickle_alone(store):
    from dataclasses import replace

    one, other = (keep({"x": Point(each)}, store, MINE) for each in (1, 2))
    forged = replace(one, kept=(replace(one.kept[0], digest=other.kept[0].digest),))
    assert bring(forged, store, MINE).values == {}
    renamed = replace(one, kept=(replace(one.kept[0], names=("y",)),))
    assert bring(renamed, store, MINE).values == {}


def test_what_cannot_be_kept_is_told_and_the_rest_is_kept(store):
    found = keep({"generator": (x for x in ()), "good": Point(1), "module": types}, store, MINE)
    assert formats(found) == {"good": "pickle"}
    assert len(found.left) == 1
    assert found.left[0].startswith("generator: can't be pickled (TypeError")
    assert bring(found, store, MINE).problems == found.left


def test_what_is_too_large_is_told(store, monkeypatch):
    monkeypatch.setattr(variables, "MOST_BYTES", 1000)
    found = keep({"data": "x" * 2000, "pickle": (b"x" * 2000,), "small": (1,)}, store, MINE)
    assert formats(found) == {"small": "pickle"}
    assert [text.partition(":")[0] for text in found.left] == ["data", "pickle"]


def test_what_is_gone_from_the_store_is_told(store, tmp_path):
    found = keep({"a": 1, "b": (1,)}, store, MINE)
    empty = LocalStore.open(tmp_path / "other", tmp_path / "tmp")
    back = bring(found, empty, MINE)
    assert back.values == {}
    assert len(back.problems) == 2


def test_a_key_is_made_once_for_the_user_alone(tmp_path):
    key = user_key(tmp_path / "new")
    assert len(key) == 32
    assert user_key(tmp_path / "new") == key
    assert (tmp_path / "new/pickle.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "new/pickle.key").write_bytes(b"")
    with pytest.raises(AccessError, match="holds no key"):
        user_key(tmp_path / "new")
