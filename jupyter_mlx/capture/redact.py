"""Secrets are replaced before anything is written.

A secret becomes `<redacted:xxxxxxxx>`: eight hex digits of its digest, keyed by
the project, so that two values compare without being shown. A text is a secret
by its own form (a known prefix, a key block, a password in a URL), or by the
name that it is given; what a name gave away is then taken out wherever else it
stands, as text, in HTML and in JSON.

Source of the rules: the detectors of detect-secrets. Its rule of high entropy is
left out: digests, ids and encoded images are ordinary data here
(docs/decisions/022-what-is-a-secret.md).
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from blake3 import blake3

from .secret_forms import MARK, SHORT, spans
from .secret_names import is_secret_name

if TYPE_CHECKING:
    from typing_extensions import Self

SHORTEST_LEARNED = 8
"""A shorter value may be anything: it is replaced where its name stands, and nowhere else."""
DECLARED = "MLX_SECRET_"
"""Environment variables that begin so hold what the user has said is a secret, whatever it looks like."""


_KEY = "PRIVATE KEY-----"
_LONGEST_KEY = 300
"""Lines: what has not ended by then is no key."""


class Redactor:
    """Replaces secrets in text and in nested values. Any number of threads may use it."""

    def __init__(self, salt: bytes) -> None:
        self._key = blake3(salt).digest()
        self._learned: dict[str, str] = {}
        """Each way of writing a learned secret → its mark."""
        self._learned_pattern: re.Pattern[str] | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """The redactor of a project, by the file of its salt, which is made on the first use. Raises OSError."""
        with suppress(FileExistsError), path.open("xb") as file:
            path.chmod(0o600)
            file.write(os.urandom(32))
        return cls(path.read_bytes())

    @property
    def learned(self) -> int:
        """How many texts it takes out by now: what was cleaned before may not be clean since."""
        return len(self._learned)

    def mark(self, secret: str) -> str:
        """What stands in the place of a secret."""
        return f"{MARK}{blake3(secret.encode('utf-8', 'surrogatepass'), key=self._key).hexdigest()[:8]}>"

    def learn(self, values: Iterable[str]) -> None:
        """Take these texts out of everything from now on, where they are long and odd enough to be no word."""
        self._learn([value for value in values if _is_telling(value)])

    def _learn(self, values: Iterable[str]) -> None:
        new = [value for value in values if value not in self._learned]
        if not new:
            return
        learned = dict(self._learned)
        for value in new:
            mark = self.mark(value)
            for written in (
                value,
                html.escape(value),
                json.dumps(value)[1:-1],
                repr(value)[1:-1],
                quote(value, safe=""),
            ):
                learned.setdefault(written, mark)
        # the longest first: one may be the beginning of another
        longest = sorted(learned, key=len, reverse=True)
        self._learned_pattern = re.compile("|".join(map(re.escape, longest)))
        self._learned = learned

    def learn_named(self, named: Mapping[str, Any]) -> None:
        """Learn the texts whose names say that they are secrets: environment variables, a notebook's variables."""
        # names first: to take a value from the environment is slow
        names = [name for name in named if is_secret_name(name)]
        self.learn([value for value in map(named.get, names) if isinstance(value, str)])
        declared = [named[name] for name in names if name.startswith(DECLARED)]
        declared = [value for value in declared if value and not value.startswith(MARK)]
        # what has several lines is told line by line
        self.learn([line for value in declared if "\n" in value for line in value.splitlines()])
        self._learn(declared)

    def text(self, text: str) -> str:
        """The text without its secrets."""
        found = spans(text)
        if found:
            self.learn([text[start:end] for start, end in found])
            text = self._replaced(text, found)
        if self._learned_pattern is not None:
            text = self._learned_pattern.sub(lambda found: self._learned.get(found[0], MARK + ">"), text)
        return text

    def lines(self, lines: Iterable[str]) -> Iterator[str]:
        """Lines without their secrets as they come; those of a key block together, when it has ended."""
        held: list[str] = []
        for line in lines:
            if held or ("-----BEGIN " in line and _KEY in line):
                held.append(line)
                if "-----END " not in line and len(held) < _LONGEST_KEY:
                    continue
                yield self.text("".join(held))
                held = []
            else:
                yield self.text(line)
        if held:
            yield self.text("".join(held))

    def _replaced(self, text: str, found: Sequence[tuple[int, int]]) -> str:
        parts, after = [], 0
        for start, end in found:
            parts += [text[after:start], self.mark(text[start:end])]
            after = end
        return "".join([*parts, text[after:]])

    def value(self, value: Any, name: str = "") -> Any:
        """The value without its secrets; text under a name such as `api_key` is one as a whole."""
        if isinstance(value, str):
            if name.startswith(("image/", "audio/", "video/")) and not name.endswith("+xml"):
                # encoded bytes, of which any part may look like anything
                return value
            if value and is_secret_name(name) and not value.startswith(MARK):
                self.learn([value])
                return self.mark(value)
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item, name) for item in value]
        return value


class RepeatingRedactor(Redactor):
    """For what is looked through again and again while it grows, as a notebook is each time that it is saved.

    Used by one thread. A long text that was in the value before costs nothing,
    unless more secrets are known by now.
    """

    def __init__(self, salt: bytes) -> None:
        super().__init__(salt)
        self._before: dict[str, tuple[int, str]] = {}
        self._now: dict[str, tuple[int, str]] = {}

    def whole(self, value: Any) -> Any:
        """All of the value without its secrets; see `value`."""
        self._before, self._now = self._now, {}
        return self.value(value)

    def text(self, text: str) -> str:
        """See `Redactor.text`."""
        if len(text) <= SHORT:
            return super().text(text)
        # Python hashes a text once, and compares it with itself at once
        known = self._before.get(text)
        if known is None or known[0] != self.learned:
            clean = super().text(text)
            known = self.learned, clean
        self._now[text] = known
        return known[1]


def _is_telling(value: str) -> bool:
    """Whether a text is long and odd enough to be taken out wherever it stands."""
    if len(value) < SHORTEST_LEARNED or value.startswith(MARK) or len(set(value)) < 4:
        return False
    if value.isdigit() or value.startswith(("/", "./", "~")):
        return False
    # a lower-case word is a word: `password = "password"`
    return not (value.isalpha() and (value.islower() or value.istitle()) and len(value) < 16)
