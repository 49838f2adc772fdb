"""Whether what runs read is still as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import MlxError

if TYPE_CHECKING:
    from .data.workspace import Workspace
    from .ledger.run import FileVersion, Run


class Freshness:
    """Looks at files of one project, at each once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._digests: dict[str, str | None] = {}

    def changed(self, run: Run) -> tuple[str, ...]:
        """The inputs of a run that differ now, or are gone; the run whole, as the ledger gives it.

        What the run wrote too is left out, and what lies outside the project.
        """
        written = {file.path for file in run.outputs}
        return tuple(
            file.path
            for file in run.inputs
            if file.kind != "outside" and file.path not in written and self._differs(file)
        )

    def _differs(self, file: FileVersion) -> bool:
        if file.path not in self._digests:
            self._digests[file.path] = self._now(file.path)
        return self._digests[file.path] not in (file.digest, "")

    def _now(self, path: str) -> str | None:
        """The digest; empty where it cannot be told."""
        try:
            found = self._workspace.version(path)
        except MlxError:
            return ""
        return str(found.digest) if found else None
