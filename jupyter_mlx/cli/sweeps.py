"""`jmlx sweep`: one stage over many parameter values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jupyter_mlx.errors import UsageError

from .face import Face, Payload, command
from .placing import executor_options, placed

if TYPE_CHECKING:
    from jupyter_mlx.pipelines.sweeps.result import Sweep
    from jupyter_mlx.pipelines.sweeps.search import Goal


@command("sweep")
@click.argument("stage")
@click.argument("axes", nargs=-1, required=True, metavar="NAME=VALUES...")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Try N points, drawn by chance.")
@click.option(
    "--seed", type=int, default=0, help="Of --sample and --optimize: the same draws the same points."
)
@click.option(
    "--optimize", metavar="maximize:METRIC", help="Search for the best by Optuna; or minimize:METRIC."
)
@click.option("--trials", type=click.IntRange(1), metavar="N", help="Points of --optimize; default 50.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Points at a time; default: one a processor.")
@executor_options
def sweep_command(  # noqa: PLR0913 (an option each)
    face: Face,
    stage: str,
    axes: tuple[str, ...],
    *,
    sample: int | None,
    seed: int,
    optimize: str | None,
    trials: int | None,
    jobs: int | None,
    executor: str,
    scheduler: str | None,
) -> Payload:
    r"""Execute STAGE at many values of its parameters.

    VALUES are a list (`0.1,0.01`), whole numbers (`2..8`), steps (`0..1:0.25`),
    any number between two (`0..1`), or the same by its logarithm
    (`1e-4..1e-1:log`). Each point is a run of its own, a child of the sweep's
    run; what it wrote is kept in the store, and the stage's outputs stay as they
    are. Points whose result is known are not executed again: the same command
    goes on where it was stopped.

    \b
      jmlx sweep train lr=0.1,0.01 depth=2..8
      jmlx sweep train lr=1e-4..1e-1:log --sample 50
      jmlx sweep train lr=1e-4..1e-1:log depth=2..8 --optimize maximize:acc --trials 40
    """
    from jupyter_mlx.pipelines.sweeps.axes import parsed
    from jupyter_mlx.pipelines.sweeps.search import TRIALS, Goal, Search
    from jupyter_mlx.pipelines.sweeps.sweep import sweep

    from .sweep_views import following_points

    if sample and optimize:
        raise UsageError("--sample draws by chance and --optimize searches; give one of the two")
    if trials and not optimize:
        raise UsageError("--trials is of --optimize; `--sample N` draws N points by chance")
    goal = Goal.parse(optimize) if optimize else None
    search = Search(parsed(axes), sample, seed, goal, trials or TRIALS)
    runner = placed(face, executor, scheduler)
    with following_points(face, goal) as (listener, on_point):
        done = sweep(runner, stage, search, jobs=jobs, listener=listener, on_point=on_point)
    return _told(face, done, goal)


def _told(face: Face, done: Sweep, goal: Goal | None) -> Payload:
    from .sweep_views import table

    face.show(table(done.points, goal))
    failed = [point for point in done.points if point.action == "failed"]
    for point in failed:
        face.note(f"jmlx: {point.problem}")
    face.say(
        f"{len(done.points)} points, {len(failed)} failed; `jmlx runs list 'parent = \"{done.run}\"'` lists them"
    )
    if failed:
        face.exit_code = 1
    return {"run": done.run, "points": done.points}
