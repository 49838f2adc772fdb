"""Sealed runs are completed beside the user: git, environment, files outside the project, the record."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from . import lineage
from .afterwards import afterwards
from .capture import environment, git
from .capture.lineage import audit
from .capture.lineage.listening import while_we_read
from .digest import Digest
from .errors import AccessError, MlxError
from .ledger import record

if TYPE_CHECKING:
    from .capture.lineage.seen import SeenFile
    from .capture.redact import Redactor
    from .data.workspace import Workspace
    from .ledger.ledger import Ledger
    from .ledger.run import FileVersion, Run
    from .lineage import Late

Report: TypeAlias = "Callable[[str], None]"
"""Takes what could not be recorded, for the user to read."""


NO_RECORD = "it has no record"
CUT_SHORT = "its process was killed just after it: git's state and files outside the project may be missing"


@dataclass(slots=True)
class GitLook:
    """Git as it was a moment after some runs began; those that begin together share it."""

    state: git.GitState | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What a run says of it."""
    begun: bool = False
    running: dict[str, Callable[[], Sequence[FileVersion]]] = field(default_factory=dict)
    """The runs that have not ended, and what tells what each has read by now."""


@dataclass(slots=True)
class Sealed:
    """A run that has ended, and what is not yet told of it."""

    run: Run
    look: GitLook
    held: ExitStack
    """Closed once the run names all that it stored."""
    report: Report | None = None
    outside: Sequence[SeenFile] = ()
    """Files outside the project: to hash them takes as long as reading them."""
    late: Sequence[Late] = ()


