"""What a job takes along to a machine that does not see the project, and what it brings back.

Code travels as bytes. Data travels as objects of the store: by a remote where
the project has one, else with the job itself. Either way each object is
verified by its digest where it arrives.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlx.data.version import Version
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError, MlxError, UsageError
from jupyter_mlx.ledger import record
from jupyter_mlx.ledger.ledger import Ledger
from jupyter_mlx.ledger.run import FileVersion, Run, Series, utc_now
from jupyter_mlx.logged import PROJECT_VARIABLE, RUN_VARIABLE
from jupyter_mlx.pipelines import observing
from jupyter_mlx.pipelines.sources import Sources
from jupyter_mlx.store.local import LocalStore
from jupyter_mlx.store.remote import open_remote

from .agreeing import own_versions
from .base import Job, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_mlx.store.base import ObjectStore

STATE = ".mlx"
SETTINGS = "mlx.yaml"
MOST_BYTES = 64 * 2**20
"""What travels with a job at most; beyond it a remote is needed."""


class NoWayError(UsageError):
    """Data would have to travel, and there is nothing that it could travel by."""

    code = "no-way"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self.size_bytes = size_bytes

    def __str__(self) -> str:
        return (
            f"the worker does not see the project's folder, and {self.size_bytes / 2**20:.0f} MiB of data are more "
            f"than travel with a job ({MOST_BYTES // 2**20} MiB); `jmlx remote add origin URL` names a place that "
            "both reach"
        )


class ChangedOnTheWayError(CorruptError):
    """What arrived is not what was sent."""

    code = "changed-on-the-way"

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest

    def __str__(self) -> str:
        return f"{self.digest} was changed on its way between the machines; run it again"


@dataclass(frozen=True, slots=True)
class Way:
    """A remote, as another machine can open it."""

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def open(self, root: Path) -> ObjectStore:
        """The remote; `root` is a project's folder."""
        return open_remote(self.url, root=root, options=self.options, cache=root / STATE / "remotes")


@dataclass(frozen=True, slots=True)
class Home:
    """The project that jobs come from."""

    root: Path
    store: ObjectStore
    ledger: Callable[[], Ledger]
    way: Way | None


@dataclass(frozen=True, slots=True)
class Goods:
    """Versions of data, and their objects where no remote carries them."""

    versions: tuple[Version, ...] = ()
    objects: Mapping[str, bytes] = field(default_factory=dict)
    """Digest → bytes."""
    others: tuple[str, ...] = ()
    """Digests of what is no part of a version."""


@dataclass(frozen=True, slots=True)
class Luggage:
    """What a job needs, beside itself."""

    files: Mapping[str, bytes]
    """Code and settings: path in the project → bytes."""
    goods: Goods
    way: Way | None


class Parcel:
    """A job on its way. It has no text, for what Dask prints of a task ends up in logs."""

    __slots__ = ("job", "luggage", "token", "topic", "versions", "witness")

    def __init__(
        self, job: Job, token: str, topic: str, witness: tuple[str, str], taken: Luggage | None
    ) -> None:
        self.job, self.token, self.topic, self.witness, self.luggage = job, token, topic, witness, taken
        self.versions = own_versions()

    def __repr__(self) -> str:
        return "<Parcel>"


@dataclass(frozen=True, slots=True)
class Souvenirs:
    """What a job made elsewhere."""

    outcome: Outcome
    executed: bytes = b""
    goods: Goods = field(default_factory=Goods)
    series: Series = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[FileVersion, ...] = ()
    """What its code kept by hand (`log_artifact`)."""
    runs: tuple[bytes, ...] = ()
    """The records of the runs that its cells opened."""


def packed(job: Job, home: Home) -> Luggage:
    """What the job needs on another machine.

    Raises:
        NoWayError: its inputs are too large to travel without a remote.
        MlxError: an input cannot be read, or the remote not be written.
    """
    root = Path(job.root)
    # a job may work in a place of its own, to which the data is only linked
    workspace = Workspace.open(home.root, home.store, home.root / STATE)
    sources = Sources(root, root / STATE)
    command = job.command if job.command is None or isinstance(job.command, str) else tuple(job.command)
    facts = sources.notebook(job.notebook) if command is None else sources.command(command)
    paths = {SETTINGS, *sources.modules(job.notebook, facts), *filter(None, [job.notebook])}
    files = {path: (root / path).read_bytes() for path in paths if (root / path).is_file()}
    versions = [workspace.save(path) for path in job.inputs if (home.root / path).exists()]
    return Luggage(files, _sent(workspace, versions, (), home.way), home.way)


