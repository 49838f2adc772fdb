"""Pointers in git's history: what data was at a revision, and the versions that a path had."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from jupyter_mlx.errors import ConfigError, NotFoundError

from .pointer import SUFFIX, Pointer

if TYPE_CHECKING:
    from pathlib import Path

    from .version import Version


class GitError(NotFoundError):
    """Git could not answer."""

    code = "git"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"git says: {self.problem}; the history of data is in git, `git init` begins one"


class BadRevisionError(NotFoundError):
    """Git knows no such revision here."""

    code = "no-such-revision"

    def __init__(self, rev: str, problem: str) -> None:
        super().__init__(rev, problem)
        self.rev, self.problem = rev, problem

    def __str__(self) -> str:
        return f"no git revision {self.rev!r}: {self.problem}; `git log --oneline` lists them"


@dataclass(frozen=True, slots=True)
class Past:
    """One version of a path in git's history."""

    commit: str
    at: datetime
    """UTC."""
    subject: str
    version: Version | None
    """None where the path was no longer tracked, or its pointer was malformed."""


def pointers_at(root: Path, rev: str) -> list[Version]:
    """What the pointers say at a git revision, by path.

    Raises:
        BadRevisionError: git does not know it.
        ConfigError: a pointer is malformed there.
    """
    commit = resolve(root, rev)
    names = _git(root, "ls-tree", "-r", "-z", "--name-only", commit).split(b"\x00")
    paths = [name.decode("utf-8", "surrogateescape") for name in names]
    found = [
        pointer_at(root, commit, path.removesuffix(SUFFIX))
        for path in paths
        if path.endswith(SUFFIX) and not path.startswith(".mlx/")
    ]
    return [version for version in found if version is not None]


def pointer_at(root: Path, rev: str, path: str) -> Version | None:
    """What the pointer of `path` says at a git revision; None where there is none.

    Raises:
        BadRevisionError: git does not know the revision.
        ConfigError: the pointer is malformed there.
    """
    commit = resolve(root, rev)
    try:
        data = _git(root, "show", f"{commit}:./{path}{SUFFIX}")
    except GitError:
        return None
    return Pointer.parse(data.decode("utf-8", "replace"), f"{rev}:{path}{SUFFIX}").version(path)


def versions(root: Path, path: str) -> list[Past]:
    """The versions that `path` had, newest first.

    Raises:
        GitError: this is no git repository.
    """
    try:
        resolve(root, "HEAD")
    except BadRevisionError:
        _git(root, "rev-parse", "--git-dir")
        return []  # a repository without commits
    told = _git(root, "log", "-z", "--format=%H%x1f%ct%x1f%s", "--", f"{path}{SUFFIX}")
    found: list[Past] = []
    for line in told.decode("utf-8", "replace").split("\x00"):
        commit, _, rest = line.strip().partition("\x1f")
        seconds, _, subject = rest.partition("\x1f")
        if commit:
            at = datetime.fromtimestamp(int(seconds), timezone.utc)
            found.append(Past(commit, at, subject, _pointer_then(root, commit, path)))
    return found


def _pointer_then(root: Path, commit: str, path: str) -> Version | None:
    try:
        return pointer_at(root, commit, path)
    except ConfigError:
        return None


def resolve(root: Path, rev: str) -> str:
    """The full name of a commit.

    Raises:
        BadRevisionError: git does not know it.
    """
    if rev.startswith("-") or not rev.strip() or "\x00" in rev:
        raise BadRevisionError(rev, "it is no name that git could have")
    try:
        told = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    except GitError as error:
        raise BadRevisionError(rev, error.problem or "git does not know it") from None
    return told.decode().strip()


def _git(root: Path, *arguments: str) -> bytes:
    """What git prints. An argument list, never a shell."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], check=False, capture_output=True, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise GitError("it is not installed") from None
    if done.returncode:
        problem = done.stderr.decode("utf-8", "replace").strip().split("\n")[0].removeprefix("fatal: ")
        raise GitError(problem)
    return done.stdout
