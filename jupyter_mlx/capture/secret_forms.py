"""Where secrets stand in a text: by their own form, or behind a name that gives them away.

Large outputs are ordinary: fixed words are looked for first, at the speed of
memory, and patterns are tried where one stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from .secret_names import is_secret_name

MARK = "<redacted:"
SHORT = 1000
"""Characters; names and cells come again and again, and are looked through once."""

_FORMS = {
    "AKIA": r"AKIA[0-9A-Z]{16}(?![A-Za-z0-9+/])",
    "ASIA": r"ASIA[0-9A-Z]{16}(?![A-Za-z0-9+/])",
    **{f"gh{kind}_": rf"gh{kind}_[A-Za-z0-9]{{20,255}}" for kind in "pousr"},
    "github_pat_": r"github_pat_[A-Za-z0-9_]{22,255}",
    "glpat-": r"glpat-[A-Za-z0-9_-]{20,}",
    # a style sheet's `sk-estimator-doc-link` has no digit
    "sk-": r"sk-(?=[A-Za-z_-]*\d)(?=[a-z0-9_-]*[A-Z])[A-Za-z0-9_-]{20,}",
    **{f"{kind}k_{use}_": rf"{kind}k_{use}_[A-Za-z0-9]{{16,}}" for kind in "sr" for use in ("live", "test")},
    "xox": r"xox[abposr]-[A-Za-z0-9-]{10,}",
    "xapp-": r"xapp-\d-[A-Za-z0-9-]{20,}",
    "hf_": r"hf_[A-Za-z0-9]{30,}",
    "AIza": r"AIza[0-9A-Za-z_-]{35}",
    "ya29.": r"ya29\.[0-9A-Za-z_-]{20,}",
    "npm_": r"npm_[A-Za-z0-9]{36}",
    "pypi-AgE": r"pypi-AgE[A-Za-z0-9_-]{50,}",
    "SG.": r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{32,}",
    "dapi": r"dapi[a-f0-9]{32}(?![A-Za-z0-9])",
    "dop_v1_": r"dop_v1_[a-f0-9]{64}",
    "eyJ": r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    "-----BEGIN ": r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
}
_BY_PREFIX = {
    prefix: re.compile(("" if prefix.startswith("-") else r"(?<![A-Za-z0-9+/_-])") + rf"(?P<secret>{form})")
    for prefix, form in _FORMS.items()
} | {
    # user:password@host, and a token in the place of the user
    "://": re.compile(
        r"://(?:[^\s/:@'\"]{0,256}:(?P<secret>[^\s/@'\"]{1,512})"
        r"|(?P<user>[A-Za-z0-9_-]{20,256}))(?=@)"
    ),
    "Bearer ": re.compile(r"Bearer\s+(?P<secret>[A-Za-z0-9._~+/-]{16,}=*)"),
}  # fmt: skip
"""What a secret begins with, or stands behind → the pattern to try there."""

_IN_NAMES = ("pass", "pwd", "secret", "token", "key", "cred", "auth", "bearer", "connection")
"""A part of every secret name, in small letters."""
_IN_QUERIES = ("sig=", "signature=", "key=")
_NAME = re.compile(r"[A-Za-z_][\w-]{0,80}")
_BEFORE_NAME = re.compile(r"(?:[A-Za-z_][\w-]{0,80})?\Z")
_QUOTED = re.compile(
    # name = "…", name: str = "…", "name": "…", environ["NAME"] = "…", also escaped in a string
    r"""(?:\\?["'])?\]?(?:\s*:\s*[A-Za-z][\w.\[\]| ]{0,60})?\s{0,20}[:=]>?\s{0,20}[rbuRBU]{0,2}(?P<quote>\\?["'])"""
    r"""(?P<secret>(?:(?!(?P=quote))[^\n]){6,4096}?)(?=(?P=quote))"""
)
_GIVEN = re.compile(r"""["']\s*,\s*(?P<quote>["'])(?P<secret>[^"'\n]{6,4096})(?=(?P=quote))""")
_SHELL = re.compile(r"=(?P<secret>[^\s\"'$(`<][^\s]{5,4096})")
_OPTION = re.compile(r"[= ](?P<secret>[^\s\"'$-][^\s\"']{5,4096})")
_QUERY = re.compile(r"=(?P<secret>[^&;\s\"'<>\\]{8,4096})")
_SETTER = re.compile(r"""(?:setdefault|setenv|putenv|set_key)\(\s*["']\Z""")


def spans(text: str) -> Sequence[tuple[int, int]]:
    """Where the secrets of a text stand, in order, none in another."""
    return _spans_of_short(text) if len(text) <= SHORT else _spans(text)


@lru_cache(maxsize=4096)
def _spans_of_short(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(_spans(text))


def _spans(text: str) -> list[tuple[int, int]]:
    found = sorted({*_by_form(text), *_by_name(text)})
    kept: list[tuple[int, int]] = []
    for start, end in found:
        if (not kept or start >= kept[-1][1]) and not text.startswith(MARK, start):
            kept.append((start, end))
    return kept


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


def _by_form(text: str) -> Iterator[tuple[int, int]]:
    for prefix, form in _BY_PREFIX.items():
        for at in _places(text, prefix):
            found = form.match(text, at)
            if found:
                yield found.span("secret" if found["secret"] is not None else "user")


def _by_name(text: str) -> Iterator[tuple[int, int]]:
    small = text.lower()
    if len(small) != len(text):
        # a few letters become two when they are made small
        small = "".join(letter.lower() if letter.isascii() else letter for letter in text)
    tried = set()
    for word in (*_IN_NAMES, *_IN_QUERIES):
        for at in _places(small, word):
            before = _BEFORE_NAME.search(text, max(0, at - 80), at)
            name = _NAME.match(text, before.start() if before else at)
            if name is None or name.start() in tried:
                continue
            tried.add(name.start())
            found = _behind(text, name)
            if found is not None:
                yield found.span("secret")


def _behind(text: str, name: re.Match[str]) -> re.Match[str] | None:
    """The secret that a name is followed by."""
    start, end = name.span()
    last = text[start - 1 : start]
    if last in {"?", "&", ";"} and (
        is_secret_name(name[0]) or name[0].lower().endswith(("sig", "signature", "key"))
    ):
        return _QUERY.match(text, end)
    if not is_secret_name(name[0]):
        return None
    found = _QUOTED.match(text, end)
    if found is None and last in {'"', "'"} and _SETTER.search(text, max(0, start - 40), start):
        found = _GIVEN.match(text, end)
    if found is None and (not last or last.isspace()) and name[0].isupper():
        found = _SHELL.match(text, end)
    if found is None and text[start - 2 : start] == "--":
        found = _OPTION.match(text, end)
    # what a template fills in is no secret
    return None if found is None or found["secret"].startswith(("{", "<", "%(")) else found
