"""The commands that keep the store well: `jmlx verify`, `gc`."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from jupyter_mlx.errors import MlxError, NotFoundError
from jupyter_mlx.wording import counted

from .data_views import paths_argument, size
from .face import Face, Payload, command

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jupyter_mlx.data.verify import Fault
    from jupyter_mlx.keeping import Scope
    from jupyter_mlx.store.base import ObjectStore
    from jupyter_mlx.store.sweep import Removed


@command("verify")
@paths_argument
@click.option(
    "--repair", is_flag=True, help="Store again what is damaged or missing: from the work tree or a remote."
)
@click.option("-r", "--remote", "name", metavar="NAME", help="With --repair, ask this remote alone.")
def verify_command(face: Face, paths: tuple[str, ...], repair: bool, name: str | None) -> Payload:
    r"""Read every object of the store (or of PATHS) and compare it with its digest.

    Exits 3 where one is damaged or missing, and names the data and the runs
    that need it. With --repair it is stored again where it is whole in the
    work tree or on a remote; the rest is named.

    \b
      jmlx verify
      jmlx verify data/images/7
      jmlx verify --repair
    """
    from jupyter_mlx.keeping import verify

    project = face.project
    remotes = _remotes(face, name) if repair or name else None
    with face.progress("verifying") as progress:
        verdict = verify(project, [face.path(path) for path in paths], remotes=remotes, progress=progress)
    _say_faults(face, "damaged", verdict.corrupt)
    _say_faults(face, "missing", verdict.missing)
    if verdict.repaired:
        face.say(
            f"{len(verdict.repaired):,} of them repaired"
            if not verdict
            else f"{len(verdict.repaired):,} repaired"
        )
    if verdict:
        face.say(f"{counted(verdict.checked, 'object')}, all whole")
    else:
        face.say(_next_step(repaired=remotes is not None))
        face.differs()
    payload = asdict(verdict)
    if remotes is None:
        del payload["repaired"]
    return payload


def _remotes(face: Face, name: str | None) -> list[ObjectStore]:
    """The remotes to repair from: that one, or all that can be reached."""
    if name:
        return [face.project.remote(name)]
    found = []
    for each in face.project.config.remotes:
        try:
            found.append(face.project.remote(each))
        except MlxError as error:
            face.note(f"note: the remote {each} is not asked: {error}")
    return found


def _next_step(*, repaired: bool) -> str:
    if repaired:
        return "next: another copy of the project may have it: `jmlx push` there, then `jmlx verify --repair` here"
    return (
        "next: `jmlx verify --repair` stores them again from the work tree or a remote, where they are whole"
    )


class Age(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A length of time: a number with s, m, h or d; without a letter, seconds."""

    name = "age"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Its seconds."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", str(value).strip())
        if not found:
            self.fail(f"{value!r} is no age; write 30m, 12h, 2d, or 0", param, ctx)
        return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


@command("gc")
@click.option("--dry-run", "-n", is_flag=True, help="Say what would go; remove nothing.")
@click.option(
    "--grace", type=Age(), metavar="AGE", help="Keep what is younger: 30m, 2d, 0.  [1h; with --remote 14d]"
)
@click.option(
    "-r", "--remote", "name", metavar="NAME", help="Remove from this remote, not from the store here."
)
@click.option("--tips", is_flag=True, help="Of git, keep only what branches, tags and stashes hold now.")
@click.option(
    "--compact", is_flag=True, help="Store large files in chunks: versions share what is the same in them."
)
@click.option("--forget", metavar="FOLDER", help="Of a shared store: a project that used it is gone.")
def gc_command(face: Face, name: str | None, forget: str | None, **options: Any) -> Payload:
    r"""Remove from the store what nothing refers to any more.

    Kept is what any pointer or mlx.lock of the work tree, of git's branches,
    remote branches, tags and stashes (with all their history) names, what any
    run read or wrote, and the pipeline's results. Where one of these can't be
    read, nothing is removed. Other commands may work meanwhile.

    With --remote, also what other projects pushed there is kept. Packs are
    condemned first and removed by a later gc, when the grace is over and no
    push that began before can still count on them.

    \b
      jmlx gc --dry-run
      jmlx gc --grace 0          (also what was written within the last hour)
      jmlx gc --tips             (forget versions that only old commits name)
      jmlx gc --compact          (many versions of large files take the space of what differs)
      jmlx gc --remote origin
    """
    from jupyter_mlx.keeping import Scope

    if forget is not None:
        _forget(face, forget)
    scope = Scope(tips=options["tips"], compact=options["compact"])
    if name is not None:
        return _gc_remote(face, name, scope, options["grace"], dry_run=options["dry_run"])
    return _gc_store(face, scope, options["grace"], dry_run=options["dry_run"])


