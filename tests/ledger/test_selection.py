"""What SQL selects is what a plain reading of the query selects, over the same runs; and every order is whole."""

import itertools
import json
import math
import random
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jupyter_mlx.ledger.ledger import Ledger
from jupyter_mlx.ledger.query import Both, Either, Not, QueryError, parse
from jupyter_mlx.ledger.run import FileVersion, Run, utc_now

NAMES = ["train", "Évaluation", "a b", "100%", "x_y", ""]
VALUES = [
    0,
    1,
    -1,
    0.5,
    1e300,
    True,
    False,
    None,
    "adam",
    "Adam",
    "3",
    "true",
    "a%b",
    "É",
    [1, 2],
    {"a": 1},
    math.inf,
    math.nan,
    10**30,
]
NUMBERS = [0.0, 0.5, 1.0, -1.0, math.nan, math.inf, -math.inf]
PATHS = ["data/a.csv", "data/b c.csv"]
KEYS = ["lr", "acc", "val.acc", "a b", "ünï"]
NOW = utc_now()


def some_runs():
    draw = random.Random(7)
    for at in range(60):
        yield Run(
            f"{draw.getrandbits(64):016x}", draw.choice(NAMES), draw.choice(["cell", "stage"]), "running",
            NOW - timedelta(hours=at * 3, minutes=1), notebook=draw.choice([None, "n.ipynb"]),
            params={key: draw.choice(VALUES) for key in KEYS if draw.random() < 0.5},
            metrics={key: draw.choice(NUMBERS) for key in KEYS if draw.random() < 0.5},
            tags=tuple(tag for tag in ("best", "Old") if draw.random() < 0.3),
            inputs=tuple(FileVersion(path, "b3:" + "1" * 64, 3) for path in PATHS if draw.random() < 0.4),
            note=draw.choice(["", "look"]),
        )  # fmt: skip


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    ledger = Ledger(tmp_path_factory.mktemp("selection") / "ledger.db")
    for at, run in enumerate(some_runs()):
        ledger.insert(run)
        ledger.finish(
            replace(run, status="failed" if at % 3 else "finished", duration_s=None if at % 5 else at / 2)
        )
        if at % 7 == 0:
            ledger.edit(run.id, starred=True)
        if at % 11 == 0:
            ledger.trash(run.id)
    return ledger


@pytest.fixture(scope="module")
def runs(ledger):
    """All that are not in the trash, whole."""
    return Whole(ledger.get(run.id) for run in ledger.page(limit=1000).runs)


class Whole(list):
    def __repr__(self):
        return "runs"


# -- a plain reading ---------------------------------------------------------------------------


def fits(node, run):
    if isinstance(node, Not):
        return not fits(node.part, run)
    if isinstance(node, (Both, Either)):
        return (all if isinstance(node, Both) else any)(fits(part, run) for part in node.parts)
    if node.name in {"name", "kind", "status", "notebook", "note"}:
        value = getattr(run, node.name)
        return not value if node.operator == "null" else value is not None and text_fits(value, node)
    if node.name == "tag":
        return not run.tags if node.operator == "null" else any(text_fits(tag, node) for tag in run.tags)
    if node.name == "input":
        paths = [file.path for file in run.inputs]
        return not paths if node.operator == "null" else any(text_fits(path, node) for path in paths)
    if node.name == "starred":
        return run.starred == (node.text == "true")
    if node.name == "duration":
        if node.operator == "null" or run.duration_s is None:
            return node.operator == "null" and run.duration_s is None
        return compare(run.duration_s, node.operator, float(node.text))
    return value_fits(node, run)


def value_fits(node, run):
    kind, _, name = node.name.partition(".")
    kinds, name = ({kind}, name) if kind in {"metrics", "params"} else ({"metrics", "params"}, node.name)
    params = [run.params[name]] if "params" in kinds and name in run.params else []
    metrics = [run.metrics[name]] if "metrics" in kinds and name in run.metrics else []
    if node.operator == "null":
        return not metrics and not any(value is not None for value in params)
    return any(one_fits(value, node, is_param=True) for value in params) or any(
        one_fits(value, node, is_param=False) for value in metrics
    )


