"""The `%%track` line read."""

import pytest
from IPython.core.error import UsageError

from jupyter_mlx.magics.options import Options, is_below, split


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ('"my run" -t "two words"', {"name": "my run", "tags": ("two words",)}),
        ("-i 'data/my file.csv' -o \"out put\"", {"inputs": ("data/my file.csv",), "outputs": ("out put",)}),
        ("a\t-t\tb", {"name": "a", "tags": ("b",)}),
        ("a # and why", {"name": "a"}),
        ("-m 'a, b'", {"metrics": ("a", "b")}),
    ],
)
def test_words_are_split_as_by_a_shell(line, facts):
    options = Options.parse(line)
    assert {name: getattr(options, name) for name in facts} == facts


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('s="two words"', "two words"),
        ("s=two\\ words", "two words"),
        ("'s=two words'", "two words"),
        ("""s='{"a": 1}'""", {"a": 1}),
        ("s='[1, 2]'", [1, 2]),
        ("s=''", ""),
        ("s=5", 5),
        ("s=-1", -1),
        # a literal needs no quotes around its own where it has no spaces
        ('s={"a":1}', {"a": 1}),
        ("s=['a','b']", ["a", "b"]),
    ],
)
@pytest.mark.parametrize("flag", ["-p ", "--param=", "-p"])
def test_a_param_has_the_value_that_is_meant(flag, written, value):
    assert Options.parse(flag + written).params == (("s", value),)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("-p l=[1, 2]", "-p l=[1, has an open bracket; a value with spaces is quoted: -p l='[1, 2]'"),
        ('-p d={"a": "b c"} x', """quoted: -p d='{"a": "b c"}'"""),
        ("--param=r=range(1, 3)", "quoted: -p r='range(1, 3)'"),
        ("-p d={'a': 1}", """quoted: -p d="{'a': 1}\""""),
        ("--cahce", "%%track: no such option: --cahce; did you mean --cache?"),
        ("-t x --no-linage", "did you mean --no-lineage?"),
        ("--tga x", "did you mean --tag?"),
        ("-z", "no such option: -z; `%%track?` shows all"),
        ("two words", "quoted: 'two words'"),
        ("-p", "-p/--param: expected one argument"),
        ("-t #12", "-t: no value; a `#` begins a comment; quote it"),
        ("-t ''", "-t: the value is empty"),
        ("it's", "a quotation mark is not closed"),
        ("a \\", "ends in a backslash"),
    ],
)
def test_a_wrong_line_is_told_in_one_line_with_what_is_to_be_done(line, told):
    with pytest.raises(UsageError) as raised:
        Options.parse(line)
    assert told in str(raised.value)
    assert str(raised.value).startswith("%%track: ")
    assert "\n" not in str(raised.value)


def test_a_tab_may_stand_behind_the_magic():
    assert split("%%track\ta b\nx") == ("a b", "x")
    assert is_below("%%time\n%%track\ta\nx")
    assert split("%%tracker\nx") is None


def test_words_in_quotes_reach_the_run_without_them(kernel, root, last):
    (root / "my in.csv").write_text("a\n")
    reply = kernel(
        """%%track\t"my run" -t 'two words' -i "my in.csv" -p opt='{"a": 1}' -p s=two\\ words # why\nn = 1"""
    )
    assert (reply.status, reply.text) == ("ok", "")
    run = last()
    assert (run.name, run.tags, run.source) == ("my run", ("two words",), "n = 1")
    assert run.params == {"opt": {"a": 1}, "s": "two words"}
    assert ("my in.csv", "declared") in [(file.path, file.how) for file in run.inputs]
