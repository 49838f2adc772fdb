"""Parameters: typed by the notebook's cell, checked; values as typed on a command line."""

from __future__ import annotations

import pytest

from jupyter_mlx.pipelines.parameters import (
    ParameterTypeError,
    Typed,
    UnknownParameterError,
    checked,
    declared_in,
)
from jupyter_mlx.pipelines.values import BadValueError, parsed

CELL = """\
n = 5
lr: float = 1e-3
strict: int = 3
name = "a"
flag = False
many = [1, 2]
maybe: int | None = None
other: "Optional[str]" = None
made = len(name)
a, b = 1, 2
none = None
"""


def test_the_cell_says_names_and_types():
    kinds = {name: parameter.kind for name, parameter in declared_in(CELL).items()}
    assert kinds == {
        "n": "int", "lr": "float", "strict": "int", "name": "str", "flag": "bool", "many": "list",
        "maybe": "int", "other": "str", "made": "", "a": "", "b": "", "none": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 7), ("n", 0.5), ("lr", 1), ("strict", 4), ("name", "b"), ("flag", True), ("many", []), ("maybe", None),
        ("maybe", 3), ("other", None), ("other", "x"), ("made", "anything"), ("a", [1]), ("none", 3), ("n", None),
    ],
)  # fmt: skip
def test_a_value_of_the_type_is_taken(name, value):
    assert checked("n.ipynb", {name: value}, declared_in(CELL)) == {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", "7"), ("n", True), ("lr", "fast"), ("lr", None), ("strict", 0.5), ("name", 3), ("flag", 1),
        ("flag", "yes"), ("many", 3), ("maybe", "x"), ("other", 3),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(name, value):
    with pytest.raises(ParameterTypeError, match=f"parameter '{name}' is"):
        checked("n.ipynb", {name: value}, declared_in(CELL))


@pytest.mark.parametrize(("name", "taken"), [("n", False), ("flag", False), ("name", True), ("made", True)])
def test_nothing_at_all_is_a_text_and_no_number(name, taken):
    given = {name: Typed("", None)}
    if taken:
        assert name in checked("n.ipynb", given, declared_in(CELL))
    else:
        with pytest.raises(ParameterTypeError, match="and nothing is not"):
            checked("n.ipynb", given, declared_in(CELL))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownParameterError, match=r"n\.ipynb has no parameter 'lrr'; it has lr, n"):
        checked("n.ipynb", {"lrr": 1}, declared_in("lr = 1\nn = 2"))


def test_a_notebook_without_a_parameters_cell_says_how_to_get_one():
    with pytest.raises(UnknownParameterError, match="the tag `parameters`"):
        checked("n.ipynb", {"lr": 1}, {})


def test_a_language_that_is_not_understood_takes_any_parameter():
    assert checked("n.ipynb", parsed(["lr=1"]), None) == {"lr": 1}


def test_values_are_yaml():
    values = parsed(["a=0.1", "b=true", "c=text here", "d=[1, x]", "e={k: 1}", "f=", "g=1e-3", "train.h=x=y"])
    assert {name: typed.value for name, typed in values.items()} == {
        "a": 0.1, "b": True, "c": "text here", "d": [1, "x"], "e": {"k": 1}, "f": None, "g": 0.001, "train.h": "x=y",
    }  # fmt: skip


def test_a_text_parameter_keeps_what_was_typed():
    assert checked("n", parsed(["name=007", "n=007"]), declared_in(CELL)) == {"name": "007", "n": 7}


@pytest.mark.parametrize("text", ["lr", "=1", "a b=1", "a=[1", "a={b: [}", "1a=2", "a=@x"])
def test_what_cannot_be_read_is_told(text):
    with pytest.raises(BadValueError, match=r"write it as NAME=VALUE|is not YAML"):
        parsed([text])