def one_fits(value, node, *, is_param):
    if isinstance(value, float) and math.isnan(value):
        value, is_param = "NaN", True
    number = None if isinstance(value, (str, list, dict)) or value is None else float(value)
    if value == "Infinity" or value == str(10**30):
        number = float(value)  # as the ledger gives back what JSON has not
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if node.operator in {"~", "like"}:
        return is_param and text_fits(text, node)
    wanted = float(node.text) if re.fullmatch(r"[-+.\deE]+|-?inf", node.text) else None
    if number is not None and wanted is not None and compare(number, node.operator, wanted):
        return True
    if node.operator == "=":
        return is_param and (number is None or isinstance(value, bool)) and text == node.text
    return (
        isinstance(value, str)
        and number is None
        and isinstance(node.value, str)
        and compare(text, node.operator, node.text)
    )


def text_fits(value, node):
    if node.operator == "~":
        if node.text.isascii():
            return lower(node.text) in lower(value)
        return node.text.casefold() in value.casefold()
    if node.operator == "like":
        parts = (".*" if c == "%" else "." if c == "_" else re.escape(lower(c)) for c in node.text)
        return re.fullmatch("".join(parts), lower(value), re.DOTALL) is not None
    return compare(value, node.operator, node.text)


def lower(text):
    return "".join(c.lower() if c.isascii() else c for c in text)


def compare(a, operator, b):
    return {"=": a == b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


# -- queries -----------------------------------------------------------------------------------

texts = st.sampled_from(
    [
        *NAMES,
        *PATHS,
        "best",
        "Old",
        "old",
        "cell",
        "adam",
        "3",
        "true",
        "null",
        "%a%",
        "a_",
        "É",
        "é",
        "n%",
        "NaN",
        "[1,2]",
        "look",
    ]
)
numbers = st.sampled_from(["0", "1", "-1", "0.5", "5e-1", "inf", "-inf", "3", "1e300", "12"])
signs = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "=="])
values = texts.map(json.dumps).map(lambda text: text.encode().decode("unicode_escape")) | numbers
names = st.sampled_from(
    [
        "`a b`",
        "lr",
        "acc",
        "val.acc",
        "ünï",
        "metrics.acc",
        "params.lr",
        "params.`a b`",
        'metrics."val.acc"',
        "unknown",
    ]
)
fields = st.sampled_from(["name", "kind", "status", "notebook", "note", "tag", "input"])


def joined(*parts):
    return st.tuples(*parts).map(" ".join)


comparisons = (
    joined(names, signs, values)
    | joined(
        fields | names,
        st.sampled_from(["~", "contains", "like", "not contains", "not like", "="]),
        texts.map(lambda text: f"'{text}'"),
    )
    | joined(fields | names | st.just("duration"), st.sampled_from(["is null", "is not null"]))
    | joined(st.just("duration"), signs, st.sampled_from(["0", "5", "12.5"]))
    | st.sampled_from(
        ["starred = true", "starred = false", "lr in (0, 1, adam)", "name not in (train, 'a b')"]
    )
)
queries = st.recursive(
    comparisons,
    lambda inner: (
        joined(inner, st.sampled_from(["and", "or", "AND"]), inner)
        | inner.map("not ({})".format)
        | inner.map("({})".format)
    ),
    max_leaves=5,
)


@settings(max_examples=250, deadline=None)
@example("lr = true")
@example("not acc = NaN or lr = 3")
@given(queries)
def test_sql_selects_what_a_plain_reading_selects(ledger, runs, query):
    page = ledger.page(query, limit=1000)
    wanted = [run.id for run in runs if fits(parse(query), run)]
    assert sorted(run.id for run in page.runs) == sorted(wanted)
    assert page.total == len(wanted)


