"""What a cell depends on without naming it: texts, seeds, settings, generators, methods that are called unseen."""

import pytest

from jupyter_mlx.capture import slicing
from jupyter_mlx.capture.slicing import Executed, Slicer


def slice_of(source, earlier):
    return slicing.slice_of(source, [Executed(cell, whole=True) for cell in earlier]).cells


def assert_whole(cells):
    """The last cell depends on all before it, and on nothing beside them."""
    *earlier, source = cells
    beside = "beside = 5"
    assert slice_of(source, [*earlier, beside]) == tuple(earlier)


@pytest.mark.parametrize(
    "cells",
    [
        ("import pandas as pd\ndf = pd.DataFrame({'a': [1]})", "thr = 1", "df.query('a > @thr')"),
        ("import pandas as pd\ndf = pd.DataFrame({'a': [1]})", "thr = 1", "q = df.query('a > @thr')", "q.head()"),
        ("import pandas as pd\ndf = pd.DataFrame({'a': [1]})", "k = 3", "low = 1", "df.eval(f'a * @k + {low}')"),
        ("import pandas as pd", "a1 = 4", "pd.eval('a1 + 1')"),
        ("import polars as pl", "dd = pl.DataFrame({'a': [1]})", "pl.sql('select sum(a) from dd').collect()"),
        ("import duckdb", "df = load()", "duckdb.sql('select * from df').df()"),
        ("import duckdb\ncon = duckdb.connect()", "df = load()", "con.execute(\n'''select * from df''')"),
        ("import duckdb", "df = load()", "text = 'select * from df'", "duckdb.sql(text)"),
        ("import duckdb", "df = load()", "text = 'select * from df'\nduckdb.sql(text)"),
        ("import duckdb", "def ask(text):\n    return duckdb.sql(text).df()", "df = load()", "ask('select * from df')"),
        ("import statsmodels.formula.api as smf", "def f(v): return v", "smf.ols('y ~ f(x)', data)"),
        ("from patsy import dmatrices", "def f(v): return v", "dmatrices('y ~ f(x)')"),
        ("import timeit", "def f(): pass", "timeit.timeit('f()')"),
        ("import __main__", "__main__.x = 3", "x"),
        ("import sys", "setattr(sys.modules['__main__'], 'x', 3)", "x"),
        ("import builtins", "builtins.x = 3", "x"),
        ("x = 3", "def peek():\n    import inspect\n    return inspect.stack()[1]", "peek()"),
    ],
)  # fmt: skip
def test_names_in_texts_and_frames_are_used(cells):
    assert_whole(cells)


@pytest.mark.parametrize(
    "source",
    ["from __main__ import x as z\nz", "import __main__ as M\nM.x", "import inspect\ninspect.currentframe().f_globals['x']",
     "import sys\ngetattr(sys.modules[__name__], 'x')"],
)  # fmt: skip
def test_what_can_reach_any_name_depends_on_all_cells(source):
    assert slice_of(source, ["x = 3", "y = 4"]) == ("x = 3", "y = 4")
    assert slice_of("'torch' in sys.modules", ["x = 3", "import sys"]) == ("import sys",)


@pytest.mark.parametrize(
    "cells",
    [
        ("from utils import set_seed", "set_seed(42)", "np.random.rand(3)"),
        ("from utils import set_seed", "set_seed(42)", "import numpy as np\nnp.random.rand(3)"),
        ("import utils", "utils.setup()", "model.fit()"),
        ("def seed_all(n):\n    import numpy as np, random\n    np.random.seed(n)", "seed_all(1)", "import numpy as np\nnp.random.rand()"),
        ("def seed_all(n):\n    from numpy import random as r\n    r.seed(n)", "seed_all(1)", "model.fit()"),
        ("import numpy as np\ndef seed_all(n):\n    np.random.seed(n)", "seed_all(1)", "model.fit()"),
        ("import numpy as np", "x = np.random.seed(3)", "model.fit()"),
        ("import random\ndef seed_all(n):\n    random.seed(n)", "go = seed_all", "go(3)", "model.fit()"),
    ],
)  # fmt: skip
def test_what_may_set_seeds_is_in_the_slice(cells):
    assert_whole(cells)


