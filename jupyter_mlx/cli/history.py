"""The commands that look at versions of data: `jmlx diff`, `log`, `du`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .data_views import as_json, count, paths_argument, say_diff, size
from .face import Face, Payload, command

if TYPE_CHECKING:
    from jupyter_mlx.data.version import Version


@command("diff")
@click.argument("revisions", nargs=-1, metavar="[A [B]]")
@click.option("--path", "paths", multiple=True, metavar="PATH", help="Only this data; may be repeated.")
def diff_command(face: Face, revisions: tuple[str, ...], paths: tuple[str, ...]) -> Payload:
    r"""Say which files of the data differ: added, removed, modified, renamed.

    Between the pointers and the work tree; with A, between the git revision A
    and the work tree; with A and B, between two git revisions.

    \b
      jmlx diff
      jmlx diff v1
      jmlx diff v1 v2 --path data/images
    """
    if len(revisions) > 2:
        raise click.UsageError("at most two git revisions; name data by --path")
    workspace = face.project.workspace
    before, after = (_at(face, rev, paths) for rev in (*revisions, None, None)[:2])
    if len(revisions) < 2:  # the work tree as it is, not as its pointers say
        after = {path: workspace.version(path) for path in sorted({*before, *after})}
    found = []
    for path in sorted({*before, *after}):
        difference = workspace.diff(before.get(path), after.get(path))
        if difference:
            found.append({"path": path, **asdict(difference)})
            say_diff(face, path, difference)
    if not found:
        face.say("no difference")
    return found


def _at(face: Face, rev: str | None, paths: tuple[str, ...]) -> dict[str, Version | None]:
    chosen = face.project.workspace.select([face.path(path) for path in paths], rev)
    return {version.path: version for version in chosen}


@command("log")
@click.argument("path")
def log_command(face: Face, path: str) -> Payload:
    r"""List the versions that data had in git's history, newest first.

    \b
      jmlx log data/images
    """
    found = face.project.workspace.log(face.path(path))
    for past in found:
        version = past.version
        what = (
            f"{version.digest.short}  {count(version.files):>14}  {size(version.size_bytes):>9}"
            if version
            else "not tracked"
        )
        face.say(f"{past.commit[:10]}  {past.at:%Y-%m-%d %H:%M}  {what}  {past.subject}")
    return [
        {
            "commit": past.commit,
            "at": past.at.isoformat(),
            "subject": past.subject,
            "version": as_json(past.version) if past.version else None,
        }
        for past in found
    ]


@command("du")
@paths_argument
def du_command(face: Face, paths: tuple[str, ...]) -> Payload:
    """Say how large the tracked data is, and what the store takes."""
    project = face.project
    versions = project.workspace.select([face.path(path) for path in paths])
    for version in versions:
        face.say(f"{size(version.size_bytes):>10}  {count(version.files):>14}  {version.path}")
    store = project.store.measure()
    small = f"{store.small_objects:,} small objects ({size(store.small_bytes)})"
    large = f"{store.large_objects:,} large ones ({size(store.large_bytes)})"
    face.say(f"{size(store.small_bytes + store.large_bytes):>10}  the store, all versions: {small}, {large}")
    return {"data": [as_json(version) for version in versions], "store": asdict(store)}