class Settling:
    """Completes the runs of one project. Any number of threads may use it."""

    def __init__(self, root: Path, ledger: Ledger, workspace: Workspace, redactor: Redactor) -> None:
        self._root, self._ledger, self._workspace, self._redactor = root, ledger, workspace, redactor
        self._asked = GitLook(begun=True)
        self._lock = threading.Lock()
        self._late: list[Sealed] = []
        self._last_environment: tuple[object, bytes, Digest] | None = None
        self._last_loaded: tuple[str, ...] = ()
        self._is_prepared = False

    def look_at_git(self) -> GitLook:
        """Have git asked for its state soon."""
        with self._lock:
            if not self._is_prepared:
                self._is_prepared = True
                afterwards().ask(self._prepare)
            if self._asked.begun:
                self._asked = GitLook()
                afterwards().ask(partial(self._ask_git, self._asked))
            return self._asked

    def seal(self, sealed: Sealed) -> None:
        """End a run in the ledger, and complete it beside the caller: its record is kept, what it held let go of.

        Raises:
            AccessError: the ledger could not be written; `seal_late` tries again.
        """
        loaded = tuple(sys.modules)
        sealed.look.running.pop(sealed.run.id, None)
        # true until it is done, and for good if the process is killed before
        told = tuple(dict.fromkeys((*sealed.run.problems, *(late.problem for late in sealed.late))))
        sealed.run = replace(self._with_what_is_known(sealed, loaded), problems=told)
        try:
            self._ledger.seal(sealed.run)
        except AccessError as error:
            problem = f"the ledger did not take its end at once: {error}"
            problems = tuple(dict.fromkeys((*sealed.run.problems, problem)))
            self._late.append(replace(sealed, run=replace(sealed.run, problems=problems)))
            raise
        done = afterwards().ask(lambda: self._settle(sealed, loaded))
        done.add_done_callback(lambda _: _let_go(sealed.held))

    def seal_late(self) -> None:
        """End the runs whose end the ledger did not take: its disk answers again."""
        late, self._late = self._late, []
        for sealed in late:
            with suppress(AccessError):  # it is late again
                self.seal(sealed)

    def flush(self) -> None:
        """Wait until every run that this process sealed has its record, whoever of it opened the project."""
        self.seal_late()
        afterwards().flush()

    def _ask_git(self, look: GitLook) -> None:
        with self._lock:
            look.begun = True
        with while_we_read(self._root):
            look.state = git.capture(self._root)
        with suppress(MlxError, OSError), audit.quiet():
            # which hold what is stored here until they are sealed
            look.facts = self._git_facts(look.state)
            for run, read in tuple(look.running.items()):
                environment = str(self._environment(tuple(sys.modules)))
                self._ledger.note(run, read(), git=look.facts, environment=environment)

    def _prepare(self) -> None:
        """Before the first run ends: see where it runs, and give runs a record whose process had no time for it."""
        with suppress(MlxError, OSError), audit.quiet(), self._workspace.store.hold():
            for id_ in self._ledger.needs.unrecorded():
                run = self._ledger.get(id_)
                problems = tuple(each for each in run.problems if not each.startswith(NO_RECORD))
                # of one that was killed in the middle the ledger says more
                short = (CUT_SHORT,) if run.status in {"finished", "failed"} else ()
                incomplete = tuple(dict.fromkeys((*run.incomplete, *short)))
                if (problems, incomplete) != (run.problems, run.incomplete):
                    run = self._ledger.finish(replace(run, problems=problems, incomplete=incomplete))
                self._keep_record(run)
            self._environment(tuple(sys.modules))

    def _with_what_is_known(self, sealed: Sealed, loaded: tuple[str, ...]) -> Run:
        """The run with git and environment, as far as they are known: its process may be killed before `_settle`."""
        run = sealed.run
        if sealed.look.facts:
            run = replace(run, git=dict(sealed.look.facts))
        if self._last_environment is not None and not self._imports_more(loaded):
            run = replace(run, environment=str(self._last_environment[2]))
        return run

    def _imports_more(self, loaded: tuple[str, ...]) -> bool:
        """Whether packages were imported since the environment was looked at."""
        before = self._last_loaded
        if loaded[: len(before)] != before:
            return True
        new = loaded[len(before) :]
        if not new:
            return False
        known = sys.stdlib_module_names.union(name.partition(".")[0] for name in before)
        return any(name.partition(".")[0] not in known for name in new)

    def _keep_record(self, run: Run) -> None:
        series = self._ledger.series(run.id) if run.metrics else {}
        kept = self._workspace.store.put(record.encode(run, series))
        self._ledger.set_record(run.id, str(kept))

    def _settle(self, sealed: Sealed, loaded: tuple[str, ...]) -> None:
        with suppress(MlxError, OSError):
            self._complete(sealed, loaded)
            return
        try:
            # what was open on a disk that failed is let go of by the failure: it may answer again
            self._complete(sealed, loaded)
        except (MlxError, OSError) as error:
            problem = f"{NO_RECORD}: {error}"
            with suppress(MlxError, OSError):
                self._ledger.seal(replace(sealed.run, problems=(*sealed.run.problems, problem)))
            if sealed.report is not None:
                sealed.report(f"run {sealed.run.id[:8]}: {problem}")

    def _complete(self, sealed: Sealed, loaded: tuple[str, ...]) -> None:
        """Give a run what takes longer, and its record."""
        outside = sealed.outside
        with audit.quiet():
            run = replace(
                self._with_late(sealed.run, sealed),
                environment=str(self._environment(loaded)),
                git=self._git_facts(sealed.look.state),
            )
            run = replace(
                run,
                inputs=_once(*run.inputs, *lineage.outside(outside, "input")),
                outputs=_once(*run.outputs, *lineage.outside(outside, "output")),
            )
            self._keep_record(self._ledger.finish(run))

    def _with_late(self, run: Run, sealed: Sealed) -> Run:
        """The run with its large inputs."""
        inputs, problems = list(run.inputs), list(run.problems)
        for late in sealed.late:
            try:
                version = late.version()
            except (MlxError, OSError) as error:
                problem = f"{late.path} could not be recorded: {error}"
            else:
                problem = "" if version else lineage.GONE.format(late.path)
                inputs += [version] if version else []
            problems = [each for each in problems if each != late.problem]
            problems += [problem] if problem else []
            if problem and sealed.report is not None:
                sealed.report(f"run {run.id[:8]}: {problem}")
        return replace(run, inputs=_once(*inputs), problems=tuple(problems))

    def _environment(self, loaded: tuple[str, ...]) -> Digest:
        """Store the environment; it is the same from run to run, and long to clean of secrets."""
        key = (environment.signs(), loaded, self._redactor.learned)
        if self._last_environment is None or self._last_environment[0] != key:
            made = msgspec.json.encode(self._redactor.value(environment.capture(loaded)), order="sorted")
            self._last_environment = (key, made, Digest.of(made))
        self._last_loaded = loaded
        # stored again for each run: what the last one had may be purged by now
        return self._workspace.store.put(self._last_environment[1])

    def _git_facts(self, state: git.GitState | None) -> dict[str, Any]:
        if state is None:
            return {}
        facts: dict[str, Any] = self._redactor.value(state.facts())
        if state.diff:
            facts["diff"] = str(self._workspace.store.put(self._redactor.text(state.diff).encode()))
        return facts


def _once(*files: FileVersion) -> tuple[FileVersion, ...]:
    """Each path once: an earlier cell may have read it, too."""
    return tuple({file.path: file for file in reversed(files)}.values())[::-1]


def _let_go(held: ExitStack) -> None:
    with suppress(MlxError, OSError):  # of a disk that fails: what is held there ends with the process
        held.close()
