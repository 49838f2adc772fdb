"""Checkpoints of a notebook's execution: what a kernel holds between two cells, so that another one can go on there.

One is a description, with the variables in a file beside it, with the key of a
copy of the process that sleeps (`making.Copier`), or with both. They are made in
the kernel, by `making`; here is what is known of them outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from blake3 import blake3

FORMAT: Final = 1
COPY: Final = ".copy"
MEMORY: Final = ".memory"


class Checkpoint(msgspec.Struct, frozen=True):
    """What is known of the session after some cells; the variables are in a file beside it."""

    format: int
    cells: tuple[str, ...]
    """The digests of the cells that were executed, in order, the parameters' included."""
    left: dict[str, str]
    """The variables that are not kept, each with the reason."""
    names: tuple[str, ...]
    signature: str
    """Of the variables' file; empty where there is none, but a copy of the process."""
    size_bytes: int
    modules: tuple[str, ...]
    """In the order of their import."""
    surroundings: dict[str, str]
    environment: dict[str, str | None]
    """The variables that the cells have set, or with None removed."""
    path: tuple[str, ...]
    """Of Python's modules."""
    folder: str
    files: dict[str, tuple[str, int]]
    """Below the stage's outputs: path → digest and size."""
    folders: tuple[str, ...]
    count: int
    """Of the executions."""


def digest(source: str) -> str:
    """The digest of a cell's text."""
    return blake3(source.encode("utf-8", "surrogatepass")).hexdigest(16)


# -- outside of the kernel -----------------------------------------------------------------------


def found(folder: Path) -> Iterator[tuple[Path, Checkpoint]]:
    """The checkpoints of a folder, the last one first; damaged ones are passed over."""
    for path in sorted(folder.glob("*.json"), reverse=True):
        with suppress(OSError, msgspec.DecodeError):
            read = msgspec.json.decode(path.read_bytes(), type=Checkpoint)
            if read.format == FORMAT:
                yield path, read


def copy_of(path: Path) -> str:
    """The key of the copy that belongs to a checkpoint's file, empty where there is none."""
    with suppress(OSError):
        return path.with_suffix(COPY).read_text("ascii")
    return ""


def remove(path: Path, end: Callable[[str], None]) -> None:
    """Remove a checkpoint, and `end` its copy."""
    if key := copy_of(path):
        end(key)
    for suffix in (COPY, MEMORY, path.suffix):
        path.with_suffix(suffix).unlink(missing_ok=True)
