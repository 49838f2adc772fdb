"""The commands that speak with remotes: `jmlx remote`, `push`, `pull`, `fetch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jupyter_mlx.wording import counted

from .data_views import force_option, link_option, paths_argument, say_changes, size
from .face import Face, Payload, command

if TYPE_CHECKING:
    from jupyter_mlx.data.sync import Transfer
    from jupyter_mlx.data.version import Version
    from jupyter_mlx.digest import Digest
    from jupyter_mlx.project import Project

_remote = click.option("-r", "--remote", "name", metavar="NAME", help="The remote, where there are several.")
_jobs = click.option(
    "-j", "--jobs", type=click.IntRange(1, 64), help="Requests at once: 4 over a network, 2 to a folder."
)
_revs = click.option(
    "--rev", "revs", multiple=True, metavar="REV", help="The versions at this git revision; can be repeated."
)
_everywhere = click.option(
    "--all", "everywhere", is_flag=True, help="The versions at the tips of all branches and tags."
)


@click.group("remote")
def remote_command() -> None:
    """Name the places that `push` and `pull` use."""


@command("add", group=remote_command)
@click.argument("name")
@click.argument("url")
@click.option(
    "-o", "--option", "given", multiple=True, metavar="KEY=VALUE", help="An endpoint_url, profile, region, …"
)
def remote_add(face: Face, name: str, url: str, given: tuple[str, ...]) -> Payload:
    r"""Write a remote into mlx.yaml.

    URL is a folder's path, from the project if it is relative, or s3://, gs://,
    az://, ssh://, https:// (to read). Passwords and keys do not belong here:
    they come from the environment or the storage's own configuration.

    \b
      jmlx remote add origin /mnt/shared/our-data
      jmlx remote add origin s3://bucket/our-data -o profile=team
      jmlx remote add origin s3://data -o endpoint_url=https://minio.example.org
      jmlx remote add origin ssh://me@host/srv/our-data
    """
    from jupyter_mlx.config import add_remote
    from jupyter_mlx.config.check import Check
    from jupyter_mlx.store.remote import Address

    root = face.project.root
    options = dict(_option(each) for each in given)
    Check({}).remote(name, {"url": url, **options})  # a secret is told as one, whatever else is wrong
    Address.parse(url, root, options)
    add_remote(root, name, url, options)
    face.say(f"{name} is {url}; `jmlx push` sends the data there")
    return {"name": name, "url": url, **options}


def _option(text: str) -> tuple[str, str | int | bool]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} should be KEY=VALUE", param_hint="--option")
    if value in {"true", "false"}:
        return key, value == "true"
    return key, int(value) if value.isdecimal() else value


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
@_jobs
@_revs
@_everywhere
def push_command(
    face: Face,
    paths: tuple[str, ...],
    name: str | None,
    jobs: int | None,
    revs: tuple[str, ...],
    everywhere: bool,
) -> Payload:
    r"""Send what the remote lacks of the tracked data (of PATHS, where given).

    Without PATHS also the last results of the pipeline: who has mlx.lock, by
    git, takes them from the remote and runs nothing.

    \b
      jmlx remote add origin /mnt/shared/our-data
      jmlx push
      jmlx push --all                  # also of other branches and tags
      jmlx push --rev HEAD~1 data      # what was there one commit before
    """
    from jupyter_mlx.data.sending import chosen

    project = face.project
    remote, given = project.remote(name, jobs), [face.path(path) for path in paths]
    versions = chosen(project.workspace, given, revs, everywhere=everywhere)
    objects: list[Digest] = []
    if not given and not revs:
        results, objects = _results(project)
        versions = [*(project.workspace.select(()) if versions is None else versions), *results]
    with face.progress("pushing") as progress:
        done = project.workspace.push(remote, given, versions=versions, objects=objects, progress=progress)
    face.say(_told(done, "sent") if done.objects else "the remote has everything already")
    return {"objects": done.objects, "bytes_sent": done.wire_bytes, "seconds": done.seconds}


@command("pull")
@paths_argument
@_remote
@_jobs
@link_option
@force_option
def pull_command(
    face: Face, paths: tuple[str, ...], name: str | None, jobs: int | None, link: str, force: bool
) -> Payload:
    r"""Fetch what is lacking here, and bring the data to its pointers.

    \b
      git pull && jmlx pull
      jmlx pull data/images/7          # that part alone
    """
    from jupyter_mlx.data.links import Link

    project = face.project
    remote = project.remote(name, jobs)
    with face.progress("pulling") as progress:
        done, changes = project.workspace.pull(
            remote, [face.path(path) for path in paths], link=Link(link), force=force, progress=progress
        )
    face.say(_told(done, "received") if done.objects else "everything was here already")
    say_changes(face, changes)
    return {"objects": done.objects, "bytes_received": done.wire_bytes, "seconds": done.seconds}


@command("fetch")
@paths_argument
@_remote
@_jobs
@_revs
@_everywhere
def fetch_command(
    face: Face,
    paths: tuple[str, ...],
    name: str | None,
    jobs: int | None,
    revs: tuple[str, ...],
    everywhere: bool,
) -> Payload:
    r"""Fetch what is lacking here; the work tree stays as it is.

    \b
      jmlx fetch
      jmlx fetch --all                 # also of other branches and tags
    """
    from jupyter_mlx.data.sending import chosen

    project = face.project
    remote, given = project.remote(name, jobs), [face.path(path) for path in paths]
    versions = chosen(project.workspace, given, revs, everywhere=everywhere, source=remote)
    with face.progress("fetching") as progress:
        done = project.workspace.fetch(remote, given, versions=versions, progress=progress)
    face.say(_told(done, "received") if done.objects else "everything was here already")
    return {"objects": done.objects, "bytes_received": done.wire_bytes, "seconds": done.seconds}


def _results(project: Project) -> tuple[list[Version], list[Digest]]:
    """What the last results of the pipeline consist of, as far as it is here."""
    from jupyter_mlx.pipelines import lock
    from jupyter_mlx.pipelines.outputs import Outputs

    return Outputs(project.root, project.workspace).to_send(list(lock.read(project.root).values()))


def _told(done: Transfer, verb: str) -> str:
    speed = f", {size(int(done.wire_bytes / done.seconds))}/s" if done.seconds else ""
    data = f"{size(done.size_bytes)} as {size(done.wire_bytes)}"
    return f"{verb} {counted(done.objects, 'object')}, {data} in {done.seconds:.1f} s{speed}"
