"""The data commands that work here: `jmlx add`, `checkout`, `unprotect`, `remove`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .data_views import as_json, count, force_option, link_option, paths_argument, say_changes, size
from .face import Face, Payload, command

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_mlx.data.merging import Side


@command("add")
@paths_argument
@click.option(
    "--glob", "patterns", multiple=True, metavar="PATTERN", help="Each path that fits, as data of its own."
)
def add_command(face: Face, paths: tuple[str, ...], patterns: tuple[str, ...]) -> Payload:
    r"""Make a version of files and folders, and track them.

    The bytes go to .mlx/store, a small pointer PATH.mlx beside the data goes
    to git, and git ignores the data itself. Add again after each change.

    A PATH inside tracked data changes that part of the version alone; a part
    that was deleted is taken out. What a file .mlxignore names, in gitignore's
    syntax, stays out of versions.

    \b
      jmlx add data/images data/labels.csv
      git add data/*.mlx data/.gitignore && git commit -m "first data"
      jmlx add data/images/7                   (the rest of data/images as it was)
      jmlx add --glob 'data/**/*.parquet'
    """
    if not paths and not patterns:
        raise click.UsageError("name the paths to add, or give --glob PATTERN")
    workspace = face.project.workspace
    given = [face.path(path) for path in paths]
    given += [path for pattern in patterns for path in workspace.glob(face.path("."), pattern)]
    with face.progress("adding") as progress:
        versions = workspace.add(given, progress, face.project.any_remote)
    for version in versions:
        face.say(
            f"{version.path}  {version.digest.short}  {count(version.files)}, {size(version.size_bytes)}"
        )
    pointers = " ".join(f"{version.path}.mlx" for version in versions) if len(versions) < 6 else "'*.mlx'"
    face.say(f"next: `git add {pointers}` and commit; `jmlx push` sends the data to a remote")
    return [as_json(version) for version in versions]


@command("checkout")
@paths_argument
@click.option("--rev", metavar="GIT_REV", help="The data as it was at a git revision.")
@click.option("--to", metavar="DIR", help="Into this new folder; the work tree stays as it is.")
@click.option(
    "--ours/--theirs", "ours", default=None, help="End a merge conflict: whose files win where both changed."
)
@link_option
@force_option
def checkout_command(
    face: Face,
    paths: tuple[str, ...],
    rev: str | None,
    to: str | None,
    ours: bool | None,
    link: str,
    force: bool,
) -> Payload:
    r"""Bring data to what its pointers say; only what differs is touched.

    Files whose bytes are in no store are not replaced. With --rev the data is
    that of another git revision; git's own files stay as they are.

    \b
      git checkout v1 && jmlx checkout
      jmlx checkout data/images/7              (only that part)
      jmlx checkout data/images --rev v1
      jmlx checkout data/images --rev v1 --to ../images-v1
      jmlx checkout data/images --theirs       (after a merge: all of both, theirs where both changed)
      jmlx checkout data --link hardlink     (large files share the store's bytes, read-only)
    """
    from jupyter_mlx.data.links import Link

    beside = face.path(to) if to is not None else None
    given = [face.path(path) for path in paths]
    if ours is not None:
        if rev is not None or to is not None:
            raise click.UsageError("--ours and --theirs end a conflict in place; leave --rev and --to out")
        given = _settled(face, given, "ours" if ours else "theirs")
    with face.progress("checking out") as progress:
        changes = face.project.workspace.checkout(
            given,
            rev=rev,
            to=beside,
            link=Link(link),
            force=force,
            progress=progress,
        )
    say_changes(face, changes)
    if beside is not None:
        face.say(f"put into {beside}; `jmlx status` is as it was")
    return [asdict(change) for change in changes]


def _settled(face: Face, given: list[Path], side: Side) -> list[Path]:
    """Write the pointers that git left in conflict; the data that is to be checked out then."""
    project = face.project

    temp = project.state / "tmp"
    versions = project.workspace.resolver.settle(project.root, given, side, project.any_remote, temp)
    for version in versions:
        face.say(f"{version.path}.mlx  all that both sides changed; {side} where that clashed")
    if not versions:
        raise click.UsageError("git knows of no pointer in conflict; `git status` says how a merge stands")
    face.say("next: `git add " + " ".join(f"{version.path}.mlx" for version in versions) + "` and commit")
    return [project.root / version.path for version in versions]


@command("unprotect")
@click.argument("path")
def unprotect_command(face: Face, path: str) -> Payload:
    r"""Replace links to the store by copies of their own, to be edited.

    \b
      jmlx unprotect data/train.csv
    """
    copies = face.project.workspace.unprotect(face.path(path))
    face.say(f"{count(copies)} made writable" if copies else "no file there shares bytes with the store")
    return {"files": copies}


@command("remove")
@click.argument("path")
def remove_command(face: Face, path: str) -> Payload:
    r"""Stop tracking data: its pointer goes, the data and its versions stay.

    \b
      jmlx remove data/old.csv
    """
    removed = face.project.workspace.remove(face.path(path))
    face.say(f"{removed} is no longer tracked; the data is still there, and git no longer ignores it")
    return {"path": removed}
