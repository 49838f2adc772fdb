"""How tracked data stands against its pointers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from jupyter_mlx.errors import ObjectNotFoundError

from .manifest import FOLDER, PROGRAM, Entry, paired

if TYPE_CHECKING:
    from .contents import Contents
    from .version import Version
    from .worktree import WorkTree

State: TypeAlias = Literal["unchanged", "modified", "missing", "not-in-store", "partial"]


@dataclass(frozen=True, slots=True)
class PathState:
    """How tracked data stands."""

    path: str
    state: State
    """Against its pointer; `not-in-store`: unchanged, but nothing could bring it back.

    `partial`: only parts of the folder were ever fetched, and those in the work tree are unchanged.
    """


def state_of(tree: WorkTree, contents: Contents, version: Version) -> State:
    """How one version stands."""
    entry = tree.look(version.path)
    if entry is None:
        return "missing"
    then = version.entry(entry.name)
    whole = tree.store.has(version.digest)
    if entry.digest == then.digest and (entry.kind == FOLDER) == (then.kind == FOLDER):
        if version.executable is not None and (entry.kind == PROGRAM) != version.executable:
            return "modified"
        # a store that holds a manifest holds all that it names
        return "unchanged" if whole else "not-in-store"
    if entry.kind != FOLDER or then.kind != FOLDER or whole:
        return "modified"
    _, contents.unsaved = tree.listed(version.path)
    return "partial" if _agrees(tree, contents, entry, then) else "modified"


def _agrees(tree: WorkTree, contents: Contents, now: Entry, then: Entry) -> bool:
    """Whether all that is in the work tree is as in a version; what is missing was not fetched."""
    if (now.kind, now.digest) == (then.kind, then.digest):
        return True
    if now.kind != FOLDER or then.kind != FOLDER or tree.store.has(then.of):
        return False
    try:
        named = contents.listing(then)
    except ObjectNotFoundError:
        return False
    return all(
        here is None or (there is not None and _agrees(tree, contents, here, there))
        for _, here, there in paired(contents.listing(now).entries, named.entries)
    )
