import pytest

from jupyter_mlx.capture import slicing
from jupyter_mlx.capture.literals import constants
from jupyter_mlx.capture.slicing import Executed, Slicer

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


def slice_of(source, earlier):
    return slicing.slice_of(source, [Executed(cell, whole=True) for cell in earlier]).cells


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
    "doubtful",
    [
        "%load_ext something", "from a import *", "exec(text)", "this is no python", "%run other.py", "!pip install x",
        "%%bash\nls", "%%writefile helper.py\nx = 1", "%matplotlib inline", "%some_unknown magic", "globals()['x'] = 1",
        "import numpy as np\nnp.random.seed(1)", "import os\nos.environ['A'] = '1'", "import sys\nsys.path.append('lib')",
    ],
)  # fmt: skip
def test_when_in_doubt_a_cell_is_in_the_slice(doubtful):
    assert slice_of("print(x)", [doubtful, "y = 1"]) == (doubtful,)


def test_what_was_bound_before_a_reset_counts_no_more():
    before = ["x = 1", "%cd data", "y = 2"]
    assert slice_of("print(x, y)", [*before, "%reset -f", "y = 3"]) == ("%cd data", "y = 3")
    assert slice_of("print(x, y)", [*before, "%reset -f -s\ny = x = 3"]) == (
        "%cd data",
        "%reset -f -s\ny = x = 3",
    )
    assert slice_of("print(x, y)", [*before, "%reset array"]) == (*before, "%reset array")


def test_a_name_that_a_magic_deletes_is_bound_no_more():
    assert slice_of("print(x)", ["x = 1", "%xdel x", "x = 2"]) == ("x = 2",)


def test_a_cell_of_magics_depends_on_all_before_it():
    assert slice_of("%run other.py", ["x = 1", "y = 2"]) == ("x = 1", "y = 2")


NOTEBOOK = {
    "inline": "%matplotlib inline",
    "imports": "import numpy as np\nimport pandas as pd",
    "plotting": "import matplotlib.pyplot as plt",
    "table": "df = pd.read_csv('x.csv')",
    "look": "df.head()",
    "draw": "plt.plot(df.x)\nplt.show()",
    "column": "df['z'] = df.x * 2",
    "features": "X, y = df[['x', 'z']], df.y",
    "class": "from sklearn.linear_model import LogisticRegression",
    "model": "model = LogisticRegression()",
    "fit": "%%time\nmodel.fit(X, y)",
    "other": "zeros = np.zeros(3)\nprint(len(df), zeros)",
    "score": "acc = model.score(X, y)",
}


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("model.score(X, y)", "inline imports table column features class model fit"),
        (
            "df.describe()",
            "inline imports table column features class model fit",
        ),  # the model may hold the table
        ("plt.hist(zeros)", "inline imports plotting table column features class model fit other"),
        ("zeros = 1\nzeros", "inline"),
        ("acc", "inline imports table column features class model fit score"),
        ("[np for np in ()]", "inline"),
        ("Out[3]", " ".join(NOTEBOOK)),
    ],
)
def test_the_slice_of_a_notebook_leaves_out_what_only_looks(source, kept):
    assert slice_of(source, NOTEBOOK.values()) == tuple(NOTEBOOK[name] for name in kept.split())


@pytest.mark.parametrize(
    ("source", "earlier"),
    [
        ("print(x)", ["!ls $x", "x?", "?x", "%who", "%%html\n<b>x</b>", "%timeit 1 + 1"]),
        (
            "print(x)",
            ["y = 'the %s' % 'x'", "def f(x):\n    x = 1\n    return [x for x in x]", "lambda x: x"],
        ),
        # a builtin function is not changed by what is done to what it gave
        ("print(open('x').read())", ["y = open('y').read()", "n = len(open('z', 'w').write('z'))"]),
        ("print(sorted(range(3)))", ["next(iter(range(4)))", "a = list(range(9)); a.append(1)"]),
    ],
)
def test_what_only_looks_as_if_it_did_something_is_left_out(source, earlier):
    assert slice_of(source, [cell for cell in earlier if not cell.startswith("!")]) == ()


@pytest.mark.parametrize(
    "cell",
    ["x = !ls", "x = %sql select", "%%capture x\nprint(1)", "%%bash --out x\nls", "%time x = 1", "%%time\n%%capture\nx = 1",
     "with open('f') as x:\n    pass", "for x in range(3): pass", "import x.y", "from z import w as x", "(x := 3)", "x: int = 3",
     "async def x(): pass", "class x: pass", "del x", "x = await f()", "try:\n    pass\nexcept E as x:\n    pass",
     "match v:\n    case {'a': [_, *x]}:\n        pass", "if 1:\n    global x\n    x = 1", "a, (b, *x) = f()"],
)  # fmt: skip
def test_every_way_of_binding_a_name_is_seen(cell):
    assert slice_of("x", [cell, "y = 1"]) == (cell,)


def test_a_name_that_is_bound_anew_needs_no_earlier_cell():
    assert slice_of("x", ["x = [1]", "x.append(2)", "x = [3]"]) == ("x = [3]",)


def test_a_cell_that_may_have_stopped_halfway_does_not_settle_a_name():
    cells = [Executed("x = 1", whole=True), Executed("f()\nx = 2", whole=False)]
    assert slicing.slice_of("x", cells).cells == ("x = 1", "f()\nx = 2")


def test_a_note_says_that_a_cell_was_edited_since():
    cells = [
        Executed("rate = 1", "a", whole=True),
        Executed("x = rate", "b", whole=True),
        Executed("rate = 2", "a", whole=True),
    ]
    found = slicing.slice_of("x", cells, "c")
    assert found.cells == ("rate = 1", "x = rate")
    assert found.notes == (
        "rate: made by a cell that was edited and executed again since; the slice has its text as it was executed",
    )
    assert slicing.slice_of("rate", cells, "c").notes == ()


def test_a_note_says_that_the_notebook_has_a_cell_no_more():
    cells = [Executed("rate = 1", "a", whole=True, gone=True), Executed("y = 2", "b", whole=True)]
    assert slicing.slice_of("rate", cells, "c").notes == (
        "rate: made by a cell that the notebook has no more; the slice has its text as it was executed",
    )
    assert slicing.slice_of("y", cells, "c").notes == ()


def test_a_slicer_that_has_seen_the_notebook_grow_finds_what_a_new_one_finds():
    cells = [
        Executed(cell, whole=True)
        for cell in [*NOTEBOOK.values(), "def f(v):\n    v.append(X)", "f(df)", "np = 3"]
    ]
    slicer = Slicer()
    for count in range(len(cells) + 1):
        assert slicer.slice_of("acc", cells[:count]) == slicing.slice_of("acc", cells[:count])


def test_constants_are_what_is_assigned_literally_at_the_top():
    source = (
        "%%time\nlr = 0.1\nname: str = 'a'\nif True:\n    hidden = 3\nbig = [1, (2, None)]\nx = lr * 2\na = b = -1\nlr = 0.2\n"
        "none = None\nc, d = 1, True\nby = {'k': [1]}\nlater = 1\nlater = f()\nkeys = {1: 2}\nsome = {1}\nraw = b''"
    )
    assert constants(source) == {
        "lr": 0.2, "name": "a", "big": [1, (2, None)], "a": -1, "b": -1, "none": None, "c": 1, "d": True, "by": {"k": [1]},
    }  # fmt: skip
    assert constants("no python at all (") == {}
    assert constants(f"data = {list(range(1000))}") == {}
