"""What is read quickly is what ruamel.yaml reads; all else is left to it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jupyter_mlx.config.quick import quick
from jupyter_mlx.config.text import careful

STAGES = """# a pipeline
remote: s3://bucket/path
stages:
  prepare:
    notebook: notebooks/prepare.py   # paired
    outputs: [data/prepared, "with, comma", './here', ../there]
  train:
    notebook: notebooks/train.ipynb
    params: {lr: 0.1, epochs: 5, name: 'it''s', deep: {a: [1, [2, 3]]}, note: "x: # y\\n"}
    matrix:
      seed: [0, 1, -2]
    when: ${prepare.metrics.rows} - 1
    timeout: 1800
    empty:
    is_on: true
    text: |
      two
        lines
    folded: >-
      one
      line
"""
PLAIN = st.sampled_from([
    "a", "b-c", "train", "data/x.csv", "./x", "../y", "/abs", "0", "1", "-12", "1.5", "-0.5", "null", "true", "false",
    "s3://b/k", "${a.b}", "a=b", "'q'", "'it''s'", '"d"', '"\\n"', "ü/x.csv", "a b", "a  - b", "x, y", "x #y", "",
])  # fmt: skip
ODD = st.sampled_from([
    ".5", ".inf", ".nan", "+1", "007", "0x1f", "0o17", "1_000", "1e3", "1.5e-3", "0.", "1:30", "12:30:45",
    "2001-01-01", "Null", "~", "True", "yes", "no", "on", "off", "y", "n", "=", "<<", "http://x:80/y", "a,b", "a#b",
    "a:b", '"\\u00e9"', "é", "@a", "`b", "a'b", "[", "]", "{", "}", "#", "|", ">", "-", "?", "--", "---", "...",
    "&", "*", "!", "%",
])  # fmt: skip


NAMES = st.sampled_from(["a", "b-c", "notebook", "d_e", "f.g", "'q'", '"d"', "x y", "h1", "-", "-"])


def values(words, names):
    return st.recursive(
        st.lists(words, min_size=1, max_size=2).map(" ".join),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
            st.lists(st.tuples(names, inner), max_size=3).map(
                lambda items: "{" + ", ".join(f"{k}: {v}" for k, v in items) + "}"
            ),
        ),
        max_leaves=6,
    )


def trees(words, names):
    leaves = values(words, names)
    return st.recursive(
        st.lists(st.tuples(names, leaves), min_size=1, max_size=4),
        lambda inner: st.lists(st.tuples(names, st.one_of(leaves, inner)), min_size=1, max_size=3),
        max_leaves=8,
    ).map(lambda items: "\n".join(block(items, 0)) + "\n")


def block(items, indent):
    lines = []
    for key, value in items:
        if isinstance(value, list):
            lines += [f"{' ' * indent}{key}:", *block(value, indent + 2)]
        else:
            lines.append(f"{' ' * indent}{'-' if key == '-' else f'{key}:'} {value}")
    return lines


TREES = st.one_of(trees(PLAIN, NAMES), trees(st.one_of(PLAIN, ODD), st.one_of(NAMES, ODD)))
NOISE = st.text(st.sampled_from(list("ab01 .-:,[]{}'\"#\n|>~e+/_$=é\u00a0\u3000")), max_size=40)


@given(st.one_of(TREES, NOISE, st.tuples(TREES, NOISE).map("".join)))
@example(STAGES)
@example("a: {b: c\n  d: 1}\n")
@example("a: 'x\n\n  y'\nb: x\n  y\n")
@example("- a\n- - b\n  - c: 1\n    d: 2\n")
@example("a:\n- b\n-\n- ''\n")
@example("a: |#\n")
def test_what_is_read_quickly_is_what_ruamel_reads(text):
    found = quick(text)
    if found is not None:
        # what is 1 is neither 1.0 nor true
        assert repr(found) == repr(careful(text))


def test_an_ordinary_pipeline_is_read_quickly():
    found = quick(STAGES)
    assert found == careful(STAGES)
    assert found[0]["stages"]["train"]["params"]["lr"] == 0.1
    assert found[1]["stages.train.matrix.seed"] == 11


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing\n", "a: 1\na: 2\n", "a: &x 1\nb: *x\n", "a: !!str 1\n", "1: a\n", "a: yes\n", "a: 0o17\n",
        "a: 010\n", "a: 1_000\n", "a: 2001-01-01\n", "a: .inf\n", "a: 1:30\n", "? a\n: b\n", "--- a\n", "a: [1\n",
        "a:\tb\n", "a: True\n", "<<: {a: 1}\n", "a: 1\r\nb: 2\n", "a: x\u2028b: y\n", "a: 1e3\n",
        "a: 99999999999999999999\n", f"a: {'[' * 30}{']' * 30}\n",
    ],
)  # fmt: skip
def test_what_may_be_read_in_another_way_is_left_to_ruamel(text):
    assert quick(text) is None
