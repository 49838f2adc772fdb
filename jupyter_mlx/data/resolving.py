"""Pointers that two people changed: merged into one, or left as a conflict that names the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mlx.errors import NotFoundError

from . import git, paths
from .merging import Clash, Merge, Side
from .pointer import SUFFIX, Pointer
from .version import Version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jupyter_mlx.store.base import ObjectStore

    from .contents import Contents, Remote
    from .partial import Partial

_SHOWN = 20
_OURS, _THEIRS = b"2", b"3"


class NoConflictError(NotFoundError):
    """One side of a conflict was asked for where git knows of none."""

    code = "no-conflict"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"git knows of no conflict about {self.path}{SUFFIX}; `git checkout REVISION -- {self.path}{SUFFIX}` "
            "and `jmlx checkout` bring the version that you want"
        )


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of two versions."""

    ours: Version
    """All that both sides changed, and where that clashes, ours."""
    theirs: Version
    """The same, and where it clashes, theirs."""
    clashes: tuple[Clash, ...]

    def render(self) -> str:
        """The pointer; with clashes, one that git's conflict markers keep from being read."""
        ours, theirs = (Pointer.of(version).render() for version in (self.ours, self.theirs))
        if not self.clashes:
            return ours
        count = len(self.clashes)
        told = [f"# {count} changed on both sides; all else of both is in either half", *self._told()]
        return "\n".join(["<<<<<<< ours", *told, f"{ours}=======", f"{theirs}>>>>>>> theirs", ""])

    def _told(self) -> list[str]:
        lines = [f"#   {clash}".replace("\n", "?")[:120] for clash in self.clashes[:_SHOWN]]
        return lines + [f"#   and {len(self.clashes) - _SHOWN} more"] * (len(self.clashes) > _SHOWN)


class Resolver:
    """Merges versions of one project, keeping the listings that come out."""

    def __init__(self, store: ObjectStore, contents: Contents, partial: Partial) -> None:
        self._store, self._contents, self._partial = store, contents, partial

    def merge(self, base: Version | None, ours: Version, theirs: Version, remote: Remote) -> Merged:
        """Merge two versions that began at `base`; listings that are not here come from `remote`.

        Raises:
            ObjectNotFoundError, CorruptError: a listing is nowhere, or damaged.
        """
        listing = self._contents.through(remote).listing
        first = Merge(listing)
        mine = first.versions(base, ours, theirs)
        second = Merge(listing, "theirs")
        yours = second.versions(base, ours, theirs) if first.clashes else mine
        with self._store.hold():
            for manifest in (*first.made.values(), *second.made.values()):
                self._partial.place(self._store, manifest)
        return Merged(mine, yours, tuple(first.clashes))

    def settle(
        self, root: Path, given: Sequence[Path | str], side: Side, remote: Remote, temp: Path
    ) -> list[Version]:
        """Write the pointers (all, where none are given) that git left in conflict, merged.

        They name all that both sides changed; of the files that clash, those of `side`.

        Raises:
            NoConflictError: git knows of no conflict about one of them.
            ObjectNotFoundError, CorruptObjectError: a listing is nowhere, or damaged.
        """
        chosen = [paths.relative(root, each).removesuffix(SUFFIX) for each in given]
        with self._store.hold():  # until pointers name what was merged
            found = [self._settled(root, path, side, remote) for path in chosen or in_conflict(root)]
            for version in found:
                Pointer.of(version).write(root / f"{version.path}{SUFFIX}", temp)
        return found

    def _settled(self, root: Path, path: str, side: Side, remote: Remote) -> Version:
        stages = _stages(root, path)
        if not {_OURS, _THEIRS} <= stages.keys():
            raise NoConflictError(path)
        merged = self.merge(stages.get(b"1"), stages[_OURS], stages[_THEIRS], remote)
        return merged.ours if side == "ours" else merged.theirs


def in_conflict(root: Path) -> list[str]:
    """The data whose pointers git left in conflict.

    Raises:
        GitError: this is no git repository.
    """
    told = git.run(root, "ls-files", "-u", "-z", "--", f"*{SUFFIX}").split(b"\x00")
    names = {line.partition(b"\t")[2].decode("utf-8", "surrogateescape") for line in told if line}
    return sorted(name.removesuffix(SUFFIX) for name in names)


def _stages(root: Path, path: str) -> dict[bytes, Version]:
    """What the pointer says at the beginning (1), here (2) and there (3)."""
    told = git.run(root, "--literal-pathspecs", "ls-files", "-u", "-z", "--", f"{path}{SUFFIX}")
    facts = [line.partition(b"\t")[0].split(b" ") for line in told.split(b"\x00") if line]
    found = git.blobs(root, [blob.decode() for _, blob, _ in facts])
    return {
        stage: Pointer.parse(data.decode("utf-8", "replace"), f"{path}{SUFFIX}").version(path)
        for (_, _, stage), data in zip(facts, found, strict=True)
        if data is not None
    }
