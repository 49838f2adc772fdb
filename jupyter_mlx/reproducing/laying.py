"""In the kernel of a clean folder: what the run read is laid down anew where the slice's cells have written to it.

A slice is executed for its variables, and what it writes (a line appended) is in
the files that were recorded already. When a cell begins, they are to be as they
were. Of a file that changed between an earlier cell and the run that version is
not known: it is laid down before the tracked cell alone.
"""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_mlx.capture.lineage import audit
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.ledger.run import FileVersion
from jupyter_mlx.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NAME = "laying.json"
"""In the clean folder's `.mlx`."""


class Plan(msgspec.Struct, frozen=True):
    """What the kernel is told."""

    root: str
    """The clean folder."""
    project: str
    """The folder of the project whose run is made again: its store has the data."""
    cells: tuple[str, ...]
    """The slice."""
    files: tuple[FileVersion, ...]
    """What the run read."""


def ask(plan: Plan, to: Path) -> str:
    """Write a plan; the code by which a kernel begins with it, which leaves no name."""
    to.write_bytes(msgspec.json.encode(plan))
    return f"__import__({__name__!r}, fromlist=['begin']).begin(get_ipython(), {str(to)!r})"


def begin(shell: Any, plan: str) -> None:
    """Lay files down from now on, until the slice has been executed."""
    with audit.quiet(), open(plan, "rb") as file:  # noqa: PTH123
        told = msgspec.json.decode(file.read(), type=Plan)
        layer = Layer(told)

    def after(result: Any) -> None:
        with audit.quiet():
            if not layer.after(getattr(getattr(result, "info", None), "raw_cell", None) or ""):
                shell.events.unregister("post_run_cell", after)

    shell.events.register("post_run_cell", after)


class Layer:
    """Follows the cells of a slice."""

    def __init__(self, plan: Plan) -> None:
        from pathlib import Path

        self._root, project = Path(plan.root), Project(Path(plan.project))
        self._workspace = Workspace.open(self._root, project.store, self._root / ".mlx/brought")
        self._todo = [cell.strip() for cell in plan.cells]
        self._files = {file: look(self._root / file.path) for file in plan.files}

    def after(self, cell: str) -> bool:
        """A cell has ended; whether there are more of the slice."""
        if self._todo and cell.strip() == self._todo[0]:
            del self._todo[0]
            self._lay(file for file in self._files if not (file.changed and self._todo))
        return bool(self._todo)

    def _lay(self, files: Iterable[FileVersion]) -> None:
        for file in list(files):
            target = self._root / file.path
            if look(target) != self._files[file]:
                self._put(file, target)
                self._files[file] = look(target)

    def _put(self, file: FileVersion, target: Path) -> None:
        version = self._workspace.named(file)
        if file.kind == "file" and _is_own(target):
            # one that has it open goes on with the same file
            copy = self._root / ".mlx/copy"
            self._workspace.store.copy_to(version.digest, copy)
            with contextlib.suppress(PermissionError):
                _overwrite(target, copy)
                return
        remove(target)
        self._workspace.restore(version)


def look(path: Path) -> object:
    """What tells one state of a file or folder from another; None where nothing is."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    if not path.is_dir() or path.is_symlink():
        return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
    return tuple((entry.name, look(entry)) for entry in sorted(path.iterdir()))


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _is_own(path: Path) -> bool:
    """Whether it is a file that has no other name, as one in the store might be."""
    return path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1


def _overwrite(target: Path, source: Path) -> None:
    try:
        with source.open("rb") as data, target.open("r+b") as file:
            shutil.copyfileobj(data, file, 1 << 20)
            file.truncate()
    finally:
        source.unlink()
