"""Names that some disks take for one: they differ by case, or by the Unicode form alone."""

from __future__ import annotations

import operator
from array import array
from itertools import compress, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def twins(names: Callable[[], Iterable[bytes]]) -> tuple[bytes, bytes] | None:
    """The first two of some ordered names that are twins; `names` gives them, each time it is asked."""
    fold = bytes.lower if all(map(bytes.isascii, names())) else _folded
    # hashes, for a folder may have a million names
    ordered = sorted(array("q", (hash(fold(name)) for name in names())))
    twice = set(compress(ordered, map(operator.eq, ordered, islice(ordered, 1, None))))
    seen: dict[bytes, bytes] = {}
    for name in names() if twice else ():
        folded = fold(name)
        if hash(folded) in twice and seen.setdefault(folded, name) != name:
            return seen[folded], name
    return None


def _folded(name: bytes) -> bytes:
    from unicodedata import normalize

    text = normalize("NFKD", name.decode("utf-8", "surrogateescape"))
    return normalize("NFKD", text.casefold()).encode("utf-8", "surrogateescape")
