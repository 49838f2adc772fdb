"""The same steps, by jmlx and by DVC: both in a git repository, each set up as its users do."""

from __future__ import annotations

import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from measure import Figure, run, size_of

DATA = "data"


class Side(ABC):
    """One program, working in a project of its own."""

    name: str
    pointer: str
    store: str
    kept: tuple[str, ...]
    """What a clone needs besides the pointer."""
    fine: tuple[int, ...] = (0,)
    """Exit codes that mean that a command worked."""

    def __init__(self, program: list[str], folder: Path) -> None:
        self.program, self.folder = program, folder
        self.project, self.remote = folder / "project", folder / "remote"
        self.env: dict[str, str] = {}

    def begin(self, project: Path) -> None:
        """Make an empty project."""
        project.mkdir(parents=True)
        subprocess.run(["git", "init", "-q"], cwd=project, check=True)
        for words in self.setup():
            done = self.call(*words, project=project)
            if done.error:
                raise RuntimeError(f"{self.name} {' '.join(words)}: {done.error}")

    def call(self, *words: str, project: Path | None = None) -> Figure:
        """Run one command of the program."""
        return run([*self.program, *words], project or self.project, self.env, self.fine)

    def clone(self) -> Path:
        """A second project, which has the pointer and not the data."""
        clone = self.folder / "clone"
        self.begin(clone)
        for name in (self.pointer, *self.kept):
            shutil.copy(self.project / name, clone / name)
        return clone

    def stored(self) -> int:
        """Bytes that the versions take."""
        return size_of(self.project / self.store)

    @abstractmethod
    def setup(self) -> list[list[str]]:
        """The commands that make a project."""

    @abstractmethod
    def checkout(self, link: str) -> Figure:
        """Bring the data to what the pointer says."""

    @abstractmethod
    def gc(self) -> Figure:
        """Remove what nothing names."""


class Ours(Side):
    """jmlx."""

    name, pointer, store = "jmlx", f"{DATA}.mlx", ".mlx/store"
    kept, fine = ("mlx.yaml",), (0, 3)

    def setup(self) -> list[list[str]]:
        """See `Side.setup`."""
        return [["init"], ["remote", "add", "origin", str(self.remote)]]

    def checkout(self, link: str) -> Figure:
        """See `Side.checkout`."""
        return self.call("checkout", "--link", link)

    def gc(self) -> Figure:
        """See `Side.gc`."""
        return self.call("gc", "--grace", "0")


class Dvc(Side):
    """DVC; how it links is a setting."""

    name, pointer, store = "DVC", f"{DATA}.dvc", ".dvc/cache"
    kept = (".dvc/config",)

    def __init__(self, program: list[str], folder: Path) -> None:
        super().__init__(program, folder)
        self.env = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / "site")}
        self._link = ""

    def setup(self) -> list[list[str]]:
        """See `Side.setup`."""
        settings = {"core.analytics": "false", "core.autostage": "false", "core.check_update": "false"}
        return [
            ["init", "-q"],
            *(["config", name, value] for name, value in settings.items()),
            ["remote", "add", "-q", "-d", "origin", str(self.remote)],
        ]

    def checkout(self, link: str) -> Figure:
        """See `Side.checkout`."""
        if link != self._link:
            self.call("config", "cache.type", link)
            self._link = link
            return self.call("checkout", "-q", "-f", "--relink")
        return self.call("checkout", "-q", "-f")

    def gc(self) -> Figure:
        """See `Side.gc`."""
        return self.call("gc", "-w", "-f", "-q")