@pytest.mark.parametrize(
    ("needs", "setting"),
    [
        ("import pandas as pd", "pd.set_option('display.max_rows', 5)"),
        ("import pandas as pd", "pd.options.display.precision = 2"),
        ("import matplotlib.pyplot as plt", "plt.style.use('ggplot')"),
        ("import matplotlib.pyplot as plt", "plt.rcParams.update({'figure.dpi': 33})"),
        ("import matplotlib.pyplot as plt", "plt.rcParams['figure.dpi'] = 33"),
        ("import matplotlib.pyplot as plt", "plt.rc('font', size=9)"),
        ("from matplotlib import rcParams", "rcParams.update({'figure.dpi': 33})"),
        ("import matplotlib", "matplotlib.use('agg')"),
        ("import seaborn as sns", "sns.set_theme()"),
        ("import seaborn as sns", "sns.set(style='white')"),
        ("import sklearn", "sklearn.set_config(transform_output='pandas')"),
        ("from sklearn import set_config", "set_config(transform_output='pandas')"),
        ("from decimal import *", "getcontext().prec = 5"),
        ("import decimal\nctx = decimal.getcontext()", "ctx.prec = 5"),
        ("import numpy as np", "old = np.seterr(all='ignore')"),
        ("import numpy as np", "np.set_printoptions(precision=3)"),
        ("import polars as pl", "pl.Config.set_tbl_rows(3)"),
        ("import warnings", "warnings.filterwarnings('ignore')"),
        ("import locale", "old = locale.setlocale(locale.LC_ALL, 'C')"),
        ("import os", "os.environ['A'] = '1'"),
        ("import os", "old = os.environ.pop('A', None)"),
        ("from os import chdir", "chdir('x')"),
        ("import sys", "sys.path.insert(0, 'lib')"),
        ("import csv", "old = csv.field_size_limit(10)"),
        ("import logging\nlog = logging.getLogger('x')", "log.setLevel(10)"),
        ("import settings", "settings.LIMIT = 3"),
        ("import pandas as pd\ndef setup():\n    pd.set_option('display.max_rows', 5)", "setup()"),
        ("def setup():\n    import pandas as pd\n    pd.options.display.precision = 2", "setup()"),
        ("import pandas as pd", "@pd.api.extensions.register_dataframe_accessor('geo')\nclass Geo:\n    pass"),
    ],
)  # fmt: skip
def test_settings_of_the_process_are_in_the_slice(needs, setting):
    assert_whole((needs, setting, "import pandas as pd\nimport matplotlib.pyplot as plt\nprint(1)"))


@pytest.mark.parametrize("call", ["gc.disable()", "mimetypes.add_type('a/b', '.c')"])
def test_what_changes_a_module_counts_for_a_cell_with_an_import_of_its_own(call):
    module = call.partition(".")[0]
    assert_whole((f"import {module}", call, f"import {module}\n{module}.get()"))
    assert slice_of("print(1)", [f"import {module}", call]) == ()


SEEDED = "import numpy as np\nnp.random.seed(0)"
FOREST = "from sklearn.ensemble import RandomForestClassifier as RF"


@pytest.mark.parametrize(
    "cells",
    [
        (SEEDED, FOREST, "a = RF(3).fit(X, y)", "b = RF(3).fit(X, y)"),
        (SEEDED, FOREST, "a = RF(3)", "a.fit(X, y)", "b = RF(3).fit(X, y)"),
        (SEEDED, FOREST, "a = RF(3)", "p = a.fit(X, y).predict(X)", "np.random.rand()"),
        (SEEDED, FOREST, "from sklearn.pipeline import make_pipeline", "pipe = make_pipeline(RF(3))", "p = pipe.fit(X, y)", "np.random.rand()"),
        (SEEDED, "from sklearn.cluster import KMeans", "a = KMeans(3).fit(X)", "KMeans(3).fit(X)"),
        (SEEDED, FOREST, "from sklearn.model_selection import cross_val_score", "s = cross_val_score(RF(), X, y)", "RF(3).fit(X, y)"),
        (SEEDED, "from sklearn.model_selection import train_test_split", "a, b = train_test_split([1, 2, 3])", "np.random.rand()"),
        (SEEDED, "df = load()", "s = df.sample(2)", "np.random.rand()"),
        (SEEDED, "df = load()", "df.sample(2).head()", "df.sample(2)"),
        (SEEDED, "from scipy import stats", "u = stats.norm.rvs(size=3)", "np.random.rand()"),
        (SEEDED, "from scipy.stats import norm", "u = norm.rvs(size=3)", "norm.rvs()"),
        ("import numpy\nnumpy.random.seed(0)", "u = numpy.random.rand()", "import numpy as np\nnp.random.rand()"),
        (SEEDED, "npr = np.random", "u = npr.beta(1, 2)", "np.random.rand()"),
    ],
)  # fmt: skip
def test_earlier_draws_of_the_shared_generators_count_for_a_cell_that_draws(cells):
    assert_whole(cells)


