"""`jmlx run`, `plan`, `dag`, `exec`, `sweep` and `pair`: notebooks as a pipeline."""

from __future__ import annotations

from typing import Any

import click

from jupyter_mlx.errors import NotYetError

from .face import Face, Payload, command

params_option = click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="[STAGE.]NAME=VALUE",
    help="Set a parameter; VALUE is YAML.",
)


@command("run")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@params_option
@click.option("-j", "--jobs", type=click.IntRange(1), help="Stages at a time; default: one a processor.")
@click.option("--force", is_flag=True, help="Execute the stages whatever is known of them.")
@click.option(
    "--overwrite", is_flag=True, help="Replace outputs that were changed by hand; they are stored first."
)
@click.option("--dry-run", is_flag=True, help="As `jmlx plan`.")
@click.option("--executor", type=click.Choice(["local", "dask"]), default="local", help="Where stages run.")
@click.option("--scheduler", metavar="URL", help="Of Dask.")
def run_command(  # noqa: PLR0913 (an option each)
    face: Face,
    stages: tuple[str, ...],
    *,
    params: tuple[str, ...],
    jobs: int | None,
    force: bool,
    overwrite: bool,
    dry_run: bool,
    executor: str,
    scheduler: str | None,
) -> Payload:
    r"""Execute the notebooks of mlx.yaml: those whose result is not known, in parallel.

    STAGEs with all that they depend on; without any, the whole pipeline. A
    notebook's code, its modules, its parameters and its inputs decide; known
    results come from the store. A failed stage stops what depends on it alone.
    A kernel works in its notebook's folder, as in JupyterLab.

    \b
      jmlx run
      jmlx run train -p lr=0.01
    """
    if executor == "dask" or scheduler:
        raise NotYetError("--executor dask", "leave it out to run the stages on this machine")
    if dry_run:
        return _plan(face, stages, params, force=force)
    from jupyter_mlx.pipelines.values import parsed

    from .stage_views import following, say_summary

    runner = face.project.runner()
    with following(face) as listener:
        summary = runner.run(
            stages,
            params=parsed(params),
            force=force,
            jobs=jobs,
            overwrite=overwrite,
            listener=listener,
        )
    say_summary(face, summary)
    if summary.failures:
        face.exit_code = 1
    return {"stages": summary.rows()}


@command("plan")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@params_option
@click.option("--force", is_flag=True, help="As if by `jmlx run --force`.")
def plan_command(face: Face, stages: tuple[str, ...], params: tuple[str, ...], force: bool) -> Payload:
    r"""Say which stages would run, and why; execute nothing.

    \b
      jmlx plan
      jmlx plan evaluate -p train.lr=0.01
    """
    return _plan(face, stages, params, force=force)


def _plan(face: Face, stages: tuple[str, ...], params: tuple[str, ...], *, force: bool) -> Payload:
    from jupyter_mlx.pipelines.values import parsed

    steps = face.project.runner().plan(stages, params=parsed(params), force=force).rows()
    wide = max((len(step["name"]) for step in steps), default=0)
    for step in steps:
        why = f"  {step['reason']}" if step["action"] == "run" else ""
        face.say(f"{step['action']:>8}  {step['name']:<{wide}}{why}".rstrip())
    if not steps:
        face.say(NO_STAGES)
    return {"stages": steps}


NO_STAGES = "mlx.yaml has no stages; `stages:` in it makes a pipeline of notebooks"


@command("dag")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@click.option("--mermaid", is_flag=True, help="As a Mermaid graph, for Markdown.")
def dag_command(face: Face, stages: tuple[str, ...], mermaid: bool) -> Payload:
    r"""Draw which stage depends on which.

    \b
      jmlx dag
      jmlx dag --mermaid > pipeline.mmd
    """
    from jupyter_mlx.pipelines import drawing

    pipeline = face.project.runner().pipeline().select(stages)
    lines = drawing.mermaid(pipeline) if mermaid else drawing.tree(pipeline)
    for line in lines if pipeline.stages else (NO_STAGES,):
        face.say(line)
    return {
        "stages": [
            {
                "name": stage.name,
                "upstream": sorted(pipeline.upstream[stage.name]),
                "inputs": stage.inputs,
                "outputs": stage.outputs,
            }
            for stage in pipeline.stages
        ]
    }


