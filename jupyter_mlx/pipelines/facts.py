"""What a plan is decided from, read from the project as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jupyter_mlx.config import Config, StageConfig
from jupyter_mlx.errors import NotFoundError

from .fingerprint import Fingerprint
from .formats import NotebookMissingError
from .outputs import Outputs
from .parameters import ParameterTypeError, UnknownParameterError, checked
from .pipeline import UnknownStageError
from .plan import Known
from .result import DataVersion, Result
from .results import Results
from .sources import NotebookFacts, Sources
from .stage import Stage


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

    def known(self, force: Iterable[str] = ()) -> Known:
        """The facts, in the form that `Plan.of` takes."""
        return Known(
            fingerprint=self.fingerprint,
            version=self.digest,
            last=self.last,
            result=self.result,
            missing_output=self.outputs.missing,
            force=frozenset(force),
        )

    def notebook(self, stage: Stage | StageConfig, group: str) -> NotebookFacts:
        """The notebook of a stage.

        Raises:
            ConfigError: mlx.yaml names a notebook that is not there.
        """
        try:
            return self.sources.notebook(stage.notebook)
        except NotebookMissingError as error:
            problem = f"there is no notebook {error.path}; correct the path, or create it"
            raise self.config.error(f"stages.{group}.notebook", problem) from error

    def params(self, stage: Stage) -> dict[str, Any]:
        """The parameters of a stage, checked against its notebook.

        Raises:
            ConfigError: mlx.yaml sets one that the notebook does not know, or of another type.
        """
        facts = self.notebook(stage, stage.group)
        if stage.name not in self._checked:
            try:
                self._checked[stage.name] = checked(stage.notebook, stage.params, facts.parameters)
            except (UnknownParameterError, ParameterTypeError) as error:
                entry = self.config.stages[stage.group]
                part = "matrix" if error.name in entry.matrix else "params"
                raise self.config.error(f"stages.{stage.group}.{part}.{error.name}", str(error)) from error
        return self._checked[stage.name]

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
            found = next((r for r in self.last.values() if r.fingerprint.digest == digest), None)
        return found

    def forget(self) -> None:
        """Look again: a stage has written, or another process may have."""
        self.outputs.forget()
        self.sources.forget()


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