GENERATOR = "import numpy as np\nrng = np.random.RandomState(0)"


@pytest.mark.parametrize(
    "cells",
    [
        (GENERATOR, "from scipy import stats", "u = stats.norm.rvs(size=3, random_state=rng)", "rng.rand()"),
        (GENERATOR, "df = load()", "s = df.sample(3, random_state=rng)", "rng.rand()"),
        (GENERATOR, FOREST, "m = RF(2, random_state=rng).fit(X, y)", "rng.rand()"),
        (GENERATOR, FOREST, "m = RF(2, random_state=rng)", "p = m.fit(X, y)", "rng.rand()"),
        (GENERATOR, "from sklearn.model_selection import ShuffleSplit", "cv = ShuffleSplit(2, random_state=rng)", "i = list(cv.split([1, 2]))", "rng.rand()"),
        (GENERATOR, "from sklearn.model_selection import train_test_split", "a, b = train_test_split([1, 2], random_state=rng)", "rng.rand()"),
    ],
)  # fmt: skip
def test_a_generator_that_is_given_to_a_call_is_changed_by_it(cells):
    assert_whole(cells)


def test_draws_count_only_for_what_draws_from_the_same_source():
    start = [SEEDED, FOREST, "X, y = load()", "SEED = 42"]
    forest = [*start, "a = RF(3).fit(X, y)"]
    assert slice_of("X.mean()", forest) == (SEEDED, "X, y = load()")
    seeded = [
        *start,
        "a = RF(3, random_state=42)",
        "p = a.fit(X, y)",
        "b = RF(3, random_state=SEED)\nq = b.fit(X, y)",
    ]
    assert slice_of("np.random.rand()", seeded) == (SEEDED,)
    assert slice_of("print(SEED)", seeded) == (SEEDED, "SEED = 42")
    plain = [
        *start,
        "from sklearn.linear_model import LinearRegression",
        "c = LinearRegression()",
        "p = c.fit(X, y)",
    ]
    assert slice_of("np.random.rand()", plain) == (SEEDED,)


def test_draws_of_estimators_count_only_where_a_seed_was_set():
    cells = [FOREST, "X, y = load()", "a = RF(3).fit(X, y)"]
    assert slice_of("RF(3).fit([1], [2])", cells) == (FOREST,)


@pytest.mark.parametrize(
    "cells",
    [
        ("from functools import singledispatch\n@singledispatch\ndef f(x): return 'o'", "@f.register\ndef _(x: int): return 'i'", "f(3)"),
        ("import io\nbuf = io.StringIO()", "print('hey', file=buf)", "buf.getvalue()"),
        ("import io\nbuf = io.StringIO()", "df = load()", "df.to_csv(buf)", "buf.getvalue()"),
        ("import io, pandas as pd\nbuf = io.StringIO('a')", "t = pd.read_csv(buf)", "buf.read()"),
        ("it = iter([1, 2])", "print(*it)", "list(it)"),
        ("it = iter([1, 2])", "x = [*it]", "list(it)"),
        ("it = (i for i in range(4))", "p, q, *_r = it", "list(it)"),
        ("it = iter([1, 2])", "found = 2 in it", "list(it)"),
        ("import numpy as np\nit = iter([1, 2])", "x = np.fromiter(it, int)", "list(it)"),
        ("from heapq import heappop as hp\nH = [1, 3]", "x = hp(H)", "H"),
        ("def g(self, s): return s * m", "class K: go = g", "m = 4", "K().go(2)"),
    ],
)  # fmt: skip
def test_changes_that_no_statement_shows_are_seen(cells):
    assert_whole(cells)


