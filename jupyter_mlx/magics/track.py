"""`%%track`: marks a cell, lets IPython execute it as always, and records what happened.

The line is taken away by an input transformer, so that the cell that IPython
compiles is the user's own: top-level await, line numbers, the display of the
last expression, interrupts and other cell magics are IPython's. The run is
opened before and sealed after the cell, by IPython's events.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError

from jupyter_mlx.capture import seeds
from jupyter_mlx.capture.lineage import audit
from jupyter_mlx.capture.literals import constants
from jupyter_mlx.capture.metrics import guess
from jupyter_mlx.capture.modules import Modules
from jupyter_mlx.errors import MlxError
from jupyter_mlx.logged import (
    PROJECT_VARIABLE,
    RUN_VARIABLE,
    LostRun,
    activate,
    deactivate,
    deactivate_lost,
)
from jupyter_mlx.project import Project
from jupyter_mlx.recorder import ActiveRun

from .earlier import Reads
from .history import History
from .identity import Witness
from .options import Options, is_below, split
from .outcome import outcome
from .outputs import OutputLog, tap
from .sparing import Sparing, tell
from .telling import warn


def _harmless(hook: Callable[[Tracker, Any], None]) -> Callable[[Tracker, Any], None]:
    """Tell a fault of our own in one line: the cell, and what it shows, are the user's."""

    @functools.wraps(hook)
    def call(self: Tracker, about: Any) -> None:
        try:
            hook(self, about)
        except Exception as error:
            logging.getLogger(__name__).debug("%s", hook.__name__, exc_info=True)
            warn(f"this cell is not recorded whole: {type(error).__name__}: {error}")

    return call


@dataclass(slots=True)
class _Cell:
    """A tracked cell while it runs."""

    project: Project
    """The cell may leave its folder."""
    options: Options
    outputs: tuple[str, ...]
    """That are declared, as the project names them."""
    run: ActiveRun
    log: OutputLog
    key: str


