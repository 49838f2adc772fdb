"""Stages and their graph: matrices, who writes what, order, cycles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.config import Config
from jupyter_mlx.errors import ConfigError
from jupyter_mlx.pipelines import drawing
from jupyter_mlx.pipelines.pipeline import CycleError, Pipeline, UnknownStageError, overlap


@pytest.fixture
def pipeline(tmp_path):
    def make(text: str) -> Pipeline:
        (tmp_path / "mlx.yaml").write_text("stages:\n" + text)
        return Pipeline.of(Config.read(tmp_path))

    return make


def names(pipeline):
    return [stage.name for stage in pipeline.stages]


CHAIN = """\
  c: {notebook: c.py, inputs: [b/x.csv], outputs: [c]}
  b: {notebook: b.py, inputs: [a], outputs: [b]}
  a: {notebook: a.py, outputs: [a/1, a/2]}
  d: {notebook: d.py}
"""


def test_stages_are_ordered_by_what_they_read(pipeline):
    assert names(pipeline(CHAIN)) == ["a", "d", "b", "c"]


def test_an_input_inside_an_output_and_the_reverse_both_count(pipeline):
    made = pipeline(CHAIN)
    assert (made.upstream["c"], made.upstream["b"], made.upstream["a"]) == ({"b"}, {"a"}, frozenset())


def test_a_name_that_only_begins_like_an_output_is_another_path(pipeline):
    made = pipeline("  a: {notebook: a.py, outputs: [data]}\n  b: {notebook: b.py, inputs: [database]}\n")
    assert made.upstream["b"] == frozenset()


def test_a_matrix_makes_a_stage_of_each_combination(pipeline):
    made = pipeline("  t: {notebook: t.py, matrix: {s: [0, 1], m: [a, null]}, outputs: ['o/${s}-${m}']}\n")
    assert names(made) == ["t@s=0,m=a", "t@s=0,m=null", "t@s=1,m=a", "t@s=1,m=null"]
    assert made["t@s=1,m=a"].params == {"s": 1, "m": "a"}
    assert made["t@s=1,m=a"].outputs == ("o/1-a",)


def test_a_stage_is_chosen_with_all_that_it_depends_on(pipeline):
    assert names(pipeline(CHAIN).select(["b"])) == ["a", "b"]
    matrix = pipeline("  t: {notebook: t.py, matrix: {s: [0, 1]}, outputs: ['o/${s}']}\n")
    assert names(matrix.select(["t"])) == ["t@s=0", "t@s=1"]
    assert names(matrix.select(["t@s=1"])) == ["t@s=1"]


def test_an_unknown_stage_is_told_with_the_nearest_name(pipeline):
    with pytest.raises(UnknownStageError, match="no stage 'tarin'; did you mean 'train'"):
        pipeline("  train: {notebook: t.py}\n").select(["tarin"])
    with pytest.raises(UnknownStageError, match="no stages; `stages:` in it makes a pipeline"):
        pipeline("").select(["tarin"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  a: {notebook: a.py, outputs: [x]}\n  b: {notebook: b.py, outputs: [x]}\n", "written by stage a too"),
        ("  a: {notebook: a.py, outputs: [x/y]}\n  b: {notebook: b.py, outputs: [x]}\n", "written by stage a too"),
        ("  a: {notebook: a.py, outputs: [x]}\n  b: {notebook: b.py, outputs: [x/y]}\n", "written by stage a too"),
        ("  a: {notebook: a.py, outputs: [x, x/y]}\n", "overlaps another output of this stage"),
        ("  a: {notebook: a.py, matrix: {s: [1, 2]}, outputs: [x]}\n", "such as x/${s}"),
        ("  a: {notebook: nb/a.py, outputs: [nb]}\n", "'nb' holds the notebook of stage a"),
        ("  a: {notebook: a.py, params: {p: 1}, inputs: ['${q}']}\n", "${q} is no parameter of this stage"),
        ("  a: {notebook: a.py, params: {p: ..}, inputs: ['${p}/x']}\n", "cannot be part of a file name"),
    ],
)  # fmt: skip
def test_paths_that_cannot_work_are_refused_with_their_line(pipeline, text, message):
    with pytest.raises(ConfigError) as caught:
        pipeline(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("mlx.yaml:")


def test_stages_that_wait_for_each_other_are_named_in_order(pipeline):
    ring = "".join(
        f"  {n}: {{notebook: n.py, inputs: [{i}], outputs: [{n}]}}\n" for n, i in ("ac", "ba", "cb")
    )
    with pytest.raises(CycleError, match=r"a → b → c → a|b → c → a → b|c → a → b → c"):
        pipeline(ring)


def test_a_stage_that_reads_what_it_writes_is_refused(pipeline):
    with pytest.raises(CycleError, match="stage a reads what it writes"):
        pipeline("  a: {notebook: a.py, inputs: [x/y], outputs: [x]}\n")


@given(st.lists(st.sets(st.integers(0, 9), max_size=4), min_size=10, max_size=10))
def test_every_order_puts_each_stage_after_what_it_reads(reads):
    from jupyter_mlx.config import StageConfig

    stages = {
        f"s{i}": StageConfig(
            f"s{i}", "n.py", inputs=tuple(f"o{j}" for j in above if j < i), outputs=(f"o{i}",)
        )
        for i, above in enumerate(reads)
    }
    made = Pipeline.of(Config(stages=dict(sorted(stages.items(), reverse=True))))
    place = {stage.name: i for i, stage in enumerate(made.stages)}
    assert all(place[f"s{j}"] < place[f"s{i}"] for i, above in enumerate(reads) for j in above if j < i)


@pytest.mark.parametrize(
    ("a", "b", "expected"), [("a", "a", True), ("a", "a/b", True), ("a/b", "a", True), ("a", "ab", False)]
)
def test_paths_overlap_by_whole_names(a, b, expected):
    assert overlap(a, b) is expected


def test_the_tree_shows_each_stage_once(pipeline):
    made = pipeline(CHAIN + "  e: {notebook: e.py, inputs: [a/1, c]}\n")
    assert list(drawing.tree(made)) == ["a", "└─ b", "   └─ c", "      └─ e  (and a)", "d"]


def test_mermaid_has_an_arrow_for_each_dependency_and_escapes_names(pipeline):
    made = pipeline(
        "  t: {notebook: t.py, matrix: {s: ['\"<b>']}, outputs: [o]}\n  u: {notebook: u.py, inputs: [o]}\n"
    )
    assert list(drawing.mermaid(made)) == [
        "flowchart TD",
        '  s0["t@s=#34;#60;b#62;"]',
        '  s1["u"]',
        "  s0 --> s1",
    ]
