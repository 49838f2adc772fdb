"""What a run wrote, compared with what is in its room now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mlx.errors import CorruptError, MlxError, NotFoundError

from . import content
from .checks import Check, State, Tolerance, worst
from .execution import NOTEBOOKS

if TYPE_CHECKING:
    from jupyter_mlx.data.version import Version
    from jupyter_mlx.data.workspace import Workspace
    from jupyter_mlx.digest import Digest
    from jupyter_mlx.ledger.run import FileVersion, Run

_SHOWN = 3
_LOOKED_INTO = 1000
_LARGE_BYTES = 64 << 20


def compare(run: Run, workspace: Workspace, tolerance: Tolerance) -> tuple[list[Check], list[Version]]:
    """Each file and folder that the run wrote; and the versions that are there now, which the store has."""
    checks: list[Check] = []
    versions: list[Version] = []
    for file in run.outputs:
        if file.path.startswith(NOTEBOOKS) or file.kind == "outside":
            continue
        now = None
        if (workspace.root / file.path).exists():
            now = workspace.save(file.path)
            versions.append(now)
        checks.append(_one(file, now, workspace, tolerance))
    return checks, versions


def _one(file: FileVersion, now: Version | None, workspace: Workspace, tolerance: Tolerance) -> Check:
    if now is None:
        return Check(file.path, "missing", file.digest, None, "was not written")
    if str(now.digest) == file.digest:
        return Check(file.path, "same", file.digest, file.digest)
    if now.kind != file.kind:
        return Check(
            file.path, "different", file.digest, str(now.digest), f"was a {file.kind}, is a {now.kind}"
        )
    try:
        then = workspace.named(file)
        state, detail = (
            _folders(then, now, workspace, tolerance)
            if now.kind == "folder"
            else _contents(
                file.path,
                (then.digest, now.digest),
                max(then.size_bytes, now.size_bytes),
                workspace,
                tolerance,
            )
        )
    except CorruptError:
        raise
    except NotFoundError:
        state, detail = (
            "different",
            "its bytes differ; what it was is in no store here, so no more can be said",
        )
    except MlxError as error:
        state, detail = "different", str(error)
    return Check(file.path, state, file.digest, str(now.digest), detail)


def _contents(
    name: str, digests: tuple[Digest, Digest], size_bytes: int, workspace: Workspace, tolerance: Tolerance
) -> content.Found:
    if size_bytes > _LARGE_BYTES:
        return "different", "its bytes differ (too large to look inside)"
    was, now = (workspace.store.get(digest) for digest in digests)
    return content.compare(name, was, now, tolerance)


def _folders(was: Version, now: Version, workspace: Workspace, tolerance: Tolerance) -> content.Found:
    """Two versions of a folder, file by file."""
    before = {name: (digest, size) for name, digest, size in workspace.files(was)}
    after = {name: (digest, size) for name, digest, size in workspace.files(now)}
    gone, come = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    changed = [name for name in before if name in after and before[name][0] != after[name][0]]
    states: list[State] = ["different"] if gone or come else []
    details: list[str] = []
    for name in changed[:_LOOKED_INTO]:
        size = max(before[name][1], after[name][1])
        state, detail = _contents(name, (before[name][0], after[name][0]), size, workspace, tolerance)
        states.append(state)
        if state != "same" and len(details) < _SHOWN:
            details.append(f"{name}: {detail}")
    if len(changed) > _LOOKED_INTO:
        states.append("different")
    counts = [f"{len(gone)} missing"] * bool(gone) + [f"{len(come)} new"] * bool(come)
    counts += [f"{len(changed)} with other bytes"] * bool(changed)
    return worst(states), "; ".join([", ".join(counts), *details])
