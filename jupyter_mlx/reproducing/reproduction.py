"""`reproduce`: a run made again, compared, and the verdict kept as a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from jupyter_mlx.errors import NotFoundError

from . import checks, environments, files, outputs
from .checks import Check, Tolerance, Verdict
from .execution import Made, Python, execute, require_executable
from .room import prepared

if TYPE_CHECKING:
    from jupyter_mlx.data.version import Version
    from jupyter_mlx.data.workspace import Workspace
    from jupyter_mlx.ledger.compare import Change
    from jupyter_mlx.ledger.run import Run
    from jupyter_mlx.project import Project
    from jupyter_mlx.recorder import ActiveRun

    from .room import Room


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of making a run again."""

    of: str
    run: str
    """The run of kind `reproduce` that keeps it."""
    verdict: Verdict
    problem: str = ""
    """Why it failed."""
    metrics: tuple[Check, ...] = ()
    outputs: tuple[Check, ...] = ()
    """What was printed and shown."""
    files: tuple[Check, ...] = ()
    environment: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    """What may have kept the result from being the same."""
    folder: str = ""
    """Where the room is, if it was kept."""

    def facts(self) -> dict[str, Any]:
        """As JSON can say it."""
        return asdict(self)


_Came: TypeAlias = "tuple[Made, _Found]"


@dataclass(slots=True)
class _Found:
    """What is known so far."""

    metrics: list[Check] = field(default_factory=list)
    outputs: list[Check] = field(default_factory=list)
    files: list[Check] = field(default_factory=list)
    environment: list[Change] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)


def reproduce(
    project: Project,
    ref: str,
    *,
    tolerance: Tolerance | None = None,
    build_environment: bool = False,
    keep: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Reproduction:
    """Make a run again in a clean folder, by a fresh kernel, from the recorded code, data and params.

    Args:
        project: whose run it is.
        ref: the run's id or its beginning, or `last`.
        tolerance: how far numbers may be apart.
        build_environment: with the packages that the run had, in a virtual environment of their own.
        keep: leave the folder where it is.
        say: hears what takes long.

    Raises:
        NotFoundError: there is no such run, or data that it read is in no store here.
        NotReproducibleError: the run holds nothing that could be executed.
        BuildError: the recorded environment can't be built.
        KeyboardInterrupt: the user stopped it.
    """
    run = project.ledger.get(ref)
    require_executable(run)
    python = _built(project, run, say) if build_environment else Python()
    with _verdict_of(project, run) as active, prepared(project, run, keep=keep) as room:
        say(f"executing run {run.id[:8]} again in a clean folder")
        made = execute(project, run, room, python)
        found = _compared(project, run, room, made, tolerance or Tolerance())
        result = _result(run, active.id, made, found, room, keep=keep)
        _record(active, project.workspace, run, result, (made, found))
        return result


def _built(project: Project, run: Run, say: Callable[[str], None]) -> Python:
    """The interpreter of an environment like the run's."""
    recorded = _environment(project, run)
    if not recorded:
        raise environments.NoEnvironmentError(run.id)
    return environments.build(project.state / "environments", recorded, say)


@contextmanager
def _verdict_of(project: Project, run: Run) -> Iterator[ActiveRun]:
    """The run that is to keep the verdict; failed where the block raises."""
    active = project.recorder.open(
        kind="reproduce",
        name=run.name,
        params=run.params,
        notebook=run.notebook,
        source=run.source,
        parent=run.id,
    )
    try:
        yield active
    except BaseException as error:
        active.finish("interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
        raise
    finally:
        project.recorder.flush()


def _compared(project: Project, run: Run, room: Room, made: Made, tolerance: Tolerance) -> _Found:
    found = _Found()
    if made.run is not None:
        now = made.run
        series = project.ledger.series(run.id), room.project.ledger.series(now.id)
        found.metrics = checks.metrics(run.metrics, now.metrics, series, tolerance)
        found.outputs = outputs.compare(project.cell_outputs(run), room.project.cell_outputs(now), tolerance)
        found.environment = environments.differences(
            _environment(project, run), _environment(room.project, now)
        )
    found.files, found.versions = files.compare(run, room.workspace, tolerance)
    return found


def _environment(project: Project, run: Run) -> Mapping[str, Any]:
    """What a run recorded of its environment; nothing where that is not in the store."""
    try:
        return project.environment(run)
    except NotFoundError:
        return {}


def _result(
    run: Run, reproduction: str, made: Made, found: _Found, room: Room, *, keep: bool
) -> Reproduction:
    failed_then = run.status == "failed"
    problem = made.problem
    if problem and failed_then and run.error is not None and made.problem.startswith(run.error.ename):
        problem = ""  # it failed then, too, in the same way
    elif failed_then and not problem:
        problem = "the run failed then, and did not now"
    verdict = "failed" if problem else checks.verdict([*found.metrics, *found.outputs, *found.files])
    return Reproduction(
        of=run.id,
        run=reproduction,
        verdict=verdict,
        problem=problem,
        metrics=tuple(found.metrics),
        outputs=tuple(found.outputs),
        files=tuple(found.files),
        environment=tuple(found.environment),
        notes=(*room.notes, *run.incomplete, *run.slice_notes),
        folder=str(room.root) if keep else "",
    )


def _record(active: ActiveRun, workspace: Workspace, run: Run, result: Reproduction, came: _Came) -> None:
    """Keep the verdict, and what was made, as a run of kind `reproduce`."""
    made, found = came
    active.tag(result.verdict)
    if made.run is not None and made.run.metrics:
        active.log(made.run.metrics)
    for file in run.inputs:
        if file.kind != "outside":
            active.add_input(workspace.named(file), file.how)
    for version in found.versions:
        active.add_output(version)
    facts = result.facts()
    text = f"reproduction of run {run.id[:8]}: {result.verdict}" + (
        f"; {result.problem}" if result.problem else ""
    )
    active.add_cell_output(
        {
            "output_type": "display_data",
            "data": {"application/json": facts, "text/plain": text},
            "metadata": {},
        }
    )
    active.finish("finished")
