"""What a store must keep: the objects of every version that something refers to, and what they are made of.

Deciding which objects go is here, from roots that the layers above hand in;
removing them is the store's. Nothing goes where a root can't be read.
"""

# Paths are strings here: a project may have a million files.
# ruff: noqa: PTH115, PTH118, PTH123

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, ConflictError, CorruptError, MlxError, ObjectNotFoundError

from .links import stored_name
from .manifest import FOLDER, LINK, TAG, Manifest
from .progress import SILENT
from .tracked import NOT_ENTERED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from jupyter_mlx.store.compacting import Compacted
    from jupyter_mlx.store.digestset import DigestSet
    from jupyter_mlx.store.local import LocalStore
    from jupyter_mlx.store.sweep import Removed, Sweep

    from .contents import Contents
    from .progress import Progress

Kind: TypeAlias = Literal["file", "folder", "object", "unknown"]

HEAD = b"\x93\xb4" + TAG.encode()
"""How every manifest begins."""


class RootError(ConflictError):
    """Something that may refer to data can't be read, so that nobody knows what is needed."""

    code = "gc-root"

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(where, problem)
        self.where, self.problem = where, problem

    def __str__(self) -> str:
        return f"nothing was removed, for {self.where} can't be read: {self.problem}"


@dataclass(frozen=True, slots=True)
class Root:
    """One version, or other object, that something refers to."""

    where: str
    """What refers to it, for people."""
    digest: Digest
    kind: Kind


@dataclass(slots=True)
class Marked:
    """What was found to be needed."""

    roots: int = 0
    absent: list[str] = field(default_factory=list)
    """What refers to folders whose listing was never here."""


class Walk(ABC):
    """Goes through all that roots are made of, each folder once."""

    def __init__(self, live: DigestSet) -> None:
        self._live = live
        self._seen: set[bytes] = set()

    def root(self, root: Root) -> None:
        """Mark one root and what it is made of.

        Raises:
            RootError: the listing of a folder can't be read.
        """
        self._live.add(root.digest.raw)
        if root.kind == "folder" or (root.kind == "unknown" and self.lists(root)):
            self._folder(root)

    def _folder(self, root: Root) -> None:
        waiting = [root.digest.raw]
        while waiting:
            raw = waiting.pop()
            if raw in self._seen:
                continue
            self._seen.add(raw)
            manifest = self.listing(Digest(raw.hex()), root)
            for entries in manifest.parts() if manifest else ():
                self._live.update([entry.digest for entry in entries if entry.kind != LINK])
                waiting += [entry.digest for entry in entries if entry.kind == FOLDER]

    @abstractmethod
    def lists(self, root: Root) -> bool:
        """Whether an object of which only the digest is known lists a folder."""

    @abstractmethod
    def listing(self, digest: Digest, root: Root) -> Manifest | None:
        """What a folder lists; None where the listing is nowhere."""


class Marking(Walk):
    """Finds all that roots need of the project's store."""

    def __init__(
        self, store: LocalStore, contents: Contents, live: DigestSet, marked: Marked | None = None
    ) -> None:
        super().__init__(live)
        self._store, self._contents = store, contents
        self.marked = marked or Marked()

    def roots(self, roots: Iterable[Root]) -> None:
        """Mark these and what they are made of.

        Raises:
            RootError: the listing of a folder is damaged, or was here and is lost.
        """
        for root in roots:
            self.marked.roots += 1
            self.root(root)

    def lists(self, root: Root) -> bool:
        """See `Walk.lists`."""
        try:
            return self._store.get(root.digest).startswith(HEAD)
        except MlxError:
            return False

    def listing(self, digest: Digest, root: Root) -> Manifest | None:
        """See `Walk.listing`."""
        try:
            return Manifest.decode_own(self._contents.manifest(digest))
        except ObjectNotFoundError:
            # where it was made, all that it names was stored before it; so of a listing that
            # was never here, nothing can be here alone
            if self._store.was_here(digest):
                problem = f"the listing {digest.short} of a folder was here and is lost"
                raise RootError(root.where, f"{problem}; {_REPAIR}") from None
            self.marked.absent.append(root.where)
            return None
        except CorruptError:
            raise RootError(
                root.where, f"the listing {digest.short} of a folder is damaged; {_REPAIR}"
            ) from None


