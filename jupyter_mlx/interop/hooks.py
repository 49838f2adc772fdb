"""What git's hooks run, in the project's folder: `python -m jupyter_mlx.interop.hooks NAME ARGUMENT…`.

After a checkout or a merge, data whose pointers changed is brought along, as far
as that loses nothing; git's own command never fails for it. Before a push, the
data of the pushed commits is sent; where that fails, so does the push.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from jupyter_mlx.errors import ConflictError, MlxError, NotFoundError
from jupyter_mlx.project import Project
from jupyter_mlx.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NONE = "0" * 40
_SHOWN = 3


def main(words: Sequence[str]) -> int:
    """Do what the hook `words[0]` is for; the exit code that git gets."""
    name, *arguments = words
    try:
        project = Project.open()
        if name == "pre-push":
            return _push(project, arguments[0] if arguments else "", sys.stdin)
        _bring(project, *_ends(name, arguments))
    except (MlxError, OSError) as error:
        _say(str(error))
        return int(name == "pre-push")
    return 0


def _ends(name: str, arguments: Sequence[str]) -> tuple[str, str]:
    """The commits before and after; twice the same where there is nothing to do."""
    if name == "post-checkout":
        # of files that are checked out one by one git does not say which: both are HEAD then
        before, after, *_ = (*arguments, "HEAD", "HEAD")
        return before, after
    if name == "post-rewrite" and arguments[:1] != ["rebase"]:
        return "HEAD", "HEAD"
    return "ORIG_HEAD", "HEAD"


def _bring(project: Project, before: str, after: str) -> None:
    from jupyter_mlx.data.history import changed_pointers

    if before == after:
        return
    known = {version.path for version in project.workspace.pointers()}
    wanted = [path for path in changed_pointers(project.root, before, after) if path in known]
    files, done, left = 0, 0, []
    for path in wanted:
        try:
            changes = project.workspace.checkout([path])
            files += sum(change.written + change.removed for change in changes)
            done += any(changes)
        except MlxError as error:
            left.append(_why(path, error))
    if done:
        _say(f"brought the data along: {counted(files, 'file')} in {done} of {len(wanted)} changed paths")
    if left:
        more = f" (and {len(left) - _SHOWN} more)" if len(left) > _SHOWN else ""
        _say("left as it is: " + "; ".join(left[:_SHOWN]) + more)


def _why(path: str, error: MlxError) -> str:
    if isinstance(error, ConflictError):
        return f"{path} has changes that are in no version (`jmlx add`, or `jmlx checkout --force {path}`)"
    if isinstance(error, NotFoundError):
        return f"{path} is not all here (`jmlx pull {path}`)"
    return f"{path}: {error}"


def _push(project: Project, git_remote: str, lines: Iterable[str]) -> int:
    from jupyter_mlx.data.history import introduced

    ends: list[str] = []
    for line in lines:
        _, new, _, old = (*line.split(), "", "", "", "")[:4]
        if not new or new.startswith(_NONE):
            continue  # a branch that is deleted there
        ends += [new, f"^{old}"] if old and not old.startswith(_NONE) else [new]
    if not ends:
        return 0
    remote = project.any_remote()
    if remote is None:
        _say("no remote for data in mlx.yaml, so only git's files are pushed; `jmlx remote add` names one")
        return 0
    versions = introduced(project.root, ends, git_remote)
    done = project.workspace.push(remote, versions=versions)
    if done.objects:
        _say(f"sent {done.objects:,} objects ({done.size_bytes:,} bytes) of data")
    return 0


def _say(text: str) -> None:
    print(f"jmlx: {text}", file=sys.stderr)  # noqa: T201 (git shows it)


if __name__ == "__main__":
    os.environ.pop("GIT_DIR", None)
    sys.exit(main(sys.argv[1:]))
