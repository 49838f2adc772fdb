"""What a survey does with the bytes that it reads: hash them, or store them in the same pass."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from jupyter_mlx.digest import Digest
from jupyter_mlx.store.base import SMALL_BYTES
from jupyter_mlx.store.copying import hash_file

from .scan import DIGEST_AT, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from jupyter_mlx.store.base import Batch, ObjectStore

    from .folder import Folder
    from .scan import StatCache
    from .spool import Spool

_ROW_BYTES: Final = 80
_HELD_BYTES: Final = 24 << 20
_PAUSE_S: Final = 5.0
_PAUSE_SHARE: Final = 10


class Reader:
    """Hashes files, stores nothing, and tells the stat cache what was learnt.

    `visit` is called with each finished folder, inner ones first.
    """

    def __init__(self, cache: StatCache, visit: Callable[[Folder], None] | None = None) -> None:
        self._cache, self._visit = cache, visit
        self._rows: list[tuple[bytes, Row]] = []
        self._held = 0

    def small(self, data: bytes) -> bytes:
        """The 32 bytes of the digest of a small file's bytes."""
        return blake3(data).digest()

    def large(self, fd: int, told: Callable[[int], None]) -> bytes:
        """The digest of a large open file; `told` hears of each block."""
        return hash_file(fd, told)

    def begin(self, folder: Folder, name: bytes = b"", above: Folder | None = None) -> None:
        """A folder, called `name` in the one `above`, is going to be looked at."""

    def absent(self, folder: Folder) -> Collection[bytes]:
        """Digests that the cache recalled in a folder, of files that must be read all the same."""
        del folder
        return ()

    def seen(self, folder: Folder) -> None:
        """A folder is finished."""
        row = folder.row()
        if row is not None:
            self.learnt(folder.path, row)
        if self._visit is not None:
            self._visit(folder)
        self.pause(())

    def learnt(self, path: bytes, row: Row) -> None:
        """The cache should know this of a folder."""
        self._rows.append((path, row))
        self._held += _ROW_BYTES * (len(row.files) + 1)

    def pause(self, folders: Sequence[Folder]) -> None:
        """A moment between two files, `folders` being open: time to let go of what is held."""
        del folders
        if self._held >= _HELD_BYTES:
            self.close()

    def close(self) -> None:
        """The walk is over: all that was learnt is remembered."""
        rows, self._rows, self._held = self._rows, [], 0
        self._cache.keep(rows)


class Saver(Reader):
    """Stores what is read; what it took is on the disk once it is closed.

    A store that holds a manifest holds all that it names, also after a power cut:
    a manifest is put when what it names is durable. Every few seconds what was read
    so far is made durable and remembered by the stat cache, so that an `add`
    that is killed goes on there.
    """

    def __init__(self, cache: StatCache, store: ObjectStore, batch: Batch) -> None:
        super().__init__(cache)
        self._store, self._batch = store, batch
        self._manifests: dict[int, list[Spool]] = {}
        self._due_s = time.monotonic() + _PAUSE_S

    def small(self, data: bytes) -> bytes:
        """See `Reader.small`."""
        digest: bytes = blake3(data).digest()
        self._batch.put_known(digest, data)
        return digest

    def large(self, fd: int, told: Callable[[int], None]) -> bytes:
        """See `Reader.large`."""
        return self._batch.put_open(fd, told).raw

    def begin(self, folder: Folder, name: bytes = b"", above: Folder | None = None) -> None:
        """See `Reader.begin`: most folders are covered by the one above, without asking the store."""
        whole = folder.before.whole
        folder.covered = whole is not None and (
            (above is not None and above.covers(name, whole.digest))
            or self._store.has(Digest(whole.digest.hex()))
        )

    def absent(self, folder: Folder) -> Collection[bytes]:
        """See `Reader.absent`: those that are not in the store."""
        if folder.covered or not folder.files:
            return ()
        recalled = {mark[DIGEST_AT:] for mark in folder.files.values()}
        return {digest.raw for digest in self._store.missing(Digest(raw.hex()) for raw in recalled)}

    def seen(self, folder: Folder) -> None:
        """See `Reader.seen`."""
        if not (folder.covered and folder.whole is folder.before.whole):
            listing = folder.listing()
            self._manifests.setdefault(folder.height, []).append(listing)
            self._held += listing.size_bytes
        super().seen(folder)

    def pause(self, folders: Sequence[Folder]) -> None:
        """See `Reader.pause`."""
        if self._held >= _HELD_BYTES or time.monotonic() >= self._due_s:
            self._rest(folders)

    def close(self) -> None:
        """See `Reader.close`."""
        self._rest(())

    def _rest(self, folders: Sequence[Folder]) -> None:
        """Make durable what was read, remember it, then put the manifests, inner ones first."""
        started = time.monotonic()
        self._batch.sync()
        self._rows += [(folder.path, row) for folder in folders if (row := folder.row_so_far())]
        super().close()
        manifests, self._manifests = self._manifests, {}
        for height in sorted(manifests):
            for listing in manifests[height]:
                if listing.size_bytes < SMALL_BYTES:
                    data = listing.read()
                    self._batch.put_known(blake3(data).digest(), data)
                else:
                    self._batch.put_open(listing.fileno())
            self._batch.sync()
        now = time.monotonic()
        self._due_s = now + max(_PAUSE_S, _PAUSE_SHARE * (now - started))
