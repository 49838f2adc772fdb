"""The commands that speak with remotes: `jmlx remote`, `push`, `pull`, `fetch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .data_views import force_option, link_option, paths_argument, say_changes, size
from .face import Face, Payload, command

if TYPE_CHECKING:
    from jupyter_mlx.data.sync import Transfer

_remote = click.option("-r", "--remote", "name", metavar="NAME", help="The remote, where there are several.")


@click.group("remote")
def remote_command() -> None:
    """Name the places that `push` and `pull` use."""


@command("add", group=remote_command)
@click.argument("name")
@click.argument("url")
def remote_add(face: Face, name: str, url: str) -> Payload:
    r"""Write a remote into mlx.yaml.

    URL is a folder's path, from the project if it is relative; a later version
    takes s3://, gs:// and the like.

    \b
      jmlx remote add origin /mnt/shared/our-data
    """
    from jupyter_mlx.config import add_remote
    from jupyter_mlx.store.remote import open_remote

    root = face.project.root
    open_remote(url, root=root)
    add_remote(root, name, url)
    face.say(f"{name} is {url}; `jmlx push` sends the data there")
    return {"name": name, "url": url}


@command("list", group=remote_command)
def remote_list(face: Face) -> Payload:
    """List the remotes of mlx.yaml."""
    remotes = face.project.config.remotes
    for name, remote in sorted(remotes.items()):
        face.say(f"{name}\t{remote.url}")
    if not remotes:
        face.say("no remotes; `jmlx remote add origin /path/of/a/folder` names one")
    return [{"name": name, "url": remote.url} for name, remote in sorted(remotes.items())]


@command("remove", group=remote_command)
@click.argument("name")
def remote_remove(face: Face, name: str) -> Payload:
    """Take a remote out of mlx.yaml; what is stored there stays."""
    from jupyter_mlx.config import remove_remote

    remove_remote(face.project.root, name)
    face.say(f"{name} is no longer a remote")
    return {"name": name}


@command("push")
@paths_argument
@_remote
def push_command(face: Face, paths: tuple[str, ...], name: str | None) -> Payload:
    r"""Send what the remote lacks of the tracked data (of PATHS, where given).

    \b
      jmlx remote add origin /mnt/shared/our-data
      jmlx push
    """
    project = face.project
    remote = project.remote(name)
    with face.progress("pushing") as progress:
        done = project.workspace.push(remote, [face.path(path) for path in paths], progress=progress)
    face.say(_told(done, "sent") if done.objects else "the remote has everything already")
    return {"objects": done.objects, "bytes_sent": done.size_bytes, "seconds": done.seconds}


@command("pull")
@paths_argument
@_remote
@link_option
@force_option
def pull_command(face: Face, paths: tuple[str, ...], name: str | None, link: str, force: bool) -> Payload:
    r"""Fetch what is lacking here, and bring the data to its pointers.

    \b
      git pull && jmlx pull
    """
    from jupyter_mlx.data.links import Link

    project = face.project
    remote = project.remote(name)
    with face.progress("pulling") as progress:
        done, changes = project.workspace.pull(
            remote, [face.path(path) for path in paths], link=Link(link), force=force, progress=progress
        )
    face.say(_told(done, "received") if done.objects else "everything was here already")
    say_changes(face, changes)
    return {"objects": done.objects, "bytes_received": done.size_bytes, "seconds": done.seconds}


@command("fetch")
@paths_argument
@_remote
def fetch_command(face: Face, paths: tuple[str, ...], name: str | None) -> Payload:
    """Fetch what is lacking here; the work tree stays as it is."""
    project = face.project
    remote = project.remote(name)
    with face.progress("fetching") as progress:
        done = project.workspace.fetch(remote, [face.path(path) for path in paths], progress=progress)
    face.say(_told(done, "received") if done.objects else "everything was here already")
    return {"objects": done.objects, "bytes_received": done.size_bytes, "seconds": done.seconds}


def _told(done: Transfer, verb: str) -> str:
    speed = f", {size(int(done.size_bytes / done.seconds))}/s" if done.seconds else ""
    return f"{verb} {done.objects:,} objects, {size(done.size_bytes)} in {done.seconds:.1f} s{speed}"
