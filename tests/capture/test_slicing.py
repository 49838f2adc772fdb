import pytest

from jupyter_mlx.capture.literals import constants
from jupyter_mlx.capture.slicing import slice_of

CELLS = {
    "imports": "import numpy as np",
    "data": "x = np.arange(3)",
    "helper": "def double(v):\n    return v * factor",
    "factor": "factor = 2",
    "unrelated": "y = 5",
    "in place": "x[0] = 7",
    "append": "items.append(1)",
    "items": "items = []",
}


@pytest.mark.parametrize(
    ("source", "earlier", "kept"),
    [
        ("print(x)", ["imports", "data", "unrelated"], ["imports", "data"]),
        (
            "double(x)",
            ["imports", "data", "factor", "helper", "unrelated"],
            ["imports", "data", "factor", "helper"],
        ),
        ("print(x)", ["imports", "data", "in place"], ["imports", "data", "in place"]),
        ("len(items)", ["items", "append", "unrelated"], ["items", "append"]),
        ("1 + 1", ["imports", "data"], []),
        ("print(nothing)", ["imports", "data"], []),
    ],
)
def test_a_slice_has_what_the_cell_depends_on(source, earlier, kept):
    assert slice_of(source, [CELLS[name] for name in earlier]) == tuple(CELLS[name] for name in kept)


@pytest.mark.parametrize(
    "doubtful", ["%load_ext something", "from a import *", "exec(text)", "this is no python"]
)
def test_when_in_doubt_a_cell_is_in_the_slice(doubtful):
    assert slice_of("print(x)", [doubtful, "y = 1"]) == (doubtful,)


def test_a_cell_of_magics_depends_on_all_before_it():
    assert slice_of("%run other.py", ["x = 1", "y = 2"]) == ("x = 1", "y = 2")


def test_constants_are_what_is_assigned_literally_at_the_top():
    source = "lr = 0.1\nname: str = 'a'\nif True:\n    hidden = 3\nbig = [1, 2]\nx = lr * 2\na = b = -1\nlr = 0.2\nnone = None"
    assert constants(source) == {"lr": 0.2, "name": "a", "a": -1, "b": -1, "none": None}
    assert constants("no python at all (") == {}
