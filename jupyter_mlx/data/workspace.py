"""The data of a project: what is tracked, what is in the work tree, and the way between them.

What `status` and `save` do not need is imported on use: `jmlx status` is typed often.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError, ObjectNotFoundError
from jupyter_mlx.store.files import sweep

from . import choice, paths, tracked
from .contents import Contents
from .links import Link
from .partial import Partial
from .pointer import SUFFIX
from .progress import SILENT
from .standing import PathState, state_of
from .version import Version
from .worktree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from jupyter_mlx.store.base import ObjectStore

    from .checkout import Change
    from .comparing import PathDiff, State
    from .composing import Composing
    from .contents import Remote
    from .diff import Diff
    from .gc import Root
    from .history import Past
    from .progress import Progress
    from .resolving import Resolver
    from .sync import Transfer
    from .tracking import Tracking
    from .verify import Verdict
    from .version import Kind, Named

__all__ = ["Link", "PathState", "Version", "Workspace"]


class Workspace:
    """The data of one project."""

    def __init__(self, root: Path, store: ObjectStore, state: Path) -> None:
        self.root, self.store, self._state = root, store, state
        self._tree = WorkTree(root, store, state)
        self._temp = self._tree.temp
        self._partial = Partial(state / "partial", self._temp)
        self.contents = Contents(store, self._partial)
        """Looks into versions."""

    @classmethod
    def open(cls, root: Path, store: ObjectStore, state: Path) -> Workspace:
        """The data of the project at `root`; `state` is its folder `.mlx`."""
        return cls(root, store, state)

    # what is there

    def version(self, path: str) -> Version | None:
        """The state of `path` in the work tree now; None where nothing is. Stores nothing.

        Raises:
            UsageError: it can't hold data, or holds what can't be kept.
            AccessError: it can't be read.
            FileChangedError: a file changes whenever it is read.
        """
        inner = self._tree.inner(path)
        entry, self.contents.unsaved = self._tree.listed(inner)
        return Version.of(inner, entry) if entry else None

    def composing(self, remote: Remote = lambda: None) -> Composing:
        """Tells what a path will be once versions lie where they belong; listings come from `remote` too."""
        from .composing import Composing

        return Composing(self._tree, self.contents.through(remote))

    def save(self, path: str, progress: Progress = SILENT) -> Version:
        """Store the state of `path` in the work tree now, and return it.

        Raises:
            NoSuchPathError: nothing is there.
            UsageError, AccessError, FileChangedError: see `version`.
        """
        inner = self._tree.inner(path)
        return Version.of(inner, self._tree.save(inner, progress))

    def add(
        self, given: Sequence[Path | str], progress: Progress = SILENT, remote: Remote = lambda: None
    ) -> list[Version]:
        """Store data, write its pointers, and have git ignore it. All paths are checked first.

        Of a path in tracked data that part of the version changes, the rest of
        which need not be here; the version of the whole is returned. Listings on
        the way to the part come from `remote` where they are not here.

        Raises:
            BadPathError, NoSuchPathError: a path can't be tracked; nothing was done.
            NestedDataError: a folder holds data that is tracked by itself.
            ExcludedPathError: a `.mlxignore` keeps a path out.
            PartialDataError: only parts of a folder are here.
            ObjectNotFoundError: the listing of a folder on the way to a part is not here.
            AccessError: something can't be read or written.
        """
        return self._tracking(remote).add(given, progress)

    def glob(self, folder: Path, pattern: str) -> list[Path]:
        """The paths below `folder` that fit a pattern (`**` is any folders), for `add`.

        Raises:
            NoMatchError: none does that may be added.
        """
        return choice.glob(self.root, folder, pattern)

    def ignore(self, path: str) -> None:
        """Have git ignore the data at `path`."""
        self._tracking().ignore(path)

    def remove(self, given: Path | str) -> str:
        """Stop tracking: the pointer and git's ignoring of the data go, the data stays.

        Raises:
            NotTrackedError: no pointer names it.
            InnerPathError: it is a part of tracked data.
        """
        return self._tracking().remove(given)

    def unprotect(self, given: Path | str) -> int:
        """Replace links to the store at `path` by writable copies; how many there were."""
        path = self._tree.inner(paths.relative(self.root, given))
        if not os.path.lexists(self.root / path):
            raise paths.NoSuchPathError(path)
        from .unlink import unprotect

        return unprotect(self.root / path, self._tree.objects, self._temp)

    # what is tracked

    def pointers(self, rev: str | None = None) -> list[Version]:
        """What the pointers of the work tree, or of a git revision, say.

        Raises:
            ConfigError: a pointer is malformed.
            BadRevisionError: git does not know the revision.
        """
        if rev is None:
            return tracked.pointers(self.root)
        from . import history

        return history.pointers_at(self.root, rev)

    def select(
        self, given: Sequence[Path | str], rev: str | None = None, remote: ObjectStore | None = None
    ) -> list[Version]:
        """What is tracked at or below these paths; everything where none are given.

        Of a path in tracked data, the version of that part alone. Listings on the
        way to it that are not here come from `remote`, where one is given.

        Raises:
            NotTrackedError: nothing tracked is at one of them.
            NotInVersionError: the data that it is in has no such path.
            ObjectNotFoundError: the listing of a folder on the way to a part is not here.
        """
        return self.chosen(self.pointers(rev), given, rev or "", remote)

    def chosen(
        self,
        found: list[Version],
        given: Sequence[Path | str],
        where: str = "",
        remote: ObjectStore | None = None,
    ) -> list[Version]:
        """Those of `found`, which are what there was at `where`, that `select` would choose."""
        looking = self.contents.through(lambda: remote)
        return choice.select(self.root, found, given, where, looking.part) if given else found

    def status(self, given: Sequence[Path | str] = ()) -> list[PathState]:
        """How tracked data stands against its pointers."""
        return [
            PathState(version.path, state_of(self._tree, self.contents, version))
            for version in self.select(given)
        ]

    def log(self, given: Path | str) -> list[Past]:
        """The versions of a path in git's history, newest first."""
        from . import history

        path = paths.relative(self.root, given)
        found = history.versions(self.root, path.removesuffix(SUFFIX), self.contents.part)
        if not found:
            raise paths.NotTrackedError(path, "any commit")
        return found

    # back and forth

    def checkout(
        self,
        given: Sequence[Path | str] = (),
        *,
        rev: str | None = None,
        to: Path | None = None,
        link: Link = Link.AUTO,
        force: bool = False,
        progress: Progress = SILENT,
    ) -> list[Change]:
        """Bring tracked data to what the pointers, or those of a git revision, say.

        In place; or into the new folder `to`, each at its path, and the work
        tree stays as it is.

        Raises:
            ObjectNotFoundError, CorruptObjectError: an object is not here, or damaged.
            UnsavedError: files would be lost; with `force` they are stored first.
            TargetNotEmptyError: the folder `to` has content.
        """
        versions = self.select(given, rev)
        sweep(str(self._temp))
        if to is not None:
            from .beside import checkout_beside

            return checkout_beside(self._tree, self.contents, versions, to, link=link, progress=progress)
        done: list[Change] = []
        for version in versions:
            try:
                done.append(self.restore(version, link=link, force=force, progress=progress))
            except ObjectNotFoundError:
                # of a folder of which nobody asked for all, the parts that are here suffice
                if given or state_of(self._tree, self.contents, version) != "partial":
                    raise
        return done

    def _tracking(self, remote: Remote = lambda: None) -> Tracking:
        from .tracking import Tracking

        return Tracking(self._tree, self.contents.through(remote), self._partial)

    @property
    def resolver(self) -> Resolver:
        """Merges versions file by file, and ends conflicts of pointers."""
        from .resolving import Resolver

        return Resolver(self.store, self.contents, self._partial)

    def restore(
        self,
        version: Version,
        *,
        to: Path | str | None = None,
        link: Link = Link.AUTO,
        force: bool = False,
        progress: Progress = SILENT,
    ) -> Change:
        """Bring a version back: in place, or at the path `to`. See `checkout`."""
        from .checkout import Change, Checkout, UnsavedError

        path = self._tree.inner(version.path if to is None else paths.relative(self.root, to))
        work = Checkout(self._tree, self.contents, link=link, progress=progress)
        try:
            steps = work.plan(path, version)
        except UnsavedError:
            if not force:
                raise
            self.save(path)
            steps = work.plan(path, version)
        return work.apply(steps, path) if steps else Change(path, 0, 0, 0)

    def unsaved(self, version: Version) -> str | None:
        """A file that `restore` would refuse to replace; None where there is none."""
        from .checkout import unsaved

        return unsaved(self._tree, self.contents, version)

    def push(
        self,
        remote: ObjectStore,
        given: Sequence[Path | str] = (),
        *,
        versions: Iterable[Version] | None = None,
        objects: Iterable[Digest] = (),
        progress: Progress = SILENT,
    ) -> Transfer:
        """Send what is tracked at these paths (or `versions`), and other `objects`, to a remote."""
        from .sending import leave_record
        from .sync import Sync

        chosen = self.select(given) if versions is None else list(versions)
        others = list(objects)
        done = Sync(self.store, remote, self._temp, progress, self.contents.manifest).send(chosen, others)
        leave_record(remote, self.root, chosen, others, sent=done.objects > 0)
        return done

    def fetch(
        self,
        remote: ObjectStore,
        given: Sequence[Path | str] = (),
        *,
        versions: Iterable[Version] | None = None,
        objects: Iterable[Digest] = (),
        progress: Progress = SILENT,
    ) -> Transfer:
        """Bring objects of what is tracked at these paths here; the work tree stays as it is."""
        from .sync import Sync

        chosen = self.select(given, remote=remote) if versions is None else versions
        done = Sync(remote, self.store, self._temp, progress).send(chosen, objects)
        self._partial.sweep(self.store)
        return done

    def pull(
        self,
        remote: ObjectStore,
        given: Sequence[Path | str] = (),
        *,
        link: Link = Link.AUTO,
        force: bool = False,
        progress: Progress = SILENT,
    ) -> tuple[Transfer, list[Change]]:
        """`fetch`, then `checkout`."""
        transfer = self.fetch(remote, given, progress=progress)
        return transfer, self.checkout(given, link=link, force=force)

    def files(self, version: Version) -> Iterator[tuple[str, Digest, int]]:
        """Each file of a version: its path in it (of a file: empty), digest, and size in bytes."""
        return self.contents.files(version)

    def digests(self, version: Version) -> Iterator[Digest]:
        """Every object of a version, the manifests too; some perhaps more than once."""
        return self.contents.digests(version)

    def diff(self, before: Version | None, after: Version | None) -> Diff:
        """What differs between two versions; one of them may be what `version` returned last."""
        return self.contents.diff(before, after)

    def compare(self, before: State, after: State, rows: int = 0) -> Iterator[PathDiff]:
        """What differs between two states of the data; of tables also inside, with so many rows as examples."""
        from .comparing import Comparison

        return Comparison(self._tree, self.contents, rows).of(before, after)

    def reader(self, digest: Digest) -> BinaryIO:
        """An object as a file open for reading; a large one is not read into memory.

        Raises:
            ObjectNotFoundError, CorruptObjectError: it is not here, or damaged.
        """
        from .opening import opened

        return opened(self.store, digest, self._temp)

    def read(self, path: str, rev: str | None = None) -> bytes:
        """The bytes of a tracked file, or of a file in a tracked folder, as the pointers say.

        Raises:
            NotTrackedError: nothing tracks it.
            NoSuchPathError: it is no file.
        """
        for version in self.select([path], rev):
            if version.kind == "file":
                return self.store.get(version.digest)
        raise paths.NoSuchPathError(path)

    def named(self, file: Named) -> Version:
        """The version that a run's record names."""
        kind: Kind = "folder" if file.kind == "folder" else "file"
        return Version(file.path, kind, Digest.parse(file.digest), file.size_bytes, 1)

    def verify(
        self,
        given: Sequence[Path | str] = (),
        *,
        others: Sequence[Root] = (),
        mentions: Callable[[], Iterable[Root]] = tuple,
        remotes: Sequence[ObjectStore] | None = None,
        progress: Progress = SILENT,
    ) -> Verdict:
        """Read all objects of these paths; without any, the whole store, and what `others` need besides.

        With `remotes`, perhaps none, what is damaged or missing is stored again
        from the work tree or from these. `mentions` says who else may need it.
        """
        from .repairing import repairer
        from .verify import Scope, verify

        try:
            versions = self.select(given)
        except (ObjectNotFoundError, CorruptError):
            # a listing on the way to a path is not here: all of that data
            versions = choice.around(self.root, self.pointers(), given)
        scope = Scope(versions, not given, others, mentions)
        mend = None if remotes is None else repairer(self, remotes)
        return verify(self.store, self.contents, scope, repair=mend, progress=progress)
