"""What a remote must keep: what this project refers to, and what others said that they pushed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError, NotYetError, ObjectNotFoundError
from jupyter_mlx.store.digestset import DigestSet
from jupyter_mlx.store.remote_store import RemoteStore
from jupyter_mlx.store.remote_sweep import RemoteRemoved, RemoteSweep

from . import sending
from .gc import HEAD, Root, RootError, Walk
from .manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from jupyter_mlx.store.base import ObjectStore

    from .contents import Contents

GRACE_S = 14 * 86400.0
"""Longer than any push takes."""


def gc(
    root: Path,
    remote: ObjectStore,
    contents: Contents,
    roots: Callable[[], Iterable[Root]],
    *,
    grace_s: float = GRACE_S,
    dry_run: bool = False,
) -> RemoteRemoved:
    """Remove from a remote what neither `roots` nor the push of another project needs, nor a late one of this.

    Raises:
        RootError: what is needed can't be known; nothing was removed.
        NotYetError: the remote has the format of a project's own store.
        RemoteError, AccessError: the remote refused; run it again.
    """
    if not isinstance(remote, RemoteStore):
        raise NotYetError(
            f"gc of {remote}, a remote of the first format,", "push to a new folder, and remove the old one"
        )
    remote.refresh()
    live = DigestSet()
    mark = _Marking(remote, contents, live)
    records = list(_records(root, remote, time.time() - grace_s))
    for found in (*roots(), *(each for _, some, counts in records if counts for each in some)):
        mark.root(found)
    try:
        sweep = RemoteSweep(remote, live, (HEAD,))
        done = sweep.remove(sweep.find(), grace_s, dry_run=dry_run)
    except CorruptError as error:
        raise RootError("what is needed on the remote", str(error)) from None
    for name, _, counts in records if not dry_run else ():
        if not counts:
            remote.blobs.delete(name)
    return done


def _records(root: Path, remote: RemoteStore, since: float) -> Iterator[tuple[str, list[Root], bool]]:
    """Each record of a push, what it names, and whether it counts: our own do as long as they are young."""
    own = sending.read(sending.record(root, (), ())).project
    for name in remote.blobs.names("refs"):
        try:
            push = sending.read(remote.blobs.get(name, 0, 1 << 30))
        except msgspec.DecodeError as error:
            raise RootError(f"{remote}/{name}", str(error)) from None
        where = f"a push of {push.project[:10]}"
        some = [
            Root(where, Digest.parse(digest), "folder" if kind == "folder" else "file")
            for _, kind, digest in push.versions
        ]
        some += [Root(where, Digest.parse(digest), "object") for digest in push.objects]
        yield name, some, push.project != own or push.at >= since


class _Marking(Walk):
    """Finds all that roots need of a remote."""

    def __init__(self, remote: RemoteStore, contents: Contents, live: DigestSet) -> None:
        super().__init__(live)
        self._remote, self._contents = remote, contents

    def lists(self, root: Root) -> bool:
        """See `Walk.lists`."""
        data = self._bytes(root.digest, root)
        return data is not None and data.startswith(HEAD)

    def listing(self, digest: Digest, root: Root) -> Manifest | None:
        """See `Walk.listing`."""
        data = self._bytes(digest, root)
        # what is nowhere names nothing that a fetch could ask for
        return Manifest.decode_own(data) if data is not None else None

    def _bytes(self, digest: Digest, root: Root) -> bytes | None:
        try:
            return self._contents.manifest(digest)
        except (ObjectNotFoundError, CorruptError):
            pass
        try:
            return self._remote.get(digest)
        except ObjectNotFoundError:
            return None
        except CorruptError as error:
            raise RootError(root.where, str(error)) from None
