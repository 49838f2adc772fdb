import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.caching.key import imports, key_of


def test_comments_and_white_space_are_no_part_of_the_key():
    assert key_of("x = 1", ["y = 2"], {}) == key_of("x  =  1  # one\n\n", ["# two\ny = 2"], {})


@pytest.mark.parametrize(
    "other",
    [
        ("x = 2", ["y = 2"], {"lr": 0.1}),
        ("x = 1", ["y = 3"], {"lr": 0.1}),
        ("x = 1", [], {"lr": 0.1}),
        ("x = 1", ["y = 2", "y = 2"], {"lr": 0.1}),
        ("x = 1", ["y = 2"], {"lr": 0.2}),
        ("x = 1", ["y = 2"], {}),
        ("x = 1", ["y = 2"], {"lr": "0.1"}),
    ],
)
def test_all_else_is(other):
    assert key_of("x = 1", ["y = 2"], {"lr": 0.1}) != key_of(*other)


@given(st.text(), st.text())
def test_every_text_has_a_key_of_its_own(one, other):
    assert len(key_of(one, [], {})) == 32
    assert key_of(f"%magic {one!r}", [], {}) != key_of(f"%magic {other!r}", [], {}) or one == other


def test_imports_are_told_with_their_names():
    code, names = imports("import a.b, c as d\nfrom e import f as g, h\nx = 1\ndef k(): import hidden")
    assert code == "import a.b, c as d\nfrom e import f as g, h"
    assert names == {"a", "d", "g", "h"}
    assert imports("%magic") == ("", set())
