"""Which paths of a project may hold data, and how they are written."""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH118

from __future__ import annotations

import os
from pathlib import Path

from jupyter_mlx.errors import NotFoundError, UsageError

from .manifest import is_safe

RESERVED = frozenset({".git", ".mlx"})


class BadPathError(UsageError):
    """A path can't hold data."""

    code = "bad-path"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path} {self.problem}"


class NoSuchPathError(NotFoundError):
    """Nothing is at this path."""

    code = "no-such-path"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path} does not exist; check the spelling, or `jmlx checkout {self.path}` if it is tracked"
        )


class NotTrackedError(NotFoundError):
    """No pointer names this path."""

    code = "not-tracked"

    def __init__(self, path: str, where: str = "") -> None:
        super().__init__(path, where)
        self.path, self.where = path, where

    def __str__(self) -> str:
        place = f" at {self.where}" if self.where else ""
        return f"{self.path} is not tracked{place}; `jmlx add {self.path}` tracks it, `jmlx status` lists what is"


def relative(root: Path, path: Path | str) -> str:
    """`path`, absolute or relative to the project, as the project writes it.

    Raises:
        BadPathError: it is the project itself, leaves it, or is not for data.
    """
    full = os.path.normpath(os.path.join(root, path))
    inner = os.path.relpath(full, root)
    told = str(path)
    if "\x00" in inner or "\n.." in inner:
        raise BadPathError(repr(told), "is no path")
    parts = Path(inner).parts
    if inner == ".":
        raise BadPathError(told, "is the project itself; name a file or folder in it")
    if parts[0] == "..":
        raise BadPathError(told, f"is outside the project ({root}); move or copy it into the project first")
    if parts[0] in RESERVED:
        raise BadPathError(told, f"is in {parts[0]}/, which is not for data")
    if not all(is_safe(os.fsencode(part)) for part in parts):
        raise BadPathError(
            told, "has a part that is refused in data (`.git`, `.mlx`, a backslash, a drive letter)"
        )
    return "/".join(parts)


def require_inside(root: Path, path: str) -> None:
    """Refuse a path whose folders, followed through links, leave the project.

    Raises:
        BadPathError: they do.
    """
    folder, parts = (root / path).parent, path.split("/")
    ways = ("/".join((str(root), *parts[:count])) for count in range(1, len(parts) + 1))
    if "" not in parts and ".." not in parts and not any(map(os.path.islink, ways)):
        # without a link it leads nowhere else; a pipeline asks this some times a stage
        return
    if not folder.resolve().is_relative_to(root.resolve()):
        raise BadPathError(path, f"lies behind a link that leaves the project (in {folder.resolve()})")
    full = root / path
    if full.is_symlink() and full.is_dir() and not full.resolve().is_relative_to(root.resolve()):
        raise BadPathError(path, "is a link to a folder outside the project; put the data itself there")
