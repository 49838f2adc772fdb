"""`jmlx watch`: the pipeline again whenever a file that it depends on changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .face import Face, Payload, command
from .pipeline import params_option, told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_mlx.pipelines.events import Summary

    from .stage_views import Style


@command("watch")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@params_option
@click.option("-j", "--jobs", type=click.IntRange(1), help="Stages at a time; default: one a processor.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what failed.")
def watch_command(
    face: Face, stages: tuple[str, ...], params: tuple[str, ...], jobs: int | None, quiet: bool
) -> Payload:
    r"""Run the pipeline, and again each time that a file changes which it depends on, until Ctrl-C.

    \b
      jmlx watch
      jmlx watch train -p epochs=1
    """
    from jupyter_mlx.pipelines.values import parsed

    given: dict[str, Any] = {"params": parsed(params), "jobs": jobs}
    return watched(face, stages, given, "quiet" if quiet else "live", anew={})


def watched(
    face: Face,
    stages: Sequence[str],
    given: Mapping[str, Any],
    style: Style,
    anew: Mapping[str, Any],
) -> Payload:
    """Run, and run again, until the user stops it; the last run is what `--json` prints.

    `anew` says what the first run executes whatever is known of it; the runs after
    it follow what changes, in the stages that the first one was of.
    """
    from jupyter_mlx.errors import MlxError
    from jupyter_mlx.pipelines.watching import changes

    last: Payload = {"stages": [], "run": None, "failures": []}
    project = face.project
    runner = project.runner()
    stages = runner.chosen(stages, anew.get("start", ()))
    # a name that is not there is a slip, where a mistake in mlx.yaml may be half an edit
    runner.check(stages)

    def waits() -> None:
        face.note("waiting for changes; Ctrl-C ends it")

    for changed in changes(project.root, project.runner, stages, given.get("params", {}), waits):
        if changed:
            face.note(f"changed: {', '.join(changed[:5])}{' …' if len(changed) > 5 else ''}")
        try:
            summary = _once(face, stages, {**given, **anew}, style)
        except MlxError as error:
            # an mlx.yaml in the middle of an edit is no reason to stop
            face.note(f"jmlx: {error}")
        else:
            last, anew = told(summary), {}
    return last


def _once(face: Face, stages: Sequence[str], given: Mapping[str, Any], style: Style) -> Summary:
    from .stage_views import following, say_summary

    with following(face, style) as listener:
        summary = face.project.runner().run(stages, listener=listener, **given)
    say_summary(face, summary, style)
    return summary
