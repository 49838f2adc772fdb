"""Fingerprints: what changes a stage's result, and what must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.digest import Digest
from jupyter_mlx.pipelines.fingerprint import Cell, Fingerprint, code_digest, modules
from jupyter_mlx.pipelines.imports import imports_of

BASE = Fingerprint(
    code="b3:1",
    kernel="python3/python",
    modules={"m.py": "b3:2"},
    params={"lr": 0.1, "n": 1},
    inputs={"data": "b3:3"},
    outputs=("out",),
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"code": "b3:9"}, "code changed"),
        ({"kernel": "ir/r"}, "kernel changed"),
        ({"params": {"lr": 0.2, "n": 1}}, "params changed"),
        ({"modules": {"m.py": "b3:9"}}, "m.py changed"),
        ({"modules": {}}, "m.py changed"),
        ({"inputs": {"data": "b3:9"}}, "data changed"),
        ({"outputs": ("out", "more")}, "outputs changed"),
    ],
)
def test_each_part_counts_and_is_named(change, reason):
    other = replace(BASE, **change)
    assert other.digest != BASE.digest
    assert other.changes(BASE) == (reason,)


def test_nothing_changed_is_no_change():
    same = replace(BASE, params={"n": 1, "lr": 0.1})
    assert (same.digest, same.changes(BASE)) == (BASE.digest, ())


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_names_does_not_matter(order):
    made = Fingerprint(
        "c", "k", {n: n for n in order}, dict.fromkeys(order, 1), {n: n for n in order}, tuple(order)
    )
    other = sorted(order)
    assert made.digest == Fingerprint("c", "k", {n: n for n in other}, dict.fromkeys(other, 1), {n: n for n in other}, tuple(other)).digest  # fmt: skip


def test_markdown_empty_cells_trailing_space_and_the_injected_cell_change_nothing():
    plain = code_digest([Cell("code", "x = 1"), Cell("code", "y = 2")])
    dressed = code_digest(
        [
            Cell("markdown", "# Title"),
            Cell("code", "x = 1\n"),
            Cell("code", "  \n"),
            Cell("code", "x = 5", ("injected-parameters",)),
            Cell("code", "y = 2"),
        ]
    )
    assert plain == dressed


@pytest.mark.parametrize(
    "cells",
    [
        [Cell("code", "x = 2"), Cell("code", "y = 2")],
        [Cell("code", "y = 2"), Cell("code", "x = 1")],
        [Cell("code", "x = 1\ny = 2")],
        [Cell("code", "x = 1 # comment"), Cell("code", "y = 2")],
    ],
)
def test_code_and_its_order_count(cells):
    assert code_digest(cells) != code_digest([Cell("code", "x = 1"), Cell("code", "y = 2")])


def test_the_tagged_parameters_cell_counts():
    assert code_digest([Cell("code", "x = 1", ("parameters",))]) != code_digest([])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b, c as d", {("a.b", 0, ()), ("c", 0, ())}),
        ("from a import b, c", {("a", 0, ("b", "c"))}),
        ("from ..a import b", {("a", 2, ("b",))}),
        ("def f():\n    import late", {("late", 0, ())}),
        ("%matplotlib inline\n!ls\nimport a\n?a", {("a", 0, ())}),
        ("%%track -p x=1\nimport a", {("a", 0, ())}),
        ("%%bash\nimport a", set()),
        ("x = (\nimport a\nfrom b import (c, d)", {("a", 0, ()), ("b", 0, ("c", "d"))}),
        ("'import a'", set()),
    ],
)
def test_imports_are_read_from_the_syntax(source, expected):
    assert set(imports_of(source)) == expected


def test_modules_are_followed_through_packages_and_relative_imports():
    files = {
        "helpers.py": "import pkg.deep",
        "pkg/__init__.py": "from . import side",
        "pkg/side.py": "from .. import nothing",
        "pkg/deep.py": "from .near import x\nfrom .sub import inner\nimport numpy",
        "pkg/sub/inner.py": "from ..far import y",
        "pkg/far.py": "",
        "pkg/near.py": "import helpers",
        "notebooks/beside.py": "",
        "other.py": "",
    }

    def read(path):
        return None if path not in files else (Digest.of(path.encode()), imports_of(files[path]))

    found = modules([("helpers", 0, ()), ("beside", 0, ())], ("", "notebooks"), read)
    assert sorted(found) == sorted(files.keys() - {"other.py"})
    assert found["helpers.py"] == str(Digest.of(b"helpers.py"))
