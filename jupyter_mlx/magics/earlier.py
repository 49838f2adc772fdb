"""What cells read that are not tracked themselves: a later cell that depends on them depends on it too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jupyter_mlx.capture.lineage.events import look
from jupyter_mlx.capture.lineage.listening import Listening
from jupyter_mlx.capture.lineage.seen import is_same

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mlx.capture.lineage.audit import Look
    from jupyter_mlx.capture.lineage.seen import SeenFile
    from jupyter_mlx.project import Project


@dataclass(frozen=True, slots=True)
class Read:
    """A file that an earlier cell read, as it was when that cell ended."""

    file: SeenFile
    then: Look | None

    def now(self) -> SeenFile:
        """The same file, marked where it is another one by now."""
        after = look(self.file.real)
        changed = self.file.changed or not is_same(self.then, after)
        return replace(self.file, changed=changed, gone=after is None)


class Reads:
    """Listens to each cell, and keeps what it read by its source: what a slice names a cell by."""

    def __init__(self) -> None:
        self._listening: Listening | None = None
        self._by_cell: dict[str, tuple[Read, ...]] = {}

    def begin(self, project: Project) -> None:
        """A cell begins that is not tracked."""
        self._listening = Listening(project.root, project.state)

    def end(self, source: str) -> None:
        """It has ended."""
        listening, self._listening = self._listening, None
        if listening is not None:
            self.note(source, listening.finish().role("input"))

    def note(self, source: str, files: Iterable[SeenFile]) -> None:
        """A cell has read these files; what it read when it ran before counts no more."""
        found = tuple(Read(file, look(file.real)) for file in files if file.how == "seen" and not file.more)
        if found:
            self._by_cell[source] = found
        else:
            self._by_cell.pop(source, None)

    def of(self, cells: Iterable[str]) -> list[SeenFile]:
        """What these cells read, each file once."""
        found = {read.file.path: read for cell in cells for read in self._by_cell.get(cell, ())}
        return [read.now() for read in found.values()]
