"""The data of a project: what is tracked, what is in the work tree, and the way between them.

What `status` and `save` do not need is imported on use: `jmlx status` is typed often.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import NotYetError
from jupyter_mlx.store.files import sweep

from . import choice, gitignore, paths, tracked
from .contents import Contents
from .links import Link
from .manifest import FOLDER, PROGRAM, Entry
from .parts import Partial
from .pointer import SUFFIX, Pointer
from .progress import SILENT
from .version import Version
from .worktree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Protocol

    from jupyter_mlx.store.base import ObjectStore

    from .checkout import Change
    from .diff import Diff
    from .history import Past
    from .progress import Progress
    from .sync import Transfer
    from .verify import Verdict

    class Named(Protocol):
        """A version as a run holds it."""

        @property
        def path(self) -> str: ...
        @property
        def kind(self) -> Literal["file", "folder"]: ...
        @property
        def digest(self) -> str: ...
        @property
        def size_bytes(self) -> int: ...


__all__ = ["Link", "PathState", "State", "Version", "Workspace"]

State: TypeAlias = Literal["unchanged", "modified", "missing", "not-in-store"]


@dataclass(frozen=True, slots=True)
class PathState:
    """How tracked data stands."""

    path: str
    state: State
    """Against its pointer; `not-in-store`: unchanged, but nothing could bring it back."""


class Workspace:
    """The data of one project."""

    def __init__(self, root: Path, store: ObjectStore, state: Path) -> None:
        self.root, self.store, self._state = root, store, state
        self._tree = WorkTree(root, store, state)
        self._temp = self._tree.temp
        self._partial = Partial(state / "partial", self._temp)
        self._contents = Contents(store, self._partial)

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
        survey, entry = self._tree.look(inner)
        self._contents.unsaved = survey.manifests
        return Version.of(inner, entry) if entry else None

    def save(self, path: str, progress: Progress = SILENT) -> Version:
        """Store the state of `path` in the work tree now, and return it.

        Raises:
            NoSuchPathError: nothing is there.
            UsageError, AccessError, FileChangedError: see `version`.
        """
        inner = self._tree.inner(path)
        survey, entry = self._tree.save(inner, progress)
        self._contents.unsaved = survey.manifests
        return Version.of(inner, entry)

    def add(self, given: Sequence[Path | str], progress: Progress = SILENT) -> list[Version]:
        """Store data, write its pointers, and have git ignore it. All paths are checked first.

        A path inside tracked data stands for that data.

        Raises:
            BadPathError, NoSuchPathError: a path can't be tracked; nothing was done.
            NestedDataError: a folder holds data that is tracked by itself.
            AccessError: something can't be read or written.
        """
        found = {self._tree.inner(choice.to_add(self.root, path)): None for path in given}
        versions: list[Version] = []
        sweep(str(self._temp))
        for path in found:
            with self.store.hold():
                version = self.save(path, progress)
                Pointer.of(version).write(self._pointer(path), self._temp)
            self.ignore(path)
            versions.append(version)
        return versions

    def ignore(self, path: str) -> None:
        """Have git ignore the data at `path`."""
        gitignore.ignore(self.root / self._tree.inner(path), self._temp)

    def remove(self, given: Path | str) -> str:
        """Stop tracking: the pointer and git's ignoring of the data go, the data stays.

        Raises:
            NotTrackedError: no pointer names it.
        """
        path = self._tracked(given).path
        self._pointer(path).unlink()
        gitignore.unignore(self.root / path, self._temp)
        return path

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

    def select(self, given: Sequence[Path | str], rev: str | None = None) -> list[Version]:
        """What is tracked at or below these paths; everything where none are given.

        Raises:
            NotTrackedError: nothing tracked is at one of them.
        """
        found = self.pointers(rev)
        return choice.select(self.root, found, given, rev or "") if given else found

    def status(self, given: Sequence[Path | str] = ()) -> list[PathState]:
        """How tracked data stands against its pointers."""
        return [PathState(version.path, self._state_of(version)) for version in self.select(given)]

    def _state_of(self, version: Version) -> State:
        _, entry = self._tree.look(version.path)
        if entry is None:
            return "missing"
        if entry.of != version.digest or (entry.kind == FOLDER) != (version.kind == "folder"):
            return "modified"
        # a store that holds a manifest holds all that it names
        return "unchanged" if self.store.has(version.digest) else "not-in-store"

    def log(self, given: Path | str) -> list[Past]:
        """The versions of a path in git's history, newest first."""
        from . import history

        path = paths.relative(self.root, given)
        found = history.versions(self.root, path.removesuffix(SUFFIX), self._contents.part)
        if not found:
            raise paths.NotTrackedError(path, "any commit")
        return found

    # back and forth

    def checkout(
        self,
        given: Sequence[Path | str] = (),
        *,
        rev: str | None = None,
        link: Link = Link.AUTO,
        force: bool = False,
        progress: Progress = SILENT,
    ) -> list[Change]:
        """Bring tracked data to what the pointers, or those of a git revision, say.

        Raises:
            ObjectNotFoundError, CorruptObjectError: an object is not here, or damaged.
            UnsavedError: files would be lost; with `force` they are stored first.
        """
        versions = self.select(given, rev)
        sweep(str(self._temp))
        return [self.restore(version, link=link, force=force, progress=progress) for version in versions]

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
        survey, now = self._tree.look(path)
        then = version.entry(os.fsencode(path.rpartition("/")[2]))
        if now and now.kind == PROGRAM and version.kind == "file" and version.executable is None:
            then = Entry(then.name, PROGRAM, then.digest, then.size_bytes, then.files)
        work = Checkout(self.root, self.store, self._temp, link=link, progress=progress)
        steps, planner = work.plan(survey, now, then)
        if not steps:
            return Change(path, 0, 0, 0)
        try:
            work.require(steps, planner, path)
        except UnsavedError:
            if not force:
                raise
            self.save(path)
            work.require(steps, planner, path)
        return work.apply(steps, survey, path, self._tree.cache)

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
        from .sync import Sync

        chosen = self.select(given) if versions is None else versions
        return Sync(self.store, remote, self._temp, progress).send(chosen, objects)

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

        chosen = self.select(given) if versions is None else versions
        return Sync(remote, self.store, self._temp, progress).send(chosen, objects)

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

    # looking into versions

    def files(self, version: Version) -> Iterator[tuple[str, Digest, int]]:
        """Each file of a version: its path in it (of a file: empty), digest, and size in bytes."""
        return self._contents.files(version)

    def digests(self, version: Version) -> Iterator[Digest]:
        """Every object of a version, the manifests too; some perhaps more than once."""
        return self._contents.digests(version)

    def diff(self, before: Version | None, after: Version | None) -> Diff:
        """What differs between two versions; one of them may be what `version` returned last."""
        return self._contents.diff(before, after)

    def read(self, path: str, rev: str | None = None) -> bytes:
        """The bytes of a tracked file, or of a file in a tracked folder, as the pointers say.

        Raises:
            NotTrackedError: nothing tracks it.
            NoSuchPathError: the folder has no such file in that version.
        """
        inner = paths.relative(self.root, path)
        for version in self.select([inner], rev):
            wanted = inner[len(version.path) + 1 :]
            for name, digest, _ in self.files(version):
                if name == wanted:
                    return self.store.get(digest)
        raise paths.NoSuchPathError(path)

    def named(self, file: Named) -> Version:
        """The version that a run's record names."""
        return Version(file.path, file.kind, Digest.parse(file.digest), file.size_bytes, 1)

    def verify(self, given: Sequence[Path | str] = (), *, progress: Progress = SILENT) -> Verdict:
        """Read all objects of these paths; without any, the whole store."""
        from .verify import verify

        return verify(self.store, self.select(given), everything=not given, progress=progress)

    def gc(self, roots: Iterable[Digest]) -> None:
        """Remove what nothing refers to."""
        del roots
        raise NotYetError("`jmlx gc`", "the store keeps every version; `jmlx du` says what they take")

    # inside

    def _pointer(self, path: str) -> Path:
        return self.root / f"{path}{SUFFIX}"

    def _tracked(self, given: Path | str) -> Version:
        path = paths.relative(self.root, given)
        found = tracked.pointer_at(self.root, path) or tracked.pointer_at(
            self.root, path.removesuffix(SUFFIX)
        )
        if found is None:
            raise paths.NotTrackedError(path)
        return found
