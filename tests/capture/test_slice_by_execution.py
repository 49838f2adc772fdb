"""The slice of random notebooks: executing it and the cell gives what executing every cell gives."""

import itertools
import random
import types

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from jupyter_mlx.capture.slicing import Executed, slice_of

STATEMENTS = [
    "{x} = []", "{x} = [1, [2]]", "{x} = 3", "{x} = {{'k': [1]}}", "{x} = {y}", "{x} = [{y}, 1]", "{x} = {y}[0]",
    "{x} = {y}[1]", "{x} = list(islice({y}, 5))", "{x} = list({y}[:3])", "{x} = ({y}, {z})", "{x}: object = {y}", "{x} = {y} + {z}", "{x} = len({y})",
    "{x} = (i for i in {y})", "{x} = iter({y})", "{x} = next({y})", "{x} = map(len, {y})", "{x} = sum(1 for _ in islice({y}, 4))",
    "{x} = [i for i in islice({y}, 5) if i != {z}]", "{x} = {{'k': {y}}}", "{x} = {y}['k']", "{x}['k'] = {y}",
    "{x}.append(4)", "{x}.append({y})", "{x}.append({x})", "{x} += [5]", "{x} += 1", "{x}[0] = {y}", "del {x}", "del {x}[0]",
    "{x}.pop()", "{x} = {y}.pop()", "{x}, {y} = {y}, {x}", "{x} = {y} = []", "({x} := {y})", "len({x})",
    "for i in islice({y}, 3):\n    {x}.append(i)", "for {x} in {y}:\n    pass", "if {y}:\n    {x} = [6]", "while {x}:\n    {x}.pop()",
    "try:\n    {x}.append({y}[9])\nexcept Exception as e:\n    {x} = [str(e)]", "with nothing({y}) as {x}:\n    {x}.append(7)",
    "match {y}:\n    case [{x}, *{z}]:\n        pass\n    case _:\n        pass",
    "def {f}(v):\n    return v", "def {f}(v):\n    v.append(8)\n    return v", "def {f}(v):\n    return {y}",
    "def {f}(v):\n    {x}.append(v)", "def {f}(v):\n    global {x}\n    {x} = [v]", "def {f}(v, held=[]):\n    held.append(v)\n    return held",
    "def {f}(v):\n    return {g}(v)", "def {f}(v):\n    {x} = [v]\n    return {x} + {y}", "def {f}(v):\n    return [i for i in islice(v, 4)]",
    "def {f}(v):\n    n = 0\n    def count(w):\n        nonlocal n\n        n += 1\n        return n\n    return count",
    "def {f}(v):\n    yield {x}\n    {y}.append(v)", "{f} = lambda v: {x} + v", "{f} = lambda v: {x}.append(v)", "{f} = {g}",
    "@{g}\ndef {f}(v):\n    {x}.append(9)\n    return v", "{f} = {g}({x})", "{x} = {f}({y})", "{f}({y})", "{x} = {f}", "{x} = [{f}]",
    "{x} = {y}[0]({z})", "{x} = list(islice(map({f}, {y}), 3))", "{x} = sorted(islice({y}, 5), key=lambda v: len({z}))", "{x} = [{f}(i) for i in islice({y}, 3)]",
    "class C:\n    def __init__(self, v):\n        self.held = v\n    def add(self, v):\n        self.held.append(v)\n        return self.held",
    "class C:\n    held = []\n    def __init__(self, v):\n        self.held.append(v)\n    def add(self, v):\n        {x}.append(v)\n        return {y}",
    "class C:\n    seen = {x}\n    def __init__(self, v):\n        pass\n    def add(self, v):\n        C.seen = v\n        return self.seen",
    "class C:\n    def __init__(self, v):\n        self.held = [v]\n    def add(self, v):\n        return self[v]\n    def __getitem__(self, v):\n        self.held.append(v)\n        return self.held",
    "class C:\n    add = {f}\n    def __init__(self, v):\n        self.held = v",
    "{x} = [*islice({y}, 3)]", "{x}, *{y} = islice({z}, 4)", "{x} = [3 in islice({y}, 3)]", "{x} = [{y}, {z}][0]",
    "def {f}(v):\n    import random\n    random.seed(5)\n    return v", "import random as r\n{x} = [r.random()]", "import random as r\npick = r.random",
    "{x} = [pick()]", "import random\n{x} = random.Random(2)", "{x} = [{y}.random()]",
    "{x} = C({y})", "{x} = {y}.add({z})", "{x}.add({y})", "{x} = {y}.held", "{x}.held = {y}", "setattr({x}, 'held', {y})",
    "import random\nrandom.seed(3)", "import random\n{x} = [random.random()]", "from random import random as draw", "{x} = [draw()]",
    "{x} = eval('{y}')", "exec('{x} = {y}')", "globals()['{x}'] = {y}",
    "import copy\n{x} = copy.copy({y})", "import operator\noperator.iadd({x}, [1])", "import heapq\nheapq.heappush({x}, 0)",
]  # fmt: skip
NAMES = st.sampled_from("abcd")
FUNCTIONS = st.sampled_from("fg")
LINES = st.builds(
    lambda line, x, y, z, f, g: line.format(x=x, y=y, z=z, f=f, g=g),
    st.sampled_from(STATEMENTS), NAMES, NAMES, NAMES, FUNCTIONS, FUNCTIONS,
)  # fmt: skip
CELLS = st.lists(LINES, min_size=1, max_size=2).map("\n".join)
TARGETS = st.builds(
    lambda line, x, y, f: line.format(x=x, y=y, f=f),
    st.sampled_from(["result = {x}", "result = {f}({x})", "{x}.append(1)\nresult = {y}", "result = [{x}, {y}]", "result = {x}.add({y})"]),
    NAMES, NAMES, FUNCTIONS,
)  # fmt: skip
START = "from itertools import islice\nfrom contextlib import nullcontext as nothing\na = [1, 2]\nb = [[0], a]\nc = []\nd = {'k': c}\ndef f(v):\n    return v\ng = f"


