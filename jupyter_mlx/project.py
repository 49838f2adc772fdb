"""The project: the folder with `mlx.yaml`, and the one object that the faces call."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import (
    AccessError,
    ConflictError,
    CorruptError,
    MlxError,
    NoProjectError,
    NotFoundError,
    UsageError,
)

if TYPE_CHECKING:
    from .capture.redact import Redactor
    from .config import Config
    from .data.links import Link
    from .data.workspace import Workspace
    from .ledger.compare import Comparison
    from .ledger.ledger import Ledger
    from .ledger.run import Run
    from .origins import Origin
    from .pipelines.runner import Runner
    from .recorder import Recorder
    from .restoring import Restored
    from .store.base import ObjectStore
    from .store.local import LocalStore

CONFIG = "mlx.yaml"
STATE = ".mlx"
TEMPLATE = """\
# The project's settings and its pipeline: https://github.com/jupyter-mlx/jupyter_mlx
#
# stages:
#   train:
#     notebook: notebooks/train.ipynb
#     params: {lr: 0.1}
#     inputs: [data/train.csv]
#     outputs: [models/]
stages: {}
"""


class ProjectExistsError(ConflictError):
    """A project is there already."""

    code = "project-exists"

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"{self.folder} is a project already; `jmlx status` says how it stands"


class OutsideProjectError(UsageError):
    """A path lies outside the project."""

    code = "outside-project"

    def __init__(self, path: str, root: str) -> None:
        super().__init__(path, root)
        self.path, self.root = path, root

    def __str__(self) -> str:
        return f"{self.path} lies outside the project {self.root}; move it there, or `jmlx init` a project around it"


@dataclass(frozen=True)
class Project:
    """A folder of data, runs and a pipeline. Everything in it is made when it is first used."""

    root: Path
    """Absolute, links resolved."""

    @classmethod
    def open(cls, path: Path | str = ".") -> Project:
        """The project at `path` or in the nearest folder above it.

        Raises:
            NoProjectError: there is none.
        """
        start = Path(path).resolve()
        for folder in (start, *start.parents):
            if (folder / CONFIG).is_file():
                return cls(folder)
        raise NoProjectError(str(start))

    @classmethod
    def create(cls, path: Path | str = ".") -> Project:
        """Make a project of a folder: `mlx.yaml`, and `.mlx/`, which git ignores.

        Raises:
            ProjectExistsError: it is one already.
            AccessError: the folder cannot be written.
        """
        root = Path(path).resolve()
        if (root / CONFIG).exists():
            raise ProjectExistsError(str(root))
        try:
            root.mkdir(parents=True, exist_ok=True)
            project = cls(root)
            project.prepare()
            (root / CONFIG).write_text(TEMPLATE, encoding="utf-8")
        except OSError as error:
            raise AccessError.of(error, error.filename or root) from error
        return project

    def prepare(self) -> None:
        """Make `.mlx/` where a fresh clone has none."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        ignore = self.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# objects, runs and settings of this machine: not for git\n*\n!.gitignore\n")

    @property
    def state(self) -> Path:
        """The folder `.mlx/`."""
        return self.root / STATE

    def relative(self, path: str | os.PathLike[str]) -> str:
        """A path of the project as the project names it: relative to its folder, `/`-separated.

        Links below the project are left as they are; a link above it (a home
        folder that is one, say) is followed.

        Raises:
            OutsideProjectError: the path is not in the project.
        """
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links below the project)
        if absolute.is_relative_to(self.root):
            return absolute.relative_to(self.root).as_posix()
        for candidate in (absolute.parent.resolve() / absolute.name, absolute.resolve()):
            if candidate.is_relative_to(self.root):
                return candidate.relative_to(self.root).as_posix()
        raise OutsideProjectError(os.fspath(path), str(self.root))

    @cached_property
    def config(self) -> Config:
        """`mlx.yaml`. Raises ConfigError where it is malformed."""
        from .config import Config

        return Config.read(self.root)

    @cached_property
    def store(self) -> LocalStore:
        """The project's own objects."""
        from .sharing import open_store

        self._prepare()
        return open_store(self.root)

    @cached_property
    def workspace(self) -> Workspace:
        """The project's data."""
        from .data.workspace import Workspace

        return Workspace.open(self.root, self.store, self.state)

    @cached_property
    def ledger(self) -> Ledger:
        """The project's runs."""
        from .ledger.ledger import Ledger

        self._prepare()
        return Ledger(self.state / "ledger.db")

    @cached_property
    def redactor(self) -> Redactor:
        """Takes secrets out of what is recorded; keyed by this copy of the project."""
        from .capture.redact import Redactor

        self._prepare()
        return Redactor.open(self.state / "salt")

    @cached_property
    def recorder(self) -> Recorder:
        """Opens and seals runs."""
        from .recorder import Recorder

        return Recorder(self.root, self.ledger, self.workspace, self.redactor)

    def runner(self) -> Runner:
        """Executes notebooks and the pipeline."""
        from .pipelines.runner import Runner

        return Runner(self.root, self.state, self.workspace, lambda: self.recorder, self.any_remote)

    def remote(self, name: str | None = None, jobs: int | None = None) -> ObjectStore:
        """The store of a remote of `mlx.yaml`; without a name, the only one or `origin`.

        Up to `jobs` requests are made at once.

        Raises:
            NotFoundError: there is no such remote.
            BadRemoteError: its address is none.
        """
        from .config.machine import remote_here
        from .store.remote import open_remote

        found = remote_here(self.root, self.config.remote(name))
        cache = self.state / "remotes"
        return open_remote(found.url, root=self.root, options=found.options, cache=cache, jobs=jobs)

    def any_remote(self) -> ObjectStore | None:
        """The remote that is used where none is named; None where there is none."""
        from .config.values import UnknownRemoteError

        try:
            return self.remote()
        except UnknownRemoteError:
            return None

    # -- what the faces show ---------------------------------------------------------------

    def origins(self, run: Run) -> tuple[Origin, ...]:
        """Where each input of a run came from; the run whole, as the ledger gives it."""
        from .origins import Origins

        return Origins(self.ledger, self.workspace).of(run)

    def makers(self, path: str) -> tuple[Run, ...]:
        """The runs that made what is at a path now; of a path that is gone, all that wrote it. Newest first."""
        from .origins import Origins

        version = self.workspace.version(path)
        if version is None:
            return tuple(self.ledger.get(run.id) for run in self.ledger.writers(path))
        exact = tuple(self.ledger.get(run.id) for run in self.ledger.writers(path, str(version.digest)))
        return exact or Origins(self.ledger, self.workspace).makers(path, version, time.time())

    def cell_outputs(self, run: Run) -> list[dict[str, Any]]:
        """A run's outputs as the notebook format has them, whole."""
        from .digest import Digest
        from .ledger.payloads import unfold

        return [unfold(output, self.store, Digest.parse) for output in run.cell_outputs]

    def environment(self, run: Run) -> dict[str, Any]:
        """Where a run happened; empty while it is not known."""
        import msgspec

        from .digest import Digest

        if run.environment is None:
            return {}
        found: dict[str, Any] = msgspec.json.decode(self.store.get(Digest.parse(run.environment)))
        return found

    def comparison(self, a: str, b: str) -> Comparison:
        """How two runs differ, what most likely explains another result first; ids or their beginnings."""
        from .differences import compare

        runs = self.ledger.get(a), self.ledger.get(b)
        return compare(
            self.workspace, *runs, (self.known_environment(runs[0]), self.known_environment(runs[1]))
        )

    def known_environment(self, run: Run) -> dict[str, Any]:
        """`environment`, empty also where its object is not here."""
        try:
            return self.environment(run)
        except (NotFoundError, CorruptError):
            return {}

    def compare(self, a: str, b: str) -> dict[str, Any]:
        """`comparison` as JSON can say it; see `Comparison` of openapi.yaml."""
        return self.comparison(a, b).as_json()

    def snapshot(self, notebook: str, message: str = "") -> Run:
        """Record a notebook as it is saved, with the versions of all tracked data; the path is the project's."""
        from .snapshots import take

        return take(self.recorder, notebook, message)

    def restore_run(
        self,
        ref: str,
        only: str = "",
        to: Path | None = None,
        *,
        link: Link | None = None,
        open_now: str | None = None,
    ) -> Restored:
        """Bring a run's cells and files back into a new folder, `restored/RUN` without `to`.

        First a snapshot is taken of the notebook `open_now`, or of the run's own, where it is there.
        """
        from .data.links import Link
        from .restoring import restore
        from .snapshots import take_before

        run, left = self.ledger.get(ref), []
        notebook = open_now or run.notebook
        if notebook and not Path(notebook).is_absolute() and (self.root / notebook).is_file():
            try:
                taken = take_before(self.recorder, notebook, f"restoring run {run.id[:8]}")
                left = [f"snapshot {taken.id[:8]} holds {notebook} as it was before"] if taken else []
            except MlxError as error:
                left = [f"no snapshot of {notebook} was taken before: {error}"]
        target = to or self.root / "restored" / run.id[:8]
        found = restore(run, self.workspace, target, only, link or Link.AUTO)
        found.left += left
        return found

    def data_status(self) -> list[dict[str, str]]:
        """Each tracked path with its state."""
        return [{"path": found.path, "state": found.state} for found in self.workspace.status()]

    def plan(self, stages: Sequence[str] = ()) -> list[dict[str, Any]]:
        """What `jmlx run` would do, a stage each: name, action (`run`, `cached`, `skipped`), reason, duration_s.

        A skipped one has `left` where files of its earlier state still lie in the work tree.
        """
        if not self.config.stages:
            return []
        return self.runner().plan(stages).rows()

    def rebuild_ledger(self) -> int:
        """Make the ledger again from the records in the store; how many runs it has then.

        The old file is kept beside it as `ledger.db.old`.
        """
        from .ledger.ledger import Ledger

        fresh = Ledger(self.state / "ledger.rebuilt.db")
        fresh.path.unlink(missing_ok=True)
        count = fresh.rebuild((str(digest), data) for digest, data in self.store.headed(b"mlx-record "))
        fresh.checkpoint()
        fresh.close()
        if "ledger" in self.__dict__:
            self.ledger.close()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.state / 'ledger.db'}{suffix}").unlink(missing_ok=True)
        if (self.state / "ledger.db").exists():
            os.replace(self.state / "ledger.db", self.state / "ledger.db.old")  # noqa: PTH105
        os.replace(fresh.path, self.state / "ledger.db")  # noqa: PTH105
        return count

    def _prepare(self) -> None:
        try:
            self.prepare()
        except OSError as error:
            raise AccessError.of(error, error.filename or self.state) from error
