"""What a project refers to, and so must keep: its pointers, git's, its pipeline's results, its runs."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .data.gc import Collected, Kind, Listings, Marked, Marking, Root, RootError, gc, linked
from .digest import Digest
from .errors import ConflictError, MlxError
from .store.copying import has_reflinks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .data.progress import Progress
    from .data.verify import Verdict
    from .data.version import Version
    from .project import Project
    from .store.base import ObjectStore
    from .store.digestset import DigestSet
    from .store.remote_sweep import RemoteRemoved

GRACE_S = 3600.0
"""What is younger stays though nothing needs it: someone may be about to."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What counts as referred to, and what is done besides removing the rest."""

    tips: bool = False
    """Of git, only what branches, tags and stashes hold now, not what their history held."""
    compact: bool = False
    """Store large objects in chunks, but for those that the work tree shares."""


def collect(
    project: Project,
    *,
    scope: Scope = Scope(),
    grace_s: float = GRACE_S,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Collected:
    """Remove from the project's store what nothing refers to.

    Raises:
        RootError: something that may refer to data can't be read; nothing was removed.
    """
    from .data.progress import SILENT

    users: list[Project] = []

    def mark(live: DigestSet) -> Marked:
        found = Marked()
        users.extend(_users(project))
        for user in users:
            marking = Marking(project.store, user.workspace.contents, live, found)
            marking.roots(roots(user, scope))
        return found

    listings = Listings(
        b"mlx-record ", _named_in, lambda data: all(_is_unknown(user, data) for user in users)
    )
    return gc(
        project.store,
        mark,
        listings,
        grace_s=grace_s,
        dry_run=dry_run,
        compact=(lambda: set().union(*map(shared, users))) if scope.compact else None,
        progress=progress or SILENT,
    )


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge of the trash did, or would do."""

    runs: tuple[str, ...]
    ledger_bytes: int
    collected: Collected | None
    """What went from the store then; None for nothing to purge."""


class NotInTrashError(ConflictError):
    """A run is to be purged that nobody threw away."""

    code = "not-in-trash"

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.run = run

    def __str__(self) -> str:
        return f"run {self.run[:8]} is not in the trash, or still runs; `jmlx runs rm {self.run[:8]}` puts it there"


def purge(
    project: Project, only: Sequence[str] = (), *, older_than_s: float = 0.0, dry_run: bool = False
) -> Purged:
    """Forget runs of the trash for good, and remove from the store what they alone referred to.

    With `only`, these runs; without, all that were put there at least so many seconds ago.

    Raises:
        NotInTrashError: one of `only` is not there; nothing was purged.
        RootError: something that may refer to data can't be read; the runs are purged, and a gc goes on later.
    """
    found = project.ledger.trashed(time.time() - older_than_s)
    wanted = tuple(project.ledger.resolve(ref) for ref in only) or found
    for run in wanted:
        if run not in found:
            raise NotInTrashError(run)
    if dry_run or not wanted:
        return Purged(wanted, 0, None)
    ledger_bytes = project.ledger.purge(wanted)
    return Purged(wanted, ledger_bytes, collect(project))


def collect_remote(
    project: Project, remote: ObjectStore, *, scope: Scope = Scope(), grace_s: float, dry_run: bool = False
) -> RemoteRemoved:
    """Remove from a remote what neither this project nor a push of another refers to.

    Raises:
        RootError: something that may refer to data can't be read; nothing was removed.
    """
    from .data.remote_gc import gc as gc_remote

    return gc_remote(
        project.root,
        remote,
        project.workspace.contents,
        lambda: roots(project, scope),
        grace_s=grace_s,
        dry_run=dry_run,
    )


def verify(
    project: Project,
    paths: Sequence[Path],
    *,
    remotes: Sequence[ObjectStore] | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Read what these paths need; without any, the whole store and what runs need. See `Workspace.verify`."""
    from .data.progress import SILENT

    return project.workspace.verify(
        paths,
        others=() if paths else list(_used(project)),
        mentions=lambda: [*(_used(project) if paths else ()), *_git(project, Scope())],
        remotes=remotes,
        progress=progress or SILENT,
    )


def _used(project: Project) -> Iterator[Root]:
    if (project.state / "ledger.db").exists():
        for run, kind, digest in project.ledger.needs.used():
            yield Root(f"run {run}", Digest.parse(digest), _kind(kind))


def _kind(kind: str) -> Kind:
    return "folder" if kind == "folder" else "file" if kind == "file" else "object"


def shared(project: Project) -> set[bytes]:
    """The large objects whose bytes the work tree shares, or may share, with the store.

    Hard links tell themselves by their count. A reflink can't be seen: where the
    file system has them, what the work tree should hold counts as shared.
    """
    found = {root.digest.raw for root in linked(project.root, project.store.objects)}
    if has_reflinks(str(project.store.folder)):
        for version in project.workspace.pointers():
            found |= {digest.raw for digest in project.workspace.digests(version)}
    return found


def _users(project: Project) -> Iterator[Project]:
    """The project and all others that keep their objects in the same store.

    Raises:
        RootError: one of them can't be read.
    """
    from .sharing import projects

    yield project
    for folder in projects(project.store.folder):
        if folder == project.root:
            continue
        where = f"the project {folder}, which uses this store,"
        try:
            if not (folder / ".mlx").is_dir():
                raise RootError(where, f"it is not there; if it is gone, `jmlx gc --forget {folder}`")
            next((folder / ".mlx").iterdir(), None)
            other = type(project).open(folder)
            if other.store.folder == project.store.folder:
                yield other
        except (OSError, MlxError) as error:
            if isinstance(error, RootError):
                raise
            problem = error.strerror if isinstance(error, OSError) else str(error)
            raise RootError(where, f"{problem}; run this as a user who may read it") from None


def roots(project: Project, scope: Scope) -> Iterator[Root]:
    """All that the project refers to.

    Raises:
        RootError: something can't be read.
    """
    yield from _work_tree(project)
    yield from linked(project.root, project.store.objects)
    yield from _git(project, scope)
    yield from _results(project)
    yield from _runs(project)
    # again: what `git stash pop` brought back meanwhile was in neither place when that was looked at
    yield from _work_tree(project)


def _work_tree(project: Project) -> Iterator[Root]:
    from .data.tracked import pointers
    from .pipelines import lock

    try:
        for version in pointers(project.root, strict=True):
            yield _root(f"the pointer of {version.path}", version)
        for stage, result in lock.read(project.root).items():
            for found in (*result.inputs.values(), *result.outputs.values()):
                yield Root(f"stage {stage} in mlx.lock", Digest.parse(found.digest), found.kind)
    except MlxError as error:
        raise RootError("the work tree", str(error)) from None


def _root(where: str, version: Version) -> Root:
    return Root(where, version.digest, version.kind)


def _git(project: Project, scope: Scope) -> Iterator[Root]:
    """What the pointers and locks in git say; of a malformed one, whatever digests stand in it."""
    from .data import history
    from .data.git import GitError

    if not _in_git(project):
        return
    ask = history.tips if scope.tips else history.contents
    try:
        for commit, path, data in ask(project.root, ["*.mlx", "mlx.lock"]):
            where = f"{path} at {commit[:10] or 'the index'}"
            yield from _lock_roots(where, data) if path == "mlx.lock" else _pointer_roots(where, path, data)
    except GitError as error:
        raise RootError("git's history", f"git says: {error.problem}") from None


def _in_git(project: Project) -> bool:
    return any((folder / ".git").exists() for folder in (project.root, *project.root.parents))


def _pointer_roots(where: str, path: str, data: bytes) -> Iterator[Root]:
    from .data.pointer import Pointer

    try:
        yield _root(where, Pointer.parse(data.decode("utf-8", "replace"), path).version(path))
    except MlxError:
        yield from _digests_in(where, data)


def _lock_roots(where: str, data: bytes) -> Iterator[Root]:
    try:
        stages = json.loads(data)["stages"].values()
        for stage in stages:
            for found in (*stage["inputs"].values(), *stage["outputs"].values()):
                yield Root(where, Digest.parse(found["digest"]), found["kind"])
    except (ValueError, KeyError, TypeError, AttributeError, MlxError):
        pass
    yield from _digests_in(where, data)


def _digests_in(where: str, data: bytes) -> Iterator[Root]:
    from .ledger.needs import digests_in

    for digest in digests_in(data):
        yield Root(where, Digest.parse(digest), "unknown")


def _results(project: Project) -> Iterator[Root]:
    """The pipeline's results of all fingerprints: a damaged one is run again, and its run is in the ledger."""
    from .pipelines.results import Results

    for version in Results(project.state).versions():
        yield Root(f"a kept result of {version.path}", Digest.parse(version.digest), version.kind)


def _runs(project: Project) -> Iterator[Root]:
    if not (project.state / "ledger.db").exists():
        return  # then every record in the store is kept: a rebuild finds them
    try:
        for run, kind, digest in project.ledger.needs.mentioned():
            yield Root(f"run {run}", Digest.parse(digest), _kind(kind))
    except MlxError as error:
        raise RootError("the ledger", str(error)) from None


def _named_in(data: bytes) -> Iterator[bytes]:
    from .ledger import record
    from .ledger.needs import digests_in

    for digest in digests_in(record.text(data)):
        yield Digest.parse(digest).raw


def _is_unknown(project: Project, data: bytes) -> bool:
    """Whether a record is of a run that the ledger has not got: a rebuild would bring it back."""
    from .ledger import record

    found = record.decode(data)
    if found is None or not (project.state / "ledger.db").exists():
        return True
    return not project.ledger.needs.knows(found[0].id)
