import numpy as np
import pytest

from jupyter_mlx.capture.metrics import MOST, guess


def after(source, *taken, **names):
    """What is guessed after a cell whose last expression is evaluated with these names."""
    last = source.splitlines()[-1]
    try:
        shown = eval(last, {}, names)
    except SyntaxError:
        shown = None
    return guess(source, names, shown, taken)


class Model:
    def score(self):
        return 0.7


@pytest.mark.parametrize(
    ("source", "names", "found"),
    [
        ("acc = f()", {"acc": 0.9}, {"acc": 0.9}),
        ("acc: float = f()\nloss += 1", {"acc": 0.9, "loss": 2}, {"acc": 0.9, "loss": 2}),
        ("train, val = f()", {"train": 0.9, "val": 0.8}, {"train": 0.9, "val": 0.8}),
        ("scores = f()", {"scores": {"f1": 0.5, "name": "x", 3: 1.0}}, {"scores.f1": 0.5}),
        ("with x:\n    acc = f()", {"acc": 1}, {"acc": 1}),
        ("acc = f()", {"acc": np.float32(0.5)}, {"acc": 0.5}),
        ("acc = f()", {"acc": np.array(0.5)}, {"acc": 0.5}),
        ("model.score()", {"model": Model()}, {"score": 0.7}),
        ("{'acc': f()}", {"f": lambda: 0.5}, {"acc": 0.5}),
        ("result['acc']", {"result": {"acc": 0.5}}, {"acc": 0.5}),
        ("acc", {"acc": 0.5}, {"acc": 0.5}),
    ],
)
def test_numbers_that_a_cell_computes_are_metrics(source, names, found):
    assert after(source, **names) == found


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("lr = 0.1", {"lr": 0.1}),
        ("size = 60 * 60", {"size": 3600}),
        ("for i in x:\n    total = i", {"i": 1, "total": 1}),
        ("row = f()\nfor row in x: pass", {"row": 1}),
        ("def f():\n    acc = 1", {"acc": 1}),
        ("_acc = f()", {"_acc": 1}),
        ("n = f()", {"n": 1}),
        ("flag = f()", {"flag": True}),
        ("name = f()", {"name": "0.5"}),
        ("many = f()", {"many": {str(at): at for at in range(MOST + 1)}}),
        ("array = f()", {"array": np.zeros(3)}),
        ("len(x)", {"x": [1]}),
        ("1 + 1", {}),
        ("gone = f()", {}),
        ("this is no python (", {}),
    ],
)
def test_other_names_are_not(source, names):
    assert after(source, **names) == {}


def test_what_is_a_param_or_was_logged_is_not_guessed():
    assert after("acc = f()\nloss = g()", "acc", acc=1, loss=2) == {"loss": 2}


def test_what_a_librarys_object_does_wrong_is_no_harm():
    class Broken:
        __module__ = "torch"

        @property
        def shape(self):
            raise RuntimeError("gone from the device")

    assert after("loss = f()", loss=Broken()) == {}
