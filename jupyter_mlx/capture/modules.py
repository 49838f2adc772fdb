"""The project's own modules that this process has imported: code of a run that is in none of its cells."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_LIBRARIES = frozenset({"site-packages", "dist-packages", ".venv", ".mlx", "node_modules"})


class Modules:
    """Looks each module up once; a later call costs a look at those that are new."""

    def __init__(self, root: str) -> None:
        self._root = os.path.join(os.path.realpath(root), "")  # noqa: PTH118
        self._known: set[str] = set()
        self._files: dict[str, int] = {}

    def files(self) -> dict[str, bool]:
        """Path of each, relative to the root → whether it was written to since it was found imported."""
        for name in sys.modules.keys() - self._known:
            self._known.add(name)
            path = getattr(sys.modules.get(name), "__file__", None)
            if isinstance(path, str) and path.endswith(".py"):
                self._note(os.path.realpath(path))
        now = {path: self._written(path) for path in self._files}
        return {path: now[path] != then for path, then in self._files.items() if now[path]}

    def _note(self, path: str) -> None:
        if path.startswith(self._root):
            relative = path[len(self._root) :]
            if _LIBRARIES.isdisjoint(Path(relative).parts):
                self._files[relative] = self._written(relative)

    def _written(self, path: str) -> int:
        try:
            return os.stat(self._root + path).st_mtime_ns  # noqa: PTH116 (each cell looks at all of them)
        except OSError:
            return 0
