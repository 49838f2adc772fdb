"""The commands that keep the store well: `jmlx verify`, `gc`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from .data_views import paths_argument
from .face import Face, Payload, command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mlx.data.verify import Fault


@command("verify")
@paths_argument
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


def _say_faults(face: Face, what: str, faults: Iterable[Fault]) -> None:
    for fault in faults:
        where = ", ".join(fault.paths[:5]) + (", ..." if len(fault.paths) > 5 else "")
        face.say(f"{what}: {fault.digest}  {where or 'no tracked data needs it'}")
