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

NEVER, CACHED, FORCED = "never ran", "cached", "forced"
EDITED = "mlx.lock was edited"
ABSENT = "absent"
"""In the place of the digest of an undeclared input that is not there any more."""
OPEN = "open"
"""In the place of the digest of an input that nobody can tell before a known result is brought back."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about one stage."""

    name: str
    action: Action
    reason: str
    """`never ran`, `code changed`, `PATH changed`, `upstream: STAGE runs`, `cached` and the like."""
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
    changed: str = ""
    """Of a cached stage: an output that was changed by hand, and that bringing the stage's own back would lose."""
    left: tuple[str, ...] = ()
    """Of a skipped stage: its files of an earlier state that still lie in the work tree."""


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
    composed: Callable[[str, Sequence[Result]], str | None] = lambda *_: OPEN
    """Path → the digest of what it will be with the outputs of these results; None: nothing, `OPEN`: untold."""
    changed: Callable[[str, Result], str | None] = lambda *_: None
    """Stage and its kept result → an output that was changed by hand, and of which there is no other copy."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a pipeline, in an order in which they can be done."""

    steps: tuple[Step, ...]

    @classmethod
    def of(cls, pipeline: Pipeline, known: Known) -> Plan:
        """Decide about each stage, the upstream ones first."""
        steps: dict[str, Step] = {}
        place = {stage.name: at for at, stage in enumerate(pipeline.stages)}
        for stage in pipeline.stages:
            names = pipeline.upstream[stage.name] & place.keys()
            above = [steps[name] for name in sorted(names, key=place.__getitem__)]
            firm = [step for step in above if step.name in pipeline.firm(stage.name)]
            steps[stage.name] = _left_out(stage, firm) or _decided(stage, above, known)
        return cls(tuple(steps.values()))

    def __getitem__(self, name: str) -> Step:
        """The step of that stage."""
        return next(step for step in self.steps if step.name == name)

    def rows(self) -> list[dict[str, Any]]:
        """The steps as `--json` and the routes give them."""
        return [
            {"name": s.name, "action": s.action, "reason": s.reason, "duration_s": s.duration_s}
            | ({"left": list(s.left)} if s.left else {})
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
            running = dict.fromkeys(name for name, _ in stage.pending if metrics(name) is None)
            reason = _upstream(list(running)) if last else NEVER
            return Step(stage.name, "run", reason, last.duration_s if last else None, waits=waits)
        if reason := left_out(found):
            return Step(stage.name, "skipped", reason)
    except UsageError as error:
        return Step(stage.name, "run", str(error), fault=error)
    return _step(found, above, known)


def _step(stage: Stage, above: list[Step], known: Known) -> Step:
    last = known.last.get(stage.name)
    duration_s = last.duration_s if last else None
    running = [step.name for step in above if step.action == "run"]
    upstream = _upstream(running) if running else ""
    versions: dict[str, str] = {}
    for path in stage.inputs:
        digest = _input(path, above, known)
        if digest is not None and digest != OPEN:
            versions[path] = digest
        elif not upstream:
            maker = _maker(path, above)
            if maker is None:
                return Step(stage.name, "run", f"{path} missing", duration_s, missing=path)
            upstream = _open(path, maker) if digest else f"{path} missing"
    fingerprint = known.fingerprint(stage, versions)
    if upstream:
        return Step(stage.name, "run", _own_reason(fingerprint, last) or upstream, duration_s)
    if stage.name in known.force:
        return Step(stage.name, "run", FORCED, duration_s, fingerprint)
    result = _kept(stage, fingerprint, above, known)
    if result is None:
        return Step(stage.name, "run", _reason(fingerprint, last, above, known), duration_s, fingerprint)
    gone = known.missing_output(result)
    if gone is not None:
        return Step(stage.name, "run", f"output {gone} missing", duration_s, fingerprint)
    changed = known.changed(stage.name, result) or ""
    reason = by_hand(changed, stage.name) if changed else CACHED
    return Step(stage.name, "cached", reason, result.duration_s, result.fingerprint, result, changed=changed)


def by_hand(path: str, stage: str) -> str:
    """What is said of an output that was changed by hand."""
    return f"{path} was changed by hand (stage {stage} made another)"


def _kept(stage: Stage, fingerprint: Fingerprint, above: list[Step], known: Known) -> Result | None:
    """The kept result of a stage, with the undeclared inputs that it had."""
    sets = known.seen(stage, fingerprint)
    for whole in wholes(fingerprint, sets, lambda path: _input(path, above, known)):
        if (result := known.result(whole)) is not None:
            return result
    return None


def wholes(
    base: Fingerprint, sets: Sequence[tuple[str, ...]], version: Callable[[str], str | None]
) -> Iterator[Fingerprint]:
    """A fingerprint with each of the `sets` of undeclared inputs as they are now, and last as it is."""
    for paths in (*sets, ()):
        versions = {path: version(path) or ABSENT for path in paths}
        yield replace(base, inputs={**base.inputs, **versions})


def _input(path: str, above: list[Step], known: Known) -> str | None:
    """The digest of an input as it will be when the stages above are done; None: nothing, `OPEN`: nobody can tell."""
    results = [step.result for step in above if step.result]
    for result in results:
        if path in result.outputs:
            return result.outputs[path].digest
    for result in results:
        for output, version in result.outputs.items():
            if overlap(path, output) and known.version(output) != version.digest:
                # what lies there will be replaced by the kept result, and is not it yet
                return known.composed(path, results)
    return known.version(path)


def _maker(path: str, above: list[Step]) -> str | None:
    """The first stage above whose result has `path`, or a part of it, among its outputs."""
    made = (step for step in above if step.result and any(overlap(path, o) for o in step.result.outputs))
    return next((step.name for step in made), None)


def _reason(fingerprint: Fingerprint, last: Result | None, above: list[Step], known: Known) -> str:
    """Why a stage runs whose result is not known: what is not as it was for its last one."""
    if last is None:
        return NEVER
    before, versions = last.fingerprint, dict(fingerprint.inputs)
    unknown = ""
    for path in last.seen_inputs:
        digest = _input(path, above, known) or ABSENT
        if digest == OPEN:
            unknown = unknown or path
            digest = before.inputs[path]
        versions[path] = digest
    changes = ", ".join(replace(fingerprint, inputs=versions).changes(before))
    if not changes and unknown:
        return _open(unknown, _maker(unknown, above) or "")
    return changes or (EDITED if last.edited else NEVER)


def _own_reason(fingerprint: Fingerprint, last: Result | None) -> str:
    """Why the stage would run even if its inputs came out the same."""
    if last is None:
        return NEVER
    before = last.fingerprint
    unread = replace(fingerprint, inputs=before.inputs)
    return ", ".join(unread.changes(before))


def _upstream(running: Sequence[str]) -> str:
    more = f" and {len(running) - 1} more run" if len(running) > 1 else " runs"
    return f"upstream: {running[0]}{more}"


def _open(path: str, maker: str) -> str:
    return f"upstream: {path} is not known before what {maker} made is brought back"
