"""The recorder opens a run, captures what happens, and seals it.

It is the only place where the ledger, the data and the capture meet. What the
user waits for (the run in the ledger, the versions of its files) is done at
once; what takes longer (git, packages, the record) is done beside.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .capture.lineage import audit
from .capture.resources import Meter
from .capture.slice import NO_SLICE, Slice
from .errors import MlxError
from .ledger.payloads import fold, is_text
from .ledger.rows import plain
from .ledger.run import Failure, FileVersion, How, Kind, Run, Status, new_id, utc_now
from .lineage import Found, Late, RunFiles, earlier
from .logged import LoggedRun, file_of
from .settling import GitLook, Report, Sealed, Settling
from .wording import counted

if TYPE_CHECKING:
    from .capture.lineage.seen import Seen, SeenFile
    from .capture.redact import Redactor
    from .data.workspace import Version, Workspace
    from .ledger.ledger import Ledger

NOTEBOOK_VARIABLE = "JUPYTER_MLX_NOTEBOOK"
"""Names, in a kernel that we started, its notebook, relative to the project."""


class Recorder:
    """Opens the runs of one project. Any number of threads may use it."""

    def __init__(self, root: Path, ledger: Ledger, workspace: Workspace, redactor: Redactor) -> None:
        self.root, self.ledger, self.workspace, self.redactor = root, ledger, workspace, redactor
        self.settling = Settling(root, ledger, workspace, redactor)

    def open(  # noqa: PLR0913 (the facts of a run, by keyword)
        self,
        *,
        kind: Kind,
        name: str,
        params: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        notebook: str | None = None,
        notebook_how: str = "",
        cell_id: str | None = None,
        source: str = "",
        slice_: Slice = NO_SLICE,
        seeds: Mapping[str, Any] | None = None,
        command: Mapping[str, Any] | None = None,
        key: str = "",
        parent: str | None = None,
        elsewhere: bool = False,
    ) -> ActiveRun:
        """Begin a run: it is in the ledger, as running, when this returns.

        Of one whose code another process executes `elsewhere`, what is used is told by `used`.
        """
        # what the environment holds is a secret wherever else it stands
        self.redactor.learn_named(os.environ)
        self.redactor.learn_named(params or {})
        source = self.redactor.text(source)
        run = Run(
            id=new_id(),
            name=self.redactor.text(name),
            kind=kind,
            status="running",
            started_at=utc_now(),
            params=self.redactor.value(plain(dict(params or {}))),
            tags=tuple(dict.fromkeys(map(self.redactor.text, tags))),
            notebook=notebook,
            notebook_how=notebook_how,
            cell_id=cell_id,
            source=source,
            slice=tuple(self.redactor.text(cell) for cell in slice_.cells),
            slice_notes=slice_.notes,
            seeds=self.redactor.value(dict(seeds or {})),
            command=self.redactor.value(dict(command or {})),
            key=key,
            parent=parent,
        )
        # what the run stores is named by nothing but itself until it is sealed
        held = ExitStack()
        held.enter_context(self.workspace.store.hold())
        self.ledger.open(run)
        self.settling.seal_late()
        meter = None if elsewhere else Meter.start()
        return ActiveRun(self, run, self.settling.look_at_git(), held, meter)

    def reopen(self, run_id: str) -> ActiveRun:
        """Go on with a run that ended: it is in the ledger as running again when this returns."""
        held = ExitStack()
        held.enter_context(self.workspace.store.hold())
        self.ledger.reopen(run_id)
        look = self.settling.look_at_git()
        return ActiveRun(self, self.ledger.get(run_id), look, held, Meter.start())

    def resume(self, run_id: str) -> LoggedRun:
        """A handle on a run that another process opened, to log into it."""
        return LoggedRun(self.root, self.ledger, self.redactor, self.ledger.get(run_id))

    def flush(self) -> None:
        """Wait until every sealed run has its record."""
        self.settling.flush()


class ActiveRun(LoggedRun):
    """A run that this process opened and will seal."""

    def __init__(
        self, recorder: Recorder, run: Run, look: GitLook, held: ExitStack, meter: Meter | None
    ) -> None:
        super().__init__(recorder.root, recorder.ledger, recorder.redactor, run)
        self._recorder = recorder
        self._look, self._held, self._meter = look, held, meter
        # where it goes on when git has answered
        look.running[run.id] = self._read_so_far
        self._used: Mapping[str, Any] = {}
        self._inputs: dict[str, FileVersion] = {}
        self._outputs: dict[str, FileVersion] = {}
        self._cell_outputs: list[dict[str, Any]] = []
        self._files: RunFiles | None = None
        self._outside: list[SeenFile] = []
        self._late: list[Late] = []
        self._guessed: tuple[str, ...] = ()
        self._incomplete: list[str] = []
        self._unrecorded: list[str] = []

    @property
    def elapsed_s(self) -> float:
        """Wall seconds since this process opened it."""
        return time.monotonic() - self._began

    def add_input(self, version: Version, how: How = "declared") -> None:
        """Note data that the run reads; declared wins over seen."""
        _keep(self._inputs, version, how)

    def add_output(self, version: Version, how: How = "declared") -> None:
        """Note data that the run wrote; declared wins over seen."""
        _keep(self._outputs, version, how)

    def wrote(self, path: str) -> bool:
        """Whether it has an output of that path so far."""
        return path in self._outputs

    def guess(self, metrics: Mapping[str, float]) -> None:
        """Log numbers that nobody asked for, but for those whose names are params or were logged."""
        if metrics:
            known = self._ledger.get(self.id)
            new = {
                key: metrics[key] for key in metrics if key not in known.params and key not in known.metrics
            }
            self.log(new)
            self._guessed = tuple(new)

    def listen(self) -> None:
        """Begin to see which files are read and written."""
        self._files = RunFiles(self._recorder.root, self._recorder.workspace)

    def stop_listening(self) -> None:
        """What is done to files from now on is not the run's."""
        if self._files is not None:
            self._files.stop()

    def add_seen(self) -> list[str]:
        """Note the files that were seen being read and written; what could not be stored is returned as told."""
        if self._files is None:
            return []
        return self._add(self._files.versions())

    def add_earlier(self, files: Iterable[SeenFile]) -> list[str]:
        """Note what code that the run depends on read before it; what could not be stored is returned as told."""
        return self._add(earlier(self._recorder.workspace, files))

    def _add(self, found: Found) -> list[str]:
        for role, files in ((self._inputs, found.inputs), (self._outputs, found.outputs)):
            for file in files:
                role.setdefault(file.path, file)
        self._outside += found.outside
        self._incomplete += found.incomplete
        self._late += found.late
        return self.add_problems(found.problems)

    def add_modules(self, files: Mapping[str, bool]) -> list[str]:
        """Note the project's own modules that were imported, by whether they were changed since; see `add_earlier`."""
        problems = []
        with audit.quiet():
            for path, changed in files.items():
                try:
                    version = self._recorder.workspace.save(path)
                except (MlxError, OSError) as error:
                    problems.append(f"{path} could not be recorded: {error}")
                    continue
                file = file_of(version, "seen")
                self._inputs.setdefault(path, replace(file, source="import", changed=changed))
        return self.add_problems(problems)

    def add_problems(self, problems: list[str]) -> list[str]:
        """Note what could not be recorded; what was not noted before is returned, for whoever tells it."""
        new = [problem for problem in dict.fromkeys(problems) if problem not in self._unrecorded]
        self._unrecorded += new
        return new

    def add_incomplete(self, reasons: Iterable[str]) -> None:
        """Note why some of the files that the run touched may be missing."""
        self._incomplete = [*self._incomplete, *reasons]

    def _read_so_far(self) -> Sequence[FileVersion]:
        return self._files.so_far() if self._files is not None else ()

    @property
    def seen(self) -> Seen | None:
        """What it was seen to do to files; it listens no more. None where nobody listened."""
        return self._files.seen if self._files is not None else None

    @property
    def read(self) -> list[SeenFile]:
        """The files that the run was seen to read; it listens no more."""
        return self._files.seen.role("input") if self._files is not None else []

    def used(self, resources: Mapping[str, Any]) -> None:
        """Note what the process that executed it has used; see `Meter.read`."""
        self._used = resources

    def keep_variables(self, variables: Mapping[str, Any]) -> None:
        """Note the objects that hold what the run left in memory."""
        self.run = replace(self.run, variables=dict(variables))

    def add_cell_output(self, output: dict[str, Any]) -> None:
        """Note an output as the notebook format has it; large payloads become objects."""
        clean = self._redactor
        # `fold` cleans text, and leaves images as they are; a large text is not to be looked through twice
        by_fold = {"data", "text"} if output.get("output_type") == "stream" else {"data"}
        kept = {key: value if key in by_fold else clean.value(value) for key, value in output.items()}
        kept.pop("transient", None)
        if "data" in output:
            kept["data"] = {
                mime: payload if is_text(payload) else clean.value(payload)
                for mime, payload in output["data"].items()
            }
        self._cell_outputs.append(fold(kept, self._recorder.workspace.store, clean))

    def finish(
        self,
        status: Status = "finished",
        error: Failure | None = None,
        duration_s: float | None = None,
        report: Report | None = None,
    ) -> Run:
        """Seal the run; it is returned with what was logged. See `seal`."""
        self.seal(status, error, duration_s, report)
        self.run = self._ledger.get(self.id)
        return self.run

    def seal(
        self,
        status: Status = "finished",
        error: Failure | None = None,
        duration_s: float | None = None,
        report: Report | None = None,
    ) -> None:
        """End the run in the ledger. Metrics and params that were logged stay as they are."""
        clean = self._redactor
        if error is not None:
            error = Failure(
                error.ename, clean.text(error.evalue), tuple(clean.text(s) for s in error.traceback)
            )
        self.run = run = replace(
            self.run,
            status=status,
            duration_s=self.elapsed_s if duration_s is None else duration_s,
            inputs=tuple(self._inputs.values()),
            outputs=tuple(self._outputs.values()),
            cell_outputs=tuple(self._cell_outputs),
            error=error,
            guessed=self._guessed,
            resources=self._meter.read() if self._meter else dict(self._used),
            incomplete=tuple(self._incomplete),
            problems=self._problems(report),
        )
        self._recorder.settling.seal(Sealed(run, self._look, self._held, report, self._outside, self._late))

    def _problems(self, report: Report | None) -> tuple[str, ...]:
        """What could not be recorded; what nobody was told yet is told."""
        if not self._lost:
            return tuple(self._unrecorded)
        problem = f"{counted(self._lost, 'step')} of metrics could not be written to the disk"
        if report is not None:
            report(f"run {self.id[:8]}: {problem}")
        return (*self._unrecorded, problem)


def _keep(files: dict[str, FileVersion], version: Version, how: How) -> None:
    known = files.get(version.path)
    if known is None or how == "declared":
        files[version.path] = file_of(version, how)