@command("exec")
@click.argument("notebook")
@params_option
@click.option("-o", "--output", metavar="PATH", help="Write the executed notebook here, too.")
def exec_command(face: Face, notebook: str, params: tuple[str, ...], output: str | None) -> Payload:
    r"""Execute one NOTEBOOK once, as a tracked run; the notebook itself is not changed.

    The kernel works in the notebook's folder, as in JupyterLab. Parameters must
    be known to the notebook's cell with the tag `parameters`.

    \b
      jmlx exec notebooks/explore.ipynb -p n_neighbors=3
    """
    from jupyter_mlx.pipelines.single import execute_notebook
    from jupyter_mlx.pipelines.values import parsed

    from .runs import summary
    from .stage_views import following

    path = face.project.relative(face.path(notebook))
    with following(face) as listener:
        run = execute_notebook(
            face.project.runner(),
            path,
            params=parsed(params),
            output=face.path(output) if output else None,
            listener=listener,
        )
    face.say(f"{run.name} finished: run {run.id[:8]}; `jmlx runs show {run.id[:8]}` shows it")
    return summary(run)


@command("sweep")
@click.argument("stage")
@click.argument("axes", nargs=-1, required=True, metavar="NAME=V1,V2|NAME=LO..HI...")
def sweep_command(face: Face, stage: str, axes: tuple[str, ...]) -> Payload:
    r"""Execute STAGE for every combination of parameter values.

    Each is a run of its own, a child of the sweep's run; what it wrote is kept
    in the store, and the stage's outputs stay as they are. Combinations whose
    result is known are not executed again.

    \b
      jmlx sweep train lr=0.1,0.01 depth=2..8
    """
    from jupyter_mlx.pipelines.sweep import sweep
    from jupyter_mlx.pipelines.values import grid

    from .stage_views import following, say_point

    points = list(grid(axes))
    with following(face) as listener:
        done = sweep(
            face.project.runner(), stage, points, listener, lambda point: say_point(face, point, listener)
        )
    failed = sum(point.action == "failed" for point in done.points)
    face.say(
        f"{len(done.points)} points, {failed} failed; `jmlx runs list 'parent = \"{done.run}\"'` lists them"
    )
    if failed:
        face.exit_code = 1
    return {"run": done.run, "points": done.points}


@command("pair")
@click.argument("notebooks", nargs=-1, required=True, metavar="NOTEBOOK...")
@click.option(
    "--keep", type=click.Choice(["ipynb", "py"]), help="Where both have changed: the one that counts."
)
def pair_command(face: Face, notebooks: tuple[str, ...], keep: Any) -> Payload:
    r"""Pair each NOTEBOOK with a .py for git, and bring the two up to date.

    The one that has changed is written into the other; outputs of cells that
    are the same stay. JupyterLab keeps a pair up to date by itself where
    jupytext is installed.

    \b
      jmlx pair notebooks/*.ipynb
    """
    from jupyter_mlx.pipelines.pairing import pair

    project = face.project
    project.prepare()
    done = []
    for notebook in notebooks:
        path = face.project.relative(face.path(notebook))
        action = pair(project.root, project.state, path, keep)
        face.say(f"{action:>14}  {path}")
        done.append({"notebook": path, "action": action})
    return {"pairs": done}


@command("watch")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
def watch_command(face: Face, stages: tuple[str, ...]) -> Payload:
    """Run stages whenever a file changes (later)."""
    del face, stages
    raise NotYetError("`jmlx watch`", "`jmlx run` runs what changed")


@command("kernels")
@click.argument("action", default="list")
def kernels_command(face: Face, action: str) -> Payload:
    """List or stop warm kernels (later)."""
    del face, action
    raise NotYetError("`jmlx kernels`", "each stage has a kernel of its own, which ends with it")
