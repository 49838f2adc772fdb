"""The outputs of stages in the work tree: cleared before an execution, kept after it, brought back.

Nothing is removed that is not in the store first.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, ConflictError, ExecutionError, MlxError, UsageError

from .pipeline import overlap
from .plan import OPEN
from .result import DataVersion, Result
from .stage import Stage

if TYPE_CHECKING:
    from jupyter_mlx.data.composing import Composing
    from jupyter_mlx.data.workspace import Version, Workspace
    from jupyter_mlx.store.base import ObjectStore


class OutputMissingError(ExecutionError):
    """A notebook was executed to its end and did not write what mlx.yaml says it writes."""

    code = "output-missing"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"its output {self.path} was not made; write it there, or correct `outputs` in mlx.yaml"


class TrackedOutputError(UsageError):
    """An output covers data that the project tracks."""

    code = "tracked-output"

    def __init__(self, stage: str, output: str, tracked: str) -> None:
        super().__init__(stage, output, tracked)
        self.stage, self.output, self.tracked = stage, output, tracked

    def __str__(self) -> str:
        return (
            f"stage {self.stage} would replace {self.tracked}, which is tracked data, by its output "
            f"{self.output}; write elsewhere, or `jmlx remove {self.tracked}` first"
        )


class ChangedByHandError(ConflictError):
    """An output that is to be brought back was changed by hand, and nothing else has those bytes."""

    code = "changed-by-hand"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} was changed by hand; {self.advice()}"

    def advice(self, stage: str = "") -> str:
        """What to do next."""
        words = shlex.join(["jmlx", "run", *filter(None, [stage]), "--overwrite"])
        return f"`{words}` brings the stage's own back; to keep yours, move it to another name before"


class Outputs:
    """Moves outputs between the work tree and the store."""

    def __init__(
        self, root: Path, workspace: Workspace, remote: Callable[[], ObjectStore | None] = lambda: None
    ) -> None:
        """`remote` is asked for outputs that are not here, and only then."""
        self.root, self.workspace, self._open_remote = root, workspace, remote
        self._remade: set[str] = set()
        self._seen: dict[str, DataVersion | None] = {}
        self._composed: dict[tuple[str, tuple[str, ...]], str | None] = {}
        self._ignored: set[str] = set()

    def version(self, path: str) -> DataVersion | None:
        """What lies at `path` in the work tree, as it was when first asked since `forget`."""
        if path not in self._seen:
            found = self.workspace.version(path)
            self._seen[path] = None if found is None else listed(found)
        return self._seen[path]

    def forget(self) -> None:
        """Look again: a stage has written, or another process may have."""
        self._seen.clear()
        self._composed.clear()
        self.__dict__.pop("_composing", None)

    def composed(self, path: str, results: Sequence[Result]) -> str | None:
        """The digest of what `path` will be once these results are brought back; None where nothing will be there.

        Told from listings. `OPEN` where one of them can't be had.
        """
        found = [r for r in results if any(overlap(path, output) for output in r.outputs)]
        key = path, tuple(v.digest for result in found for v in result.outputs.values())
        if key not in self._composed:
            put = [version_of(v) for r in found for p, v in r.outputs.items() if overlap(path, p)]
            ignored = [p for result in found for p in result.outputs if p not in result.seen]
            try:
                version = self._composing.version(path, put, ignored)
                self._composed[key] = str(version.digest) if version else None
            except MlxError:
                self._composed[key] = OPEN
        return self._composed[key]

    @cached_property
    def _composing(self) -> Composing:
        return self.workspace.composing(lambda: self._remote)

    def changed_by_hand(self, result: Result) -> str | None:
        """A file of the outputs that differs from the result's, and whose bytes nothing else has."""
        for path, version in result.outputs.items():
            now = self.version(path)
            if now is None or now == version or self._stored(now):
                continue
            lost = self.workspace.unsaved(version_of(version))
            if lost is not None:
                return lost
        return None

    def missing(self, result: Result) -> str | None:
        """An output that is neither in the work tree as it was, nor whole in the store, nor at the remote."""
        for path, version in result.outputs.items():
            if self.version(path) != version and not self._stored(version) and not self._elsewhere(version):
                return path
        return None

    def differing(self, result: Result) -> tuple[str, ...]:
        """The outputs that lie in the work tree in another state than the result's, or not at all."""
        return tuple(path for path, version in result.outputs.items() if self.version(path) != version)

    def restore(self, result: Result, *, force: bool) -> None:
        """Bring the outputs of a result back.

        Raises:
            ChangedByHandError: a file that would be replaced is in no store, and `force` is not set.
            UnavailableError: the remote that has it can't be reached.
        """
        from jupyter_mlx.data.checkout import UnsavedError

        for path in self.differing(result):
            version = version_of(result.outputs[path])
            if self._remote is not None and not self._stored(result.outputs[path]):
                self.workspace.fetch(self._remote, versions=[version])
            try:
                self.workspace.restore(version, force=force)
            except UnsavedError as error:
                raise ChangedByHandError(error.path) from error
        self.forget()

    def check_untracked(self, stages: Iterable[Stage]) -> None:
        """Make sure that no output covers tracked data.

        Raises:
            TrackedOutputError: one does.
        """
        tracked = [version.path for version in self.workspace.pointers()]
        for stage in stages:
            for output in stage.outputs:
                for path in tracked:
                    if overlap(output, path):
                        raise TrackedOutputError(stage.name, output, path)

    def clear(self, stage: Stage, *, remove: bool = False) -> None:
        """Take the outputs of earlier executions away, so that none is mistaken for a new one.

        What is there goes to the store first. A folder stays, empty, for the
        notebook may count on it; with `remove` it goes as well.

        Raises:
            AccessError: the disk refuses.
        """
        self.forget()
        for path in stage.outputs:
            target = self.root / path
            try:
                if target.is_symlink():
                    self._unlink_stored(target)
                elif target.exists():
                    self.workspace.save(path)
                    self._remove(target, path, keep_folder=not remove)
                if not remove:
                    target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise AccessError.of(error, path) from error

    def keep(self, stage: Stage) -> dict[str, DataVersion]:
        """Put what the stage wrote into the store.

        Raises:
            OutputMissingError: an output was not made.
        """
        for path in stage.outputs:
            target = self.root / path
            left_empty = path in self._remade and target.is_dir() and not any(target.iterdir())
            if left_empty or not target.exists():
                raise OutputMissingError(path)
        kept = {}
        for path in stage.outputs:
            kept[path] = listed(self.workspace.save(path))
        return kept

    def ignore(self, stages: Iterable[Stage]) -> None:
        """Have git ignore the outputs of these stages.

        Before any of them runs or is brought back, and in their order: a
        `.gitignore` may lie in a folder that a later stage reads. Each once.
        """
        for stage in stages:
            for path in stage.outputs:
                if path in self._ignored:
                    continue
                self._ignored.add(path)
                try:
                    (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise AccessError.of(error, path) from error
                self.workspace.ignore(path)

    def to_send(self, results: Collection[Result]) -> tuple[list[Version], list[Digest]]:
        """What a push sends of these results: the outputs that are whole here, and the executed notebooks."""
        there = [v for result in results for v in result.outputs.values() if self._stored(v)]
        notebooks = [Digest.parse(result.notebook) for result in results if result.notebook]
        return [version_of(v) for v in there], [d for d in notebooks if self.workspace.store.has(d)]

    @cached_property
    def _remote(self) -> ObjectStore | None:
        return self._open_remote()

    def _elsewhere(self, version: DataVersion) -> bool:
        """Whether the remote has it; a remote that can't be reached has nothing."""
        try:
            return self._remote is not None and self._remote.has(Digest.parse(version.digest))
        except MlxError:
            return False

    def _stored(self, version: DataVersion) -> bool:
        store = self.workspace.store
        # the outermost object first: without it, the others cannot be listed
        if not store.has(Digest.parse(version.digest)):
            return False
        return version.kind == "file" or not store.missing(self.workspace.digests(version_of(version)))

    def _unlink_stored(self, target: Path) -> None:
        """Remove a link into the store, lest the notebook writes through it; the user's own links stay."""
        if target.resolve().is_relative_to((self.root / ".mlx").resolve()):
            target.unlink()

    def _remove(self, target: Path, path: str, *, keep_folder: bool) -> None:
        if target.is_dir():
            shutil.rmtree(target)
            if keep_folder:
                self._remade.add(path)
                target.mkdir()
        else:
            target.unlink()


def listed(version: Version) -> DataVersion:
    """A version as locks name it."""
    return DataVersion(version.path, version.kind, str(version.digest), version.size_bytes, version.files)


def version_of(listed: DataVersion) -> Version:
    """The version that a lock names."""
    from jupyter_mlx.data.workspace import Version

    return Version(listed.path, listed.kind, Digest.parse(listed.digest), listed.size_bytes, listed.files)
