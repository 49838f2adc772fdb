"""What a name that a person gives to a state of the data means: a git revision, a run, or a version."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, BinaryIO

from .errors import ConflictError, NotFoundError, UsageError

if TYPE_CHECKING:
    from .data.version import Version
    from .project import Project

_DIGITS = re.compile(r"(b3:)?([0-9a-f]{8,64})")


class UnknownRevisionError(NotFoundError):
    """A name is no git revision, no run and no version of data."""

    code = "no-such-state"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"no git revision {self.name!r}, and no run or version of data is called so; `git log --oneline`, "
            "`jmlx runs list` and `jmlx log PATH` list them"
        )


class AmbiguousVersionError(ConflictError):
    """The beginning of a digest fits more than one version."""

    code = "version-ambiguous"

    def __init__(self, name: str, digests: tuple[str, ...]) -> None:
        super().__init__(name, digests)
        self.name, self.digests = name, digests

    def __str__(self) -> str:
        return f"{self.name!r} begins several versions ({', '.join(self.digests)}); give more digits"


class IsFolderError(UsageError):
    """A folder was named where a file can be read."""

    code = "is-folder"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is a folder of data; name a file in it, `mlx://{self.path}` lists them"


def data_at(project: Project, path: str, name: str | None) -> Version | None:
    """What `path` is in the data that `name` stands for (None: that of the pointers); None where it is nothing.

    Raises:
        UnknownRevisionError, AmbiguousRunError, AmbiguousVersionError, ConfigError: see `versions_at`.
        ObjectNotFoundError: a listing on the way is not here.
        BadPathError: the path leaves the project.
    """
    from .data import choice, paths, tracked

    workspace, path = project.workspace, paths.relative(project.root, path)
    if name is None:
        home = path if tracked.pointer_at(project.root, path) else choice.home_of(project.root, path)
        found = [tracked.pointer_at(project.root, home)] if home else []
    else:
        found = [*versions_at(project, name)]
    for version in found:
        if version is not None and path == version.path:
            return version
        if version is not None and path.startswith(f"{version.path}/"):
            return workspace.contents.part(version, path[len(version.path) + 1 :])
    return None


def reader(project: Project, path: str, name: str | None) -> BinaryIO:
    """A file of the data that `name` stands for, open for reading; a large one is not read into memory.

    Raises:
        NotTrackedError: there is no such data.
        IsFolderError: it is a folder.
        ObjectNotFoundError, CorruptObjectError: it is not here, or damaged.
    """
    from .data.paths import NotTrackedError

    version = data_at(project, path, name)
    if version is None:
        raise NotTrackedError(path, name or "")
    if version.kind == "folder":
        raise IsFolderError(path)
    return project.workspace.reader(version.digest)


def versions_at(project: Project, name: str | None) -> list[Version]:
    """The data that `name` stands for, by path; without one, what the pointers of the work tree say.

    A git revision: what its pointers say. A run, by its id or the beginning of
    it: what it read and wrote. A version: a digest, `b3:…`, or its first eight
    or more digits, of data that a pointer names or named in git's history.
    Where several fit, the first of these wins.

    Raises:
        UnknownRevisionError: it is none of them.
        AmbiguousRunError, AmbiguousVersionError: it is the beginning of several.
        ConfigError: a pointer is malformed.
    """
    from .data.git import BadRevisionError, GitError

    if name is None:
        return project.workspace.pointers()
    try:
        return project.workspace.pointers(name)
    except (BadRevisionError, GitError):
        pass
    found = _of_run(project, name)
    if found is None:
        found = _of_digest(project, name)
    if found is None:
        raise UnknownRevisionError(name)
    return found


def _of_run(project: Project, name: str) -> list[Version] | None:
    from .ledger.ledger import RunNotFoundError

    if not name or name.startswith("b3:"):
        return None
    try:
        run = project.ledger.get(name)
    except RunNotFoundError:
        return None
    # what it wrote is how it left the data, also where it had read that
    files = {file.path: file for file in (*run.inputs, *run.outputs) if file.kind != "outside"}
    return [project.workspace.named(file) for _, file in sorted(files.items())]


def _of_digest(project: Project, name: str) -> list[Version] | None:
    from .data.git import GitError
    from .data.history import all_pointers

    wanted = _DIGITS.fullmatch(name)
    if wanted is None:
        return None
    found = {version.digest: version for version in project.workspace.pointers() if _fits(version, wanted[2])}
    with contextlib.suppress(GitError):  # no history: the pointers of the work tree are all there are
        found |= {v.digest: v for _, v in all_pointers(project.root) if _fits(v, wanted[2])}
    if len(found) > 1:
        raise AmbiguousVersionError(name, tuple(sorted(digest.short for digest in found)))
    return list(found.values()) or None


def _fits(version: Version, digits: str) -> bool:
    return version.digest.hex.startswith(digits)