def _gc_store(face: Face, scope: Scope, grace: float | None, *, dry_run: bool) -> Payload:
    from jupyter_mlx.keeping import GRACE_S, collect

    grace_s = GRACE_S if grace is None else grace
    with face.progress("removing") as progress:
        done = collect(face.project, scope=scope, grace_s=grace_s, dry_run=dry_run, progress=progress)
    _say_removed(face, done.removed, dry_run=dry_run)
    if done.compacted and done.compacted.objects:
        compacted, kept = done.compacted, size(done.compacted.stored_bytes)
        face.say(
            f"{compacted.objects:>9,} {'large objects':<14} {size(compacted.size_bytes):>9}  take {kept} in chunks"
        )
    if done.marked.absent:
        some = ", ".join(dict.fromkeys(done.marked.absent[:3]))
        face.note(
            f"note: the data of {count_of(done.marked.absent)} was never here ({some}); that is no fault"
        )
    return {
        "dry_run": dry_run,
        "objects": done.removed.small_objects + done.removed.large_objects,
        "size_bytes": done.removed.small_bytes + done.removed.large_bytes,
        **asdict(done.removed),
        "needed": done.live,
        "absent": done.marked.absent,
        "compacted": done.compacted,
    }


def _gc_remote(face: Face, name: str, scope: Scope, grace: float | None, *, dry_run: bool) -> Payload:
    from jupyter_mlx.data.remote_gc import GRACE_S
    from jupyter_mlx.keeping import collect_remote

    grace_s = GRACE_S if grace is None else grace
    if not grace_s and not dry_run:
        face.note("note: with --grace 0 nobody may push to the remote meanwhile")
    done = collect_remote(
        face.project, face.project.remote(name), scope=scope, grace_s=grace_s, dry_run=dry_run
    )
    if done.removed_packs:
        face.say(
            f"{done.removed_packs:>9,} packs {size(done.removed_bytes):>9}  {'would go' if dry_run else 'removed'}"
        )
    if done.condemned_packs:
        days = f"{grace_s / 86400:g} days"
        face.say(
            f"{done.condemned_packs:>9,} packs {size(done.condemned_bytes):>9}  "
            f"{'would be' if dry_run else 'are'} condemned; a `jmlx gc --remote {name}` after {days} removes them"
        )
    if not (done.removed_packs or done.condemned_packs):
        face.say(f"{name} holds little that is not needed, or what was condemned is still in its grace")
    return {"dry_run": dry_run, **asdict(done)}


def _forget(face: Face, folder: str) -> None:
    from jupyter_mlx.sharing import forget

    if not forget(face.project.store.folder, face.path(folder)):
        raise NotFoundError(f"{folder} is no project that uses this store; `projects/` in it lists them")


def count_of(names: Sequence[str]) -> str:
    """How many different ones, for people."""
    return "1 version" if len(set(names)) == 1 else f"{len(set(names)):,} versions"


def _say_removed(face: Face, removed: Removed, *, dry_run: bool) -> None:
    verb = "would go" if dry_run else "removed"
    if removed.small_objects or removed.large_objects:
        kinds = {
            "small objects": (removed.small_objects, removed.small_bytes),
            "large objects": (removed.large_objects, removed.large_bytes),
        }
        for kind, (objects, size_bytes) in kinds.items():
            if objects:
                face.say(f"{objects:>9,} {kind:<14} {size(size_bytes):>9}  {verb}")
    else:
        face.say(
            "nothing is in the store that is not needed" + (" or young" if removed.young_objects else "")
        )
    if removed.young_objects:
        face.say(
            f"{removed.young_objects:>9,} {'objects':<14} {size(removed.young_bytes):>9}  are needed by nothing, "
            "but young; `--grace 0` removes them"
        )
    if removed.busy_packs:
        face.say(
            "a process is writing to the store: run `jmlx gc` again later to have the rest of the space back"
        )


def _say_faults(face: Face, what: str, faults: Iterable[Fault]) -> None:
    for fault in faults:
        users = [*fault.paths, *fault.others]
        where = ", ".join(users[:5]) + (f" and {len(users) - 5:,} more" if len(users) > 5 else "")
        face.say(f"{what}: {fault.digest}  {where or 'nothing that can be read needs it'}")
