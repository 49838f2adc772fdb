"""The files of one run: listened for while it runs, named by their versions when it has ended."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from .capture import git
from .capture.lineage import audit
from .capture.lineage.events import look
from .capture.lineage.listening import Listening
from .data import inputs as keeping
from .data.paths import NoSuchPathError
from .errors import MlxError
from .ledger.run import FileVersion
from .store.copying import hash_file

if TYPE_CHECKING:
    from .capture.lineage.audit import Look
    from .capture.lineage.seen import Seen, SeenFile
    from .data.workspace import Version, Workspace

NOT_YET = " was read and is not stored yet"
GONE = "{} was read and removed before it could be stored; `jmlx add` it"
FOLD_FILES = 16
"""From so many files of one tracked folder on, a run names the folder's version instead of each file."""


@dataclass(slots=True)
class Found:
    """What a run read and wrote."""

    inputs: list[FileVersion] = field(default_factory=list)
    outputs: list[FileVersion] = field(default_factory=list)
    outside: list[SeenFile] = field(default_factory=list)
    """Files outside the project: `outside` gives their versions, which takes as long as reading them."""
    incomplete: list[str] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    """Large inputs, which take as long to store as reading them."""
    problems: list[str] = field(default_factory=list)
    """What could not be stored, and why."""


@dataclass(frozen=True, slots=True)
class Late:
    """An input whose version is still to be had."""

    path: str
    version: Callable[[], FileVersion | None]
    """Stores it, and names it; None where it is gone."""

    @property
    def problem(self) -> str:
        """What is to be said of it until then, and if its process does not come to it."""
        return f"{self.path}{NOT_YET}"


class RunFiles:
    """Listens from its making until `stop`."""

    def __init__(self, root: Path, workspace: Workspace) -> None:
        """Listen for a run of the project at `root`."""
        self._root, self._workspace = root, workspace
        self._inputs = keeping.begin(workspace)
        self._listening = Listening(root, root / ".mlx", self._inputs)
        self._seen: Seen | None = None

    def stop(self) -> None:
        """Listen no more; the first call counts."""
        with audit.quiet():
            self._listening.end()

    def so_far(self) -> list[FileVersion]:
        """Inputs of the project, as far as that is soon told; any thread may ask."""
        found = []
        with audit.quiet():
            for file in self._listening.so_far():
                with suppress(MlxError, OSError):
                    kept = self._inputs.kept(file.path) if file.inside else None
                    if kept is None and file.inside and not file.gone:
                        kept = self._small(file.path)
                    if kept is not None:
                        found.append(_version(kept, file))
        return found

    def _small(self, path: str) -> Version | None:
        size_bytes = (self._root / path).stat().st_size
        return self._workspace.save(path) if size_bytes < audit.LARGE_BYTES else None

    @property
    def seen(self) -> Seen:
        """What was read and written; stops."""
        if self._seen is None:
            with audit.quiet():
                self._seen = self._listening.finish(lambda paths: git.tracked(self._root, paths))
        return self._seen

    def versions(self) -> Found:
        """Store what was seen, and name it."""
        seen = self.seen
        self._inputs.close()
        found = Found(incomplete=list(seen.incomplete))
        written = {file.path for file in seen.role("output")}
        with audit.quiet():
            for file in self._folded(seen.role("input")):
                if self._is_put_off(file):
                    found.late.append(Late(file.path, partial(self._late, file, written)))
                else:
                    self._add(found, found.inputs, file, lambda each: self._input(each, written))
            for file in self._folded(seen.role("output")):
                self._add(found, found.outputs, file, self._save)
        return found

    def _add(
        self,
        found: Found,
        files: list[FileVersion],
        file: SeenFile,
        version: Callable[[SeenFile], FileVersion | None],
    ) -> None:
        if not file.inside:
            found.outside.append(file)
            return
        try:
            made = version(file)
        except (MlxError, OSError) as error:
            found.problems.append(f"{file.path} could not be recorded: {error}")
            return
        if made is not None:
            files.append(made)
        elif file.how == "seen":
            found.incomplete.append(GONE.format(file.path))

    def _input(self, file: SeenFile, written: set[str]) -> FileVersion | None:
        """An input as it was when the run opened it, where that is known."""
        kept = self._inputs.kept(file.path)
        if kept is None:
            return None if file.gone else self._save(file)
        # of its own changes a run has seen both versions; those of others came while it read
        own = file.gone or file.path in written
        return _version(kept, replace(file, changed=file.changed and not own))

    def _is_put_off(self, file: SeenFile) -> bool:
        """Whether an input is stored after the run: one that is large, and of which the version is not known."""
        if not file.inside or file.gone or self._inputs.kept(file.path) is not None:
            return False
        return self._inputs.put_off(file.path)

    def _late(self, file: SeenFile, written: set[str]) -> FileVersion | None:
        if self._inputs.finish(file.path) is None:
            # another one than was read, since the run ended or before
            return _as_it_is(self._workspace, replace(file, changed=True))
        return self._input(file, written)

    def _save(self, file: SeenFile) -> FileVersion:
        return _version(self._workspace.save(file.path), file)

    def _folded(self, files: list[SeenFile]) -> list[SeenFile]:
        """The files, with a tracked folder in the place of many files of it."""
        if len(files) < FOLD_FILES:
            return files
        folders = [found.path for found in self._workspace.pointers() if found.kind == "folder"]
        groups: dict[str, list[SeenFile]] = {}
        for file in files:
            folder = next((name for name in folders if file.path.startswith(f"{name}/")), "")
            groups.setdefault(folder, []).append(file)
        found = groups.pop("", [])
        for folder, members in groups.items():
            found += [_whole(folder, members)] if len(members) >= FOLD_FILES else members
        return found


