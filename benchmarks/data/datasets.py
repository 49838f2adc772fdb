"""The data that is versioned: many small files, one large, some of medium size; and the change that makes v2."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SMALL_BYTES = 2048
CHANGED = 100
MEDIUM_FILES = 20
INSERTED = b"x" * 1024
_BLOCK = 4 << 20


@dataclass(frozen=True)
class DataSet:
    """One kind of data."""

    name: str
    title: str
    make: Callable[[Path], None]
    """Writes v1 to a path that does not exist."""
    change: Callable[[Path], None]
    """Makes v2 of it."""


def small(files: int, in_a_folder: int = 1000) -> DataSet:
    """Files of 2 KiB; 100 of them change."""

    def at(folder: Path, number: int) -> Path:
        return folder / f"d{number // in_a_folder:04}" / f"{number}.bin"

    def make(folder: Path) -> None:
        for number in range(files):
            if number % in_a_folder == 0:
                at(folder, number).parent.mkdir(parents=True)
            at(folder, number).write_bytes(os.urandom(SMALL_BYTES))

    def change(folder: Path) -> None:
        for number in range(0, files, max(1, files // CHANGED)):
            at(folder, number).write_bytes(os.urandom(SMALL_BYTES))

    return DataSet("small", f"{files:,} files of {SMALL_BYTES // 1024} KiB", make, change)


def large(mib: int) -> DataSet:
    """One file; 1 KiB is inserted in its middle."""

    def make(path: Path) -> None:
        _fill(path, mib)

    def change(path: Path) -> None:
        beside = path.with_name(path.name + ".new")
        with path.open("rb") as old, beside.open("wb") as new:
            left = path.stat().st_size // 2
            while left:
                left -= new.write(old.read(min(left, _BLOCK)))
            new.write(INSERTED)
            while block := old.read(_BLOCK):
                new.write(block)
        beside.replace(path)

    return DataSet("large", f"one file of {mib:,} MiB", make, change)


def medium(mib: int) -> DataSet:
    """Twenty files; one is written anew."""

    def make(folder: Path) -> None:
        folder.mkdir()
        for number in range(MEDIUM_FILES):
            _fill(folder / f"{number}.bin", mib)

    def change(folder: Path) -> None:
        (folder / "7.bin").unlink()
        _fill(folder / "7.bin", mib)

    return DataSet("medium", f"{MEDIUM_FILES} files of {mib} MiB", make, change)


def _fill(path: Path, mib: int) -> None:
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1 << 20))
