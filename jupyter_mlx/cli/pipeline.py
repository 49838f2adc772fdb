"""`jmlx run`, `plan`, `dag`, `exec` and `pair`: notebooks as a pipeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jupyter_mlx.errors import NoProjectError, NotYetError, UsageError

from .face import Face, Payload, command
from .kernels import cold_option
from .placing import executor_options, placed

if TYPE_CHECKING:
    from jupyter_mlx.pipelines.events import Summary
    from jupyter_mlx.pipelines.runner import Runner

    from .stage_views import Style

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
@click.option(
    "--from", "start", multiple=True, metavar="STAGE", help="Execute STAGE and all that depends on it again."
)
@click.option(
    "-k/",
    "--keep-going/--fail-fast",
    default=True,
    help="After a failure, go on with what does not depend on it (the default), or begin nothing more.",
)
@click.option("--dry-run", is_flag=True, help="As `jmlx plan`.")
@cold_option
@executor_options
@click.option(
    "--resume", is_flag=True, help="Make checkpoints, and begin a stage at the first cell that differs."
)
@click.option("--watch", is_flag=True, help="As `jmlx watch`; `--force` and `--from` hold for its first run.")
@click.option(
    "--ci", is_flag=True, help="A plain log, each stage's output in it, in groups that GitHub folds."
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what failed.")
def run_command(  # noqa: PLR0913 (an option each)
    face: Face,
    stages: tuple[str, ...],
    *,
    params: tuple[str, ...],
    jobs: int | None,
    force: bool,
    overwrite: bool,
    start: tuple[str, ...],
    keep_going: bool,
    dry_run: bool,
    executor: str,
    scheduler: str | None,
    resume: bool,
    watch: bool,
    ci: bool,
    quiet: bool,
) -> Payload:
    r"""Execute the notebooks of mlx.yaml: those whose result is not known, in parallel.

    STAGEs with all that they depend on; without any, the whole pipeline. A
    notebook's code, its modules, its parameters and its inputs decide; known
    results come from the store. A failed stage stops what depends on it alone,
    and a further run goes on from there. A kernel works in its notebook's
    folder, as in JupyterLab.

    \b
      jmlx run
      jmlx run train -p lr=0.01
      jmlx run --from train --fail-fast
    """
    if dry_run:
        return _plan(face, stages, params, force=force, start=start)
    from jupyter_mlx.pipelines.values import parsed

    style: Style = "ci" if ci else "quiet" if quiet else "live"
    anew: dict[str, Any] = {"force": force, "start": start}
    given = {"params": parsed(params), "jobs": jobs, "overwrite": overwrite}
    given |= {"fail_fast": not keep_going, "resume": resume}
    if not watch:
        return _run_once(face, placed(face, executor, scheduler), stages, given | anew, style)
    if executor == "dask":
        raise NotYetError("--watch with --executor dask", "leave out one of the two")
    from .watching import watched

    return watched(face, stages, given, style, anew)


def _run_once(
    face: Face, runner: Runner, stages: tuple[str, ...], given: dict[str, Any], style: Style
) -> Payload:
    from .stage_views import following, say_summary

    with following(face, style) as listener:
        summary = runner.run(stages, listener=listener, **given)
    say_summary(face, summary, style)
    if summary.failures:
        face.exit_code = 1
    return told(summary)


def told(summary: Summary) -> Payload:
    """What `--json` prints of a run of the pipeline."""
    failures = [
        {
            "name": failure.name,
            "problem": failure.problem,
            "cell": failure.cell,
            "notebook": failure.notebook,
            **({} if failure.shown is None else failure.shown.facts()),
        }
        for failure in summary.failures
    ]
    return {"stages": summary.rows(), "run": summary.run or None, "failures": failures}


@command("plan")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@params_option
@click.option("--force", is_flag=True, help="As if by `jmlx run --force`.")
@click.option("--from", "start", multiple=True, metavar="STAGE", help="As if by `jmlx run --from`.")
def plan_command(
    face: Face, stages: tuple[str, ...], params: tuple[str, ...], force: bool, start: tuple[str, ...]
) -> Payload:
    r"""Say which stages would run, and why; execute nothing.

    \b
      jmlx plan
      jmlx plan evaluate -p train.lr=0.01
    """
    return _plan(face, stages, params, force=force, start=start)


def _plan(
    face: Face, stages: tuple[str, ...], params: tuple[str, ...], *, force: bool, start: tuple[str, ...]
) -> Payload:
    from jupyter_mlx.pipelines.values import parsed

    steps = face.project.runner().plan(stages, params=parsed(params), force=force, start=start).rows()
    wide = max((len(step["name"]) for step in steps), default=0)
    for step in steps:
        # of a cached stage it says more where an output was changed by hand
        why = f"  {step['reason']}" if step["reason"] != "cached" and step["action"] != "skipped" else ""
        face.say(f"{step['action']:>8}  {step['name']:<{wide}}{why}".rstrip())
    if any("left" in step for step in steps):
        from .stage_views import say_left

        say_left(face, steps)
    if not steps:
        from jupyter_mlx.pipelines.pipeline import NO_STAGES

        face.say(NO_STAGES)
    return {"stages": steps}


@command("dag")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@click.option("--mermaid", is_flag=True, help="As a Mermaid graph, for Markdown.")
@click.option("--svg", is_flag=True, help="As a picture.")
def dag_command(face: Face, stages: tuple[str, ...], *, mermaid: bool, svg: bool) -> Payload:
    r"""Draw which stage depends on which, declared or seen.

    \b
      jmlx dag
      jmlx dag --mermaid > pipeline.mmd
      jmlx dag --svg > pipeline.svg
    """
    if mermaid and svg:
        raise UsageError("--mermaid and --svg are two drawings; give one of the two")
    from jupyter_mlx.pipelines import drawing
    from jupyter_mlx.pipelines.pipeline import NO_STAGES

    pipeline = face.project.runner().pipeline().select(stages)
    draw = drawing.svg if svg else drawing.mermaid if mermaid else drawing.tree
    lines = draw(pipeline)
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
@cold_option
def exec_command(face: Face, notebook: str, params: tuple[str, ...], output: str | None) -> Payload:
    r"""Execute one NOTEBOOK once, as a tracked run; the notebook itself is not changed.

    The kernel works in the notebook's folder, as in JupyterLab. Parameters must
    be known to the notebook's cell with the tag `parameters`. Outside of a
    project the notebook is executed all the same, and nothing is recorded.

    \b
      jmlx exec notebooks/explore.ipynb -p n_neighbors=3
    """
    from jupyter_mlx.pipelines.single import execute_notebook
    from jupyter_mlx.pipelines.values import parsed

    from .runs import summary
    from .stage_views import following

    source, target = face.path(notebook), face.path(output) if output else None
    try:
        project = face.project
    except NoProjectError:
        return _exec_untracked(face, source, params, target)
    with following(face) as listener:
        run = execute_notebook(
            project.runner(),
            project.relative(source),
            params=parsed(params),
            output=target,
            listener=listener,
        )
    face.say(f"{run.name} finished: run {run.id[:8]}; `jmlx runs show {run.id[:8]}` shows it")
    return summary(run)


def _exec_untracked(face: Face, notebook: Path, params: tuple[str, ...], output: Path | None) -> Payload:
    from jupyter_mlx.ledger.run import Run, utc_now
    from jupyter_mlx.pipelines.untracked import execute_untracked
    from jupyter_mlx.pipelines.values import parsed

    from .runs import summary
    from .stage_views import following

    run = Run("", notebook.stem, "notebook", "finished", utc_now(), notebook=str(notebook))
    with following(face) as listener:
        given, outcome = execute_untracked(notebook, params=parsed(params), output=output, listener=listener)
    kept = "" if output else "; `-o PATH` would keep the executed notebook"
    face.say(f"{run.name} finished; nothing is recorded outside of a project{kept}")
    return {**summary(replace(run, params=dict(given), duration_s=outcome.duration_s)), "id": None}


@command("pair")
@click.argument("notebooks", nargs=-1, required=True, metavar="NOTEBOOK...")
@click.option(
    "--keep", type=click.Choice(["ipynb", "py", "md"]), help="Where both have changed: the one that counts."
)
def pair_command(face: Face, notebooks: tuple[str, ...], keep: Any) -> Payload:
    r"""Pair each NOTEBOOK with a .py (or an .md, where you name that) for git, and bring the two up to date.

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
