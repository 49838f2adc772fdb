"""Where a server finds its project: its root folder, or the nearest folder above with an mlx.yaml."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from jupyter_mlx.errors import NoProjectError

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_mlx.project import Project


class ProjectSource:
    """The project of one server, looked up anew for each question.

    So a project that is made, moved or removed while the server runs is seen
    by the next request. An opened one is kept for as long as its mlx.yaml is
    the same file with the same content. Any thread may ask.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._key: tuple[Path, int, int] | None = None
        self._project: Project | None = None

    def project(self) -> Project:
        """The project as it is now.

        Raises:
            NoProjectError: there is no mlx.yaml in the server's folder or above it.
            ConfigError: the mlx.yaml that is there is malformed.
        """
        key = self._find()
        with self._lock:
            if self._project is None or key != self._key:
                from jupyter_mlx.project import Project

                self._project = Project.open(key[0])
                self._key = key
            return self._project

    def _find(self) -> tuple[Path, int, int]:
        for folder in (self.folder, *self.folder.parents):
            try:
                facts = (folder / "mlx.yaml").stat()
            except OSError:
                continue
            return folder, facts.st_mtime_ns, facts.st_ino
        raise NoProjectError(str(self.folder))
