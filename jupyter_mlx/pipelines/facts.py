"""What a plan is decided from, read from the project as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jupyter_mlx.config import Config, StageConfig
from jupyter_mlx.errors import NotFoundError

from . import lock
from .fingerprint import Fingerprint
from .formats import NotebookMissingError
from .imports import within
from .naming import Beside, Names
from .observing import FILES
from .outputs import Outputs
from .parameters import ParameterTypeError, UnknownParameterError, checked, named
from .pipeline import Pipeline, Touched, UnknownStageError
from .plan import Known
from .references import metrics_in
from .result import DataVersion, Result
from .results import Results
from .secrets import secrets_of
from .seen import Seen, Watched, known_paths
from .sources import NotebookFacts, Sources
from .stage import Stage, expand, settled


class InputMissingError(NotFoundError):
    """A stage reads what is not there and what no stage makes."""

    code = "input-missing"

    def __init__(self, stage: str, path: str) -> None:
        super().__init__(stage, path)
        self.stage, self.path = stage, path

    def __str__(self) -> str:
        return (
            f"stage {self.stage} reads {self.path}, which is not there and which no stage makes; "
            f"`jmlx checkout {self.path}` or `jmlx pull` brings tracked data back, "
            "or correct `inputs` in mlx.yaml"
        )


class Facts:
    """The project, asked by a plan; what was read is remembered until it may have changed."""

    def __init__(self, config: Config, sources: Sources, outputs: Outputs, results: Results) -> None:
        self.config, self.sources, self.outputs, self.results = config, sources, outputs, results
        self.last: Mapping[str, Result] = {}
        self.stages: frozenset[str] = frozenset()
        self._checked: dict[str, dict[str, Any]] = {}
        self._settled: dict[str, Result] = {}

    def known(self, force: Iterable[str] = ()) -> Known:
        """The facts, in the form that `Plan.of` takes."""
        return Known(
            fingerprint=self.fingerprint,
            version=self.digest,
            last=self.last,
            result=self.result,
            missing_output=self.outputs.missing,
            force=frozenset(force),
            metrics=self.metrics,
            seen=self.seen,
            composed=self.outputs.composed,
            changed=self.changed,
        )

    def notebook(self, stage: Stage | StageConfig, group: str) -> NotebookFacts:
        """The notebook of a stage.

        Raises:
            ConfigError: mlx.yaml names a notebook that is not there.
        """
        if stage.command is not None:
            return self.sources.command(stage.command)
        try:
            return self.sources.notebook(stage.notebook)
        except NotebookMissingError as error:
            problem = f"there is no notebook {error.path}; correct the path, or create it"
            raise self.config.error(f"stages.{group}.notebook", problem) from error

    def params(self, stage: Stage) -> dict[str, Any]:
        """The parameters of a stage, checked against its notebook; metrics that are not known yet, by name.

        Raises:
            ConfigError: mlx.yaml sets one that the notebook does not know, or of another type.
        """
        if stage.name in self._checked:
            return self._checked[stage.name]
        declared = self.notebook(stage, stage.group).parameters
        found: dict[str, Any] = {}
        for name, value in {**stage.params, **dict.fromkeys(stage.secrets)}.items():
            try:
                is_open = name in stage.secrets or bool(stage.awaits and metrics_in(value))
                found |= (
                    named(stage.notebook, name, value, declared)
                    if is_open
                    else checked(stage.notebook, {name: value}, declared)
                )
            except (UnknownParameterError, ParameterTypeError) as error:
                raise self.config.error(self._key(stage, name), str(error)) from error
        found = {name: value for name, value in found.items() if name not in stage.secrets}
        if not stage.pending:
            self._checked[stage.name] = found
        return found

    def _key(self, stage: Stage, name: str) -> str:
        """Where mlx.yaml sets a parameter."""
        entry = self.config.stages[stage.group]
        part = "matrix" if name in entry.matrix else "params"
        key = f"stages.{stage.group}.{part}.{name}"
        written = f"stages.{stage.group}.secrets.{name}"
        return written if written in self.config.lines else key

    def check(self, stages: Iterable[Stage]) -> None:
        """Make sure that these stages can be begun, as far as that is known before.

        Raises:
            ConfigError: a parameter is unknown to the notebook, or of another type.
            SecretMissingError: the environment does not hold a secret.
        """
        for stage in stages:
            self.params(stage)
            secrets_of(stage)

    def ready(self, stage: Stage) -> Stage:
        """The stage as it is to be executed: with the metrics it takes, its parameters checked.

        Raises:
            ConfigError: see `params`.
            MetricMissingError: see `settled`.
        """
        found = settled(stage, self.metrics) or stage
        return replace(found, params=self.params(found))

    def seen(self, stage: Stage, base: Fingerprint) -> list[tuple[str, ...]]:
        """The sets of undeclared inputs that executions with this fingerprint read."""
        found = self.results.seen(base.digest)
        last = self.last.get(stage.name)
        if last is not None and last.seen_inputs and last.base.digest == base.digest:
            found.append(tuple(sorted(last.seen_inputs)))
        return list(dict.fromkeys(found))

    def touched(self) -> dict[str, Touched]:
        """What the stages of mlx.yaml read and wrote beside it; of one that never ran, what its code names."""
        found: dict[str, Touched] = {}
        for stage in expand(self.config):
            last = self.last.get(stage.name)
            if last is not None:
                wrote = tuple(path for path in last.seen if path in last.outputs)
                if last.seen:
                    found[stage.name] = Touched(last.seen_inputs, wrote)
            elif not stage.inputs or not stage.outputs:
                found[stage.name] = self._guessed(stage)
        return found

    def _guessed(self, stage: Stage) -> Touched:
        """What the code of a stage that never ran says of files, relative to the project."""
        self.notebook(stage, stage.group)
        named = _files(stage, self.sources.names(stage.notebook, stage.command))
        opened = self.sources.opened(stage.notebook, stage.command)
        read, written = set(_files(stage, opened.read)), set(_files(stage, opened.written))
        reads = tuple(path for path in named if path in read or path not in written)
        # of a command too little is known to say that it writes what it names
        is_open = stage.command is None
        writes = tuple(path for path in named if path in written or (is_open and path not in read))
        return Touched(
            () if stage.inputs else reads,
            () if stage.outputs else writes,
            guessed=True,
            opened=frozenset() if stage.outputs else frozenset(written),
        )

    def found(
        self,
        stage: Stage,
        told: Mapping[str, Any],
        pipeline: Pipeline,
        outputs: Outputs | None = None,
        beside: Iterable[str] = (),
    ) -> Seen:
        """What a stage that has run was seen to touch.

        `outputs` are of the place that it worked in, `beside` the stages that ran at the same time.

        Raises:
            MlxError: see `Watched.seen`.
        """
        files = told.get(FILES, ())
        code, names = frozenset[str](), frozenset[str]()
        others: tuple[Beside, ...] = ()
        if files:
            code = frozenset(self.sources.modules(stage.notebook, self.notebook(stage, stage.group)))
            others = tuple(self._beside(pipeline[name], pipeline) for name in sorted(beside))
        if any(file["how"] != "seen" for file in files):
            # only then the code is asked whom a file belongs to
            names = self.sources.names(stage.notebook, stage.command)
        watched = Watched(stage, pipeline, self.outputs, outputs or self.outputs, code, names, others)
        return watched.seen(told)

    def _beside(self, stage: Stage, pipeline: Pipeline) -> Beside:
        done = self._settled.get(stage.name)
        reads, writes = (known_paths(stage, pipeline, reads=reads) for reads in (True, False))
        if done is not None:
            reads, writes = (*reads, *done.seen_inputs), (*writes, *done.outputs)
        names = Names.of(stage, self.sources.names(stage.notebook, stage.command))
        return Beside(stage.name, names, reads, writes)

    def settle(self, stage: str, result: Result) -> None:
        """A stage is done, with this result."""
        self._settled[stage] = result

    def metrics(self, stage: str) -> Mapping[str, float] | None:
        """The metrics of a stage that is done."""
        found = self._settled.get(stage)
        return found.metrics if found else None

    def fingerprint(self, stage: Stage, inputs: Mapping[str, str]) -> Fingerprint:
        """What determines the result of a stage, were its inputs these."""
        facts = self.notebook(stage, stage.group)
        return Fingerprint(
            code=facts.code,
            kernel=f"{stage.kernel or facts.kernel}/{facts.language}",
            modules=self.sources.modules(stage.notebook, facts),
            params=self.params(stage),
            inputs=dict(inputs),
            outputs=tuple(sorted(stage.outputs)),
        )

    def changed(self, stage: str, result: Result) -> str | None:
        """An output that was changed by hand; what a killed execution left half done was not."""
        found = self.outputs.changed_by_hand(result)
        return None if found is None or lock.cut_short(self.sources.state, stage) else found

    def version(self, path: str) -> DataVersion | None:
        """What lies at `path` in the work tree."""
        return self.outputs.version(path)

    def digest(self, path: str) -> str | None:
        """The digest of what lies at `path`; None where nothing does."""
        found = self.version(path)
        return found.digest if found else None

    def result(self, fingerprint: Fingerprint) -> Result | None:
        """The kept result of a fingerprint: of this copy of the project, or of the lock that came with it."""
        digest = fingerprint.digest
        found = self.results.get(digest)
        if found is None:
            # a lock that was edited by hand vouches for nothing
            known = (result for result in self.last.values() if not result.edited)
            found = next((result for result in known if result.fingerprint.digest == digest), None)
        return found

    def left_behind(self, stage: str) -> tuple[str, ...]:
        """The files of its last result that still lie there: of an earlier state, where the stage is left out."""
        last = self.last.get(stage)
        return tuple(path for path in (last.outputs if last else ()) if (self.outputs.root / path).exists())

    def forget(self) -> None:
        """Look again: a stage has written, or another process may have."""
        self.outputs.forget()
        self.sources.forget()


def _files(stage: Stage, names: Iterable[str]) -> tuple[str, ...]:
    """Of the names in the code of a stage those that look like files, relative to the project."""
    folder = stage.notebook.rpartition("/")[0]
    paths = (within(folder, name) for name in names if "." in name[1:] or "/" in name)
    return tuple(dict.fromkeys(path for path in paths if path and not path.endswith((".py", ".ipynb"))))


def with_params(config: Config, given: Mapping[str, Any], named: Sequence[str], facts: Facts) -> Config:
    """mlx.yaml, with parameters of a command line laid over it.

    `lr` goes to each of the `named` stages (all, where none is) whose notebook
    has it; `train.lr` to that stage alone. A notebook whose language is not
    understood takes any, if it is named.

    Raises:
        UnknownParameterError: no such notebook has it.
        ParameterTypeError: the value is of another type than the notebook's.
        ConfigError: it is the matrix's own.
    """
    groups = {name.partition("@")[0] for name in named} or set(config.stages)
    stages = dict(config.stages)
    for key, value in given.items():
        group, _, name = key.rpartition(".")
        if group and group not in stages:
            raise UnknownStageError(group, tuple(stages))
        targets = [group] if group else sorted(groups & stages.keys())
        known = {target: facts.notebook(stages[target], target).parameters for target in targets}
        chosen = bool(group or named)
        having = [t for t, declared in known.items() if (chosen if declared is None else name in declared)]
        if not having:
            names = sorted({word for declared in known.values() for word in declared or {}})
            where = stages[targets[0]].notebook if len(targets) == 1 else "the pipeline"
            raise UnknownParameterError(where, name, tuple(names))
        for target in having:
            stages[target] = _overlaid(config, stages[target], name, value, known[target])
    return replace(config, stages=stages)


def _overlaid(config: Config, entry: StageConfig, name: str, value: Any, declared: Any) -> StageConfig:
    if name in entry.matrix:
        problem = f"is the matrix's own; name the point to run instead, such as {entry.name}@{name}=…"
        raise config.error(f"stages.{entry.name}.matrix.{name}", problem)
    return replace(entry, params={**entry.params, **checked(entry.notebook, {name: value}, declared)})
