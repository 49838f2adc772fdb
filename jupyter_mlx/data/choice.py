"""Which tracked data the paths that a person typed mean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_mlx.errors import ConflictError

from . import ignore, paths, tracked
from .pointer import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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


def to_add(root: Path, given: Path | str) -> str:
    """What is to be tracked: the path itself, or the tracked data that it is in.

    Raises:
        BadPathError, NoSuchPathError: it can't be tracked.
        NestedDataError: it holds data that is tracked by itself.
        ExcludedPathError: a `.mlxignore` keeps it out.
    """
    path = paths.relative(root, given)
    if path.endswith(SUFFIX) and tracked.pointer_at(root, path.removesuffix(SUFFIX)):
        path = path.removesuffix(SUFFIX)
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    path = next((folder for folder in above if (root / f"{folder}{SUFFIX}").exists()), path)
    full = root / path
    if not os.path.lexists(full):
        raise paths.NoSuchPathError(path)
    ignore.require_included(root, path)
    if full.is_dir():
        inner = next((v.path for v in tracked.pointers(root) if v.path.startswith(f"{path}/")), None)
        if inner:
            raise NestedDataError(path, inner)
    return path


def select(root: Path, versions: list[Version], given: Sequence[Path | str], where: str) -> list[Version]:
    """Those of `versions` at or below the paths; of a path in tracked data, that data.

    Raises:
        NotTrackedError: nothing tracked is at one of the paths; `where` says when.
    """
    found: dict[str, Version] = {}
    for each in given:
        if os.path.normpath(root / each) == os.path.normpath(root):
            found.update({version.path: version for version in versions})
            continue
        path = paths.relative(root, each)
        wanted = {path, path.removesuffix(SUFFIX)}
        some = [v for v in versions if v.path in wanted or v.path.startswith(f"{path}/")]
        some = some or [v for v in versions if path.startswith(f"{v.path}/")]
        if not some:
            raise paths.NotTrackedError(path, where)
        found.update({version.path: version for version in some})
    return list(found.values())
