import json
from pathlib import Path

import pytest

from jupyter_mlx.capture.redact import Redactor, RepeatingRedactor

SECRETS = {
    "aws": "AKIA" + "ABCDEFGHIJKLMNOP",
    "github": "ghp_" + "a1B2c3D4" * 4,
    "openai": "sk-" + "abcDEF123456" * 3,
    "slack": "xoxb-" + "123456789012-abcdef",
    "hugging face": "hf_" + "abcdEFGH1234" * 3,
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-DEF_123",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
}


@pytest.fixture
def redactor():
    return Redactor(b"salt")


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_known_secrets_are_taken_out_of_text(redactor, secret):
    text = f"before {secret} after"
    assert redactor.text(text) == f"before {redactor.mark(secret)} after"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("url = 'https://user:pa55word@host/x'", "pa55word"),
        ('API_KEY = "abcdef123456"', "abcdef123456"),
        ("{'db_password': 'correct horse'}", "correct horse"),
        ("git@x https://:glsometoken@example.org/r.git", "glsometoken"),
        ("https://0123456789abcdef0123@example.org/r.git", "0123456789abcdef0123"),
        ("token: str | None = 'abcdef123456'", "abcdef123456"),
        ("os.environ['DB_PASSWORD'] = r'abc def'", "abc def"),
        ("os.environ.setdefault('API_TOKEN', 'abc def')", "abc def"),
        ("export AWS_SECRET_ACCESS_KEY=abc/def+ghi", "abc/def+ghi"),
        ("curl --access-token abc123def456 x", "abc123def456"),
        ("Authorization: Bearer abcdefghij.0123456789", "abcdefghij.0123456789"),
        ("https://x.blob.core/y?sv=1&sig=abc%2Fdef123&se=2", "abc%2Fdef123"),
        ("Endpoint=sb://x;AccountKey=abcdef0123456789==;X=1", "abcdef0123456789=="),
        ('{\\"dbPassword\\": \\"correct horse\\"}', "correct horse"),
    ],
)
def test_what_a_name_or_a_url_says_is_secret_is_taken_out(redactor, text, secret):
    assert secret not in redactor.text(text)
    assert redactor.text(text).count("<redacted:") == 1


@pytest.mark.parametrize(
    "text",
    [
        "lr = 0.1",
        "tokens = 512",
        "tokenizer = 'bert-base-uncased'",
        "tokenizer.pad_token = '<|endoftext|>'",
        "eos_token='end of text', max_new_tokens='many more'",
        "author = 'Somebody Else', keyboard = 'qwertz-layout', monkey = 'capuchin'",
        "password_file = '/run/secrets/it'",
        "secret = '{{ from_the_vault }}'",
        "def get(token: str = None): return token",
        "columns=['password', 'username', 'token']",
        'class="sk-estimator-doc-link sk-toggleable__label-arrow"',
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "b3:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "run 123e4567-e89b-12d3-a456-426614174000, commit 3f2a9c1d",
        "iVBORw0KGgoAAAANSUhEUgAKIAABCDEFGHIJKLMNOPAKIAABCDEFGHIJKLMNOPQRSTUVWXYZghp_eyJ0",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg/AKIAABCDEFGHIJKLMNOP+hf_abc==",
        "key = 'some value', keys = ['a key', 'another key'], primary_key='the id column'",
        "token_count = 'many words'"[:12],
        "https://example.org:8888/path",
        "skip-this-one",
        "",
    ],
)
def test_other_text_stays(redactor, text):
    assert redactor.text(text) == text


def test_params_are_judged_by_their_names_too(redactor):
    clean = redactor.value(
        {"lr": 0.1, "api_key": "abc", "nested": [{"password": "x"}], "tokens": "many", "max_tokens": 5}
    )
    assert clean["api_key"] == redactor.mark("abc")
    assert clean["nested"] == [{"password": redactor.mark("x")}]
    assert (clean["lr"], clean["tokens"], clean["max_tokens"]) == (0.1, "many", 5)


def test_equal_secrets_compare_and_other_projects_mark_them_differently(redactor):
    assert redactor.mark("a") == redactor.mark("a") != redactor.mark("b")
    assert Redactor(b"other").mark("a") != redactor.mark("a")


def test_a_second_pass_changes_nothing(redactor):
    once = redactor.value({"token": "abcdef123456", "text": SECRETS["github"]})
    assert redactor.value(once) == once


def test_what_a_name_gave_away_is_taken_out_of_everything_after(redactor):
    assert "hunter-22" not in redactor.text("db_password = 'hunter-22 & co'")
    mark = redactor.mark("hunter-22 & co")
    assert redactor.text("it is hunter-22 & co") == f"it is {mark}"
    assert redactor.text("<td>hunter-22 &amp; co</td>") == f"<td>{mark}</td>"
    assert redactor.value({"rows": [["hunter-22 & co"]]}) == {"rows": [[mark]]}
    assert redactor.text("?q=hunter-22%20%26%20co") == f"?q={mark}"


def test_variables_are_learned_by_their_names(redactor):
    redactor.learn_named(
        {"WANDB_API_KEY": "0123456789abcdefabcd", "HOME": "/home/of-somebody", "token_count": "12345678"}
    )
    text = "0123456789abcdefabcd /home/of-somebody 12345678"
    assert redactor.text(text) == text.replace("0123456789abcdefabcd", redactor.mark("0123456789abcdefabcd"))


@pytest.mark.parametrize(
    "plain", ["false", "password", "12345678", "/run/secrets", "production", "aaaaaaaaaaaa"]
)
def test_what_is_an_ordinary_word_stays_elsewhere(redactor, plain):
    redactor.value({"token": plain})
    assert redactor.text(f"in {plain} mode") == f"in {plain} mode"


def test_the_text_of_real_notebooks_stays_as_it_is(redactor):
    for path in sorted(Path(__file__).parents[2].glob("notebooks/*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert redactor.text(text) == text
    library = Path(json.__file__).parent.parent
    for name in ("argparse.py", "csv.py", "http/client.py", "random.py", "statistics.py", "zipfile.py"):
        path = library / name
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert redactor.text(text) == text


def test_what_is_looked_through_again_is_as_clean_as_the_first_time(tmp_path):
    once, again = (kind.open(tmp_path / "salt") for kind in (Redactor, RepeatingRedactor))
    long = "x" * 2000
    secret = "Tr0ub4dor&3xyz"
    before = [f"{long} {secret}", f"{long} 1"]
    assert again.whole(before) == before
    # a text that comes later gives it away
    after = [*before, f"{long} password = '{secret}'"]
    again.whole(after)
    assert secret not in str(again.whole(after))
    once.value(after)
    assert again.whole(after) == once.value(after)


def test_a_key_is_taken_out_of_lines_as_they_come(redactor):
    begin, end = "-----BEGIN RSA PRIVATE KEY-----\n", "-----END RSA PRIVATE KEY-----\n"
    whole = "".join(redactor.lines(["a\n", begin, "c4n4Ry\n", end, "b\n"]))
    assert "c4n4Ry" not in whole
    assert whole.startswith("a\n<redacted:")
    assert whole.endswith("\nb\n")
    assert "c4n4Ry" not in "".join(redactor.lines(["a\n", begin, "c4n4Ry\n"]))
    # as they come: none is kept back that is no key's
    some = redactor.lines(iter(["a\n", *["-----BEGIN PUBLIC KEY-----\n"] * 2]))
    assert [next(some), next(some)] == ["a\n", "-----BEGIN PUBLIC KEY-----\n"]
    assert len("".join(redactor.lines([begin, *["x\n"] * 500])).splitlines()) > 100
