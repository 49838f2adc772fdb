"""The pipeline: stages, ordered by what each reads of what the others write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from jupyter_mlx.config.checker import nearest
from jupyter_mlx.config.values import Config
from jupyter_mlx.errors import NotFoundError, UsageError

from .stage import Stage, expand

NOTHING: Mapping[str, Touched] = MappingProxyType({})
NO_STAGES = "mlx.yaml has no stages; `stages:` in it makes a pipeline of notebooks"


class UnknownStageError(NotFoundError):
    """mlx.yaml has no such stage."""

    code = "unknown-stage"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        if not self.known:
            return NO_STAGES
        return f"mlx.yaml has no stage {self.name!r}{nearest(self.name, self.known)}"


class CycleError(UsageError):
    """Stages that wait for each other."""

    code = "cycle"

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)
        self.names = names

    def __str__(self) -> str:
        if len(self.names) == 1:
            return f"mlx.yaml: stage {self.names[0]} reads what it writes; take the path out of its inputs"
        path = " → ".join((*self.names, self.names[0]))
        return f"mlx.yaml: these stages wait for each other: {path}; take one of the inputs away"


@dataclass(frozen=True, slots=True)
class Touched:
    """What a stage reads and writes beside what mlx.yaml says."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    guessed: bool = False
    """Whether its code only names them; else it was seen to do so when it last ran."""
    opened: frozenset[str] = frozenset()
    """Of guessed writes those that its code opens to write; of the others it may as well read them."""

    def surely_writes(self, path: str) -> bool:
        """Whether it is known to write a path, or its code says so."""
        return path in self.opened if self.guessed else path in self.writes


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A graph of stages without cycles, in which each path has one writer."""

    stages: tuple[Stage, ...]
    """Each after all that it reads from; otherwise in the order of mlx.yaml."""
    upstream: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Stage → the stages that write what it reads."""
    touched: Mapping[str, Touched] = field(default_factory=dict)
    """Stage → what it reads and writes beside."""
    guessed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Stage → those upstream that write what it reads by a guess alone: their code names it, as its own does."""

    @classmethod
    def of(cls, config: Config, touched: Mapping[str, Touched] = NOTHING) -> Pipeline:
        """The pipeline of mlx.yaml, ordered by what is declared there, and then by what was seen.

        Raises:
            ConfigError: two stages write one path, or an output covers a notebook.
            CycleError: stages wait for each other.
        """
        stages = expand(config)
        _check_outputs(config, stages)
        declared = _upstream(stages)
        ordered = _ordered(stages, declared)
        if not touched:
            return cls(ordered, declared, touched)
        upstream, guessed = _with_touched(ordered, declared, touched)
        return cls(_ordered(stages, upstream), upstream, touched, guessed)

    def __getitem__(self, name: str) -> Stage:
        """The stage of that full name."""
        return next(stage for stage in self.stages if stage.name == name)

    def firm(self, name: str) -> frozenset[str]:
        """The stages upstream that a stage cannot do without: not by a guess alone."""
        return self.upstream[name] - self.guessed.get(name, frozenset())

    def is_guessed(self, name: str) -> bool:
        """Whether what a stage reads, and so its place among others, is a guess by its code."""
        more = self.touched.get(name)
        return more is not None and more.guessed and len(self.stages) > 1

    def reads(self, name: str) -> tuple[str, ...]:
        """What a stage reads, or may read, beside its inputs."""
        more = self.touched.get(name)
        return more.reads if more else ()

    def named(self, names: Sequence[str]) -> tuple[Stage, ...]:
        """The stages of these names; a name without its `@…` means all points of the matrix.

        Raises:
            UnknownStageError: there is no such stage.
        """
        known = tuple(dict.fromkeys(word for stage in self.stages for word in (stage.group, stage.name)))
        for name in names:
            if name not in known:
                raise UnknownStageError(name, known)
        return tuple(stage for stage in self.stages if stage.name in names or stage.group in names)

    def downstream(self, names: Sequence[str]) -> frozenset[str]:
        """The full names of these stages, and of all that depend on them.

        Raises:
            UnknownStageError: there is no such stage.
        """
        found = {stage.name for stage in self.named(names)}
        for stage in self.stages:
            if self.upstream[stage.name] & found:
                found.add(stage.name)
        return frozenset(found)

    def select(self, names: Sequence[str] = ()) -> Pipeline:
        """These stages and all that they depend on; everything where none is named.

        Raises:
            UnknownStageError: there is no such stage.
        """
        if not names:
            return self
        wanted: set[str] = set()
        waiting = [stage.name for stage in self.named(names)]
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                waiting.extend(self.upstream[name])
        stages = tuple(stage for stage in self.stages if stage.name in wanted)
        upstream = {name: self.upstream[name] for name in wanted}
        return Pipeline(stages, upstream, self.touched, self.guessed)


def covers(folder: str, path: str) -> bool:
    """Whether `path` is `folder` or lies inside it."""
    return path == folder or path.startswith(f"{folder}/")


def overlap(a: str, b: str) -> bool:
    """Whether one of the paths lies inside the other, or they are the same."""
    return covers(a, b) or covers(b, a)


def _parents(path: str) -> Iterator[str]:
    """`a/b/c`, `a/b`, `a`."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _check_outputs(config: Config, stages: Sequence[Stage]) -> None:
    writers: dict[str, Stage] = {}
    above: dict[str, Stage] = {}
    for stage in stages:
        for i, path in enumerate(stage.outputs):
            other = above.get(path) or next((writers[p] for p in _parents(path) if p in writers), None)
            if other is not None:
                raise config.error(f"stages.{stage.group}.outputs.{i}", _two_writers(path, stage, other))
            writers[path] = stage
            above |= dict.fromkeys(_parents(path), stage)
    for stage in stages:
        for path in _parents(stage.notebook):
            if path in writers:
                owner = writers[path]
                problem = (
                    f"{path!r} holds the notebook of stage {stage.name}, and outputs are replaced at each run"
                )
                key = f"stages.{owner.group}.outputs.{owner.outputs.index(path)}"
                raise config.error(key, f"{problem}; write to a folder of its own")


