"""Stores again what was damaged or lost: from the work tree where it is whole there, else from a remote."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import MlxError

from .gc import HEAD
from .manifest import FOLDER
from .partial import is_incomplete
from .version import Version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jupyter_mlx.store.base import ObjectStore

    from .manifest import Entry, Manifest
    from .verify import Fault, Repair
    from .workspace import Workspace

_LONGEST_LISTING = 64 << 20


def repairer(workspace: Workspace, remotes: Sequence[ObjectStore]) -> Repair:
    """What `verify` calls to have faults mended; what it can't mend is found again by `verify`."""

    def repair(faults: Sequence[Fault]) -> None:
        _from_work_tree(workspace, faults)
        for remote in remotes:
            left = [
                digest for fault in faults if not workspace.store.has(digest := Digest.parse(fault.digest))
            ]
            if left:
                _from_remote(workspace, remote, left)

    return repair


def _from_work_tree(workspace: Workspace, faults: Sequence[Fault]) -> None:
    """Whatever of it is in tracked data now, also where the listing is lost that said where."""
    wanted = {Digest.parse(fault.digest).raw for fault in faults}
    for tracked in workspace.pointers():
        with contextlib.suppress(MlxError, OSError):
            found = workspace.version(tracked.path)
            if found is not None:
                _take(workspace, found.path, found.entry(), wanted)


def _take(workspace: Workspace, path: str, entry: Entry, wanted: set[bytes]) -> None:
    """Store what is wanted at a path and below it: a listing after all that it names."""
    manifest = None
    if entry.kind == FOLDER:
        with contextlib.suppress(MlxError):
            manifest = workspace.contents.listing(entry)
    for inner in manifest.entries if manifest else ():
        _take(workspace, f"{path}/{os.fsdecode(inner.name)}", inner, wanted)
    if entry.digest not in wanted:
        return
    with contextlib.suppress(MlxError, OSError):
        if manifest is not None:
            _put_listing(workspace.store, manifest)
        elif not _is_in(workspace.root / path, workspace.store):
            workspace.store.put_file(workspace.root / path, entry.of)


def _is_in(full: Path, store: ObjectStore) -> bool:
    """Whether a file is a link to the store's own damaged one."""
    objects = getattr(store, "objects", None)
    return objects is not None and full.resolve().is_relative_to(objects.resolve())


def _put_listing(store: ObjectStore, manifest: Manifest) -> None:
    with store.hold():
        if not is_incomplete(store, manifest):
            store.put(manifest.encode())


def _from_remote(workspace: Workspace, remote: ObjectStore, digests: Sequence[Digest]) -> None:
    with contextlib.suppress(MlxError):
        there = [digest for digest in digests if digest not in remote.missing(digests)]
        folders = [digest for digest in there if _is_listing(remote, digest)]
        files = [digest for digest in there if digest not in folders]
        versions = [Version("", "folder", digest, 0, 0) for digest in folders]
        try:
            workspace.fetch(remote, versions=versions, objects=files)
        except MlxError:  # one of them is damaged there too: the others one by one
            for digest in files:
                with contextlib.suppress(MlxError):
                    workspace.fetch(remote, versions=(), objects=[digest])
            for version in versions:
                with contextlib.suppress(MlxError):
                    workspace.fetch(remote, versions=[version])


def _is_listing(remote: ObjectStore, digest: Digest) -> bool:
    return remote.size(digest) <= _LONGEST_LISTING and remote.get(digest).startswith(HEAD)
