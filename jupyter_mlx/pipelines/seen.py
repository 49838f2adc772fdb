"""What a stage was seen to read and write, beside what mlx.yaml says.

What its own code did counts. What only the file system told (`weak`: a library
opened it past Python, or some other process did) counts where the code names
the file or its folder, and no stage that ran at the same time may have done it;
it is never an error.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_mlx.errors import MlxError, UsageError

from .naming import Beside, Names, Nearness, is_own
from .observing import FILES, INCOMPLETE, written
from .outputs import Outputs, listed
from .pipeline import Pipeline, covers, overlap
from .result import DataVersion
from .stage import Stage

FOLD_FILES = 16
"""So many files of one folder count as the folder."""
OURS = frozenset({"mlx.yaml", "mlx.lock", "params.yaml"})


class InputChangedError(MlxError):
    """An input changed while the stage that reads it was executed."""

    code = "input-changed"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"its input {self.path} changed while it ran, so what it wrote belongs to neither state; "
            "let it write elsewhere, or run it again"
        )


class InputGoneError(InputChangedError):
    """An input was removed while the stage that reads it was executed."""

    code = "input-gone"

    def __str__(self) -> str:
        return (
            f"its input {self.path} was removed while it ran, so that it cannot run again; take that out of "
            f"its code, and bring the input back (`jmlx checkout {self.path}`, where it is tracked)"
        )


class SharedPathError(UsageError):
    """What a stage touched cannot be its own as well as another stage's."""

    code = "shared-path"

    def __init__(self, stage: str, other: str, path: str) -> None:
        super().__init__(stage, other, path)
        self.stage, self.other, self.path = stage, other, path


class TwoWritersError(SharedPathError):
    """Two stages write the same file."""

    code = "two-writers"

    def __str__(self) -> str:
        return (
            f"it wrote {self.path}, which stage {self.other} writes too; each file has one writer, "
            "so let one of them write elsewhere"
        )


