"""One folder of the work tree as a survey saw it: its files by mark, its manifest, its row of the stat cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blake3 import blake3

from .manifest import FOLDER, TOGETHER, Entry, encoded
from .scan import DIGEST_AT, KIND_AT, Row, Whole, is_settled, size_of

if TYPE_CHECKING:
    from .scan import Known

_EMPTY = Whole((), b"", 0, 0)


class Folder:
    """A folder while it is looked at, and after."""

    __slots__ = (
        "_inner",
        "_unsettled",
        "before",
        "covered",
        "encoded",
        "files",
        "height",
        "others",
        "path",
        "read",
        "started_ns",
        "whole",
    )

    def __init__(self, path: bytes, started_ns: int, before: Row) -> None:
        self.path, self.started_ns = path, started_ns
        self.before = before
        """The cache's row; a name leaves its `files` when the file was looked at."""
        self.files: Known = {}
        """Files that the cache knew; when the folder is finished, all."""
        self.read: Known = {}
        """Files that were read now; when the folder is finished, none."""
        self._unsettled: set[bytes] = set()
        self.others: list[Entry] = []
        self.covered = False
        """Whether the store has the listing that the cache knows, and so all that it names."""
        self._inner: dict[bytes, bytes] | None = None
        self.height = 0
        """How many folders lie in one another below this one."""
        self.whole = _EMPTY
        self.encoded: bytes | None = None
        """The manifest's bytes; None where the listing is what it was in the cache."""

    def covers(self, name: bytes, digest: bytes) -> bool:
        """Whether the store has the folder `name` of this one as the cache knows it."""
        if not self.covered:
            return False
        if self._inner is None:
            assert self.before.whole is not None
            self._inner = {entry.name: entry.digest for entry in self.before.whole.others}
        return self._inner.get(name) == digest

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
        self._unsettled = {name for name, mark in self.read.items() if not is_settled(mark, self.started_ns)}
        if self.files:
            self.files.update(self.read)
        else:
            self.files = self.read
        self.read = {}
        self.encoded = self._encode()
        size = sum(map(size_of, self.files.values())) + sum(entry.size_bytes for entry in others)
        files = len(self.files) + sum(entry.files for entry in others)
        self.whole = Whole(others, blake3(self.encoded).digest(), size, files)

    def manifest_bytes(self) -> bytes:
        """The listing of the finished folder, encoded."""
        return self._encode() if self.encoded is None else self.encoded

    def _encode(self) -> bytes:
        others = {entry.name: entry for entry in self.others}
        names = sorted((*self.files, *others))
        parts = (
            [others.get(name) or self.file(name) for name in names[at : at + TOGETHER]]
            for at in range(0, len(names), TOGETHER)
        )
        return b"".join(encoded(len(names), parts))

    def file(self, name: bytes) -> Entry:
        """One of `files` as an entry."""
        mark = self.files[name]
        return Entry(name, mark[KIND_AT], mark[DIGEST_AT:], size_of(mark), 1)

    def entry(self, name: bytes) -> Entry:
        """The finished folder as an entry of the one above."""
        whole = self.whole
        return Entry(name, FOLDER, whole.digest, whole.size_bytes, whole.files)

    def row(self) -> Row | None:
        """What the cache should know of the finished folder; None where it knows it already."""
        if self.whole is self.before.whole:
            return None
        if not self._unsettled:
            return Row(self.files, self.whole)
        return Row({name: mark for name, mark in self.files.items() if name not in self._unsettled})

    def row_so_far(self) -> Row:
        """What is known while the folder is still being looked at."""
        settled = {name: mark for name, mark in self.read.items() if is_settled(mark, self.started_ns)}
        return Row({**self.before.files, **self.files, **settled})


def _by_name(entry: Entry) -> bytes:
    return entry.name
