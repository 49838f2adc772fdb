"""One folder of the work tree as a survey saw it: its files by mark, its manifest, its row of the stat cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blake3 import blake3

from .manifest import FOLDER, Entry, Manifest
from .scan import DIGEST_AT, KIND_AT, Row, Whole, is_settled, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .scan import Known

_EMPTY = Whole((), b"", 0, 0)


class Folder:
    """A folder while it is looked at, and after."""

    __slots__ = ("before", "encoded", "files", "height", "others", "path", "read", "started_ns", "whole")

    def __init__(self, path: bytes, started_ns: int, before: Row) -> None:
        self.path, self.started_ns = path, started_ns
        self.before = before
        """The cache's row; a name leaves its `files` when the file was looked at."""
        self.files: Known = {}
        """Files that the cache knew; when the folder is finished, all."""
        self.read: Known = {}
        """Files that were read now."""
        self.others: list[Entry] = []
        self.height = 0
        """How many folders lie in one another below this one."""
        self.whole = _EMPTY
        self.encoded: bytes | None = None
        """The manifest's bytes; None where the listing is what it was in the cache."""

    def add(self, entry: Entry | None) -> None:
        """Take in a link, if it was still there."""
        if entry is not None:
            self.others.append(entry)

    def take(self, name: bytes, below: Folder) -> None:
        """Take in a finished folder."""
        self.others.append(below.entry(name))
        self.height = max(self.height, below.height + 1)

    def finish(self) -> None:
        """All names were looked at: make the listing.

        Raises:
            BadNameError: a name can't be kept.
        """
        self.others.sort(key=_by_name)
        before, others = self.before.whole, tuple(self.others)
        if before is not None and not self.read and not self.before.files and before.others == others:
            self.whole = before
            return
        manifest = self.manifest()
        self.encoded = manifest.encode()
        digest = blake3(self.encoded).digest()
        self.whole = Whole(others, digest, manifest.size_bytes, manifest.files)

    def manifest(self) -> Manifest:
        """The listing.

        Raises:
            BadNameError: a name can't be kept.
        """
        return Manifest.of(self.entries())

    def entries(self) -> Iterator[Entry]:
        """All names, in no order."""
        for known in (self.files, self.read):
            for name, mark in known.items():
                yield Entry(name, mark[KIND_AT], mark[DIGEST_AT:], size_of(mark), 1)
        yield from self.others

    def mark(self, name: bytes) -> bytes | None:
        """What a file looked like, and had as digest."""
        return self.files.get(name) or self.read.get(name)

    def entry(self, name: bytes) -> Entry:
        """The finished folder as an entry of the one above."""
        whole = self.whole
        return Entry(name, FOLDER, whole.digest, whole.size_bytes, whole.files)

    def row(self) -> Row | None:
        """What the cache should know of the finished folder; None where it knows it already."""
        if self.whole is self.before.whole:
            return None
        settled = self._settled()
        whole = self.whole if len(settled) == len(self.read) else None
        return Row({**self.files, **settled}, whole)

    def row_so_far(self) -> Row:
        """What is known while the folder is still being looked at."""
        return Row({**self.before.files, **self.files, **self._settled()})

    def _settled(self) -> Known:
        return {name: mark for name, mark in self.read.items() if is_settled(mark, self.started_ns)}


def _by_name(entry: Entry) -> bytes:
    return entry.name
