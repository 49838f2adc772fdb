"""Parts of versions: what a path in a tracked folder is, and what the folder becomes with another one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import UsageError

from .manifest import FOLDER, LINK, Entry, Manifest
from .version import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .diff import Listing

Part: TypeAlias = "Callable[[Version, str], Version | None]"
"""A version, and a path in it → what that is; None where the version has no such path."""


class LinkPartError(UsageError):
    """A symbolic link in tracked data was named as if it were data."""

    code = "link-part"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is a symbolic link in tracked data; name the folder that it is in"


@dataclass(frozen=True, slots=True)
class Replaced:
    """One folder in which one entry was replaced."""

    before: Digest | None
    """The manifest that it had; None where there was no such folder."""
    manifest: Manifest
    digest: Digest
    """Of the manifest that it has now."""
    put: Entry | None
    """The entry that is new in it."""


def part(listing: Listing, version: Version, inner: str) -> Version | None:
    """What `inner` is in a version; None where the version has no such path.

    Raises:
        ObjectNotFoundError: a listing on the way is not here.
        CorruptError: one is damaged.
        LinkPartError: a symbolic link is there.
    """
    path = f"{version.path}/{inner}"
    entry = version.entry()
    for name in inner.split("/"):
        found = _named(listing(entry), os.fsencode(name)) if entry.kind == FOLDER else None
        if found is None:
            return None
        entry = found
    if entry.kind == LINK:
        raise LinkPartError(path)
    return Version.of(path, entry)


def replaced(listing: Listing, above: Entry, names: Sequence[bytes], put: Entry | None) -> list[Replaced]:
    """The folders on the path `names` below `above` once `put` (None: nothing) is at its end, inner ones first.

    Raises:
        ObjectNotFoundError, CorruptError: see `part`.
    """
    levels: list[tuple[Entry | None, Manifest]] = []
    entry: Entry | None = above
    for name in names:
        manifest = listing(entry) if entry is not None and entry.kind == FOLDER else Manifest.of(())
        levels.append((entry, manifest))
        entry = _named(manifest, name)
    made: list[Replaced] = []
    new = put
    for (old, manifest), name, outer in zip(
        levels[::-1], names[::-1], (above.name, *names)[-2::-1], strict=True
    ):
        kept = [entry for entry in manifest.entries if entry.name != name]
        after = Manifest.of([*kept, new] if new else kept)
        digest = Digest.of(after.encode())
        made.append(Replaced(old.of if old and old.kind == FOLDER else None, after, digest, new))
        new = Entry(outer, FOLDER, digest.raw, after.size_bytes, after.files)
    return made


def _named(manifest: Manifest, name: bytes) -> Entry | None:
    return next((entry for entry in manifest.entries if entry.name == name), None)
