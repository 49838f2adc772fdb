"""Secrets are replaced before anything is written.

A secret becomes `<redacted:xxxxxxxx>`: eight hex digits of its digest, keyed by
the project, so that two values compare without being shown.

Source of the rules: the detectors of detect-secrets (known prefixes, JWT, PEM
blocks, basic authentication in URLs, and names that say what they hold).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from blake3 import blake3

_PREFIXES = re.compile(
    r"""
      (?:AKIA|ASIA)[0-9A-Z]{16}
    | gh[pousr]_[A-Za-z0-9]{20,255} | github_pat_[A-Za-z0-9_]{22,255}
    | glpat-[A-Za-z0-9_-]{20,}
    | sk-[A-Za-z0-9_-]{20,} | sk_live_[A-Za-z0-9]{16,}
    | xox[abposr]-[A-Za-z0-9-]{10,}
    | hf_[A-Za-z0-9]{20,}
    | AIza[0-9A-Za-z_-]{35}
    | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?-----END\ [A-Z ]*PRIVATE\ KEY-----
    """,
    re.VERBOSE | re.DOTALL,
)
_URL = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^\s/:@'\"]*:)(?P<secret>[^\s/@'\"]+)(?=@)", re.IGNORECASE)
_NAME = r"(?:pass(?:word|wd|phrase)?|secret|token|api_?key|access_?key|private_?key|credentials?)"
_ASSIGNED = re.compile(
    rf"""(?P<head>\b\w*{_NAME}\w*["']?\s*[:=]\s*(?P<quote>["']))(?P<secret>[^"'\n]{{6,}})(?=(?P=quote))""",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(rf"(?:^|_|\b){_NAME}(?:$|_|\b)", re.IGNORECASE)
_HINTS = re.compile(
    rf"{_NAME}|AKIA|ASIA|gh[pousr]_|github_pat|glpat|sk[-_]|xox|hf_|AIza|eyJ|BEGIN|://", re.IGNORECASE
)


class Redactor:
    """Replaces secrets in text and in nested values."""

    def __init__(self, salt: bytes) -> None:
        self._key = blake3(salt).digest()

    def mark(self, secret: str) -> str:
        """What stands in the place of a secret."""
        return f"<redacted:{blake3(secret.encode('utf-8', 'surrogatepass'), key=self._key).hexdigest()[:8]}>"

    def text(self, text: str) -> str:
        """The text without its secrets."""
        # most text holds no sign of a secret: one pass is enough for it
        if not _HINTS.search(text):
            return text
        text = _PREFIXES.sub(lambda found: self.mark(found[0]), text)
        for rule in (_URL, _ASSIGNED):
            text = rule.sub(lambda found: found["head"] + self.mark(found["secret"]), text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """The value without its secrets; text under a name such as `api_key` is one as a whole."""
        if isinstance(value, str):
            if value and _SECRET_NAME.search(name) and not value.startswith("<redacted:"):
                return self.mark(value)
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item, name) for item in value]
        return value
