"""Listings of folders whose files are not all here.

A store that holds a manifest holds all that it names. So the manifests on the way
to a part that was fetched alone, or of a version made of parts that are elsewhere,
are kept outside the store, in `.mlx/partial/`, until the store has them itself.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.store.files import write_atomically

from .manifest import LINK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_mlx.store.base import ObjectStore

    from .manifest import Manifest


def is_incomplete(store: ObjectStore, manifest: Manifest) -> bool:
    """Whether a store lacks something that a manifest names."""
    return any(
        store.missing(entry.of for entry in entries if entry.kind != LINK) for entries in manifest.parts()
    )


class Partial:
    """Manifests whose files are not all here, a file each, named by the hex digits of the digest."""

    def __init__(self, folder: Path, temp: Path) -> None:
        self._folder, self._temp = folder, temp

    def get(self, digest: Digest) -> bytes | None:
        """The manifest of that digest; None where it is not here, or damaged."""
        try:
            data = (self._folder / digest.hex).read_bytes()
        except OSError:
            return None
        return data if Digest.of(data) == digest else None

    def put(self, data: bytes) -> Digest:
        """Keep a manifest.

        Raises:
            AccessError: it can't be written.
        """
        digest = Digest.of(data)
        if self.get(digest) is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(str(self._folder / digest.hex), data, str(self._temp))
        return digest

    def place(self, store: ObjectStore, manifest: Manifest) -> None:
        """Put a manifest into the store where that has all that it names, else here.

        Raises:
            AccessError: it can't be written.
        """
        data = manifest.encode()
        if is_incomplete(store, manifest):
            self.put(data)
        else:
            store.put(data)

    def digests(self) -> Iterator[Digest]:
        """What is kept."""
        try:
            names = sorted(os.listdir(self._folder))  # noqa: PTH208 (names alone)
        except OSError:
            return
        yield from (Digest(name) for name in names if len(name) == 64)

    def sweep(self, store: ObjectStore) -> None:
        """Let go of those that the store has by now."""
        kept = list(self.digests())
        gone = set(kept) - store.missing(kept) if kept else ()
        for digest in gone:
            (self._folder / digest.hex).unlink(missing_ok=True)
