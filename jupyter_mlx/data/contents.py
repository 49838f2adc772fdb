"""What versions hold: their files, their objects, and how two of them differ."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from jupyter_mlx.errors import ObjectNotFoundError

from .manifest import FOLDER, LINK, Entry, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from jupyter_mlx.digest import Digest
    from jupyter_mlx.store.base import ObjectStore

    from .diff import Diff
    from .partial import Partial
    from .version import Version

Remote: TypeAlias = "Callable[[], ObjectStore | None]"
"""Opens the place that listings come from which are not here; None where there is none."""

_TOGETHER = 200
_FILES_TOGETHER = 5000


class Contents:
    """Looks into versions; also into those of the last survey, and those of which only parts are here."""

    def __init__(
        self, store: ObjectStore, partial: Partial | None = None, remote: Remote = lambda: None
    ) -> None:
        self._store, self._partial, self._remote = store, partial, remote
        self.unsaved: dict[bytes, Manifest] = {}
        """Manifests of the last survey, by digest."""

    def listing(self, entry: Entry) -> Manifest:
        """The manifest that a folder's entry names.

        Raises:
            ObjectNotFoundError: it is not in the store.
            CorruptError: it is damaged, or is none.
        """
        found = self.unsaved.get(entry.digest)
        return Manifest.decode(self.manifest(entry.of)) if found is None else found

    def listings(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Manifest]]:
        """Each of some folders' entries with its manifest, some of them read together. Raises what `listing` does."""
        together: list[Entry] = []
        files = 0
        for entry in entries:
            together.append(entry)
            files += entry.files + 1
            if len(together) >= _TOGETHER or files >= _FILES_TOGETHER:
                yield from self._read_together(together)
                together, files = [], 0
        yield from self._read_together(together)

    def _read_together(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Manifest]]:
        found: dict[Digest, bytes] = {}
        if len(entries) > 1:
            with contextlib.suppress(ObjectNotFoundError):  # one may be kept beside the store
                found = self._store.get_many([entry.of for entry in entries])
        for entry in entries:
            data = found.get(entry.of)
            yield entry, Manifest.decode(data) if data is not None else self.listing(entry)

    def manifest(self, digest: Digest) -> bytes:
        """The bytes of a manifest that the store has, or that is kept beside it.

        Raises:
            ObjectNotFoundError: it is nowhere.
            CorruptObjectError: it is damaged.
        """
        try:
            return self._store.get(digest)
        except ObjectNotFoundError:
            data = self._partial.get(digest) if self._partial else None
            if data is not None:
                return data
            place = self._remote()
            if place is None or self._partial is None:
                raise
        data = place.get(digest)
        Manifest.decode(data)  # nothing is kept that is none
        self._partial.put(data)
        return data

    def through(self, remote: Remote) -> Contents:
        """Contents whose manifests also come from a remote, opened when it is needed, and are kept beside the store."""
        return Contents(self._store, self._partial, cache(remote))

    def part(self, version: Version, inner: str) -> Version | None:
        """What the path `inner` is in a version; see `parts.part`."""
        from .parts import part

        return part(self.listing, version, inner)

    def files(self, version: Version) -> Iterator[tuple[str, Digest, int]]:
        """Each file of a version: its path in it (of a file: empty), digest, and size in bytes."""
        yield from self._files("", version.entry())

    def _files(self, path: str, entry: Entry) -> Iterator[tuple[str, Digest, int]]:
        if entry.kind == FOLDER:
            for inner in self.listing(entry).entries:
                name = os.fsdecode(inner.name)
                yield from self._files(f"{path}/{name}" if path else name, inner)
        elif entry.kind != LINK:
            yield path, entry.of, entry.size_bytes

    def digests(self, version: Version) -> Iterator[Digest]:
        """Every object of a version, the manifests too; some perhaps more than once."""
        top = version.entry()
        pending = [top] if top.kind == FOLDER else []
        yield top.of
        while pending:
            for entry in self.listing(pending.pop()).entries:
                if entry.kind != LINK:
                    yield entry.of
                if entry.kind == FOLDER:
                    pending.append(entry)

    def diff(self, before: Version | None, after: Version | None, *, is_here: bool = False) -> Diff:
        """What differs between two versions; with `is_here`, the second is what the work tree has of the first.

        Of a folder that was fetched in part, then, the parts that are elsewhere do not differ.
        """
        from .diff import diff

        a, b = (version.entry() if version else None for version in (before, after))
        is_whole = not is_here or before is None or self._store.has(before.digest)
        return diff(self.listing, a, b) if is_whole else diff(self.listing, a, b, self._is_elsewhere)

    def _is_elsewhere(self, entry: Entry) -> bool:
        return entry.kind != LINK and not self._store.has(entry.of)
