"""A store that several projects and people on one machine use.

Each project says in `.mlx/local.yaml` where it is, and is entered in its folder
`projects/`, so that `gc` knows whose data it must keep.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from .digest import Digest
from .errors import AccessError, ConflictError, NotFoundError
from .store.files import inherit_access, write_atomically
from .store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

STATE = ".mlx"
_GROUP = stat.S_ISGID | stat.S_IRWXU | stat.S_IRWXG


class StoreNotThereError(NotFoundError):
    """The store that `.mlx/local.yaml` names is not there."""

    code = "store-not-there"

    def __init__(self, store: str) -> None:
        super().__init__(store)
        self.store = store

    def __str__(self) -> str:
        return (
            f"the store {self.store} of .mlx/local.yaml is not there; mount its disk, or name another by "
            "`jmlx init --store FOLDER`"
        )


class StoreInUseError(ConflictError):
    """The project has objects in a store of its own."""

    code = "store-in-use"

    def __init__(self, store: str) -> None:
        super().__init__(store)
        self.store = store

    def __str__(self) -> str:
        return (
            f"this project has its data in {self.store}; `jmlx push` it to a remote, and begin in a fresh clone: "
            "`jmlx init --store FOLDER`, `jmlx pull`"
        )


def open_store(root: Path) -> LocalStore:
    """The store of the project at `root`: its own, or the one that `.mlx/local.yaml` names.

    Raises:
        StoreNotThereError: that one is not there: perhaps its disk is not mounted.
    """
    state = root / STATE
    folder = None
    if (state / "local.yaml").exists():
        from .config.machine import store_here

        folder = store_here(root)
    if folder is None:
        return LocalStore.open(state / "store", state / "tmp")
    if not (folder / "format").exists():
        raise StoreNotThereError(str(folder))
    with contextlib.suppress(AccessError):  # a store that can't be written is still read
        _enter(root, folder)
    return LocalStore.open(folder, folder / "tmp")


def share(root: Path, folder: Path, *, group: bool) -> None:
    """Have the project at `root` keep its objects in the store at `folder`, which is made if need be.

    With `group`, a new one is for all of the folder's group to write to.

    Raises:
        StoreInUseError: the project has objects elsewhere.
        AccessError: something can't be written.
    """
    from .config.machine import set_store, store_here

    own = root / STATE / "store"
    before = store_here(root)
    if before not in {None, folder} or (own / "format").exists():
        raise StoreInUseError(str(before or own))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if group and not (folder / "format").exists():
            folder.chmod(_GROUP | (folder.stat().st_mode & 0o005))
    except OSError as error:
        raise AccessError.of(error, error.filename or folder) from error
    LocalStore.open(folder, folder / "tmp").create()
    _enter(root, folder)
    set_store(root, folder)


def projects(store: Path) -> Iterator[Path]:
    """The folders of the projects that use a store; none where it is a project's own."""
    for entry in sorted((store / "projects").glob("*")):
        yield Path(os.fsdecode(entry.read_bytes().rstrip(b"\n")))


def forget(store: Path, project: Path) -> bool:
    """Take a project that is gone out of the list; whether it was in it."""
    try:
        _entry(store, project).unlink()
    except FileNotFoundError:
        return False
    return True


def _enter(root: Path, store: Path) -> None:
    entry = _entry(store, root)
    if not entry.exists():
        from .store.files import make_folder

        make_folder(str(entry.parent))
        write_atomically(str(entry), os.fsencode(root) + b"\n", str(store / "tmp"))
        inherit_access(str(entry), str(entry.parent))


def _entry(store: Path, project: Path) -> Path:
    return store / "projects" / Digest.of(os.fsencode(project)).short
