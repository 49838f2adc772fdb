"""The points of a stage: the stage with other values, checked, and what is known of its result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jupyter_mlx.pipelines.facts import InputMissingError, with_params
from jupyter_mlx.pipelines.pipeline import Pipeline, Touched
from jupyter_mlx.pipelines.plan import wholes
from jupyter_mlx.pipelines.references import written
from jupyter_mlx.pipelines.stage import Stage

from .axes import plain
from .result import MatrixSweepError

if TYPE_CHECKING:
    from jupyter_mlx.pipelines.fingerprint import Fingerprint
    from jupyter_mlx.pipelines.outputs import Outputs
    from jupyter_mlx.pipelines.result import DataVersion, Result
    from jupyter_mlx.pipelines.runner import Runner
    from jupyter_mlx.pipelines.seen import Seen


class Points:
    """One stage, at any point of its axes."""

    def __init__(self, runner: Runner, name: str) -> None:
        """Find the stage.

        Raises:
            UnknownStageError: there is no such stage.
            MatrixSweepError: the name stands for several stages.
        """
        self.facts, self.name = runner.facts(), name
        named = Pipeline.of(self.facts.config).named([name])
        if len(named) > 1:
            raise MatrixSweepError(name, tuple(stage.name for stage in named))
        self.stage = named[0]
        self._config = self.facts.config
        self._touched = self.facts.touched()
        self._pipeline = Pipeline.of(self._config, self._touched)

    def upstream_done(self, results: Mapping[str, Result]) -> None:
        """What the stage depends on is there: look again, with these results (stage → result)."""
        self.facts.forget()
        for name, result in results.items():
            self.facts.settle(name, result)

    def at(self, values: Mapping[str, Any]) -> Stage:
        """The stage at a point, under a name of its own.

        Raises:
            UnknownParameterError, ParameterTypeError: a value does not fit the notebook.
            MetricMissingError: it takes a metric that a stage before it did not log.
        """
        group = self.stage.group
        given = {f"{group}.{key}": value for key, value in values.items()}
        config = with_params(self._config, given, [self.name], self.facts)
        stage = Pipeline.of(config).named([self.name])[0]
        label = ",".join(f"{key}={written(value)}" for key, value in plain(values).items())
        joint = "," if "@" in stage.name else "@"
        return self.facts.ready(replace(stage, name=f"{stage.name}{joint}{label}"))

    def inputs(self, stage: Stage) -> dict[str, DataVersion]:
        """The versions of what a point reads, as they are now.

        Raises:
            InputMissingError: one is not there.
        """
        found = {}
        for path in stage.inputs:
            version = self.facts.version(path)
            if version is None:
                raise InputMissingError(stage.name, path)
            found[path] = version
        return found

    def fingerprint(self, stage: Stage, inputs: Mapping[str, DataVersion]) -> Fingerprint:
        """What determines the result of a point."""
        return self.facts.fingerprint(stage, {path: version.digest for path, version in inputs.items()})

    def known(self, stage: Stage, fingerprint: Fingerprint) -> Result | None:
        """The result of a point that has one, whole; what it was seen to read is as it was then."""
        for whole in wholes(fingerprint, self.facts.seen(stage, fingerprint), self.facts.digest):
            result = self.facts.result(whole)
            if result is not None and self.facts.outputs.missing(result) is None:
                return result
        return None

    @property
    def reads(self) -> tuple[str, ...]:
        """What the stage reads, or may read, beside its inputs."""
        return self._pipeline.reads(self.stage.name)

    @property
    def written(self) -> tuple[str, ...]:
        """What the stage writes, declared or seen when it last ran: each point writes its own."""
        more = self._touched.get(self.stage.name, Touched())
        return (*self.stage.outputs, *(() if more.guessed else more.writes))

    def found(self, stage: Stage, told: Mapping[str, Any], outputs: Outputs) -> Seen:
        """What a point was seen to touch in its place; the files of other stages are theirs.

        Raises:
            MlxError: see `Watched.seen`.
        """
        others = [other for other in self._pipeline.stages if other.name != self.stage.name]
        upstream = {other.name: self._pipeline.upstream[other.name] for other in others}
        return self.facts.found(stage, told, Pipeline(tuple(others), upstream, self._touched), outputs)

    def base(self, stage: Stage, axes: Iterable[str]) -> str:
        """The digest of what all points have in common."""
        names = set(axes)
        fingerprint = self.fingerprint(stage, self.inputs(stage))
        common = {key: value for key, value in fingerprint.params.items() if key not in names}
        return str(replace(fingerprint, params=common, outputs=()).digest)
