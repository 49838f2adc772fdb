"""Pointers in git's history: what data was at a revision, and the versions that a path had."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from jupyter_mlx.errors import ConfigError, MlxError

from . import git
from .git import BadRevisionError, GitError
from .pointer import OTHERS, SUFFIX, NewerPointerError, Pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from .parts import Part
    from .version import Version

__all__ = ["BadRevisionError", "GitError", "Past", "all_pointers", "contents", "pointers_at", "versions"]

_TOLD = "%H%x1f%ct%x1f%s"


@dataclass(frozen=True, slots=True)
class Past:
    """One version of a path in git's history."""

    commit: str
    at: datetime
    """UTC."""
    subject: str
    version: Version | None
    """None where the path was no longer tracked, its pointer malformed, or a listing on its way not here."""
    problem: str = ""
    """Why the version is not known."""


def pointers_at(root: Path, rev: str) -> list[Version]:
    """What the pointers say at a git revision, by path.

    Raises:
        BadRevisionError: git does not know it.
        ConfigError: a pointer is malformed there.
    """
    listing = git.run(root, "ls-tree", "-r", "-z", git.resolve(root, rev)).split(b"\x00")
    found: list[tuple[str, str]] = []
    for line in listing:
        facts, _, name = line.partition(b"\t")
        path = name.decode("utf-8", "surrogateescape")
        if path.endswith(SUFFIX) and not path.startswith(".mlx/") and facts.split(b" ")[1] == b"blob":
            found.append((path, facts.split(b" ")[2].decode()))
    versions = []
    for (path, _), data in zip(found, git.blobs(root, [blob for _, blob in found]), strict=True):
        if data is not None and not data.startswith(OTHERS):
            pointer = Pointer.parse(data.decode("utf-8", "replace"), f"{rev}:{path}")
            versions.append(pointer.version(path.removesuffix(SUFFIX)))
    return versions


def contents(root: Path, patterns: Sequence[str]) -> Iterator[tuple[str, str, bytes]]:
    """Each content that files had in all that git keeps: commit (empty: staged), path, bytes.

    All branches, tags, remote branches, stashes, and what is staged; also what
    merges left out. `patterns` are git's (`*.mlx`). The same bytes at the same
    path come once, with one of their commits.

    Raises:
        GitError: this is no git repository.
    """
    seen: dict[tuple[str, str], str] = dict.fromkeys(_staged(root, patterns), "")
    if git.run(root, "rev-list", "-n", "1", "--all"):
        for told, path, blob in git.log(root, "%H", patterns, "--all", "--full-history", *_stashes(root)):
            if blob is not None:
                seen.setdefault((path, blob), told.decode())
    yield from _read(root, seen)


def tips(root: Path, patterns: Sequence[str]) -> Iterator[tuple[str, str, bytes]]:
    """`contents` of what branches, tags, remote branches and stashes hold now, and of what is staged.

    Raises:
        GitError: this is no git repository.
    """
    seen: dict[tuple[str, str], str] = dict.fromkeys(_staged(root, patterns), "")
    for commit in {*git.run(root, "rev-list", "--no-walk", "--all").decode().split(), *_stashes(root)}:
        for line in git.run(root, "ls-tree", "-r", "-z", commit).split(b"\x00"):
            facts, _, name = line.partition(b"\t")
            path = name.decode("utf-8", "surrogateescape")
            if any(fnmatchcase(path, pattern) for pattern in patterns) and facts.split(b" ")[1] == b"blob":
                seen.setdefault((path, facts.split(b" ")[2].decode()), commit)
    yield from _read(root, seen)


def _read(root: Path, seen: dict[tuple[str, str], str]) -> Iterator[tuple[str, str, bytes]]:
    for ((path, blob), commit), data in zip(
        seen.items(), git.blobs(root, [blob for _, blob in seen]), strict=True
    ):
        if data is None:
            raise GitError(f"it has lost {blob}, which is {path} at {commit[:10] or 'the index'}")
        yield commit, path, data


def all_pointers(root: Path) -> Iterator[tuple[str, Version]]:
    """Every version that a pointer names in all that git keeps, with a commit (empty: staged). See `contents`.

    What is no whole pointer is passed over: nothing can be found by it.

    Raises:
        GitError: this is no git repository.
        NewerPointerError: a pointer has a format that this version does not know.
    """
    for commit, path, data in contents(root, [f"*{SUFFIX}"]):
        version = _version(commit, path, data)
        if version is not None:
            yield commit, version


def _version(commit: str, path: str, data: bytes) -> Version | None:
    """What a pointer of some commit says; None where it is none, or not whole."""
    if data.startswith(OTHERS) or path.startswith(".mlx/"):
        return None
    try:
        pointer = Pointer.parse(data.decode("utf-8", "replace"), f"{commit[:10]}:{path}")
    except NewerPointerError:
        raise
    except ConfigError:
        return None
    return pointer.version(path.removesuffix(SUFFIX))


