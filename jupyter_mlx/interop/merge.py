"""Git's merge driver for pointers and mlx.lock: `python -m jupyter_mlx.interop.merge BASE OURS THEIRS PATH`.

Source: gitattributes(5), "Defining a custom merge driver". The first three are
files, the result goes to the second; exit code 1 is a conflict.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlx.data.pointer import OTHERS, SUFFIX, Pointer
from jupyter_mlx.errors import ConfigError, MlxError
from jupyter_mlx.pipelines import lock
from jupyter_mlx.project import Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mlx.data.version import Version


def main(words: Sequence[str]) -> int:
    """Merge one file; the exit code that git gets."""
    base, ours, theirs = (Path(word) for word in words[:3])
    path = words[3]
    try:
        if Path(path).name == lock.NAME:
            return _lock(base, ours, theirs, path)
        return _pointer(base, ours, theirs, path)
    except (MlxError, OSError) as error:
        _say(f"{path}: {error}")
        return _as_text(base, ours, theirs)


def _pointer(base: Path, ours: Path, theirs: Path, path: str) -> int:
    if any(side.read_bytes().startswith(OTHERS) for side in (ours, theirs)):
        return _as_text(base, ours, theirs)
    project = _project(path)
    data = project.relative(path).removesuffix(SUFFIX)
    begun, here, there = (_version(side, data) for side in (base, ours, theirs))
    if here is None or there is None:
        raise ConfigError(path, 0, "", "one side of the merge is no pointer")
    merged = project.workspace.resolver.merge(begun, here, there, project.any_remote)
    ours.write_text(merged.render(), encoding="utf-8")
    for clash in merged.clashes:
        _say(f"CONFLICT (data): {clash}")
    if merged.clashes:
        _say(
            f"`jmlx checkout {data} --ours` (or --theirs) keeps that side of these and all else of both; then "
            f"`git add {path}`. One file of theirs: `jmlx checkout FILE --rev MERGE_HEAD && jmlx add FILE`"
        )
    return int(bool(merged.clashes))


def _project(path: str) -> Project:
    """The project that a path of the work tree, in which git started this, belongs to."""
    folder = next(above for above in Path(path).absolute().parents if above.is_dir())
    return Project.open(folder)


def _version(file: Path, data: str) -> Version | None:
    """What a side says; None where it has nothing."""
    text = file.read_text(encoding="utf-8", errors="replace")
    return Pointer.parse(text, f"{data}{SUFFIX}").version(data) if text.strip() else None


def _lock(base: Path, ours: Path, theirs: Path, path: str) -> int:
    """Stage by stage: what one side alone changed, added or removed is taken."""
    begun, here, there = (
        lock.parse(text) if (text := side.read_text(encoding="utf-8")).strip() else {}
        for side in (base, ours, theirs)
    )
    merged, clashes = {}, []
    for stage in sorted(here.keys() | there.keys()):
        before, mine, yours = begun.get(stage), here.get(stage), there.get(stage)
        if mine != yours and before not in (mine, yours):
            clashes.append(stage)
        found = yours if mine == before else mine
        if found is not None:
            merged[stage] = found
    if not clashes:
        ours.write_text(lock.render(merged), encoding="utf-8")
        return 0
    for stage in clashes:
        _say(f"CONFLICT (pipeline): both sides have a result of the stage {stage!r}")
    _say(f"keep one side (`git checkout --ours {path}` or --theirs), `jmlx run`, then `git add {path}`")
    return _as_text(base, ours, theirs)


def _as_text(base: Path, ours: Path, theirs: Path) -> int:
    """What git does without this driver."""
    done = subprocess.run(
        ["git", "merge-file", "-L", "ours", "-L", "base", "-L", "theirs", str(ours), str(base), str(theirs)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return int(done.returncode != 0)  # a binary file (255): ours stays, and is a conflict


def _say(text: str) -> None:
    print(f"jmlx: {text}", file=sys.stderr)  # noqa: T201 (git shows it)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
