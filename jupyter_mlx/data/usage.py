"""What each version of the data costs: how much it holds alone, and how much others hold too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mlx.errors import ObjectNotFoundError

from .history import known_versions
from .manifest import FOLDER, LINK, Entry, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .contents import Contents
    from .version import Version

_MOST_OBJECTS = 1 << 20
"""Objects that are looked at together; where there are more, the versions are read several times."""
_SHARED = -1


@dataclass(frozen=True, slots=True)
class Usage:
    """What one version costs. Bytes are those of files and listings, before any compression."""

    version: Version
    only_bytes: int
    """Of what no other version has: what would be free without it."""
    shared_bytes: int
    """Of its files, what other versions have too, or it has twice."""
    is_whole: bool
    """False where a listing is not here, so that not all could be counted."""


class _TooManyError(Exception):
    """More objects than are to be in memory."""


def usage_by_commit(root: Path, contents: Contents, now: Iterable[Version]) -> list[tuple[str, Usage]]:
    """What each version costs that a pointer names, now or in git's history; with one of its commits."""
    known = known_versions(root, now)
    return list(zip(known.values(), usage(contents, known), strict=True))


def usage(contents: Contents, versions: Iterable[Version], most: int = _MOST_OBJECTS) -> list[Usage]:
    """What each of these versions costs, among them.

    Raises:
        CorruptError: a listing is damaged.
    """
    ordered = list(versions)
    parts = 1
    while True:
        try:
            counts = [_Count(contents, ordered, part, parts, most) for part in range(parts)]
        except _TooManyError:
            parts *= 2
            continue
        return [
            _usage(
                version,
                [(count.files[at], count.listings[at]) for count in counts],
                at not in counts[0].lacking,
            )
            for at, version in enumerate(ordered)
        ]


def _usage(version: Version, only: Sequence[tuple[int, int]], is_whole: bool) -> Usage:
    files, listings = (sum(counts) for counts in zip(*only, strict=True))
    return Usage(version, files + listings, version.size_bytes - files, is_whole)


class _Count:
    """Who owns the objects whose digests fall into one part: one version, or several.

    A folder that a second version has is looked into once more, so that all in
    it is known to be shared; a third one is not. Digests are known by 8 bytes.
    """

    def __init__(
        self, contents: Contents, versions: Sequence[Version], part: int, parts: int, most: int
    ) -> None:
        self._contents, self._part, self._parts, self._most = contents, part, parts, most
        self._owner: dict[int, int] = {}
        self._folders: dict[int, int] = {}
        self.files, self.listings = [0] * len(versions), [0] * len(versions)
        """Bytes that a version has alone."""
        self.lacking: set[int] = set()
        """Versions whose listings are not all here."""
        for at, version in enumerate(versions):
            self._walk(at, version.entry())

    def _walk(self, at: int, entry: Entry) -> None:
        if entry.kind == LINK:
            return
        digest = int.from_bytes(entry.digest[:8], "little")
        if entry.kind != FOLDER:
            if digest % self._parts == self._part:
                self._count(self._owner, self.files, at, digest, entry.size_bytes)
            return
        if self._folders.get(digest) in {at, _SHARED}:
            return
        try:
            data = self._contents.manifest(entry.of)
        except ObjectNotFoundError:
            self.lacking.add(at)
            return
        size = len(data) if digest % self._parts == self._part else 0
        self._count(self._folders, self.listings, at, digest, size)
        for inner in Manifest.decode(data).entries:
            self._walk(at, inner)

    def _count(self, owner: dict[int, int], only: list[int], at: int, digest: int, size_bytes: int) -> None:
        found = owner.get(digest)
        if found is None:
            owner[digest] = at
            only[at] += size_bytes
            if len(self._owner) > self._most:
                raise _TooManyError
        elif found not in {at, _SHARED}:
            owner[digest] = _SHARED
            only[found] -= size_bytes
