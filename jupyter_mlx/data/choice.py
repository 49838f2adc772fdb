"""Which tracked data the paths that a person typed mean."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from jupyter_mlx.errors import ConflictError, NotFoundError, UsageError

from . import ignore, paths, tracked
from .pointer import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from pathlib import Path

    from .parts import Part
    from .version import Version


class NestedDataError(ConflictError):
    """A folder that holds tracked data can't be tracked as a whole as well."""

    code = "nested-data"

    def __init__(self, path: str, inner: str) -> None:
        super().__init__(path, inner)
        self.path, self.inner = path, inner

    def __str__(self) -> str:
        return (
            f"{self.path} holds {self.inner}, which is tracked by itself; `jmlx remove {self.inner}` first, "
            "or add the rest alone"
        )


class NoMatchError(NotFoundError):
    """No path fits a pattern."""

    code = "no-match"

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.pattern = pattern

    def __str__(self) -> str:
        return (
            f"no data fits {self.pattern!r}; quote the pattern so that the shell leaves it alone, "
            "`**` stands for any folders"
        )


class NotInVersionError(NotFoundError):
    """A tracked folder has no such path in that version."""

    code = "not-in-version"

    def __init__(self, path: str, home: str, where: str) -> None:
        super().__init__(path, home, where)
        self.path, self.home, self.where = path, home, where

    def __str__(self) -> str:
        when = f"at {self.where}" if self.where else "as its pointer says"
        return (
            f"{self.path} is not in {self.home} {when}; `jmlx log {self.path}` lists the versions that have it, "
            "`jmlx add` takes in what is new"
        )


class InnerPathError(UsageError):
    """A path in tracked data was named where only the whole can be."""

    code = "inner-path"

    def __init__(self, path: str, home: str) -> None:
        super().__init__(path, home)
        self.path, self.home = path, home

    def __str__(self) -> str:
        return (
            f"{self.path} is a part of {self.home}, which is tracked as a whole; to have a version without it, "
            f"delete it and `jmlx add {self.path}`"
        )


def home_of(root: Path, path: str) -> str | None:
    """The tracked data that `path` lies in; None where it lies in none."""
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return next((folder for folder in above if tracked.pointer_at(root, folder)), None)


def glob(root: Path, folder: Path, pattern: str) -> list[Path]:
    """The paths below `folder` that fit `pattern`: no pointers, nothing excluded, nothing inside another match.

    Raises:
        NoMatchError: there are none.
    """
    from functools import cache
    from glob import glob as expanded

    find = cache(ignore.rules_in)
    found: dict[Path, None] = {}
    for name in sorted(expanded(pattern, root_dir=folder, recursive=True)):  # noqa: PTH207 (knows hidden files)
        path = folder / name.rstrip("/")
        if not name.endswith(SUFFIX) and found.keys().isdisjoint(path.parents):
            with contextlib.suppress(ignore.ExcludedPathError, paths.BadPathError):
                ignore.require_included(root, paths.relative(root, path), find)
                found[path] = None
    if not found:
        raise NoMatchError(pattern)
    return list(found)


def to_add(root: Path, given: Path | str) -> tuple[str, str | None]:
    """What is to be tracked, and the tracked data that it is a part of.

    Raises:
        BadPathError, NoSuchPathError: it can't be tracked.
        NestedDataError: it holds data that is tracked by itself.
        ExcludedPathError: a `.mlxignore` keeps it out.
    """
    path = paths.relative(root, given)
    if path.endswith(SUFFIX) and tracked.pointer_at(root, path.removesuffix(SUFFIX)):
        path = path.removesuffix(SUFFIX)
    home, full = home_of(root, path), root / path
    there = os.path.lexists(full)
    if not there and home is None:
        raise paths.NoSuchPathError(path)
    if there:
        ignore.require_included(root, path)
    if home is None and full.is_dir():
        inner = next((v.path for v in tracked.pointers(root) if v.path.startswith(f"{path}/")), None)
        if inner:
            raise NestedDataError(path, inner)
    return path, home


def select(
    root: Path, versions: list[Version], given: Sequence[Path | str], where: str, part: Part
) -> list[Version]:
    """Those of `versions` at or below the paths; of a path in tracked data, the version of that part.

    Raises:
        NotTrackedError: nothing tracked is at one of the paths; `where` says when.
        NotInVersionError: the data that it is in has no such path.
    """
    found: dict[str, Version] = {}
    for each in given:
        if os.path.normpath(root / each) == os.path.normpath(root):
            found.update({version.path: version for version in versions})
            continue
        path = paths.relative(root, each)
        wanted = {path, path.removesuffix(SUFFIX)}
        some = [v for v in versions if v.path in wanted or v.path.startswith(f"{path}/")]
        home = next((v for v in versions if path.startswith(f"{v.path}/")), None)
        if not some and home is not None:
            inner = part(home, path[len(home.path) + 1 :])
            if inner is None:
                raise NotInVersionError(path, home.path, where)
            some = [inner]
        if not some:
            raise paths.NotTrackedError(path, where)
        found.update({version.path: version for version in some})
    return [version for path, version in found.items() if not _has_outer(found, path)]


def _has_outer(found: Container[str], path: str) -> bool:
    while "/" in path:
        path = path.rpartition("/")[0]
        if path in found:
            return True
    return False


def around(root: Path, versions: list[Version], given: Sequence[Path | str]) -> list[Version]:
    """The tracked data that paths are in, or that is in them."""
    wanted = [paths.relative(root, each) for each in given]
    return [
        version
        for version in versions
        if any(
            f"{path}/".startswith(f"{version.path}/") or version.path.startswith(f"{path}/")
            for path in wanted
        )
    ]
