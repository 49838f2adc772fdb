"""What cells read that are not tracked themselves: a later cell that depends on them depends on it too."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jupyter_mlx.capture.lineage.events import look
from jupyter_mlx.capture.lineage.listening import Listening
from jupyter_mlx.capture.lineage.looking import difference, named
from jupyter_mlx.capture.lineage.seen import SeenFile, is_same
from jupyter_mlx.capture.slicing import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jupyter_mlx.capture.lineage.audit import Look
    from jupyter_mlx.ledger.run import Run
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


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the cells of a slice read and found out about files."""

    files: list[SeenFile]
    looked: dict[str, str]
    """See `capture.lineage.looking`."""
    doubt: str
    """Why what they have left in memory is not what they would leave now."""


class Reads:
    """Listens to each cell, and keeps what it read by its source: what a slice names a cell by."""

    def __init__(self) -> None:
        self._listening: Listening | None = None
        self._by_cell: dict[str, tuple[Read, ...]] = {}
        self._looked: dict[str, dict[str, str]] = {}
        self._spared: set[str] = set()
        """Cells that were not executed, and so did nothing but leave variables."""

    def begin(self, project: Project) -> None:
        """A cell begins that is not tracked."""
        self._listening = Listening(project.root, project.state)

    def end(self, source: str) -> None:
        """It has ended."""
        listening, self._listening = self._listening, None
        if listening is not None:
            seen = listening.finish()
            self.note(source, seen.role("input"), seen.looked)

    def note(self, source: str, files: Iterable[SeenFile], looked: Mapping[str, str]) -> None:
        """A cell has read these files; what it read when it ran before counts no more."""
        source = _key(source)
        found = tuple(Read(file, look(file.real)) for file in files if file.how == "seen" and not file.more)
        if found:
            self._by_cell[source] = found
        else:
            self._by_cell.pop(source, None)
        self._looked[source] = dict(looked)
        self._spared.discard(source)

    def note_spared(self, source: str, run: Run, root: str) -> None:
        """A cell was not executed, and what is in memory is as if it had read what that run did."""
        files = [
            SeenFile(
                file.path,
                os.path.realpath(os.path.join(root, file.path)),  # noqa: PTH118
                "input", "seen", file.source, inside=file.kind != "outside",
            )
            for file in run.inputs if file.kind != "folder"
        ]  # fmt: skip
        self.note(source, files, run.variables.get("looked", {}))
        self._spared.add(_key(source))

    def of(self, cells: Iterable[str]) -> list[SeenFile]:
        """What these cells read, each file once."""
        found = {read.file.path: read for cell in cells for read in self._by_cell.get(_key(cell), ())}
        return [read.now() for read in found.values()]

    def earlier(self, cells: Sequence[str], root: str) -> Earlier:
        """All that is known of what these cells read."""
        # of those before a reset nothing is in memory any more
        since = max((at for at, cell in enumerate(cells) if names_of(cell).resets), default=0)
        files = self.of(
            [cell for at, cell in enumerate(cells) if at >= since or _key(cell) not in self._spared]
        )
        held = self.of(cells[since:])
        looked: dict[str, str] = {}
        changed = next(
            (f"{file.path} is another one than an earlier cell read" for file in held if file.changed), ""
        )
        for cell in cells[since:]:
            for path, said in named(self._looked.get(_key(cell), {}), cells).items():
                if looked.setdefault(path, said) != said:
                    changed = changed or f"{path} changed between two earlier cells"
        return Earlier(files, looked, changed or difference(root, looked))


def _key(cell: str) -> str:
    """A cell as IPython's history has it: without the empty lines at its end."""
    return cell.rstrip("\n")