class SeenCycleError(SharedPathError):
    """A stage reads what is made from what it writes."""

    code = "seen-cycle"

    def __str__(self) -> str:
        return (
            f"it read {self.path}, which stage {self.other} writes, and {self.other} depends on "
            f"{self.stage}; no order can be right, so let it read something else"
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What is recorded of a stage beside what mlx.yaml says."""

    inputs: Mapping[str, DataVersion] = field(default_factory=dict)
    outputs: Mapping[str, DataVersion] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """What people should know, a line each, the stage's name left out."""
    incomplete: tuple[str, ...] = ()
    """Why some files may be missing, each with the next step."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(sorted({*self.inputs, *self.outputs}))


NOTHING_SEEN = Seen()


@dataclass(frozen=True, slots=True)
class Files:
    """What an execution read and wrote, by path."""

    inputs: Mapping[str, DataVersion] = field(default_factory=dict)
    outputs: Mapping[str, DataVersion] = field(default_factory=dict)
    seen: Seen = NOTHING_SEEN
    """Those of them that mlx.yaml does not name."""


NO_FILES = Files()


@dataclass(frozen=True, slots=True)
class Watched:
    """A stage that was executed, and what its files are told by."""

    stage: Stage
    pipeline: Pipeline
    inputs: Outputs
    """Of the project, where what it read lies."""
    outputs: Outputs
    """Of the folder that it worked in: the same, or a place of a sweep."""
    code: frozenset[str]
    """The files that count as its code already."""
    names: frozenset[str]
    """The texts in its code that may be names of files."""
    beside: tuple[Beside, ...] = ()
    """The stages that ran at the same time."""

    def seen(self, told: Mapping[str, Any]) -> Seen:
        """Sort out what the kernel told, and store what was written.

        Raises:
            TwoWritersError: it wrote what another stage writes.
            SeenCycleError: it read what is made from its own outputs.
            MlxError: a file cannot be stored.
        """
        stage = self.stage
        unsure: dict[str, str] = {}
        files = [file for file in told.get(FILES, ()) if self._counts(file, unsure)]
        wrote = set(written({FILES: files}))
        read = [f for f in files if f["role"] == "input" and not _any_overlap(f["path"], stage.inputs)]
        mine = [path for path in wrote if not _any_covers(stage.outputs, path)]
        writes = _folded(mine, _others_write(stage, self.pipeline, self.beside))
        kept = [f["path"] for f in read if not f["gone"] and f["path"] not in wrote]
        reads = _folded((path for path in kept if not _any_overlap(path, stage.outputs)), writes)
        _check(stage, reads, writes, self.pipeline)
        versions = {path: self.inputs.version(path) for path in reads}
        inputs = {path: version for path, version in versions.items() if version is not None}
        warnings = [_changed(f) for f in read if f["gone"] or f["path"] in writes]
        made: dict[str, DataVersion] = {}
        if stage.outputs:
            warnings += [_undeclared("wrote", path, "outputs", "it is not kept") for path in writes]
        else:
            made = {path: listed(self.outputs.workspace.save(path)) for path in writes}
        if stage.inputs:
            warnings += [_undeclared("read", path, "inputs", "it counts all the same") for path in inputs]
        warnings += self._foreign(told)
        incomplete = (*told.get(INCOMPLETE, ()), *_left_out(unsure))
        return Seen(inputs, made, tuple(warnings), incomplete)

    def _counts(self, file: Mapping[str, Any], unsure: dict[str, str]) -> bool:
        """Whether a file is data that the stage itself touched, as far as can be known."""
        path: str = file["path"]
        if path in self.code or path == self.stage.notebook or path in OURS:
            return False
        folder = self.inputs.root.resolve()
        if not (self.outputs.root / path).resolve().is_relative_to(folder):
            # by a link to elsewhere, where it is not ours to store
            return False
        return file["how"] == "seen" or self._is_own(path, file["role"], unsure)

    def _foreign(self, told: Mapping[str, Any]) -> list[str]:
        """What is said of another stage's files that it may have written: that one did not run meanwhile."""
        stage, names = self.stage, Names.of(self.stage, self.names)
        beside = {other.name for other in self.beside}
        found = []
        for file in told.get(FILES, ()):
            path: str = file["path"]
            if file["how"] == "seen" or file["role"] != "output" or _any_overlap(path, stage.outputs):
                continue
            other = touched_by_others(stage, self.pipeline, path, reads=False)
            if other and other not in beside and names.nearness(path) == Nearness.EXACTLY:
                found.append(
                    f"wrote {path}, it seems, which stage {other} writes too; let one write elsewhere"
                )
        return found

    def _is_own(self, path: str, role: str, unsure: dict[str, str]) -> bool:
        """Whether what only the file system told is this stage's; where nothing says it, `unsure` learns of it."""
        stage, names = self.stage, Names.of(self.stage, self.names)
        if _any_overlap(path, (*stage.inputs, *stage.outputs)):
            return is_own(path, role, names, (), unsure.__setitem__)
        other = touched_by_others(stage, self.pipeline, path, reads=False)
        if other and (role == "output" or _depends(other, stage.name, self.pipeline)):
            # what could only be an error takes more to be believed
            return False
        return is_own(path, role, names, self.beside, unsure.__setitem__)


def check_unchanged(inputs: Mapping[str, DataVersion], version: Callable[[str], DataVersion | None]) -> None:
    """Make sure that the inputs of a stage are as they were when it began.

    Raises:
        InputChangedError: one is another, or gone.
    """
    for path, before in inputs.items():
        now = version(path)
        if now is None:
            raise InputGoneError(path)
        if now != before:
            raise InputChangedError(path)


def known_paths(stage: Stage, pipeline: Pipeline, *, reads: bool) -> tuple[str, ...]:
    """What a stage writes (or, with `reads`, what it reads): declared, and seen when it last ran."""
    more = pipeline.touched.get(stage.name)
    guessed = more is None or more.guessed
    extra = () if more is None or guessed else (more.reads if reads else more.writes)
    return (*(stage.inputs if reads else stage.outputs), *extra)


def touched_by_others(stage: Stage, pipeline: Pipeline, path: str, *, reads: bool) -> str:
    """The other stage that writes a path (or, with `reads`, that reads it); empty where none does."""
    for other in pipeline.stages:
        if other.name != stage.name and _any_overlap(path, known_paths(other, pipeline, reads=reads)):
            return other.name
    return ""


def _others_write(stage: Stage, pipeline: Pipeline, beside: Iterable[Beside]) -> list[str]:
    found = [path for other in beside for path in other.writes]
    for other in pipeline.stages:
        if other.name != stage.name:
            found += known_paths(other, pipeline, reads=False)
    return found


def _left_out(unsure: Mapping[str, str]) -> list[str]:
    """What is said of files that may be this stage's or another's."""
    told: dict[str, list[str]] = {}
    for path, other in unsure.items():
        told.setdefault(other, []).append(path)
    return [
        f"only the file system told of {', '.join(sorted(paths))} while stage {other} ran too, "
        "so they are left out; where they are this stage's, name them in its `inputs` or `outputs`"
        for other, paths in told.items()
    ]


def _check(stage: Stage, reads: Iterable[str], writes: Iterable[str], pipeline: Pipeline) -> None:
    for path in writes:
        if other := touched_by_others(stage, pipeline, path, reads=False):
            raise TwoWritersError(stage.name, other, path)
    for path in reads:
        other = touched_by_others(stage, pipeline, path, reads=False)
        if other and _depends(other, stage.name, pipeline):
            raise SeenCycleError(stage.name, other, path)


def _depends(name: str, on: str, pipeline: Pipeline) -> bool:
    waiting, found = [name], {name}
    while waiting:
        above = pipeline.upstream.get(waiting.pop(), frozenset()) - found
        found |= above
        waiting += above
    return on in found


def _folded(paths: Iterable[str], apart: Iterable[str] = ()) -> list[str]:
    """The paths, with a folder in the place of many files of it, but for folders that hold one of `apart`."""
    groups: dict[str, list[str]] = {}
    for path in sorted(set(paths)):
        groups.setdefault(posixpath.dirname(path), []).append(path)
    found: list[str] = []
    for folder, members in groups.items():
        is_whole = folder and len(members) >= FOLD_FILES and not _any_overlap(folder, apart)
        found += [folder] if is_whole else members
    return sorted(found)


def _any_covers(folders: Iterable[str], path: str) -> bool:
    return any(covers(folder, path) for folder in folders)


def _any_overlap(path: str, others: Iterable[str]) -> bool:
    return any(overlap(path, other) for other in others)


def _changed(file: Mapping[str, Any]) -> str:
    what = "removed" if file["gone"] else "changed"
    return (
        f"{what} {file['path']}, which it had read: a further run finds another state; let it write elsewhere"
    )


def _undeclared(did: str, path: str, key: str, follows: str) -> str:
    return f"{did} {path}, which its `{key}` in mlx.yaml do not name; {follows}"