def _two_writers(path: str, stage: Stage, other: Stage) -> str:
    if stage.group == other.group and stage is not other:
        axis = stage.name.partition("@")[2].partition("=")[0]
        return (
            f"{path!r} is written by each point of the matrix; give each its own, such as {path}/${{{axis}}}"
        )
    if stage is other:
        return f"{path!r} overlaps another output of this stage; keep the outer one"
    return f"{path!r} is written by stage {other.name} too; each path has one writer"


def _upstream(stages: tuple[Stage, ...]) -> dict[str, frozenset[str]]:
    writer: dict[str, str] = {}
    within: dict[str, set[str]] = {}
    for stage in stages:
        for path in stage.outputs:
            writer[path] = stage.name
            for parent in _parents(path):
                within.setdefault(parent, set()).add(stage.name)
    found: dict[str, frozenset[str]] = {}
    for stage in stages:
        names: set[str] = set(stage.awaits)
        for path in stage.inputs:
            names |= within.get(path, set())
            names |= {writer[parent] for parent in _parents(path) if parent in writer}
        found[stage.name] = frozenset(names)
    return found


def _with_touched(
    stages: tuple[Stage, ...], declared: Mapping[str, frozenset[str]], touched: Mapping[str, Touched]
) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """The declared order, and what was seen beside it as far as that makes no circle; and what of it is a guess.

    What was seen may be out of date, for the code has changed since; it must not
    keep a pipeline from being run.
    """
    writers: dict[str, list[tuple[int, Stage]]] = {}
    for at, stage in enumerate(stages):
        for path in (*stage.outputs, *touched.get(stage.name, Touched()).writes):
            writers.setdefault(path, []).append((at, stage))
    within: dict[str, set[str]] = {}
    for path in writers:
        for parent in _parents(path):
            within.setdefault(parent, set()).add(path)
    found = {name: set(names) for name, names in declared.items()}
    firm = {name: set(names) for name, names in declared.items()}
    # what is known first, lest a guess stand in its way
    for is_sure in (True, False):
        for at, stage in enumerate(stages):
            more = touched.get(stage.name, Touched())
            reads = (*more.reads, *stage.inputs)
            paths = {p for read in reads for p in (*within.get(read, ()), *_parents(read)) if p in writers}
            for path, place, writer in ((p, *item) for p in sorted(paths) for item in writers[p]):
                sure = _surely(writer, path, touched) and not more.surely_writes(path)
                # of two stages whose code only names the same file, the upper one in mlx.yaml writes it
                if writer is stage or sure != is_sure or not (sure or not more.guessed or place < at):
                    continue
                if not _reaches(writer.name, stage.name, found):
                    found[stage.name].add(writer.name)
                    if sure:
                        firm[stage.name].add(writer.name)
    guessed = {name: frozenset(names - firm[name]) for name, names in found.items()}
    return {name: frozenset(names) for name, names in found.items()}, guessed


def _surely(writer: Stage, path: str, touched: Mapping[str, Touched]) -> bool:
    """Whether a stage is declared to write a path, was seen to, or has code that opens it to write."""
    return path in writer.outputs or touched.get(writer.name, Touched()).surely_writes(path)


def _reaches(start: str, goal: str, upstream: Mapping[str, set[str]]) -> bool:
    """Whether `start` depends on `goal`."""
    waiting, seen = [start], {start}
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        waiting += upstream[name] - seen
        seen |= upstream[name]
    return False


def _ordered(stages: tuple[Stage, ...], upstream: Mapping[str, frozenset[str]]) -> tuple[Stage, ...]:
    done: dict[str, Stage] = {}
    waiting = list(stages)
    while waiting:
        ready = [stage for stage in waiting if upstream[stage.name] <= done.keys()]
        if not ready:
            raise CycleError(_cycle(waiting, upstream))
        done |= {stage.name: stage for stage in ready}
        waiting = [stage for stage in waiting if stage.name not in done]
    return tuple(done.values())


def _cycle(waiting: Sequence[Stage], upstream: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Walk from stage to stage against the arrows until one comes again."""
    left = {stage.name for stage in waiting}
    walk = [waiting[0].name]
    while True:
        name = min(upstream[walk[-1]] & left)
        if name in walk:
            return tuple(reversed(walk[walk.index(name) :]))
        walk.append(name)