def known_versions(root: Path, now: Iterable[Version]) -> dict[Version, str]:
    """Each version that a pointer names now, or named in git's history, by path; with one of its commits."""
    found = dict.fromkeys(now, "")
    with contextlib.suppress(GitError):  # without git there are those of now alone
        for commit, version in all_pointers(root):
            found.setdefault(version, commit)
    return dict(sorted(found.items(), key=lambda each: each[0].path))


def introduced(root: Path, ends: Sequence[str], remote: str) -> list[Version]:
    """The versions that pointers name at these commits, and in those below them that a git remote lacks.

    `ends` are git's: commits, and `^commit` for what is there already.

    Raises:
        GitError: git can't tell.
        ConfigError: a pointer is malformed at one of the commits.
    """
    below = [*ends, "--not", f"--remotes={remote}"] if remote else ends
    told = git.log(root, "%H", [f"*{SUFFIX}"], "--full-history", "--ignore-missing", *below)
    seen: dict[tuple[str, str], str] = {}
    for header, path, blob in told:
        if blob is not None:
            seen.setdefault((path, blob), header.decode())
    found: dict[tuple[str, str], Version] = {}
    for commit, path, data in _read(root, seen):
        version = _version(commit, path, data)
        if version is not None:
            found[version.path, version.digest.hex] = version
    for end in ends:
        if not end.startswith("^"):
            found |= {(version.path, version.digest.hex): version for version in pointers_at(root, end)}
    return list(found.values())


def changed_pointers(root: Path, before: str, after: str) -> list[str]:
    """The data whose pointers differ between two commits; all data of `after` where git lacks `before`.

    Raises:
        BadRevisionError: git does not know `after`.
        GitError: git can't tell.
    """
    end = git.resolve(root, after)
    try:
        start = git.resolve(root, before)
    except BadRevisionError:
        return [version.path for version in pointers_at(root, end)]
    told = git.run(
        root, "diff", "--name-only", "-z", "--relative", "--no-renames", start, end, "--", f"*{SUFFIX}"
    )
    names = [name.decode("utf-8", "surrogateescape") for name in told.split(b"\x00") if name]
    return [name.removesuffix(SUFFIX) for name in names]


def versions(root: Path, path: str, part: Part) -> list[Past]:
    """The versions that `path`, tracked or in tracked data, had; newest first.

    Raises:
        GitError: this is no git repository.
    """
    if not git.has_commits(root):
        return []
    parts = path.split("/")
    homes = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    files = [f"{home}{SUFFIX}" for home in homes]
    changes = list(git.log(root, _TOLD, files, literal=True))
    wanted = list({blob: None for _, _, blob in changes if blob})
    blobs = dict(zip(wanted, git.blobs(root, wanted), strict=True))
    tracked: dict[str, Version | ConfigError] = {}
    found: list[Past] = []
    before: tuple[Version | None, str] = (None, "")
    for header, told in groupby(reversed(changes), key=itemgetter(0)):
        for _, name, blob in told:
            home, data = name.removesuffix(SUFFIX), blobs[blob] if blob else None
            tracked.pop(home, None)
            if data is not None:
                tracked[home] = _parsed(data, name, home)
        now = _of(tracked, homes, path, part)
        if now != before:
            found.append(_past(header, *now))
        before = now
    return found[::-1]


def _parsed(data: bytes, name: str, home: str) -> Version | ConfigError:
    try:
        return Pointer.parse(data.decode("utf-8", "replace"), name).version(home)
    except ConfigError as error:
        return error


def _of(
    tracked: dict[str, Version | ConfigError], homes: Sequence[str], path: str, part: Part
) -> tuple[Version | None, str]:
    """What `path` is, given what the pointers above it and its own say; and why that is not known."""
    for home in reversed(homes):
        found = tracked.get(home)
        if isinstance(found, ConfigError):
            return None, str(found)
        if found is not None and home == path:
            return found, ""
        if found is not None:
            try:
                return part(found, path[len(home) + 1 :]), ""
            except MlxError as error:
                return None, str(error)
    return None, ""


def _past(header: bytes, version: Version | None, problem: str) -> Past:
    commit, seconds, subject = header.decode("utf-8", "replace").split("\x1f", 2)
    at = datetime.fromtimestamp(int(seconds), timezone.utc)
    return Past(commit, at, subject.strip(), version, problem)


def _staged(root: Path, patterns: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in git.run(root, "ls-files", "-s", "-z", "--", *patterns).split(b"\x00"):
        facts, _, path = line.partition(b"\t")
        if path:
            yield path.decode("utf-8", "surrogateescape"), facts.split(b" ")[1].decode()


def _stashes(root: Path) -> list[str]:
    """The commits of all stashes; only the newest is a branch of git's."""
    try:
        return git.run(root, "rev-list", "-g", "refs/stash", "--").decode().split()
    except GitError:  # none was ever made
        return []