def earlier(workspace: Workspace, files: Iterable[SeenFile]) -> Found:
    """Name files that were read before a run: as they are now, marked where they are others by now."""
    found = Found()
    with audit.quiet():
        for file in files:
            if not file.inside:
                found.outside.append(file)
            elif file.gone:
                found.incomplete.append(
                    f"{file.path} was read by an earlier cell and is gone; `jmlx add` keeps what is to be read again"
                )
            elif keeping.is_put_off(workspace, file.path):
                found.late.append(Late(file.path, partial(_as_it_is, workspace, file)))
            else:
                try:
                    found.inputs.append(_version(workspace.save(file.path), file))
                except (MlxError, OSError) as error:
                    found.problems.append(f"{file.path} could not be recorded: {error}")
    return found


def _as_it_is(workspace: Workspace, file: SeenFile) -> FileVersion | None:
    try:
        return _version(workspace.save(file.path), file)
    except NoSuchPathError:
        return None


def outside(files: Iterable[SeenFile], role: str) -> list[FileVersion]:
    """Files outside the project, by digest; what can't be read is left out."""
    found = []
    for file in files:
        before = look(file.real)
        if file.role != role or before is None:
            continue
        try:
            digest = _digest(file.real, before)
        except OSError:
            continue
        found.append(
            FileVersion(
                path=file.path,
                digest=f"b3:{digest}",
                size_bytes=before[1],
                how=file.how,
                kind="outside",
                source=file.source,
                changed=file.changed or look(file.real) != before,
            )
        )
    return found


def digest_of(path: str) -> str:
    """The digest of a file outside the project as it is now; one that was read before and looks the same is not read.

    Raises:
        OSError: it can't be read.
    """
    now = look(os.path.realpath(path))
    if now is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return f"b3:{_digest(os.path.realpath(path), now)}"


@lru_cache(maxsize=4096)
def _digest(path: str, _: Look) -> str:
    """The digest of a file's bytes; the look is there for the cache alone."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (what it opens is told to nobody: see `quiet`)
        return hash_file(file.fileno()).hex()


def _version(version: Version, file: SeenFile) -> FileVersion:
    return FileVersion(
        path=version.path,
        digest=str(version.digest),
        size_bytes=version.size_bytes,
        how=file.how,
        kind=version.kind,
        source=file.source,
        changed=file.changed,
    )


def _whole(folder: str, members: list[SeenFile]) -> SeenFile:
    """Many files of a folder as one."""
    sources = dict.fromkeys(source for file in members for source in file.source.split(","))
    return replace(
        members[0],
        path=folder,
        real=os.path.dirname(members[0].real),  # noqa: PTH120
        how="seen" if any(file.how == "seen" for file in members) else "weak",
        source=",".join(sources),
        changed=any(file.changed for file in members),
        gone=False,
        inside=True,
    )
