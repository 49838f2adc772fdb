"""A pack written anew without what nothing needs; the old one goes when the new one is durable."""

# Paths are strings here, as in `files`.
# ruff: noqa: PTH108, PTH118

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError

from . import frames, index_upkeep
from .files import inherit_access, make_folder, sync_data, sync_folder, write_all
from .pack_rows import PackRows
from .packs import new_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from .pack_rows import Found
    from .packs import PackIndex

    Needed = Callable[[list[bytes]], set[bytes]]
    """Those of some digests that must stay wherever they are."""

_BLOCK_BYTES = 8 << 20
_UNKNOWN_TOGETHER = 10_000


def rewrite(index: PackIndex, folder: str, name: str, needed: Needed, *, gone_bytes: int) -> int | None:
    """Write the pack `name` anew with what the index names in it; how many bytes that freed.

    `gone_bytes` of it are frames that were just taken out of the index. Readers
    that have the old one open finish with it. None where a writer holds the pack,
    or it is gone.

    Raises:
        AccessError: the disk refused; the old pack is as it was.
    """
    path = os.path.join(folder, name)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        before = os.fstat(fd)
        if not before.st_nlink:
            return None
        kept = _kept(index, fd, name, before.st_size, needed, gone_bytes)
        copy = _Copy(folder)
        try:
            copy.fill(fd, kept)
        except BaseException:
            copy.abandon()
            raise
        if copy.name:  # it is as old as the old one: a gc may well look again before long
            os.utime(os.path.join(folder, copy.name), ns=(before.st_atime_ns, before.st_mtime_ns))
        index_upkeep.replace(index, name, copy.name, copy.moved, copy.size)
        os.unlink(path)
        return before.st_size - copy.size
    except BlockingIOError:
        return None
    except OSError as error:
        raise AccessError.of(error, path) from None
    finally:
        os.close(fd)


def _kept(index: PackIndex, fd: int, name: str, size: int, needed: Needed, gone_bytes: int) -> PackRows:
    """What stays."""
    here = index_upkeep.rows(index, name)
    filled = sum(here.lengths) + frames.FRAME_BYTES * len(here)
    if len(frames.HEADER) + filled + gone_bytes == size and all(_stands(fd, row) for row in here.in_order()):
        return here  # every byte is accounted for
    expected = here.in_order()
    row = next(expected, None)
    kept = PackRows()
    unknown: list[Found] = []
    for frame in frames.scan(fd, 0, size):
        found = frame.digest, frame.offset, frame.stored, frame.encoding
        while row is not None and row[1] < frame.offset:
            row = next(expected, None)
        if row is not None and row[:2] == found[:2]:
            kept.add(*found)
        elif frame.whole:
            unknown.append(found)
        if len(unknown) >= _UNKNOWN_TOGETHER:
            _keep_needed(index, kept, unknown, needed)
            unknown = []
    _keep_needed(index, kept, unknown, needed)
    return kept


def _keep_needed(index: PackIndex, kept: PackRows, unknown: list[Found], needed: Needed) -> None:
    """What the index does not name is needed all the same where it stands nowhere else."""
    wanted = needed([found[0] for found in unknown])
    wanted -= index.present(wanted)
    for found in unknown:
        if found[0] in wanted:
            kept.add(*found)


def _stands(fd: int, row: Found) -> bool:
    """Whether a frame is where the index says: the index alone is not believed before something goes."""
    return frames.stands(os.pread(fd, frames.FRAME_BYTES, row[1] - frames.FRAME_BYTES), row[0], row[2])


class _Copy:
    """The new pack."""

    def __init__(self, folder: str) -> None:
        self._folder, self.name, self.size = folder, "", 0
        self.moved = PackRows()

    def fill(self, source: int, kept: PackRows) -> None:
        """Copy these frames as they are and make them durable; without any there is no new pack."""
        if not len(kept):
            return
        make_folder(self._folder)
        self.name = new_name()
        path = os.path.join(self._folder, self.name)
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            inherit_access(path, self._folder)
            fcntl.flock(fd, fcntl.LOCK_EX)  # so that nobody takes it for one that a crash has torn
            write_all(fd, frames.HEADER)
            self.size = len(frames.HEADER)
            start = end = 0
            for digest, offset, stored, encoding in kept.in_order():
                begin = offset - frames.FRAME_BYTES
                if begin != end or end - start > _BLOCK_BYTES:
                    _copy(source, fd, start, end)
                    start = begin
                end = offset + stored
                self.size += frames.FRAME_BYTES + stored
                self.moved.add(digest, self.size - stored, stored, encoding)
            _copy(source, fd, start, end)
            sync_data(fd)
            sync_folder(self._folder)
        finally:
            os.close(fd)

    def abandon(self) -> None:
        """Take it back."""
        if self.name:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._folder, self.name))


def _copy(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        data = os.pread(source, min(_BLOCK_BYTES, end - start), start)
        if not data:
            raise OSError(0, "the pack is shorter than its index says")
        write_all(target, data)
        start += len(data)
