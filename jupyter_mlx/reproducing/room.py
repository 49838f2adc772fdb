"""The clean folder in which a run is made again: the recorded code and data, and nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlx.config.machine import NAME as LOCAL
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, CorruptError, NotFoundError
from jupyter_mlx.lineage import digest_of
from jupyter_mlx.project import CONFIG, Project
from jupyter_mlx.restoring import DataNotHereError

from . import laying

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_mlx.ledger.run import FileVersion, Run

FOLDER = "reproduced"
"""In `.mlx/`: a folder for each run that is being made again."""
_SETTINGS = "# A run is made again here.\nstages: {}\n"


class InputNotHereError(DataNotHereError):
    """The data that a run read is in no store on this machine."""

    code = "input-not-here"

    def __str__(self) -> str:
        return (
            f"run {self.run[:8]} read {self.path}, and that version of it is not in the store; "
            "`jmlx pull` fetches it where a remote has it"
        )


@dataclass
class Room:
    """A folder with what a run needs, a project of its own."""

    root: Path
    workspace: Workspace
    """The data in the folder, kept in the store of the project itself."""
    notes: list[str] = field(default_factory=list)
    """What may keep the result from being the same, for people."""

    @property
    def project(self) -> Project:
        """The project in the folder, whose runs are nobody else's."""
        return Project(self.root)

    def brought(self, run: Run) -> tuple[FileVersion, ...]:
        """What a run read that is laid down in the folder."""
        return tuple(
            file
            for file in run.inputs
            if file.kind != "outside" and _is_below(self.root / file.path, self.root)
        )


@contextlib.contextmanager
def prepared(project: Project, run: Run, *, keep: bool = False) -> Iterator[Room]:
    """A folder with the code and the inputs of a run; it is removed afterwards, unless it is to be kept.

    Raises:
        InputNotHereError: data that the run read is in no store here.
        AccessError: the folder can't be written.
    """
    folder = project.state / FOLDER / run.id
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    except OSError as error:
        raise AccessError.of(error, folder) from error
    room = Room(folder, Workspace.open(folder, project.store, folder / ".mlx/brought"))
    try:
        _bring_code(project, run, room)
        shutil.rmtree(folder / ".mlx", ignore_errors=True)  # of the commit, not of this folder
        for file in run.outputs:
            if file.kind != "outside":
                _remove(room, file.path)  # what the commit has of it is not what is made now
        (folder / CONFIG).write_text(_SETTINGS, encoding="utf-8")
        room.project.prepare()
        (folder / LOCAL).write_text("kernels: {cold: true}\n", encoding="utf-8")
        for file in run.inputs:
            _bring_input(run, file, room)
        yield room
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _bring_input(run: Run, file: FileVersion, room: Room) -> None:
    if file.kind == "outside":
        _look_at_outside(file, room)
        return
    if not _is_below(room.root / file.path, room.root):
        room.notes.append(f"{file.path} lies outside the project and was not brought")
        return
    if file.changed:
        room.notes.append(
            f"{file.path} changed while the run, or an earlier cell of its slice, read it: "
            "what was read is not known for sure"
        )
    _remove(room, file.path)  # the commit may have another version of it
    try:
        room.workspace.restore(room.workspace.named(file))
    except CorruptError:
        raise
    except NotFoundError:
        raise InputNotHereError(run.id, file.path) from None


def _remove(room: Room, path: str) -> None:
    target = room.root / path
    if _is_below(target, room.root) and target != room.root:
        laying.remove(target)


def _look_at_outside(file: FileVersion, room: Room) -> None:
    """A file outside the project is read where it is; another content of it is told."""
    try:
        now = digest_of(file.path)
    except OSError as error:
        room.notes.append(f"{file.path}, outside the project, can't be read: {error.strerror}")
        return
    if now != file.digest:
        room.notes.append(f"{file.path}, outside the project, is not what the run read")


def _is_below(path: Path, root: Path) -> bool:
    return Path(os.path.abspath(path)).is_relative_to(root)  # noqa: PTH100 (a link in the room is no way out)


# -- code ----------------------------------------------------------------------------------------


def _bring_code(project: Project, run: Run, room: Room) -> None:
    """The project's files as git had them when the run began, with the changes that were not committed."""
    commit = run.git.get("commit")
    if not commit:
        room.notes.append(
            "the run was in no git commit: modules beside the notebook are there only if it read them"
        )
        return
    if not _archive(project.root, str(commit), room.root):
        room.notes.append(f"git has no commit {commit[:10]} any more: its files are not there")
        return
    if run.git.get("diff") and not _patched(project, run, room):
        room.notes.append(
            "the changes that were not committed could not be applied: they were cut, or held secrets"
        )


def _patched(project: Project, run: Run, room: Room) -> bool:
    try:
        diff = project.store.get(Digest.parse(run.git["diff"])).decode("utf-8", "surrogateescape")
    except NotFoundError:
        return False
    return _patch(_of_project(diff, _prefix(project.root)), room.root)


def _prefix(root: Path) -> str:
    """Where in its git repository the project is: empty, or with a `/` at the end."""
    return _git(root, "rev-parse", "--show-prefix").stdout.decode("utf-8", "surrogateescape").strip()


def _archive(root: Path, commit: str, to: Path) -> bool:
    """Unpack a commit's files below the project's folder."""
    tree = f"{commit}:{_prefix(root)}".rstrip("/")
    archive = to.parent / f"{to.name}.tar"
    try:
        if _git(root, "archive", "--format=tar", f"--output={archive}", tree).returncode:
            return False
        with tarfile.open(archive) as files:
            for member in files:
                # links may lead anywhere; what they lead to is brought as an input where it was read
                if member.isreg() and _is_below(to / member.name, to):
                    files.extract(member, to, **_filter())
        return True
    finally:
        archive.unlink(missing_ok=True)


def _filter() -> dict[str, Any]:
    """Asks for the safe way of unpacking, where this Python has it."""
    return {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def _of_project(diff: str, prefix: str) -> str:
    """Of a difference of a whole repository that of one folder, as if it were the top."""
    if not prefix:
        return diff
    parts = diff.split("diff --git ")[1:]
    return "".join(
        f"diff --git {part}".replace(f" a/{prefix}", " a/").replace(f" b/{prefix}", " b/")
        for part in parts
        if part.startswith(f"a/{prefix}")
    )


def _patch(diff: str, to: Path) -> bool:
    if not diff:
        return True
    # the folder lies in a repository's ignored folder: git must not take it for a part of that
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(to.parent)}
    done = subprocess.run(
        ["git", "apply", "-p1", "--whitespace=nowarn", "-"],
        cwd=to,
        input=diff.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=False,
        env=env,
    )
    return not done.returncode


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["git", "--no-optional-locks", "-C", str(root), *arguments],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
