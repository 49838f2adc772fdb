"""Where the inputs of a run came from: the runs that made them, and what those read in their turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .digest import Digest
from .errors import MlxError

if TYPE_CHECKING:
    from .data.workspace import Version, Workspace
    from .ledger.ledger import Ledger
    from .ledger.run import FileVersion, Run

RUNS = 200
"""At most so many runs are looked at for one graph."""
PARTS = 20
"""At most so many runs are named as makers of one folder."""


@dataclass(frozen=True, slots=True)
class Maker:
    """A run that made something."""

    run: Run
    origins: tuple[Origin, ...]
    """Of its own inputs; empty where the run stands in the graph already."""
    is_repeated: bool = False
    """Whether it stands in the graph already."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one file or folder came from."""

    path: str
    digest: str
    makers: tuple[Maker, ...]
    """The run that wrote it last before it was read; of a folder perhaps several; none where no run is known to."""

    def plain(self) -> dict[str, Any]:
        """As JSON can say it."""
        return {
            "path": self.path,
            "digest": self.digest,
            "runs": [
                {
                    "id": maker.run.id,
                    "name": maker.run.name,
                    "kind": maker.run.kind,
                    "started_at": maker.run.started_at,
                    "inputs": [origin.plain() for origin in maker.origins],
                    "repeated": maker.is_repeated,
                }
                for maker in self.makers
            ],
        }


class Origins:
    """Follows the versions of files back through the runs of a project."""

    def __init__(self, ledger: Ledger, workspace: Workspace) -> None:
        self._ledger, self._workspace = ledger, workspace
        self._known: set[str] = set()

    def of(self, run: Run) -> tuple[Origin, ...]:
        """Of each input of a run, whole as `Ledger.get` gives it."""
        self._known.add(run.id)
        before = run.started_at.timestamp()
        return tuple(self._of(file, before) for file in run.inputs)

    def makers(self, path: str, version: Version, before: float) -> tuple[Run, ...]:
        """The runs that made a version of a path before that moment (seconds since the epoch), whole."""
        ids = self._ids(path, str(version.digest), version.kind, before)
        return tuple(self._ledger.get(id_) for id_ in ids)

    def _of(self, file: FileVersion, before: float) -> Origin:
        ids = self._ids(file.path, file.digest, file.kind, before)
        return Origin(file.path, file.digest, tuple(self._maker(id_) for id_ in ids))

    def _maker(self, id_: str) -> Maker:
        run = self._ledger.get(id_)
        if id_ in self._known or len(self._known) > RUNS:
            return Maker(run, (), is_repeated=True)
        return Maker(run, self.of(run))

    def _ids(self, path: str, digest: str, kind: str, before: float) -> list[str]:
        """The newest run that wrote this version, or a folder with it in; else those that wrote its parts."""
        found = self._ledger.makers.of(path, digest, before)
        if found:
            return [found[0].run]
        if kind == "folder":
            return self._parts(path, digest, before)
        for made in self._ledger.makers.above(path, before):
            if self._holds((made.path, made.digest), path[len(made.path) + 1 :], digest):
                return [made.run]
        return []

    def _parts(self, folder: str, digest: str, before: float) -> list[str]:
        """The runs that wrote files as they are in a version of a folder, the last of each file."""
        runs: dict[str, None] = {}
        written: set[str] = set()
        whole = (folder, digest)
        for made in self._ledger.makers.within(folder, before):
            if made.path in written or len(runs) >= PARTS:
                continue
            written.add(made.path)
            if self._holds(whole, made.path[len(folder) + 1 :], made.digest):
                runs[made.run] = None
        return list(runs)

    def _holds(self, folder: tuple[str, str], inner: str, digest: str) -> bool:
        """Whether a version of a folder has that file in it; not where its listing is not here."""
        from .data.workspace import Version

        version = Version(folder[0], "folder", Digest.parse(folder[1]), 0, 1)
        try:
            found = self._workspace.contents.part(version, inner)
        except MlxError:
            return False
        return found is not None and str(found.digest) == digest
