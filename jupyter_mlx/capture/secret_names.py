"""Which names say that they hold a secret: `api_key`, `dbPassword`, `AWS_SECRET_ACCESS_KEY`, and not `pad_token`."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_WORDS = frozenset(
    {
        "apikey", "authorization", "bearer", "credential", "credentials", "passphrase", "passwd", "password",
        "passwords", "pwd", "secret", "secrets", "token",
    }
)  # fmt: skip
_PAIRS = frozenset(
    {
        ("access", "key"), ("account", "key"), ("api", "key"), ("auth", "key"), ("connection", "string"),
        ("encryption", "key"), ("private", "key"), ("secret", "key"), ("shared", "key"), ("signing", "key"),
    }
)  # fmt: skip
_OF_TEXT = frozenset(
    {
        "added", "additional", "begin", "bos", "class", "cls", "completion", "count", "decoder", "embedding",
        "end", "eos", "fake", "first", "image", "input", "label", "last", "mask", "max", "min", "n", "new",
        "next", "num", "output", "pad", "padding", "per", "prompt", "sep", "special", "start", "stop", "text",
        "total", "unk", "vocab", "word",
    }
)  # fmt: skip
"""With one of these a token is a piece of text, as language models have it."""
_ABOUT = frozenset(
    {
        "class", "classification", "column", "count", "dir", "embeddings", "endpoint", "env", "expires",
        "expiry", "field", "file", "folder", "hint", "id", "ids", "index", "label", "len", "length", "level",
        "limit", "name", "names", "path", "policy", "prompt", "pattern", "regex", "rate", "type", "types",
        "uri", "url", "usage", "var", "version",
    }
)  # fmt: skip
"""A name that ends so speaks of a secret and does not hold it."""
_PASSES = frozenset(
    {"backward", "bypass", "by", "first", "forward", "high", "low", "band", "second", "single"}
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a variable, key or option of this name holds a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _ABOUT:
        return False
    if "token" in words and not _OF_TEXT.isdisjoint(words):
        return False
    if not _WORDS.isdisjoint(words) or not _PAIRS.isdisjoint(pairwise(words)):
        return True
    return len(words) > 1 and words[-1] == "pass" and _PASSES.isdisjoint(words)
