"""Brings the work tree to a version: touches what differs, loses nothing, trusts no manifest."""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH112, PTH118

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, ConflictError, ObjectNotFoundError
from jupyter_mlx.store.base import SMALL_BYTES
from jupyter_mlx.store.files import TEMP_PREFIX, make_folder

from .hands import Hands
from .links import Link
from .manifest import FOLDER, LINK, PROGRAM, Entry
from .place import Placer, Spot, are_apart, opened
from .placed import Placed
from .progress import SILENT
from .scan import Whole
from .steps import Planner, Steps, Twins

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .contents import Contents
    from .manifest import Manifest
    from .progress import Progress
    from .version import Version
    from .worktree import WorkTree

_TOGETHER = 256
_TOGETHER_BYTES = 16 << 20


class UnsavedError(ConflictError):
    """Files would be replaced or removed whose bytes are in no store."""

    code = "unsaved"

    def __init__(self, path: str, others: int) -> None:
        super().__init__(path, others)
        self.path, self.others = path, others

    def __str__(self) -> str:
        more = f" (and {self.others} more)" if self.others else ""
        return (
            f"{self.path}{more} is in no store and would be lost; `jmlx add` makes a version of it, "
            "`--force` stores it and goes on"
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What was done at one path."""

    path: str
    written: int
    """Files made or replaced."""
    removed: int
    size_bytes: int
    """Of the files that were written."""

    def __bool__(self) -> bool:
        return bool(self.written or self.removed)


class TwinNamesError(ConflictError):
    """The disk takes two names of a version for one."""

    code = "twin-names"

    def __init__(self, path: str, one: str, other: str) -> None:
        super().__init__(path, one, other)
        self.path, self.one, self.other = path, one, other

    def __str__(self) -> str:
        return (
            f"{self.path} holds {self.one!r} and {self.other!r}, which are one name on this disk; nothing was "
            "touched. Check it out on a disk that tells them apart, and rename one of them there"
        )


def unsaved(tree: WorkTree, contents: Contents, version: Version) -> str | None:
    """A file that a version would replace or remove, and whose bytes are in no store; None where there is none."""
    path = tree.inner(version.path)
    try:
        Checkout(tree, contents, link=Link.AUTO).plan(path, version)
    except UnsavedError as error:
        return error.path
    except ObjectNotFoundError:
        # the version is at a remote, say; who asks knows that what lies here is another
        return path
    return None


class Checkout:
    """One path brought to one version."""

    def __init__(
        self, tree: WorkTree, contents: Contents, *, link: Link, progress: Progress = SILENT
    ) -> None:
        self._root, self._store, self._temp, self._cache = tree.root, tree.store, tree.temp, tree.cache
        self._tree, self._contents = tree, contents
        self._link, self._progress = link, progress
        self._written = self._removed = self._bytes = 0

    def plan(self, path: str, version: Version) -> Steps:
        """What there is to do to bring `path` to a version.

        Raises:
            ObjectNotFoundError: an object is not in the store.
            UnsavedError: a file that goes is in no store.
            TwinNamesError: the disk takes two names for one.
        """
        inner = os.fsencode(path)
        then = version.entry(inner.rpartition(b"/")[2])
        planner = Planner(
            inner,
            then,
            self._contents,
            self._missing,
            relink=self._link in {Link.HARDLINK, Link.SYMLINK, Link.COPY},
        )
        now, mark = self._tree.visit(path, planner.folder)
        if now and now.kind == PROGRAM and version.kind == "file" and version.executable is None:
            planner.then = Entry(then.name, PROGRAM, then.digest, then.size_bytes, then.files)
        steps = planner.of(now, mark)
        if planner.absent:
            raise ObjectNotFoundError(str(Digest(planner.absent.hex())), str(self._store))
        if planner.unsaved:
            raise UnsavedError(os.fsdecode(planner.unsaved), planner.unsaved_files - 1)
        try:
            for twin in planner.twins:
                self._require_apart(twin)
        except OSError as error:
            raise AccessError.of(error, path) from None
        return steps

    def _missing(self, digests: Iterable[bytes]) -> set[bytes]:
        return self._store.lacking(list(digests))

    def _require_apart(self, found: Twins) -> None:
        """Refuse two names that the disk takes for one: it is tried where they would be made."""
        path, is_fresh, one, other = found
        make_folder(str(self._temp))
        above = os.fsdecode(path)
        while above and not os.path.isdir(os.path.join(self._root, above)):
            above = above.rpartition("/")[0]
        with opened(self._root, above) as place, opened(self._temp, "") as temp:
            # a new folder is filled in the temporary one, where that is on the same disk
            is_hidden = is_fresh and os.fstat(place).st_dev == os.fstat(temp).st_dev
            prefix = TEMP_PREFIX if is_hidden else ".mlx-"
            if not are_apart(temp if is_hidden else place, f"{prefix}{os.urandom(8).hex()}.tmp", one, other):
                raise TwinNamesError(*map(os.fsdecode, (path, one, other)))

    def apply(self, steps: Steps, path: str) -> Change:
        """Do the steps at `path`.

        Raises:
            CorruptObjectError: an object is damaged; the file that it was for is as it was.
            MovedFileError: a file was changed meanwhile; it is as that left it.
            AccessError: something can't be written.
        """
        above, _, _ = path.rpartition("/")
        self._progress.total(0, 0)
        self._progress.total(steps.files, steps.size_bytes)
        placer = Placer(self._root, self._store, self._temp, self._link)
        placed = Placed(self._cache)
        self._hands = Hands(placer, steps.files, self._count)
        try:
            with opened(self._root, above) as fd:
                self._folder(Spot(placer, fd, os.fsencode(above)), steps, placed)
                self._hands.finish()
        except OSError as error:
            raise AccessError.of(error, path) from None
        finally:
            self._hands.end()
            placer.close()
            placed.close()
        return Change(path, self._written, self._removed, self._bytes)

    def _folder(self, spot: Spot, steps: Steps, placed: Placed) -> None:
        for todo in steps.todos() if steps.removes else ():
            spot.seen = todo.seen
            for entry in todo.remove:
                spot.remove(entry.name)
                self._removed += 1
        for inner in steps.inner:
            if inner.gone:
                self._enter(spot, inner, placed)
                with contextlib.suppress(OSError):  # Jupyter's checkpoints, say, are still in it
                    os.rmdir(inner.name, dir_fd=spot.fd)
        for todo in steps.todos():
            self._next_part(spot)
            spot.seen = todo.seen
            self._write(spot, todo.write)
            self._relink(spot, todo.relink)
        self._hands.then(spot, lambda: placed.folder(spot))
        for inner in steps.inner:
            if not (inner.gone or inner.fresh):
                self._enter(spot, inner, placed)
        self._make(spot, [inner.fresh for inner in steps.inner if inner.fresh], placed)

    def _enter(self, spot: Spot, steps: Steps, placed: Placed) -> None:
        with spot.below(steps.name, fresh=False) as below:
            self._folder(below, steps, placed)

    def _make(self, spot: Spot, folders: Iterable[Entry], placed: Placed) -> None:
        """Make folders that are not there yet, with all that is in them."""
        for then, manifest in self._contents.listings(folders):
            with spot.below(then.name, fresh=True) as below:
                try:
                    self._fill(below, then, manifest, placed)
                    if not spot.hidden:
                        self._hands.finish()
                except BaseException:
                    self._hands.end()  # what they write into is about to be removed
                    raise

    def _fill(self, spot: Spot, then: Entry, manifest: Manifest, placed: Placed) -> None:
        others: list[Entry] = []
        for entries in manifest.parts():
            self._next_part(spot)
            self._write(spot, [entry for entry in entries if entry.kind != FOLDER])
            others += [entry for entry in entries if entry.kind in {FOLDER, LINK}]
        whole = Whole(tuple(others), then.digest, then.size_bytes, then.files)
        known = None if self._link == Link.SYMLINK else whole
        self._hands.then(spot, lambda: placed.folder(spot, known))
        self._make(spot, [entry for entry in others if entry.kind == FOLDER], placed)

    def _relink(self, spot: Spot, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if not spot.is_linked(entry):
                spot.large(entry)
                self._count([entry])

    def _next_part(self, spot: Spot) -> None:
        """What is written into `spot` from now on comes after what was written before, in the order of the names."""
        self._hands.wait(spot)
        spot.end_part()

    def _write(self, spot: Spot, entries: Iterable[Entry]) -> None:
        batch: list[Entry] = []
        size = 0
        for entry in entries:
            if entry.kind == LINK or entry.size_bytes >= SMALL_BYTES:
                (spot.symlink if entry.kind == LINK else spot.large)(entry)
                self._count([entry])
                continue
            batch.append(entry)
            size += entry.size_bytes
            if len(batch) >= _TOGETHER or size >= _TOGETHER_BYTES:
                self._hands.write(spot, batch)
                batch, size = [], 0
        if batch:
            self._hands.write(spot, batch)

    def _count(self, entries: Sequence[Entry]) -> None:
        size = sum(entry.size_bytes for entry in entries)
        self._written += len(entries)
        self._bytes += size
        self._progress.advance(len(entries), size)
