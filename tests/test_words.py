"""Lines split into words."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.words import UnfinishedLineError, split_words, without


def texts(line, **how):
    return [word.text for word in split_words(line, **how)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("a  b", ["a", "b"]),
        ("a\tb \t c", ["a", "b", "c"]),
        ('"my run" -t "two words"', ["my run", "-t", "two words"]),
        ("s=two\\ words\\ ", ["s=two words "]),
        ("""o='{"a": 1}'""", ['o={"a": 1}']),
        ('say="she said \\"no\\""', ['say=she said "no"']),
        ("''", [""]),
        ("a # a 'comment", ["a"]),
        ("#all", []),
        ("issue#12 '#12' \\#1", ["issue#12", "#12", "#1"]),
    ],
)
def test_words_are_those_of_a_shell(line, words):
    assert texts(line, escapes=True) == words


def test_on_windows_a_backslash_is_a_part_of_a_path():
    assert texts('C:\\data\\a.csv "C:\\my data\\"', escapes=False) == ["C:\\data\\a.csv", "C:\\my data\\"]


@pytest.mark.parametrize("line", ["it's", 'a "b', "a \\"])
def test_an_unfinished_line_says_what_is_to_be_done(line):
    with pytest.raises(UnfinishedLineError) as told:
        split_words(line, escapes=True)
    assert "\n" not in str(told.value)
    assert "line" in str(told.value)


@given(st.lists(st.text("aä '\"\\\t#=$", max_size=8)))
def test_what_a_shell_quotes_comes_back(words):
    assert texts(shlex.join(words), escapes=True) == words


@given(st.text("ab '\"\\\t#", max_size=12))
def test_a_word_says_where_in_its_line_it_stands(line):
    try:
        found = split_words(line, escapes=True)
    except UnfinishedLineError:
        return
    assert [texts(word.raw, escapes=True) for word in found] == [[word.text] for word in found]
    assert all(line[word.begins : word.begins + len(word.raw)] == word.raw for word in found)


def test_a_word_is_taken_out_of_a_line_that_stays_as_it_is_written():
    assert without("a --cache\t-t 'b  --cache' # --cache", "--cache") == "a -t 'b  --cache'"
    assert without("it's --cache", "--cache") == "it's --cache"