class Tracker:
    """Opens and seals the runs of one shell's cells."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.every_cell = False
        self._cells: dict[int, _Cell] = {}
        self._projects: dict[str, Project] = {}
        self._tap = tap(shell)
        self.witness = Witness(shell)
        self._history = History(shell)
        self._reads = Reads()
        self._sparing = Sparing(shell)
        self._modules: Modules | None = None

    def connect(self) -> None:
        """Begin to see cells."""
        transform = self._transform
        self.shell.input_transformers_cleanup.append(transform)
        self.shell.events.register("pre_run_cell", self._before)
        self.shell.events.register("post_run_cell", self._after)
        self._sparing.connect()

    def disconnect(self) -> None:
        """See no more cells."""
        self.shell.input_transformers_cleanup.remove(self._transform)
        self.shell.events.unregister("pre_run_cell", self._before)
        self.shell.events.unregister("post_run_cell", self._after)
        self._sparing.disconnect()
        self._tap.close()

    @property
    def project(self) -> Project:
        """The project of the kernel's folder. Raises NoProjectError, and OSError where that folder is gone."""
        folder = os.environ.get(PROJECT_VARIABLE) or _here()
        known = self._projects.get(folder)
        if known is None or not os.path.exists(known.ledger.path):  # noqa: PTH110 (each cell asks several times)
            # of a deleted ledger the open file would go on taking runs that nobody can find
            self._projects[folder] = Project.open(folder)
        return self._projects[folder]

    def _transform(self, lines: list[str]) -> list[str]:
        """Take the `%%track` line away; refuse at once what could not be recorded as it is asked."""
        found = split("".join(lines))
        if found is None:
            return lines
        with suppress(OSError):
            # where the folder is gone the cell is executed all the same; `_before` tells it
            self._options(found[0])
        body = found[1].splitlines(keepends=True)
        if len(body) == 1 and self._is_shorthand(body[0]):
            # IPython expands it (`exit`, automagic, `%autocall`) where it is all of the cell
            return body
        if body and body[0].startswith("%%"):
            # a cell magic below must be first; it counts its lines itself
            return body
        # a comment in the line's place keeps the numbers of the lines below
        return ["# %%track\n", *body]

    def _is_shorthand(self, line: str) -> bool:
        prefilter = getattr(self.shell, "prefilter_manager", None)
        return (
            prefilter is not None
            and line[0].isalpha()
            and not line.rstrip().endswith("?")
            and prefilter.prefilter_lines(line).strip() != line.strip()
        )

    def _options(self, line: str) -> tuple[Options, Project]:
        """Read and check the `%%track` line; the project in which its cell is to run.

        Raises:
            UsageError: what it asks for cannot be done, and why.
        """
        options = Options.parse(line)
        try:
            project = self.project
            for name in options.variables:
                if name not in self.shell.user_ns:
                    raise UsageError(
                        f"%%track: -p {name}: there is no such variable; -p {name}=VALUE gives one"
                    )
            for path in options.inputs:
                if not Path(project.root, project.relative(path)).exists():
                    raise UsageError(f"%%track: -i {path}: there is no such file in {project.root}")
            _declared(options, project)
        except MlxError as error:
            raise UsageError(f"%%track: {error}") from error
        return options, project

    @_harmless
    def _before(self, info: Any) -> None:
        marked = split(info.raw_cell or "")
        if marked is None and is_below(info.raw_cell or ""):
            warn("this cell is not recorded: %%track must be its first line, above other cell magics")
        if marked is None and not (self.every_cell and _is_code(info.raw_cell)):
            self._begin_untracked()
            return
        try:
            with audit.quiet():
                line, source = marked or ("", info.raw_cell)
                cell = self._open(line, source, getattr(info, "cell_id", None))
                if cell is not None:
                    self._cells[id(info)] = cell
        except UsageError:
            # the transformer has told it already, and the cell is not executed
            return
        except (MlxError, OSError) as error:
            warn(f"this cell is not recorded: {error}")
            # what the cell logs must not end it
            activate(LostRun(Path()))

    def _begin_untracked(self) -> None:
        """A later cell may depend on what this one reads."""
        try:
            with audit.quiet():
                self._reads.begin(self.project)
        except (MlxError, OSError):
            return  # there is no project here, and nothing to record

    def _open(self, line: str, source: str, cell_id: str | None) -> _Cell | None:
        """Open the run of a cell; None where one that is there already stands in for it."""
        options, project = self._options(line)
        place = self.witness.identify(project.root, cell_id, source)
        params = dict(options.params) | {name: self.shell.user_ns.get(name) for name in options.variables}
        if options.auto_params:
            params = constants(source) | params
        project.redactor.learn_named(self.shell.user_ns)
        part = self._history.slice_of(source, cell_id)
        key = self._sparing.key(source, part.cells, params, _folder(project) or _here())
        earlier = self._reads.earlier(part.cells, str(project.root))
        found = self._sparing.find(project, key, only_to_tell=not options.cache, doubt=earlier.doubt)
        if found is not None and options.cache and not found.lacking:
            self._sparing.spare(project, found.run)
            self._reads.note_spared(source, found.run, str(project.root))
            return None
        if found is not None and options.cache:
            warn(f"run {found.run.id[:8]} has done this, but {found.lacking}")
        elif found is not None:
            tell(found)
        if options.cache:
            self._sparing.leaving.begin(project, source, part.cells, self._history.executed(), earlier)
        run = project.recorder.open(
            kind="cell",
            name=options.name or (Path(place.notebook).stem if place.notebook else "cell"),
            params=params,
            tags=options.tags,
            notebook=place.notebook,
            notebook_how=place.how,
            cell_id=place.cell_id,
            source=source,
            slice_=part,
            seeds=seeds.capture((*part.cells, source)),
            command={"track": line, "cwd": _folder(project)},
            key=key,
            parent=os.environ.get(RUN_VARIABLE),
        )
        for declared in options.inputs:
            run.add_input(project.workspace.save(project.relative(declared)))
        channel, log = self._tap.open()
        activate(run)
        if options.lineage:
            for problem in run.add_earlier(earlier.files):
                warn(problem)
            run.listen()
        return _Cell(project, options, _declared(options, project), run, log, channel)

    @_harmless
    def _after(self, result: Any) -> None:
        deactivate_lost()
        cell = self._ended(result)
        self._sparing.leaving.end()
        if cell is not None:
            cell.run.stop_listening()
        source = self._history.note(result)
        with audit.quiet():
            self._reads.end(source)
            try:
                self._sparing.finish()
            except (MlxError, OSError) as error:
                warn(f"not all could be brought back: {error}")
        if cell is None:
            return
        deactivate(cell.run)
        with audit.quiet():
            try:
                self._seal(cell, result)
            except (MlxError, OSError) as error:
                warn(f"run {cell.run.id[:8]} could not be recorded whole: {error}")
            seen = cell.run.seen
            self._reads.note(source, cell.run.read, seen.looked if seen else {})

    def _ended(self, result: Any) -> _Cell | None:
        """The cell that ended."""
        known = None if result is None else self._cells.pop(id(result.info), None)
        if known is None and (
            result is None or (result.error_in_exec and self._is_tracked(result.info.raw_cell))
        ):
            # a cancelled cell ends without a result, and one whose exception cannot be
            # shown with a result of another execution: it is the one that was opened last
            return self._cells.popitem()[1] if self._cells else None
        return known

    def _is_tracked(self, raw: str | None) -> bool:
        return split(raw or "") is not None or (self.every_cell and _is_code(raw))

    def _seal(self, cell: _Cell, result: Any) -> None:
        self._tap.finish(cell.key)
        cell.project.redactor.learn_named(self.shell.user_ns)
        self._add_last_value(cell, result)
        for problem in cell.run.add_seen():
            warn(problem)
        self._add_declared(cell)
        self._add_modules(cell)
        for output in cell.log.take():
            with _noting(cell.run, "an output"):
                cell.run.add_cell_output(output)
        status, failure = outcome(result, cell.log)
        self._add_metrics(cell, finished=status == "finished")
        if status == "finished":
            params = (*cell.run.run.params, *constants(cell.run.run.source))
            with _noting(cell.run, "what it computed"):
                cell.run.guess(guess(cell.run.run.source, self.shell.user_ns, result.result, params))
        if cell.options.cache:
            with _noting(cell.run, "what it left in memory"):
                left = self._sparing.leaving.keep(cell.project, cell.run, finished=status == "finished")
                cell.run.keep_variables(left)
        cell.run.seal(status, failure, report=warn)

    def _add_last_value(self, cell: _Cell, result: Any) -> None:
        """A terminal prints the last value as text; the run keeps it as rich as a notebook would."""
        if cell.key or result is None or result.result is None:
            return
        data, metadata = self.shell.display_formatter.format(result.result)
        count = result.execution_count
        cell.log.feed("execute_result", {"data": data, "metadata": metadata, "execution_count": count})

    def _add_declared(self, cell: _Cell) -> None:
        for path in cell.outputs:
            with _noting(cell.run, f"-o {path}"):
                cell.run.add_output(cell.project.workspace.save(path))

    def _add_modules(self, cell: _Cell) -> None:
        """The project's own modules are code of the run."""
        if not cell.options.lineage:
            return
        if self._modules is None:
            self._modules = Modules(str(cell.project.root))
        for problem in cell.run.add_modules(self._modules.files()):
            warn(problem)

    def _add_metrics(self, cell: _Cell, *, finished: bool) -> None:
        for name in cell.options.metrics:
            value = self.shell.user_ns.get(name)
            found = (
                {f"{name}.{key}": item for key, item in value.items()}
                if isinstance(value, dict)
                else {name: value}
            )
            try:
                cell.run.log(found)
            except MlxError as error:
                if finished:
                    warn(
                        f"-m {name}: {error}"
                        if name in self.shell.user_ns
                        else f"-m {name}: there is no such variable"
                    )


@contextmanager
def _noting(run: ActiveRun, what: str) -> Iterator[None]:
    """Have the run and the user know what could not be recorded: whatever it lacks, the run gets its end."""
    try:
        yield
    except (MlxError, OSError) as error:
        for problem in run.add_problems([f"{what} could not be recorded: {error}"]):
            warn(problem)


def _declared(options: Options, project: Project) -> tuple[str, ...]:
    """The outputs of `-o`, as the project names them. Raises OutsideProjectError."""
    return tuple(map(project.relative, options.outputs))


def _folder(project: Project) -> str:
    """Where relative paths of a cell begin, relative to the project; empty where that is outside of it."""
    try:
        folder, root = os.getcwd(), str(project.root)  # noqa: PTH109
        return "." if folder == root else project.relative(folder)
    except (MlxError, OSError):
        return ""


def _here() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 (the key of a dict)
    except OSError as error:
        error.filename = "the kernel's folder"  # the system names none
        raise


def _is_code(cell: str | None) -> bool:
    """Whether `%track on` records the cell: more than line magics and comments."""
    lines = (line.strip() for line in (cell or "").splitlines())
    return any(line and not line.startswith(("%", "#", "!")) for line in lines)
