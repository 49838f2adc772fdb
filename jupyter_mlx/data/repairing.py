"""Stores again what was damaged or lost: from the work tree where it is whole there, else from a remote."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import MlxError

from .gc import HEAD, names
from .version import Version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jupyter_mlx.store.base import ObjectStore

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
    # what lies deepest first: a listing is stored when all is there that it names
    places = sorted(
        ((path, Digest.parse(fault.digest)) for fault in faults for path in fault.paths),
        key=lambda place: -place[0].count("/"),
    )
    for path, digest in places:
        full = workspace.root / path
        with contextlib.suppress(MlxError, OSError):
            if full.is_dir() and not full.is_symlink():
                _folder(workspace, path, digest)
            elif not _is_in(full, workspace.store):
                workspace.store.put_file(full, digest)


def _is_in(full: Path, store: ObjectStore) -> bool:
    """Whether a file is a link to the store's own damaged one."""
    objects = getattr(store, "objects", None)
    return objects is not None and full.resolve().is_relative_to(objects.resolve())


def _folder(workspace: Workspace, path: str, digest: Digest) -> None:
    workspace.version(path)
    manifest = workspace.contents.unsaved.get(digest.raw)
    if manifest is None:
        return
    data = manifest.encode()
    with workspace.store.hold():
        if not workspace.store.missing(Digest(raw.hex()) for raw in names(data)):
            workspace.store.put(data)


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
