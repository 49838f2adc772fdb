"""Reads every object, and says which data a damaged or missing one affects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mlx.errors import CorruptError, CorruptObjectError, ObjectNotFoundError

from .manifest import FOLDER, LINK, Entry, Manifest
from .progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mlx.digest import Digest
    from jupyter_mlx.store.base import ObjectStore

    from .progress import Progress
    from .version import Version


@dataclass(frozen=True, slots=True)
class Fault:
    """One object that is not what it should be."""

    digest: str
    paths: tuple[str, ...]
    """The data that needs it; empty where no pointer does."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found."""

    checked: int
    """Objects that were read."""
    corrupt: tuple[Fault, ...]
    missing: tuple[Fault, ...]

    def __bool__(self) -> bool:
        """Whether all is well."""
        return not (self.corrupt or self.missing)


def verify(
    store: ObjectStore, versions: Iterable[Version], *, everything: bool, progress: Progress = SILENT
) -> Verdict:
    """Read all objects of these versions; with `everything`, all of the store besides."""
    needed, bad = _needed(store, versions)
    digests = set(needed)
    if everything:
        digests |= set(store.digests())
    progress.total(len(digests), 0)
    found: dict[str, dict[Digest, None]] = {"corrupt": {}, "missing": {}}
    for digest in sorted(digests):
        try:
            store.check(digest)
        except CorruptObjectError:
            found["corrupt"][digest] = None
        except ObjectNotFoundError:
            found["missing"][digest] = None
        progress.advance(1, 0)
    found["corrupt"].update(dict.fromkeys(bad))
    corrupt, missing = (
        tuple(Fault(str(digest), tuple(sorted(needed.get(digest, ())))) for digest in sorted(found[kind]))
        for kind in ("corrupt", "missing")
    )
    return Verdict(len(digests), corrupt, missing)


def _needed(store: ObjectStore, versions: Iterable[Version]) -> tuple[dict[Digest, set[str]], set[Digest]]:
    """Every object that the versions need, with the paths; and manifests that list nonsense."""
    needed: dict[Digest, set[str]] = {}
    bad: set[Digest] = set()

    def walk(path: str, entry: Entry) -> None:
        if entry.kind == LINK:
            return
        needed.setdefault(entry.of, set()).add(path)
        if entry.kind != FOLDER:
            return
        try:
            inner = Manifest.decode(store.get(entry.of)).entries
        except ObjectNotFoundError:
            return  # told when it is read itself
        except CorruptError:
            bad.add(entry.of)
            return
        for each in inner:
            walk(f"{path}/{each.name.decode('utf-8', 'surrogateescape')}", each)

    for version in versions:
        walk(version.path, version.entry())
    return needed, bad
