import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.ledger.query import Both, Comparison, Either, Not, QueryError, parse


def read(query):
    node = parse(query)
    assert isinstance(node, Comparison)
    return node.name, node.operator, node.value, node.at


def test_and_binds_closer_than_or():
    node = parse("a = 1 or b = 2 and c = 3")
    assert isinstance(node, Either)
    assert isinstance(node.parts[1], Both)


def test_brackets_and_not():
    node = parse("not (a = 1 or b = 2)")
    assert isinstance(node, Not)
    assert isinstance(node.part, Either)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-1e-3", -0.001),
        ('"two words"', "two words"),
        ("'it''s'", None),
        ("adam", "adam"),
        ("data/train.csv", "data/train.csv"),
    ],
)
def test_values_are_numbers_texts_or_words(text, value):
    if value is None:
        with pytest.raises(QueryError):
            parse(f"x = {text}")
    else:
        assert read(f"x = {text}") == ("x", "=", value, 0)


def test_a_quoted_text_may_hold_quotes():
    assert read(r'name = "a \"b\" c"') == ("name", "=", 'a "b" c', 0)


def test_a_name_in_backticks_may_hold_anything():
    assert read("`val acc/top-5` >= 0.5") == ("val acc/top-5", ">=", 0.5, 1)


def test_an_empty_query_selects_everything():
    assert parse("   ") is None


@pytest.mark.parametrize(
    ("query", "at", "problem"),
    [
        ("acc >", 5, "expected a value"),
        ("acc > 0.9 an", 10, "expected `and`"),
        ("(acc > 1", 8, "not closed"),
        ("acc ? 2", 4, "does not belong"),
        ("and", 0, "expected a name"),
        ("acc and lr = 1", 4, "expected an operator"),
        ('name = "open', 7, "does not belong"),
    ],
)
def test_a_wrong_query_names_the_place_of_the_error(query, at, problem):
    with pytest.raises(QueryError) as told:
        parse(query)
    assert told.value.at == at
    assert problem in str(told.value)
    assert f"{query[:at]}▸{query[at:]}" in str(told.value)


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_refused(text):
    try:
        parse(text)
    except QueryError as error:
        assert 0 <= error.at <= len(text)


def test_deep_nesting_is_refused_and_not_a_crash():
    with pytest.raises(QueryError, match="too deeply"):
        parse("(" * 5000 + "a = 1" + ")" * 5000)
