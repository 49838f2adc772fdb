"""`jmlx runs …` and `snapshot`: what happened, and the way back to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from jupyter_mlx.errors import UsageError
from jupyter_mlx.ledger.rows import finite
from jupyter_mlx.ledger.wording import ago
from jupyter_mlx.wording import counted

from .data_views import link_option, size
from .face import Face, Payload, command, unwrapped
from .run_views import detail, difference, reason, rows_of
from .upkeep import Age

if TYPE_CHECKING:
    from jupyter_mlx.ledger.run import Run

FIELDS = (
    "id", "name", "kind", "status", "started_at", "duration_s", "params", "metrics", "tags", "notebook", "parent",
)  # fmt: skip

FILE_FIELDS = ("path", "digest", "size_bytes", "how", "kind", "source", "changed")
SHOWN = (
    "source", "slice", "slice_notes", "guessed", "seeds", "cell_id", "error", "git", "note", "starred", "resources",
    "cell_outputs", "incomplete", "problems",
)  # fmt: skip


@unwrapped
@click.group("runs")
def runs_command() -> None:
    r"""List, show, compare and annotate runs.

    A run is named by the first digits of its id, or `last`.

    \b
      jmlx runs list 'acc > 0.9 and kind = cell' --sort=-acc
      jmlx runs compare 3f2a last
    """


def summary(run: Run) -> dict[str, Any]:
    """A run as `runs list --json` has it."""
    found: dict[str, Any] = finite({name: getattr(run, name) for name in FIELDS})
    return found


@command("list", group=runs_command)
@click.argument("query", default="")
@click.option(
    "--sort", default="", metavar="KEY", help="A field, param or metric; -KEY is descending. Default: newest."
)
@click.option("-n", "--limit", default=50, show_default=True, help="How many at most; 0 for all.")
@click.option("--trash", is_flag=True, help="List the trash.")
def list_(face: Face, query: str, sort: str, limit: int, trash: bool) -> Payload:
    r"""List the runs, newest first; with QUERY, those that it selects.

    \b
      jmlx runs list 'lr < 0.1 and acc > 0.9 and tag = best'
      jmlx runs list 'input = data/train.csv and started > "2 days ago"'
    """
    ledger = face.project.ledger
    runs: list[Run] = []
    cursor = None
    total = 0
    while limit == 0 or len(runs) < limit:
        most = min(1000, limit - len(runs) or 1000) if limit else 1000
        page = ledger.page(query, sort, most, cursor, trash=trash)
        runs += page.runs
        total, cursor = page.total, page.next
        if cursor is None:
            break
    if not runs:
        none = "the trash is empty" if trash else "no runs yet; put %%track on a cell, or `jmlx run`"
        face.say("no run fits" if query else none)
    else:
        face.show(rows_of(runs))
        if total > len(runs):
            face.say(f"{len(runs)} of {total} runs; `-n 0` lists all")
    return [summary(run) for run in runs]


@command("show", group=runs_command)
@click.argument("run")
def show(face: Face, run: str) -> Payload:
    """Show one run whole: code, params, metrics, files, outputs, environment, git."""
    project = face.project
    found = project.ledger.get(run)
    environment = project.environment(found)
    origins = project.origins(found)
    face.show(detail(found, environment, origins))
    return {
        **summary(found),
        **{name: getattr(found, name) for name in SHOWN},
        "inputs": [_file(file) for file in found.inputs],
        "outputs": [_file(file) for file in found.outputs],
        "origins": [origin.plain() for origin in origins],
        "environment": environment,
        "series": finite(project.ledger.series(found.id)),
    }  # fmt: skip


def _file(file: Any) -> dict[str, Any]:
    return {name: getattr(file, name) for name in FILE_FIELDS}


@command("compare", group=runs_command)
@click.argument("a")
@click.argument("b")
def compare(face: Face, a: str, b: str) -> Payload:
    """Show how two runs differ: code, params, data, packages, metrics, outputs."""
    found = face.project.comparison(a, b)
    face.show(difference(found))
    return face.project.compare(a, b)


@command("why", group=runs_command)
@click.argument("path")
def why(face: Face, path: str) -> Payload:
    """Say which runs wrote PATH, with which code, params and inputs."""
    project = face.project
    relative = project.relative(face.path(path))
    made = project.makers(relative)
    if not made:
        others = project.ledger.writers(relative)
        face.say(
            f"no recorded run wrote {relative} as it is now"
            + (f"; other versions of it were written by {len(others)} runs" if others else "")
        )
    for run in made:
        face.say(f"{relative} was written by run {run.id[:8]} ({run.kind} {run.name}, {ago(run.started_at)})")
        face.show(reason(run, project.origins(run)))
    return [
        {**summary(run), "source": run.source, "inputs": [_file(file) for file in run.inputs]} for run in made
    ]


@command("note", group=runs_command)
@click.argument("run")
@click.argument("text")
def note(face: Face, run: str, text: str) -> Payload:
    """Write a note on a run; an empty text takes it away."""
    changed = face.project.ledger.edit(run, note=face.project.redactor.text(text))
    face.say(f"noted on run {changed.id[:8]}")
    return summary(changed)


@command("tag", group=runs_command)
@click.argument("run")
@click.argument("tags", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the tags away.")
def tag(face: Face, run: str, tags: tuple[str, ...], remove: bool) -> Payload:
    """Put TAGS on a run, or take them away."""
    ledger = face.project.ledger
    known = ledger.get(run).tags
    wanted: Iterable[str] = [t for t in known if t not in tags] if remove else dict.fromkeys([*known, *tags])
    changed = ledger.edit(run, tags=[face.project.redactor.text(tag) for tag in wanted])
    face.say(f"run {changed.id[:8]} has the tags: {', '.join(changed.tags) or 'none'}")
    return summary(changed)


@command("star", group=runs_command)
@click.argument("runs", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the stars away.")
def star(face: Face, runs: tuple[str, ...], remove: bool) -> Payload:
    """Put a star on RUNS, to find them by `starred = true`."""
    changed = [face.project.ledger.edit(run, starred=not remove) for run in runs]
    for run in changed:
        face.say(f"run {run.id[:8]} has {'no star' if remove else 'a star'}")
    return [summary(run) for run in changed]


@command("rm", group=runs_command)
@click.argument("runs", nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="As `jmlx runs undelete`.")
def rm(face: Face, runs: tuple[str, ...], undo: bool) -> Payload:
    """Put RUNS into the trash, where nothing of them is lost."""
    if undo:
        return _undelete(face, runs)
    done = [face.project.ledger.trash(run) for run in runs]
    for id_ in done:
        face.say(f"run {id_[:8]} is in the trash; `jmlx runs undelete {id_[:8]}` brings it back")
    return done


@command("undelete", group=runs_command)
@click.argument("runs", nargs=-1, required=True)
def undelete(face: Face, runs: tuple[str, ...]) -> Payload:
    """Bring RUNS back from the trash."""
    return _undelete(face, runs)


def _undelete(face: Face, runs: tuple[str, ...]) -> Payload:
    done = [face.project.ledger.untrash(run) for run in runs]
    for id_ in done:
        face.say(f"run {id_[:8]} is back")
    return done


@command("purge", group=runs_command)
@click.argument("runs", nargs=-1)
@click.option(
    "--older-than",
    "age",
    type=Age(),
    default=0.0,
    metavar="AGE",
    help="Only what is in the trash so long: 12h, 30d.",
)
@click.option("--dry-run", "-n", is_flag=True, help="Say which runs would go; remove nothing.")
def purge_command(face: Face, runs: tuple[str, ...], age: float, dry_run: bool) -> Payload:
    r"""Forget RUNS of the trash, or all of it, for good, and free what they alone take.

    What other runs, pointers or git's history refer to stays, as with `jmlx gc`.

    \b
      jmlx runs purge --dry-run
      jmlx runs purge --older-than 30d
    """
    from jupyter_mlx.keeping import purge

    done = purge(face.project, runs, older_than_s=age, dry_run=dry_run)
    count = counted(len(done.runs), "run")
    freed = done.ledger_bytes
    young = 0
    if done.collected is not None:
        freed += done.collected.removed.small_bytes + done.collected.removed.large_bytes
        young = done.collected.removed.young_bytes
    if not done.runs:
        face.say("nothing of the trash is to be purged")
    elif dry_run:
        face.say(f"{count} would go: {', '.join(run[:8] for run in done.runs)}")
    else:
        face.say(f"{count} purged; {size(freed)} freed")
        if young:
            face.say(f"{size(young)} more are needed by nothing, but young; `jmlx gc --grace 0` removes them")
    return {"dry_run": dry_run, "runs": done.runs, "size_bytes": freed, "young_bytes": young}


@command("restore", group=runs_command)
@click.argument("run")
@click.argument("path", default="")
@click.option("--to", metavar="DIR", help="A new folder; default: restored/RUN in the project.")
@link_option
def restore(face: Face, run: str, path: str, to: str | None, link: str) -> Payload:
    r"""Bring a run's cells and files back, into a folder of their own.

    The work tree stays as it is; of the run's notebook, a snapshot is taken
    first. With PATH, only that file or folder of the run.

    \b
      jmlx runs restore 3f2a --link hardlink
      jmlx runs restore 3f2a models/best.pt --to /tmp/best
    """
    from jupyter_mlx.data.links import Link

    found = face.project.restore_run(run, path, face.path(to) if to else None, link=Link(link))
    face.project.recorder.flush()
    for made in found.made:
        face.say(f"restored {made}")
    for text in found.left:
        face.note(text)
    return {"folder": str(found.folder), "restored": [str(made) for made in found.made], "notes": found.left}


@command("export", group=runs_command)
@click.argument("query", default="")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["jsonl", "csv", "parquet"]),
    default="jsonl",
    show_default=True,
    help="Parquet needs a file and pyarrow.",
)
@click.option("-o", "--output", metavar="FILE", help="Write here and not to stdout.")
@click.option("--full", is_flag=True, help="JSON lines with all of each run: code, files, outputs, series.")
def export(face: Face, query: str, kind: str, output: str | None, full: bool) -> Payload:
    r"""Write the runs as JSON lines, CSV or Parquet.

    Params and metrics are columns of CSV and Parquet, what is nested is JSON.
    In CSV, a text that a spreadsheet would take for a formula has an apostrophe
    before it; JSON lines have every value as it is.

    \b
      jmlx runs export 'acc > 0.9' --format csv -o best.csv
      jmlx runs export --full -o runs.jsonl
    """
    from .exporting import write

    if kind == "parquet" and output is None:
        raise UsageError("Parquet is no text: name a file with -o")
    if full and kind != "jsonl":
        raise UsageError("--full is for JSON lines, whose rows may hold anything")
    count = write(face.project.ledger, query, kind, face.path(output) if output else None, full=full)
    if output:
        face.say(f"wrote {count} runs to {output}")
    return {"runs": count, "path": output} if output else None


@command("snapshot")
@click.argument("notebooks", nargs=-1, required=True)
@click.option("-m", "--message", default="", help="What to remember of it.")
def snapshot_command(face: Face, notebooks: tuple[str, ...], message: str) -> Payload:
    r"""Record NOTEBOOKS as they are saved, with the versions of all tracked data.

    \b
      jmlx snapshot notebooks/train.ipynb -m "before the new loss"
    """
    made = [face.project.snapshot(face.project.relative(face.path(path)), message) for path in notebooks]
    face.project.recorder.flush()
    for run in made:
        face.say(
            f"snapshot {run.id[:8]} of {run.notebook}; `jmlx runs restore {run.id[:8]}` brings it back beside"
        )
    return [summary(run) for run in made]
