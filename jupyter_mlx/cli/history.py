"""The commands that look at versions of data: `jmlx diff`, `log`, `du`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .data_views import as_json, as_payload, count, paths_argument, say_diff, size
from .face import Face, Payload, command

if TYPE_CHECKING:
    from jupyter_mlx.data.version import Version


@command("diff")
@click.argument("revisions", nargs=-1, metavar="[A [B]]")
@click.option("--path", "paths", multiple=True, metavar="PATH", help="Only this data; may be repeated.")
@click.option("--rows", default=0, metavar="N", help="Show up to N rows of each table that differ.")
@click.option("--stat", is_flag=True, help="Only the summary of each path.")
def diff_command(
    face: Face, revisions: tuple[str, ...], paths: tuple[str, ...], rows: int, stat: bool
) -> Payload:
    r"""Say which files of the data differ: added, removed, modified, renamed.

    Between the pointers and the work tree; with A, between A and the work
    tree; with A and B, between the two. Each is a git revision, a run (its id
    or the beginning of it: what it read and wrote), or a version of data (its
    digest or eight digits of it). Of CSV, JSON and Parquet files that changed
    also the rows and columns, and of labels which became which.

    \b
      jmlx diff
      jmlx diff v1 --rows 10
      jmlx diff v1 v2 --path data/images
      jmlx diff 8f3a2c19 HEAD                  (a run and a git revision)
    """
    from jupyter_mlx.data.comparing import State

    if len(revisions) > 2:
        raise click.UsageError("at most two revisions; name data by --path")
    before, after = (_at(face, rev, paths) for rev in (*revisions, None, None)[:2])
    is_now = len(revisions) < 2
    # a run says what it touched, not all that there was
    known = after if not is_now or not revisions or _is_git(face, revisions[0]) else {}
    found = list(
        face.project.workspace.compare(State(before), State(known, is_now=is_now), min(max(rows, 0), 1000))
    )
    for difference in found:
        say_diff(face, difference, stat=stat)
    if not found:
        face.say("no difference")
    return [as_payload(difference) for difference in found]


def _is_git(face: Face, rev: str) -> bool:
    from jupyter_mlx.data.git import BadRevisionError, resolve

    try:
        resolve(face.project.root, rev)
    except BadRevisionError:
        return False
    return True


def _at(face: Face, rev: str | None, paths: tuple[str, ...]) -> dict[str, Version | None]:
    """The versions at a revision of any kind, or of the work tree's pointers; those at `paths` alone."""
    workspace, given = face.project.workspace, [face.path(path) for path in paths]
    if rev is None:
        return {version.path: version for version in workspace.select(given)}
    from jupyter_mlx.revisions import versions_at

    found = versions_at(face.project, rev)
    return {version.path: version for version in workspace.chosen(found, given, rev)}


@command("log")
@click.argument("path")
def log_command(face: Face, path: str) -> Payload:
    r"""List the versions that data had in git's history, newest first.

    Of a path in tracked data, the commits that changed that part.

    \b
      jmlx log data/images
      jmlx log data/images/7/x.png
    """
    found = face.project.workspace.log(face.path(path))
    for past in found:
        version = past.version
        what = (
            f"{version.digest.short}  {count(version.files):>14}  {size(version.size_bytes):>9}"
            if version
            else past.problem or "not tracked"
        )
        face.say(f"{past.commit[:10]}  {past.at:%Y-%m-%d %H:%M}  {what}  {past.subject}")
    return [
        {
            "commit": past.commit,
            "at": past.at.isoformat(),
            "subject": past.subject,
            "version": as_json(past.version) if past.version else None,
            "problem": past.problem,
        }
        for past in found
    ]


@command("du")
@paths_argument
def du_command(face: Face, paths: tuple[str, ...]) -> Payload:
    r"""Say what each version of the data costs, and what the store takes.

    For each version that a pointer names now or in git's history: how large it
    is, and how much of that no other version has, which is what would be free
    without it.

    \b
      jmlx du
      jmlx du data/images
    """
    from jupyter_mlx.data.usage import usage_by_commit

    project = face.project
    current = project.workspace.select([face.path(path) for path in paths])
    now = project.workspace.pointers()
    usages = [
        (commit, usage)
        for commit, usage in usage_by_commit(project.root, project.workspace.contents, now)
        if not paths or any(_concerns(version, usage.version) for version in current)
    ]
    if usages:
        face.say(f"{'size':>10}  {'alone':>10}  {'files':>14}")
    for commit, usage in usages:
        version, mark = usage.version, "now" if usage.version in now else ""
        alone = size(usage.only_bytes) if usage.is_whole else "not here"
        when = mark or commit[:10] or "staged"
        face.say(
            f"{size(version.size_bytes):>10}  {alone:>10}  {count(version.files):>14}  "
            f"{when:<10}  {version.path}  {version.digest.short}"
        )
    store = project.store.measure()
    small = f"{store.small_objects:,} small objects ({size(store.small_bytes)})"
    large = f"{store.large_objects:,} large ones ({size(store.large_bytes)})"
    face.say(f"{size(store.small_bytes + store.large_bytes):>10}  the store, all versions: {small}, {large}")
    versions = [
        {
            **as_json(usage.version),
            "commit": commit,
            "only_bytes": usage.only_bytes,
            "shared_bytes": usage.shared_bytes,
            "whole": usage.is_whole,
        }
        for commit, usage in usages
    ]
    data = [as_json(version) for version in current]
    return {"data": data, "versions": versions, "store": asdict(store)}


def _concerns(chosen: Version, found: Version) -> bool:
    """Whether a version is of chosen data, or of the data that a chosen part lies in."""
    return chosen.path == found.path or chosen.path.startswith(f"{found.path}/")
