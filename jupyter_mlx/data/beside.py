"""Versions put into a folder of their own, beside the work tree, which is left as it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError, ConflictError

from . import choice, paths, tracked
from .checkout import Checkout
from .progress import SILENT
from .scan import StatCache
from .worktree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .checkout import Change
    from .contents import Contents
    from .links import Link
    from .progress import Progress
    from .version import Version


class TargetNotEmptyError(ConflictError):
    """The folder that data should be put into holds something."""

    code = "target-not-empty"

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"{self.folder} is not an empty folder; name a new one, so that nothing in it is mixed up"


class _NoCache(StatCache):
    """What is written outside the project is not remembered: its paths are not the project's."""

    def _run(self, work: object) -> None:
        del work


def require_target(root: Path, target: Path) -> None:
    """Refuse a folder that has content, or that belongs to tracked data, to git or to the store.

    Raises:
        TargetNotEmptyError, BadPathError: it is such a folder.
        AccessError: it can't be looked into.
    """
    try:
        if os.path.lexists(target) and (not target.is_dir() or any(target.iterdir())):
            raise TargetNotEmptyError(str(target))
    except OSError as error:
        raise AccessError.of(error, target) from None
    full = target.resolve()
    if full.is_relative_to(root.resolve()):
        inner = paths.relative(root.resolve(), full)
        home = inner if tracked.pointer_at(root, inner) else choice.home_of(root, inner)
        if home is not None:
            raise paths.BadPathError(inner, f"is in {home}, which is tracked; name a folder beside it")


def checkout_beside(
    tree: WorkTree,
    contents: Contents,
    versions: Sequence[Version],
    target: Path,
    *,
    link: Link,
    progress: Progress = SILENT,
) -> list[Change]:
    """Put these versions into the folder `target`, each at its path of the project.

    Raises:
        TargetNotEmptyError, BadPathError: see `require_target`.
        ObjectNotFoundError, CorruptObjectError: an object is not here, or damaged.
        AccessError: the folder can't be written.
    """
    require_target(tree.root, target)
    beside = WorkTree(target, tree.store, tree.temp.parent)
    beside.cache = _NoCache(Path(os.devnull))
    plans = []
    for version in versions:
        work = Checkout(beside, contents, link=link, progress=progress)
        plans.append((work, work.plan(version.path, version), version.path))
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AccessError.of(error, target) from None
    return [work.apply(steps, path) for work, steps, path in plans]
