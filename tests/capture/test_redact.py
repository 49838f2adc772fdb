import pytest

from jupyter_mlx.capture.redact import Redactor

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
