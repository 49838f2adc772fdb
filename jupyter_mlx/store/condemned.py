"""Packs of a remote whose objects count as absent: damaged ones, and those that a `gc` is about to remove.

Each is named by a small blob, so that every copy of the project sees it. A
reader still uses what is whole in them; a push sends what is in them again.
"""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING, Literal

import msgspec
from blake3 import blake3

from jupyter_mlx.errors import MlxError

from .blobs import BlobNotFoundError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .blobs import Blobs
    from .remote_index import RemoteIndex

PREFIX = "condemned-"
_NAME = re.compile(PREFIX + "[0-9a-f]{64}")
_LONGEST = 1 << 20


class Condemned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One such blob."""

    format: int
    packs: tuple[str, ...]
    why: Literal["damaged", "gc"]
    at: float
    """Seconds since 1970, UTC."""


def refresh(blobs: Blobs, index: RemoteIndex, names: Collection[str]) -> None:
    """Bring the cache to what these blobs in the folder `index` say."""
    found = sorted(filter(_NAME.fullmatch, names))
    key = blake3(" ".join(found).encode()).hexdigest() if found else ""
    if (index.noted("condemned") or "") == key:
        return
    index.condemn(pack for name in found for pack in read(blobs, name).packs)
    index.note("condemned", key)


def read(blobs: Blobs, name: str) -> Condemned:
    """One blob; one that is gone or malformed condemns nothing."""
    try:
        return msgspec.json.decode(blobs.get(f"index/{name}", 0, _LONGEST), type=Condemned)
    except (BlobNotFoundError, msgspec.DecodeError):
        return Condemned(1, (), "gc", 0.0)


def condemn(blobs: Blobs, index: RemoteIndex, packs: Iterable[str], why: Literal["damaged", "gc"]) -> None:
    """Name packs as condemned, for everyone; where the remote can't be written, for this copy."""
    blob = Condemned(1, tuple(sorted(packs)), why, time.time())
    data = msgspec.json.encode(blob)
    name = PREFIX + blake3(data).hexdigest()
    with contextlib.suppress(MlxError):  # nothing is lost by not telling the others
        blobs.put(f"index/{name}", [data])
    index.condemn_also(blob.packs)