@pytest.mark.parametrize(
    ("method", "use"),
    [
        ("__getitem__(self, k)", "x = a[0]"), ("__len__(self)", "len(a)"), ("__add__(self, o)", "b = a + 1"),
        ("__eq__(self, o)", "a == 1"), ("__repr__(self)", "print(a)"), ("__getattr__(self, k)", "a.foo"),
        ("__iter__(self)", "p, q = a"), ("__contains__(self, o)", "1 in a"),
    ],
)  # fmt: skip
def test_an_operator_that_its_class_has_change_the_object_counts(method, use):
    make = f"class A:\n    n = 0\n    def {method}:\n        self.n += 1\n        return 0\na = A()"
    assert_whole((make, use, "a.n"))
    pure = make.replace("self.n += 1", "n = self.n + 1")
    assert slice_of("a.n", [pure, use]) == (pure,)


def test_a_property_that_changes_its_object_counts():
    make = (
        "class A:\n    @property\n    def up(self):\n        self.held.append(1)\n        return 0\na = A()"
    )
    assert_whole((make, "a.up", "a.held"))


ORDINARY = [
    "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt",
    "from sklearn.linear_model import LogisticRegression\nfrom sklearn.model_selection import train_test_split",
    "SEED = 42",
    "df = pd.read_csv('x.csv')",
    "df.query('age > 30').head()",
    "df.plot()\nplt.title('ages')\nplt.savefig('a.png')",
    "X_train, X_test, y_train, y_test = train_test_split(df[['a']], df.y, random_state=SEED)",
    "model = LogisticRegression(random_state=SEED)",
    "sample = df.sample(5, random_state=SEED)\nprint(sample)",
    "model.fit(X_train, y_train)",
    "df.to_csv('out.csv')",
    "print(f'{len(df)} rows', *df.columns)",
]


def test_ordinary_cells_that_only_look_stay_out():
    # `query` and `sample` might change what they are methods of
    kept = [ORDINARY[at] for at in (0, 1, 2, 3, 4, 6, 7, 8, 9)]
    assert slice_of("model.score(X_test, y_test)", ORDINARY) == tuple(kept)
    assert slice_of("print(SEED)", ORDINARY) == (ORDINARY[2],)


def test_a_word_of_a_query_is_a_column_unless_it_is_marked():
    cells = ["df = load()", "age = 3", "top = 9"]
    assert slice_of("df.query('age > @top')", cells) == ("df = load()", "top = 9")
    assert slice_of("con.query('select age from df')", cells) == ("df = load()", "age = 3")


@pytest.mark.parametrize(
    "cells",
    [
        ("import logging\nlog = logging.getLogger('x')", "log.info('begins')"),
        ("import logging\ndef train():\n    logging.info('begins')\n    return 3", "m = train()"),
        ("import math\ndef area(r):\n    import math\n    return [r].count(math.pi)", "n = area(2)"),
        ("from utils import load", "other = load('b')"),
        ("import torch\ndef train():\n    torch.manual_seed(3)\n    return make()", "rows = [1]"),
        ("df = load()", "'a' in df", "print(*df2)"),
        ("import io", "text = io.open('x').read()", "n = len(text.split())"),
    ],
)  # fmt: skip
def test_what_sets_nothing_stays_out(cells):
    assert slice_of("print(1)", cells) == ()


def test_what_is_unpacked_or_looked_through_is_no_iterator_unless_it_is_known_to_be():
    cells = ["pair = load()", "a, b = pair", "found = 2 in pair"]
    assert slice_of("pair", cells) == ("pair = load()",)


def test_a_slicer_that_grows_finds_what_a_new_one_finds():
    cells = [
        Executed(cell, whole=True)
        for cell in [*ORDINARY, FOREST, "a = RF(3)", "p = a.fit(X_train, y_train)", "npr = np.random", "npr.beta(1, 2)",
                     "text = 'select * from df'", "import duckdb", "duckdb.sql(text)", SEEDED, "class LogisticRegression:\n    def __len__(self):\n        self.n = 1",
                     "npr = 3", "duckdb = []", "RF = LogisticRegression"]
    ]  # fmt: skip
    slicer = Slicer()
    for count in range(len(cells) + 1):
        for source in ("np.random.rand()", "duckdb.sql(text)", "RF(3).fit(X_test)", "model"):
            assert slicer.slice_of(source, cells[:count]) == slicing.slice_of(source, cells[:count])
