"""Files that are too large to be copied for each point: copied once a sweep, and given to points as hard links.

So no point reaches the project's own file, whatever it does and whoever it is.
A point that writes to a shared file is found out by the file's times, and
points that begin afterwards share another copy.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from jupyter_mlx.errors import ExecutionError
from jupyter_mlx.store.copying import clone, copy_range

MIB = 1 << 20
_STRIDE_BYTES = 1 << 30

Mark: TypeAlias = tuple[int, int, int]
"""Of a file's state: inode, size, time of the last change."""


class SharedFileChangedError(ExecutionError):
    """A point wrote to a file that others read at the same time."""

    code = "shared-file-changed"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"it, or a point beside it, changed {self.path}, a large file that points share (the project's own "
            "is as it was); let the notebook write elsewhere, or read a copy that it makes"
        )


@dataclass(frozen=True, slots=True)
class Lent:
    """A shared copy, as points are given it."""

    path: str
    """In the project."""
    copy: Path
    mark: Mark
    of: Mark
    """The state of the project's file that it is a copy of."""


@dataclass(slots=True)
class Shared:
    """The shared files of a sweep. Used by one thread."""

    folder: Path
    largest_bytes: int = 64 * MIB
    """A larger file is shared,"""
    together_bytes: int = 256 * MIB
    """and so are the largest ones where all are more than this."""
    _lent: dict[str, Lent] = field(default_factory=dict)
    _made: int = 0

    def lays(self, files: Iterable[tuple[int, str, Path]], folder: Path) -> list[Lent]:
        """Lay files (size, path in the project, where it is) into a place; return those that are shared."""
        lent, copied = [], 0
        for size, path, source in sorted(files):
            target = folder / path
            try:
                if size <= self.largest_bytes and copied + size <= self.together_bytes:
                    copy(source, target)
                    copied += size
                elif not copy(source, target, only_clone=True):
                    lent += self._lend(path, source, target)
            except (FileNotFoundError, PermissionError):
                # gone meanwhile, or not for us to read: nor for the notebook
                continue
        return lent

    def _lend(self, path: str, source: Path, target: Path) -> list[Lent]:
        known = self._lent.get(path)
        now = mark(source)
        if known is None or known.of != now or mark(known.copy) != known.mark:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._made += 1
            made = self.folder / str(self._made)
            copy(source, made)
            known = self._lent[path] = Lent(path, made, mark(made), now)
        try:
            target.hardlink_to(known.copy)
        except OSError:
            # a disk without hard links
            copy(source, target)
            return []
        return [known]


def check(lent: Iterable[Lent]) -> None:
    """Make sure that shared files are as they were given.

    Raises:
        SharedFileChangedError: one is not.
    """
    for each in lent:
        if mark(each.copy) != each.mark:
            raise SharedFileChangedError(each.path)


def mark(path: Path) -> Mark:
    """The state of a file; a further link to it is no change."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def copy(source: Path, target: Path, *, only_clone: bool = False) -> bool:
    """Make a new file of the same bytes, times and permissions, which shares blocks where the disk can.

    With `only_clone`, where it cannot there is no file, and the answer is no. Raises OSError.
    """
    given = os.open(source, os.O_RDONLY)
    try:
        made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            if not clone(given, made):
                if only_clone:
                    target.unlink()
                    return False
                at = 0
                while count := copy_range(given, at, _STRIDE_BYTES, made, at):
                    at += count
            found = os.fstat(given)
            os.fchmod(made, found.st_mode & 0o7777)
            os.utime(made, ns=(found.st_atime_ns, found.st_mtime_ns))
        finally:
            os.close(made)
    finally:
        os.close(given)
    return True
