"""Which versions a push or a fetch takes along, and the record that a push leaves at the remote."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import msgspec
from blake3 import blake3

from jupyter_mlx.store.remote_store import RemoteStore

from . import git, history
from .choice import NotInVersionError
from .paths import NotTrackedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jupyter_mlx.digest import Digest
    from jupyter_mlx.store.base import ObjectStore

    from .version import Version
    from .workspace import Workspace

RECORD_FORMAT = 1


class Push(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one push sent: what `gc` of the remote keeps. See docs/format.md, "Remote"."""

    format: int
    project: str
    """The first commit of the project's git repository; the path's digest where there is none."""
    commit: str
    """That was checked out; empty without git."""
    at: float
    """Seconds since 1970, UTC."""
    versions: tuple[tuple[str, str, str], ...]
    """Path, kind and digest of each."""
    objects: tuple[str, ...]
    """Other objects."""


def chosen(
    workspace: Workspace,
    given: Sequence[Path | str],
    revs: Sequence[str],
    *,
    everywhere: bool,
    source: ObjectStore | None = None,
) -> list[Version] | None:
    """The versions at some git revisions, or at the tips of all branches and tags; None: those of the work tree.

    For a fetch from `source`, branches of git's remotes are branches too, and
    listings on the way to a part come from there.

    Raises:
        BadRevisionError: git does not know a revision.
        NotTrackedError: nothing tracked is at one of the paths in any of them.
    """
    if not revs and not everywhere:
        return None
    names = list(revs)
    if everywhere:
        kinds = ["refs/heads", "refs/tags", *(["refs/remotes"] if source else [])]
        told = git.run(workspace.root, "for-each-ref", "--format=%(objectname)", *kinds)
        names += dict.fromkeys(told.decode().split())
    found: dict[tuple[str, str], Version] = {}
    for rev in names:
        versions = (
            workspace.select(given, rev, source)
            if given and not everywhere
            else _pointers(workspace, rev, given, source)
        )
        found.update({(version.path, version.digest.hex): version for version in versions})
    if everywhere:
        found.update({(each.path, each.digest.hex): each for each in workspace.select(given, remote=source)})
    return list(found.values())


def _pointers(
    workspace: Workspace, rev: str, given: Sequence[Path | str], source: ObjectStore | None
) -> list[Version]:
    """What is tracked at a tip; of the paths that are given only those that it has."""
    found = history.pointers_at(workspace.root, rev)
    if not given:
        return found
    versions: list[Version] = []
    for path in given:
        try:
            versions += workspace.select([path], rev, source)
        except (NotTrackedError, NotInVersionError):
            continue
    return versions


def leave_record(
    remote: ObjectStore, root: Path, versions: Sequence[Version], objects: Sequence[Digest], *, sent: bool
) -> None:
    """Say at the remote what the project at `root` pushed; where nothing was sent, only what is not known there.

    Raises:
        RemoteError, AccessError: it can't be written.
    """
    if isinstance(remote, RemoteStore) and (versions or objects):
        texts = [f"{version.path}\0{version.digest}" for version in versions] + [
            str(each) for each in objects
        ]
        key = blake3(" ".join(sorted(texts)).encode("utf-8", "surrogateescape")).hexdigest()
        remote.publish(key, lambda: record(root, versions, objects), again=sent)


def record(root: Path, versions: Sequence[Version], objects: Sequence[Digest]) -> bytes:
    """The record of a push from the project at `root`."""
    project, commit = _identity(root)
    listed = sorted((shown(version.path), version.kind, str(version.digest)) for version in versions)
    found = Push(RECORD_FORMAT, project, commit, time.time(), tuple(listed), tuple(sorted(map(str, objects))))
    return msgspec.json.encode(found)


def shown(path: str) -> str:
    """A path as text that every system can read, whatever bytes its name has."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read(data: bytes) -> Push:
    """The record that a push left.

    Raises:
        msgspec.DecodeError: it is none.
    """
    found: Push = msgspec.json.decode(data, type=Push)
    return found


def _identity(root: Path) -> tuple[str, str]:
    try:
        firsts = git.run(root, "rev-list", "--max-parents=0", "HEAD").decode().split()
        return min(firsts), git.run(root, "rev-parse", "HEAD").decode().strip()
    except (git.GitError, ValueError):
        return f"b3:{blake3(os.fsencode(root)).hexdigest()}", ""