def shown(value, depth=0):
    """A value, so that equal ones look equal."""
    if depth > 5 or isinstance(value, (types.FunctionType, type)):
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        return [shown(item, depth + 1) for item in value[:20]]
    if isinstance(value, dict):
        return {key: shown(item, depth + 1) for key, item in value.items()}
    if isinstance(value, random.Random):
        return value.getstate()
    if hasattr(value, "__next__"):
        return ["iterator", *(shown(item, depth + 1) for item in itertools.islice(value, 5))]
    if hasattr(value, "held") or type(value).__name__ == "C":
        return ["C", shown(getattr(value, "held", None), depth + 1)]
    return value


def executed(cells):
    """The names after these cells, and which of them ran to their end."""
    random.seed(0)
    names, whole = {"__name__": "notebook"}, []
    for cell in cells:
        try:
            exec(compile(cell, "cell", "exec"), names)
            whole.append(True)
        except Exception:
            whole.append(False)
    return names, whole


def result(cells, target):
    names, _ = executed(cells)
    try:
        exec(compile(target, "cell", "exec"), names)
        return shown(names["result"])
    except Exception as error:
        return type(error).__name__


@settings(max_examples=300, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=9), TARGETS)
@example(["c = a", "c.append(1)", "b = a"], "result = b")
@example(["def f(v):\n    c.append(v)", "f(1)", "d = c"], "result = d")
@example(["a = iter([1, 2])", "b = next(a)"], "result = a")
@example(["def g(v):\n    return f(v)", "def f(v):\n    return a", "a = 5"], "result = g(1)")
def test_the_slice_and_the_cell_give_what_all_cells_give(cells, target):
    cells = [START, *cells]
    _, whole = executed(cells)
    everything = result(cells, target)
    assume("Recursion" not in str(everything))
    found = slice_of(target, [Executed(cell, whole=end) for cell, end in zip(cells, whole, strict=True)])
    assert result(found.cells, target) == everything, found.cells