@settings(max_examples=30, deadline=None)
@given(
    queries,
    st.sampled_from(
        [
            "",
            "name",
            "-name",
            "duration",
            "-starred",
            "lr",
            "-acc",
            "params.lr",
            "metrics.`a b`",
            "unknown",
            "-started",
            "note",
        ]
    ),
    st.integers(1, 30),
)
def test_pages_of_any_order_are_the_whole_once(ledger, runs, query, sort, limit):
    whole = [run.id for run in ledger.page(query, sort, 1000).runs]
    assert sorted(whole) == sorted(run.id for run in runs if fits(parse(query), run))
    found, cursor = [], None
    while True:
        page = ledger.page(query, sort, limit, cursor)
        found += [run.id for run in page.runs]
        cursor = page.next
        if cursor is None:
            break
    assert found == whole


@pytest.mark.parametrize("sort", ["acc", "-acc", "lr", "-lr"])
def test_numbers_come_before_texts_and_those_before_nothing(ledger, sort):
    key = sort.removeprefix("-")
    found = [
        run.metrics.get(key, None) for run in ledger.page("", f"{sort[: -len(key)]}metrics.{key}", 1000).runs
    ]
    groups = [
        list(group)
        for _, group in itertools.groupby(found, lambda value: 2 if value is None else int(math.isnan(value)))
    ]
    assert len(groups) == 3
    assert groups[0] == sorted(groups[0], reverse=sort.startswith("-"))


def test_runs_of_one_value_stand_in_a_stable_order(ledger):
    up, down = ([run.seq for run in ledger.page("", sort, 1000).runs] for sort in ("kind", "-kind"))
    assert up == down[::-1]


@pytest.mark.parametrize(
    ("query", "at", "problem"),
    [
        ("acc is", 6, "`null` or `not null`"),
        ("acc is not 3", 11, "`null` or `not null`"),
        ("acc not = 3", 8, "expected `in`, `like` or `contains`"),
        ("acc in 3", 7, "a bracket"),
        ("acc in (3", 9, "closing bracket"),
        ("acc in (3,)", 10, "expected a value"),
        ("acc like", 8, "expected a value"),
        ("a = 1 and started > 'soon'", 20, "a time"),
        ("a = 1 and duration > soon", 21, "a number"),
        ("started like x", 0, "no text"),
        ("starred = maybe", 10, "true or false"),
        ("note = '" + "x" * 2000 + "'", 7, "1000 characters"),
        ("name = '\ud800'", 7, "no text"),
    ],
)
def test_a_wrong_query_names_the_place(ledger, query, at, problem):
    with pytest.raises(QueryError, match=problem) as told:
        ledger.page(query)
    assert told.value.at == at


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("started > '1 hour ago'", 0), ("started > '2 days ago'", 14), ("started <= '2 days ago'", 40),
        (f"started = '{NOW:%Y-%m-%d}'", None), ("started > yesterday", None), ("started > '2026-01-01T10:00Z'", None),
        ("duration > '5 s'", 8), ("duration > '0.1 min'", 8), ("duration < 1e9", 10),
    ],
)  # fmt: skip
def test_times_and_durations_are_written_as_people_say_them(ledger, runs, query, count):
    total = ledger.page(query).total
    assert total == count or count is None


def test_the_first_digits_of_an_id_are_enough(ledger, runs):
    assert [run.id for run in ledger.page(f"id = {runs[0].id[:8]}").runs] == [runs[0].id]
    assert ledger.page(f"id = '{runs[0].id}'").total == 1


def test_a_name_that_looks_like_a_number_is_compared_as_it_is_written(ledger):
    ledger = Ledger(ledger.path.parent / "other.db")
    ledger.insert(Run("a" * 16, "2024", "cell", "finished", NOW, tags=("1e3",)))
    for query in ("name = 2024", "tag = 1e3", "name ~ 02", "name in (1, 2024)"):
        assert ledger.page(query).total == 1
