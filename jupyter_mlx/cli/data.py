"""The data commands: `jmlx add`, `checkout`, `diff`, `log`, `push`, `pull` and their kin."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .face import Face, Payload, command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jupyter_mlx.data.checkout import Change
    from jupyter_mlx.data.diff import Diff
    from jupyter_mlx.data.sync import Transfer
    from jupyter_mlx.data.verify import Fault
    from jupyter_mlx.data.version import Version

LINKS = ("auto", "reflink", "hardlink", "symlink", "copy")
_paths = click.argument("paths", nargs=-1)
_remote = click.option("-r", "--remote", "name", metavar="NAME", help="The remote, where there are several.")
_link = click.option(
    "--link", type=click.Choice(LINKS), default="auto", show_default=True, help="How large files are made."
)
_force = click.option("--force", is_flag=True, help="Replace changed files too; they are stored first.")


@command("add")
@click.argument("paths", nargs=-1, required=True)
def add_command(face: Face, paths: tuple[str, ...]) -> Payload:
    r"""Make a version of files and folders, and track them.

    The bytes go to .mlx/store, a small pointer PATH.mlx beside the data goes
    to git, and git ignores the data itself. Add again after each change.

    \b
      jmlx add data/images data/labels.csv
      git add data/*.mlx data/.gitignore && git commit -m "first data"
    """
    with face.progress("adding") as progress:
        versions = face.project.workspace.add([face.path(path) for path in paths], progress)
    for version in versions:
        face.say(
            f"{version.path}  {version.digest.short}  {count(version.files)}, {size(version.size_bytes)}"
        )
    pointers = " ".join(f"{version.path}.mlx" for version in versions)
    face.say(f"next: `git add {pointers}` and commit; `jmlx push` sends the data to a remote")
    return [_as_json(version) for version in versions]


@command("checkout")
@_paths
@click.option("--rev", metavar="GIT_REV", help="The data as it was at a git revision.")
@_link
@_force
def checkout_command(face: Face, paths: tuple[str, ...], rev: str | None, link: str, force: bool) -> Payload:
    r"""Bring data to what its pointers say; only what differs is touched.

    Files whose bytes are in no store are not replaced. With --rev the data is
    that of another git revision; git's own files stay as they are.

    \b
      git checkout v1 && jmlx checkout
      jmlx checkout data/images --rev v1
      jmlx checkout data --link hardlink     (large files share the store's bytes, read-only)
    """
    from jupyter_mlx.data.links import Link

    with face.progress("checking out") as progress:
        changes = face.project.workspace.checkout(
            [face.path(path) for path in paths], rev=rev, link=Link(link), force=force, progress=progress
        )
    _say_changes(face, changes)
    return [asdict(change) for change in changes]


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
            _say_diff(face, path, difference)
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
            "version": _as_json(past.version) if past.version else None,
        }
        for past in found
    ]


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
@_paths
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
@_paths
@_remote
@_link
@_force
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
    _say_changes(face, changes)
    return {"objects": done.objects, "bytes_received": done.size_bytes, "seconds": done.seconds}


@command("fetch")
@_paths
@_remote
def fetch_command(face: Face, paths: tuple[str, ...], name: str | None) -> Payload:
    """Fetch what is lacking here; the work tree stays as it is."""
    project = face.project
    remote = project.remote(name)
    with face.progress("fetching") as progress:
        done = project.workspace.fetch(remote, [face.path(path) for path in paths], progress=progress)
    face.say(_told(done, "received") if done.objects else "everything was here already")
    return {"objects": done.objects, "bytes_received": done.size_bytes, "seconds": done.seconds}


@command("verify")
@_paths
def verify_command(face: Face, paths: tuple[str, ...]) -> Payload:
    r"""Read every object of the store (or of PATHS) and compare it with its digest.

    Exits 3 where one is damaged or missing, and names the data that it affects.

    \b
      jmlx verify
      jmlx verify data/images
    """
    with face.progress("verifying") as progress:
        verdict = face.project.workspace.verify([face.path(path) for path in paths], progress=progress)
    _say_faults(face, "damaged", verdict.corrupt)
    _say_faults(face, "missing", verdict.missing)
    if verdict:
        face.say(f"{verdict.checked:,} objects, all whole")
    else:
        face.say("next: `jmlx pull` fetches them from a remote; `jmlx add` stores them again from whole data")
        face.differs()
    return asdict(verdict)


@command("gc")
def gc_command(face: Face) -> Payload:
    """Remove what nothing refers to (a later version)."""
    face.project.workspace.gc(())


@command("du")
@_paths
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
    return {"data": [_as_json(version) for version in versions], "store": asdict(store)}


def size(size_bytes: int) -> str:
    """A size for people."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def count(files: int) -> str:
    """How many files, for people."""
    return "1 file" if files == 1 else f"{files:,} files"


def _as_json(version: Version) -> dict[str, Any]:
    return {**asdict(version), "digest": str(version.digest)}


def _told(done: Transfer, verb: str) -> str:
    speed = f", {size(int(done.size_bytes / done.seconds))}/s" if done.seconds else ""
    return f"{verb} {done.objects:,} objects, {size(done.size_bytes)} in {done.seconds:.1f} s{speed}"


def _say_changes(face: Face, changes: Iterable[Change]) -> None:
    done = [change for change in changes if change]
    for change in done:
        removed = f", {count(change.removed)} removed" if change.removed else ""
        face.say(f"{change.path}: {count(change.written)} written ({size(change.size_bytes)}){removed}")
    if not done:
        face.say("the data is as its pointers say")


def _say_diff(face: Face, path: str, difference: Diff) -> None:
    def told(letter: str, inner: str, sizes: str) -> None:
        face.say(f"{letter} {path}/{inner}  {sizes}" if inner else f"{letter} {path}  {sizes}")

    say: Callable[[str, str, str], None] = told
    for change in difference.added:
        say("A", change.path, size(change.after_bytes or 0))
    for change in difference.removed:
        say("D", change.path, size(change.before_bytes or 0))
    for change in difference.modified:
        say("M", change.path, f"{size(change.before_bytes or 0)} -> {size(change.after_bytes or 0)}")
    for change in difference.renamed:
        say("R", f"{change.before_path} -> {change.path}", size(change.after_bytes or 0))


def _say_faults(face: Face, what: str, faults: Iterable[Fault]) -> None:
    for fault in faults:
        where = ", ".join(fault.paths[:5]) + (", ..." if len(fault.paths) > 5 else "")
        face.say(f"{what}: {fault.digest}  {where or 'no tracked data needs it'}")
