"""Three versions of one folder made into one, file by file; decided from their listings alone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from jupyter_mlx.digest import Digest

from .manifest import FILE, FOLDER, PROGRAM, Entry, Manifest
from .version import Version

if TYPE_CHECKING:
    from .diff import Listing

Side: TypeAlias = Literal["ours", "theirs"]
_FILES = {FILE, PROGRAM}


@dataclass(frozen=True, slots=True)
class Clash:
    """One path that both sides changed, each in its own way."""

    path: str
    """From the project, `/`-separated."""
    ours: Entry | None
    """What it is here; None where it was removed."""
    theirs: Entry | None

    def __str__(self) -> str:
        return f"{self.path}: ours {_told(self.ours)}, theirs {_told(self.theirs)}"


@dataclass(slots=True)
class Merge:
    """One merge of two versions that began at a third; where both changed a path, `prefer` is taken."""

    listing: Listing
    prefer: Side = "ours"
    clashes: list[Clash] = field(default_factory=list)
    made: dict[bytes, Manifest] = field(default_factory=dict)
    """The manifests of the merged folders, by digest, inner ones first."""

    def versions(self, base: Version | None, ours: Version, theirs: Version) -> Version:
        """The merged version; `clashes` says whether it is more than that.

        Raises:
            ObjectNotFoundError, CorruptError: a listing is not here, or damaged.
        """
        name = os.fsencode(ours.path.rpartition("/")[2])
        begun = base.entry(name) if base else None
        merged = self._name(ours.path, begun, ours.entry(name), theirs.entry(name))
        assert merged is not None  # neither side lacks it
        return Version.of(ours.path, merged)

    def _name(self, path: str, base: Entry | None, ours: Entry | None, theirs: Entry | None) -> Entry | None:
        if theirs in (ours, base):
            return ours
        if ours == base:
            return theirs
        if ours and theirs and ours.kind == theirs.kind == FOLDER:
            return self._folder(path, base, ours, theirs)
        if base and ours and theirs and {base.kind, ours.kind, theirs.kind} <= _FILES:
            kind = theirs.kind if ours.kind == base.kind else ours.kind
            for content, other in ((ours, theirs), (theirs, ours)):
                if other.digest in {base.digest, content.digest}:  # only its mode was changed there
                    return Entry(content.name, kind, content.digest, content.size_bytes, 1)
        self.clashes.append(Clash(path, ours, theirs))
        return ours if self.prefer == "ours" else theirs

    def _folder(self, path: str, base: Entry | None, ours: Entry, theirs: Entry) -> Entry:
        begun = self._named(base) if base and base.kind == FOLDER else {}
        here, there = self._named(ours), self._named(theirs)
        found = (
            self._name(f"{path}/{os.fsdecode(name)}", begun.get(name), here.get(name), there.get(name))
            for name in sorted(here.keys() | there.keys())
        )
        manifest = Manifest.of(entry for entry in found if entry)
        digest = Digest.of(manifest.encode()).raw
        self.made[digest] = manifest
        return Entry(ours.name, FOLDER, digest, manifest.size_bytes, manifest.files)

    def _named(self, entry: Entry) -> dict[bytes, Entry]:
        return {inner.name: inner for inner in self.listing(entry).entries}


def _told(entry: Entry | None) -> str:
    if entry is None:
        return "removed it"
    if entry.kind == FOLDER:
        return f"a folder of {entry.files} files"
    return f"b3:{entry.digest.hex()[:12]} ({entry.size_bytes:,} bytes)"
