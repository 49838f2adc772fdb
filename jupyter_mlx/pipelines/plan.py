"""The plan: which stages would run, and why. Decided purely, from what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from jupyter_mlx.errors import MlxError, UsageError

from .fingerprint import Fingerprint
from .pipeline import Pipeline, overlap
from .result import Result
from .stage import Stage, left_out, settled

Action: TypeAlias = Literal["run", "cached", "skipped"]

NEVER, UPSTREAM, CACHED, FORCED = "never ran", "upstream", "cached", "forced"
EDITED = "mlx.lock was edited"
ABSENT = "absent"
"""In the place of the digest of an undeclared input that is not there any more."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about one stage."""

    name: str
    action: Action
    reason: str
    """`never ran`, `code changed`, `params changed`, `PATH changed`, `upstream`, `cached` and the like."""
    duration_s: float | None = None
    """How long its last execution took, in seconds; None where it never ran."""
    fingerprint: Fingerprint | None = None
    """None where an input is still to be made."""
    result: Result | None = None
    """Of a cached stage: what it stands for."""
    missing: str = ""
    """An input that no stage makes and that is not there."""
    fault: MlxError | None = None
    """Why the stage cannot be run: it takes a metric that was not logged, say."""
    waits: tuple[str, ...] = ()
    """The metrics (`train.metrics.acc`) that must be known before more can be said."""


@dataclass(frozen=True, slots=True)
class Known:
    """All that a plan is decided from."""

    fingerprint: Callable[[Stage, Mapping[str, str]], Fingerprint]
    """Stage and its input versions (path → digest) → its fingerprint as things stand."""
    version: Callable[[str], str | None]
    """Path → the digest of what lies there in the work tree; None where nothing does."""
    last: Mapping[str, Result]
    """Stage → its result in the lock."""
    result: Callable[[Fingerprint], Result | None]
    """The kept result of a fingerprint."""
    missing_output: Callable[[Result], str | None]
    """An output of the result that neither the work tree nor the store has; None where all are there."""
    force: frozenset[str] = frozenset()
    """Stages to run whatever is known of them."""
    seen: Callable[[Stage, Fingerprint], Sequence[tuple[str, ...]]] = lambda *_: ()
    """Stage and its fingerprint → the sets of undeclared inputs that such executions read."""
    metrics: Callable[[str], Mapping[str, float] | None] = lambda _: None
    """Stage that is done → the metrics of its result; None for one that is not."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a pipeline, in an order in which they can be done."""

    steps: tuple[Step, ...]

    @classmethod
    def of(cls, pipeline: Pipeline, known: Known) -> Plan:
        """Decide about each stage, the upstream ones first."""
        steps: dict[str, Step] = {}
        for stage in pipeline.stages:
            above = [steps[name] for name in sorted(pipeline.upstream[stage.name]) if name in steps]
            steps[stage.name] = _left_out(stage, above) or _decided(stage, above, known)
        return cls(tuple(steps.values()))

    def __getitem__(self, name: str) -> Step:
        """The step of that stage."""
        return next(step for step in self.steps if step.name == name)

    def rows(self) -> list[dict[str, Any]]:
        """The steps as `--json` and the routes give them."""
        return [
            {"name": s.name, "action": s.action, "reason": s.reason, "duration_s": s.duration_s}
            for s in self.steps
        ]


def _left_out(stage: Stage, above: list[Step]) -> Step | None:
    """The step of a stage that cannot run since one that it depends on is left out."""
    out = next((step for step in above if step.action == "skipped"), None)
    return Step(stage.name, "skipped", f"{out.name} left out") if out else None


def _decided(stage: Stage, above: list[Step], known: Known) -> Step:
    """The step of a stage, once its `when` and the metrics that it takes are known."""
    last = known.last.get(stage.name)

    def metrics(name: str) -> Mapping[str, float] | None:
        step = next((step for step in above if step.name == name), None)
        if step is None:
            return known.metrics(name)
        return step.result.metrics if step.result else None

    try:
        found = settled(stage, metrics)
        if found is None:
            waits = tuple(f"{name}.metrics.{metric}" for name, metric in stage.pending)
            reason = UPSTREAM if last else NEVER
            return Step(stage.name, "run", reason, last.duration_s if last else None, waits=waits)
        if reason := left_out(found):
            return Step(stage.name, "skipped", reason)
    except UsageError as error:
        return Step(stage.name, "run", str(error), fault=error)
    return _step(found, above, known)


def _step(stage: Stage, above: list[Step], known: Known) -> Step:
    last = known.last.get(stage.name)
    duration_s = last.duration_s if last else None
    versions: dict[str, str] = {}
    upstream = any(step.action == "run" for step in above)
    for path in stage.inputs:
        digest = _input(path, above, known)
        if digest is not None:
            versions[path] = digest
        elif any(_makes(step, path) or step.action == "run" for step in above):
            upstream = True
        else:
            return Step(stage.name, "run", f"{path} missing", duration_s, missing=path)
    fingerprint = known.fingerprint(stage, versions)
    if upstream:
        return Step(stage.name, "run", _own_reason(fingerprint, last) or UPSTREAM, duration_s)
    if stage.name in known.force:
        return Step(stage.name, "run", FORCED, duration_s, fingerprint)
    result, whole = _kept(stage, fingerprint, above, known)
    if result is None:
        reason = ", ".join(whole.changes(last.fingerprint)) if last else NEVER
        otherwise = EDITED if last and last.edited else NEVER
        return Step(stage.name, "run", reason or otherwise, duration_s, fingerprint)
    gone = known.missing_output(result)
    if gone is not None:
        return Step(stage.name, "run", f"output {gone} missing", duration_s, fingerprint)
    return Step(stage.name, "cached", CACHED, result.duration_s, result.fingerprint, result)


def _kept(
    stage: Stage, fingerprint: Fingerprint, above: list[Step], known: Known
) -> tuple[Result | None, Fingerprint]:
    """The kept result of a stage, with the undeclared inputs that it had; and what was looked for."""
    tried = list(wholes(fingerprint, known.seen(stage, fingerprint), lambda path: _input(path, above, known)))
    for whole in tried:
        if (result := known.result(whole)) is not None:
            return result, whole
    return None, tried[0]


def wholes(
    base: Fingerprint, sets: Sequence[tuple[str, ...]], version: Callable[[str], str | None]
) -> Iterator[Fingerprint]:
    """A fingerprint with each of the `sets` of undeclared inputs as they are now, and last as it is."""
    for paths in (*sets, ()):
        versions = {path: version(path) or ABSENT for path in paths}
        yield replace(base, inputs={**base.inputs, **versions})


def _input(path: str, above: list[Step], known: Known) -> str | None:
    """The digest of an input as it will be when the stages above are done; None where that is open."""
    for step in above:
        outputs = step.result.outputs if step.result else {}
        if path in outputs:
            return outputs[path].digest
        for output, version in outputs.items():
            if overlap(path, output) and known.version(output) != version.digest:
                # what lies there will be replaced by the kept result, and is not it yet
                return None
    return known.version(path)


def _makes(step: Step, path: str) -> bool:
    return step.result is not None and any(overlap(path, output) for output in step.result.outputs)


def _own_reason(fingerprint: Fingerprint, last: Result | None) -> str:
    """Why the stage would run even if its inputs came out the same."""
    if last is None:
        return NEVER
    before = last.fingerprint
    unread = replace(fingerprint, inputs=before.inputs)
    return ", ".join(unread.changes(before))
