"""One folder of the work tree as a survey saw it: its files by mark, its manifest, its row of the stat cache.

Files are taken in by parts, in the order of their names, so that a folder of a
million files takes no more memory than one of some thousand.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from blake3 import blake3

from .manifest import FOLDER, Entry, encoded
from .marks import Asked, Marks
from .scan import KIND_AT, Row, Whole, entry_of, is_settled, size_of
from .spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .marks import Known

_EMPTY = Whole((), b"", 0, 0)
_NAME = operator.attrgetter("name")


class Folder:
    """A folder while it is looked at, and after."""

    __slots__ = (
        "_asked",
        "_inner",
        "_is_same",
        "_is_settled",
        "_last",
        "_listing",
        "before",
        "covered",
        "files",
        "height",
        "known",
        "marks",
        "others",
        "path",
        "read",
        "started_ns",
        "whole",
    )

    def __init__(self, path: bytes, started_ns: int, before: Row) -> None:
        self.path, self.started_ns = path, started_ns
        self.before = before
        """The cache's row."""
        self._asked = Asked(before.files)
        self.known: Known = {}
        """What the cache says of the part that is looked at."""
        self.files: Known = {}
        """Files of the part that the cache knew."""
        self.read: Known = {}
        """Files of the part that were read now."""
        self._last = b""
        self.marks = Marks()
        """All files of the parts that were looked at."""
        self.others: list[Entry] = []
        self._is_same = self._is_settled = True
        self.covered = False
        """Whether the store has the listing that the cache knows, and so all that it names."""
        self._inner: dict[bytes, bytes] | None = None
        self.height = 0
        """How many folders lie in one another below this one."""
        self.whole = _EMPTY
        self._listing: Spool | None = None

    def covers(self, name: bytes, digest: bytes) -> bool:
        """Whether the store has the folder `name` of this one as the cache knows it."""
        if not self.covered:
            return False
        if self._inner is None:
            assert self.before.whole is not None
            self._inner = {entry.name: entry.digest for entry in self.before.whole.others}
        return self._inner.get(name) == digest

    def begin_part(self, names: Sequence[bytes]) -> None:
        """Some names are going to be looked at, in their order, which come after all before."""
        self.known, self._last = self._asked.among(names), names[-1]

    def end_part(self) -> None:
        """These were looked at."""
        if self.read:
            self._is_same = False
            self._is_settled &= all(is_settled(mark, self.started_ns) for mark in self.read.values())
            self.marks.add(dict(sorted((*self.files.items(), *self.read.items()))))
        else:
            self.marks.add(self.files)
        self.known, self.files, self.read = {}, {}, {}

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
        self.others.sort(key=_NAME)
        before, others = self.before.whole, tuple(self.others)
        is_same = self._is_same and len(self.marks) == len(self.before.files)
        if before is not None and is_same and before.others == others:
            self.whole = before
            return
        hasher = blake3()
        for piece in self.listing():
            hasher.update(piece)
        size = sum(sum(map(size_of, block.values())) for block in self.marks)
        size += sum(entry.size_bytes for entry in others)
        files = len(self.marks) + sum(entry.files for entry in others)
        self.whole = Whole(others, hasher.digest(), size, files)

    def parts(self) -> Iterator[list[Entry]]:
        """What is in the finished folder, in the order of the names, some at once."""
        at = 0
        for block in self.marks:
            part, last = [entry_of(name, mark) for name, mark in block.items()], next(reversed(block))
            start = at
            while at < len(self.others) and self.others[at].name < last:
                at += 1
            yield sorted((*part, *self.others[start:at]), key=_NAME) if at > start else part
        yield self.others[at:]

    def differing(self, entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
        """What is in the finished folder and not among `entries`, and the other way round; for folders of few names."""
        files = {name: mark for block in self.marks for name, mark in block.items()}
        others = {entry.name: entry for entry in self.others}
        theirs = [
            entry
            for entry in entries
            if not (
                (mark := files.get(entry.name))
                and mark[KIND_AT] == entry.kind
                and mark.endswith(entry.digest)
            )
            and others.get(entry.name) != entry
        ]
        same = {entry.name for entry in entries} - {entry.name for entry in theirs}
        ours = [entry_of(name, files[name]) for name in files.keys() - same]
        ours += [others[name] for name in others.keys() - same]
        return sorted(ours, key=_NAME), theirs

    def listing(self) -> Spool:
        """The manifest of the finished folder."""
        if self._listing is None:
            self._listing = Spool()
            for piece in encoded(len(self.marks) + len(self.others), self.parts()):
                self._listing.add(piece)
        return self._listing

    def entry(self, name: bytes) -> Entry:
        """The finished folder as an entry of the one above."""
        whole = self.whole
        return Entry(name, FOLDER, whole.digest, whole.size_bytes, whole.files)

    def row(self) -> Row | None:
        """What the cache should know of the finished folder; None where it knows it already."""
        if self.whole is self.before.whole:
            return None
        return Row(self.marks, self.whole) if self._is_settled else Row(Marks(map(self._settled, self.marks)))

    def row_so_far(self) -> Row | None:
        """What is known while the folder is still being looked at; None where that is nothing new."""
        if self._is_same and not self.read:
            return None
        found = Marks(map(self._settled, self.marks))
        found.add(dict(sorted({**self.known, **self.files, **self._settled(self.read)}.items())))
        for block in self.before.files.beyond(self._last):
            found.add(block)
        return Row(found)

    def _settled(self, block: Known) -> Known:
        return {name: mark for name, mark in block.items() if is_settled(mark, self.started_ns)}
