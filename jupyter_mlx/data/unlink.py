"""Gives files that share the store's bytes bytes of their own, to be edited."""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH104

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError
from jupyter_mlx.store.copying import hash_copy
from jupyter_mlx.store.files import temp_file, umask

if TYPE_CHECKING:
    from pathlib import Path


def unprotect(full: Path, objects: Path, temp: Path) -> int:
    """Replace each link to the store at or below `full` by a writable copy; how many there were.

    Raises:
        AccessError: one can't be written.
    """
    paths = [full]
    if full.is_dir() and not full.is_symlink():
        paths = [inner for inner in sorted(full.rglob("*")) if inner.is_symlink() or inner.is_file()]
    return sum(_own(path, objects, temp) for path in paths)


def _own(path: Path, objects: Path, temp: Path) -> bool:
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            if not path.resolve().is_relative_to(objects.resolve()):
                return False
        elif not stat.S_ISREG(found.st_mode) or (found.st_nlink < 2 and found.st_mode & 0o200):
            return False
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with temp_file(str(temp), str(path)) as (name, fd):
                hash_copy(source, fd)
                os.fchmod(fd, 0o666 & ~umask())
                os.rename(name, path)
        finally:
            os.close(source)
    except OSError as error:
        raise AccessError.of(error, path) from None
    return True