_REPAIR = "`jmlx verify --repair` or `jmlx fetch` brings it from a remote, `jmlx add` from whole data"


def names(data: bytes) -> Iterator[bytes]:
    """The objects that a manifest lists; none where the bytes only begin like one."""
    with contextlib.suppress(CorruptError):
        yield from (entry.digest for entry in Manifest.decode_own(data).entries if entry.kind != LINK)


def linked(root: Path, objects: Path) -> Iterator[Root]:
    """The objects that symbolic links of the work tree lead to: the data is nowhere else.

    Raises:
        RootError: a folder can't be read.
    """
    top, store = os.fsencode(root), os.fsencode(objects.resolve())
    waiting = [b""]
    while waiting:
        inner = waiting.pop()
        folder = os.path.join(top, inner)
        try:
            with os.scandir(folder) as listing:
                for item in listing:
                    path = os.path.join(inner, item.name)
                    if item.is_symlink():
                        target = os.readlink(item.path)
                        found = stored_name(store, os.path.realpath(folder), target)
                        if found:
                            yield Root(os.fsdecode(path), Digest(found), "file")
                    elif item.is_dir() and os.fsdecode(item.name) not in NOT_ENTERED:
                        waiting.append(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RootError(os.fsdecode(folder), AccessError.of(error).problem) from None


@dataclass(frozen=True, slots=True)
class Collected:
    """What a gc did, or would do."""

    removed: Removed
    marked: Marked
    live: int
    """Objects that are needed."""
    compacted: Compacted | None = None


def gc(
    store: LocalStore,
    mark: Callable[[DigestSet], Marked],
    listings: Listings,
    *,
    grace_s: float = 0,
    dry_run: bool = False,
    compact: Callable[[], set[bytes]] | None = None,
    progress: Progress = SILENT,
) -> Collected:
    """Remove what `mark` does not find to be needed. With `dry_run`, say what would go.

    `mark` is called when the gc has begun: what is referred to later is leased.
    With `compact`, large objects become chunks, but for those that it names.

    Raises:
        RootError: what is needed can't be known; nothing was removed.
        SweepingError: another gc is at work.
        AccessError: the disk refused; run it again.
    """
    with store.sweep() as sweep:
        marked = mark(sweep.live)
        found = sweep.find(listings, grace_s)
        if not dry_run:
            progress.total(found.small_objects + found.large_objects, found.small_bytes + found.large_bytes)
            found = sweep.remove(progress.advance)
        done = None
        if compact is not None and not dry_run:
            some = list(_compactable(sweep, compact()))
            progress.total(len(some), sum(size for _, size in some))
            done = store.compact(sweep, [digest for digest, _ in some], progress.advance)
        return Collected(found, marked, len(sweep.live), done)


def _compactable(sweep: Sweep, used: set[bytes]) -> Iterator[tuple[Digest, int]]:
    """The large objects that no work tree shares, with their lengths; listings stay as they are, to be read often."""
    for first in range(256):
        for raw in sweep.large.beginning(first):
            digest = Digest(raw.hex())
            size = sweep.large.size(digest)
            if raw in used or size is None:
                continue
            with contextlib.suppress(FileNotFoundError), open(sweep.large.path(digest), "rb") as file:
                if os.fstat(file.fileno()).st_nlink == 1 and not file.read(len(HEAD)).startswith(HEAD):
                    yield digest, size


class Listings:
    """Manifests, and whatever else lists objects that the layers above know of."""

    def __init__(
        self,
        head: bytes = b"",
        names: Callable[[bytes], Iterable[bytes]] | None = None,
        is_wanted: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.heads: tuple[bytes, ...] = (HEAD, head) if head else (HEAD,)
        self._names, self._is_wanted = names, is_wanted

    def names(self, data: bytes) -> Iterable[bytes]:
        """See `store.sweep.Listings`."""
        if data.startswith(HEAD):
            return names(data)
        return self._names(data) if self._names else ()

    def is_wanted(self, data: bytes) -> bool:
        """See `store.sweep.Listings`."""
        return self._is_wanted is not None and not data.startswith(HEAD) and self._is_wanted(data)
