"""How a file of the work tree may be connected to the store, and where a symbolic link may lead."""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH118

from __future__ import annotations

import os
from enum import Enum


class Link(Enum):
    """How `checkout` makes a file of 1 MiB or more; smaller ones are always copied.

    Hard and symbolic links share the store's own bytes, and are read-only for
    that reason; `jmlx unprotect` makes one a file of its own again.
    """

    AUTO = "auto"
    """A reflink where the file system has them, else a copy: the two that can't harm the store."""
    REFLINK = "reflink"
    HARDLINK = "hardlink"
    SYMLINK = "symlink"
    COPY = "copy"


_STATE = {b".git", b".mlx"}


def is_inner(folder: bytes, target: bytes) -> bool:
    """Whether a link that stands in `folder`, relative to the project, stays in the project's data."""
    if target.startswith(b"/") or b"\x00" in target:
        return False
    reached = os.path.normpath(os.path.join(folder, target)).split(b"/")
    return reached[0] not in {b"..", *_STATE}


def stored_name(objects: bytes, folder: bytes, target: bytes) -> str | None:
    """The 64 hex digits of the object that a link in `folder` leads to; None where it leads elsewhere.

    `objects` and `folder` are absolute.
    """
    reached = os.path.normpath(os.path.join(folder, target))
    if not reached.startswith(objects + b"/"):
        return None
    name = reached[len(objects) :].replace(b"/", b"").decode("ascii", "replace")
    return name if len(name) == 64 else None