def unpacked(luggage: Luggage, job: Job, folder: Path) -> tuple[Job, Scratch]:
    """Lay the job out in an empty folder; the job as it is there.

    Raises:
        CorruptError: an object is not what its digest says.
        MlxError: the remote cannot be read, or the disk not be written.
    """
    for path, data in luggage.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (folder / SETTINGS).touch()
    scratch = Scratch.make(folder, luggage.way, job.env.get(RUN_VARIABLE, ""), job.name)
    _received(scratch.workspace, luggage.goods, luggage.way)
    for version in luggage.goods.versions:
        scratch.workspace.restore(version)
    for path in job.outputs:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    env = {**job.env, PROJECT_VARIABLE: str(folder)}
    executed = (folder / STATE / "executed").with_suffix(Path(job.executed).suffix)
    return replace(job, root=str(folder), executed=str(executed), env=env), scratch


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder on a worker that looks as the project does to one job."""

    workspace: Workspace
    ledger: Ledger
    way: Way | None
    run: str

    @classmethod
    def make(cls, folder: Path, way: Way | None, run: str, name: str) -> Scratch:
        """A project with one run in it, which is the job's."""
        state = folder / STATE
        (state / "tmp").mkdir(parents=True, mode=0o700)
        store = LocalStore.open(state / "store", state / "tmp")
        ledger = Ledger(state / "ledger.db")
        if run:
            ledger.open(Run(id=run, name=name, kind="stage", status="running", started_at=utc_now()))
        return cls(Workspace.open(folder, store, state), ledger, way, run)

    def souvenirs(self, job: Job, outcome: Outcome) -> Souvenirs:
        """What the job leaves behind; an output that cannot be brought back fails it."""
        executed = Path(job.executed)
        data = executed.read_bytes() if executed.exists() else b""
        goods = Goods()
        try:
            made = job.outputs or observing.written(outcome.told)
            there = [path for path in made if (self.workspace.root / path).exists()]
            versions = [self.workspace.save(path) for path in there] if outcome.status == "finished" else []
            kept = self._kept()
            goods = _sent(self.workspace, versions, [Digest.parse(file.digest) for file in kept], self.way)
        except MlxError as error:
            outcome = replace(outcome, status="failed", problem=str(error), ename=type(error).__name__)
            kept = ()
        if not self.run:
            return Souvenirs(outcome, data, goods)
        found = self.ledger.get(self.run)
        return Souvenirs(
            outcome, data, goods, self.ledger.series(self.run), found.params, kept, tuple(self._children())
        )

    def _kept(self) -> tuple[FileVersion, ...]:
        return self.ledger.get(self.run).outputs if self.run else ()

    def _children(self) -> Iterable[bytes]:
        for child in self.ledger.page(limit=1000).runs:
            if child.id != self.run:
                # its outputs' payloads stay here: what it logged, its params and its source travel
                whole = replace(self.ledger.get(child.id), cell_outputs=(), environment=None, variables={})
                yield record.encode(whole, self.ledger.series(child.id))


def scratch_folder(beside: str) -> Path:
    """A new folder for one job, on the worker's own disk."""
    return Path(tempfile.mkdtemp(prefix="jmlx-", dir=beside if Path(beside).is_dir() else None))


def remove(folder: Path) -> None:
    """Take a job's folder away."""
    shutil.rmtree(folder, ignore_errors=True)


def brought(souvenirs: Souvenirs, job: Job, home: Home) -> Outcome:
    """Take in what a job made elsewhere, as if it had been made here.

    Raises:
        MlxError: it cannot be fetched, or not be written.
    """
    root = Path(job.root)
    if souvenirs.executed:
        Path(job.executed).write_bytes(souvenirs.executed)
    workspace = Workspace.open(root, home.store, root / STATE)
    _received(workspace, souvenirs.goods, home.way)
    for version in souvenirs.goods.versions:
        workspace.restore(version, force=True)
    run = job.env.get(RUN_VARIABLE, "")
    if run:
        _logged(souvenirs, run, home.ledger())
    return souvenirs.outcome


def _logged(souvenirs: Souvenirs, run: str, ledger: Ledger) -> None:
    for metric, points in souvenirs.series.items():
        for step, value, seconds in points:
            ledger.log(run, {metric: value}, step, seconds)
    if souvenirs.params:
        ledger.set_params(run, souvenirs.params)
    if souvenirs.files:
        ledger.add_files(run, "output", souvenirs.files)
    for data in souvenirs.runs:
        found = record.decode(data)
        if found is not None and ledger.insert(found[0]):
            ledger.insert_series(found[0].id, found[1])


def _sent(workspace: Workspace, versions: list[Version], others: Iterable[Digest], way: Way | None) -> Goods:
    """Data on its way: in the remote, or in hand."""
    others = tuple(others)
    names = tuple(map(str, others))
    if way is not None:
        if versions or others:
            workspace.push(way.open(workspace.root), versions=versions, objects=others)
        return Goods(tuple(versions), {}, names)
    size = sum(version.size_bytes for version in versions)
    if size > MOST_BYTES:
        raise NoWayError(size)
    digests = {digest for version in versions for digest in workspace.digests(version)} | set(others)
    objects = {str(digest): workspace.store.get(digest) for digest in digests}
    if sum(map(len, objects.values())) > MOST_BYTES:
        raise NoWayError(sum(map(len, objects.values())))
    return Goods(tuple(versions), objects, names)


def _received(workspace: Workspace, goods: Goods, way: Way | None) -> None:
    """Put what arrived into the store."""
    for name, data in goods.objects.items():
        if str(workspace.store.put(data)) != name:
            raise ChangedOnTheWayError(name)
    others = [Digest.parse(name) for name in goods.others]
    if way is not None and (goods.versions or others):
        workspace.fetch(way.open(workspace.root), versions=goods.versions, objects=others)
