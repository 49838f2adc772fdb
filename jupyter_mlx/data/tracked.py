"""Which data a project tracks: the pointers of its work tree, or of a git revision."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError

from .pointer import SUFFIX, Pointer, is_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .version import Version

NOT_ENTERED = frozenset({".git", ".mlx", ".ipynb_checkpoints", "__pycache__", "node_modules", ".venv"})
"""Folders in which no data is looked for."""


def pointers(root: Path, *, strict: bool = False) -> list[Version]:
    """What the pointers of the work tree say, by path.

    Folders that can't be listed are passed over, but not where this is `strict`.

    Raises:
        ConfigError: a pointer is malformed.
        AccessError: one can't be read, or a folder with `strict`.
    """
    found = [
        Pointer.read(root / f"{path}{SUFFIX}", f"{path}{SUFFIX}").version(path)
        for path in _walk(str(root), strict=strict)
    ]
    return sorted(found, key=lambda version: version.path)


def pointer_at(root: Path, path: str) -> Version | None:
    """What the pointer of `path` says; None where there is none.

    Raises:
        ConfigError: it is malformed.
    """
    file = root / f"{path}{SUFFIX}"
    if not file.is_file() or not is_pointer(str(file)):
        return None
    return Pointer.read(file, f"{path}{SUFFIX}").version(path)


def _walk(root: str, *, strict: bool) -> Iterator[str]:
    """The tracked paths of a project; what is itself tracked is not entered."""
    waiting = [""]
    while waiting:
        inner = waiting.pop()
        folder = f"{root}/{inner}"
        try:
            names, folders = _look(folder, strict=strict)
        except OSError as error:
            if strict:
                raise AccessError.of(error, folder) from None
            continue  # a folder that can't be listed holds no pointers that could be read
        yield from (inner + name for name in names)
        waiting += [
            f"{inner}{name}/"
            for name in folders
            if name not in names and not Path(folder, name, "pyvenv.cfg").exists()
        ]


def _look(folder: str, *, strict: bool) -> tuple[set[str], list[str]]:
    """What the pointers of one folder are beside, and the folders in it."""
    names: set[str] = set()
    folders: list[str] = []
    with os.scandir(folder) as listing:
        for item in listing:
            if item.name.endswith(SUFFIX) and item.name != SUFFIX:
                if item.is_file() and (
                    is_pointer(item.path) or (strict and not os.access(item.path, os.R_OK))
                ):
                    names.add(item.name.removesuffix(SUFFIX))
            elif item.name not in NOT_ENTERED and item.is_dir(follow_symlinks=False):
                folders.append(item.name)
    return names, folders
