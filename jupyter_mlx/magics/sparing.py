"""`--cache`: a cell that would only do again what a run has done is not executed; what the run made is brought back."""

from __future__ import annotations

import ast
import builtins
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_mlx.caching.key import imports, key_of, meaning
from jupyter_mlx.caching.variables import Variables, bring, keep, own_key
from jupyter_mlx.capture.slicing import names_of
from jupyter_mlx.errors import MlxError
from jupyter_mlx.ledger.wording import ago, lasted
from jupyter_mlx.lineage import NOT_YET, digest_of

from .telling import inform, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jupyter_mlx.ledger.run import FileVersion, Run
    from jupyter_mlx.project import Project

TOLD_S = 1.0
"""A cell that took less is repeated without a word."""
_QUICK_BYTES = 32 << 20
"""What is hashed in no time that anybody would notice."""


@dataclass(frozen=True, slots=True)
class Found:
    """A run that has done what a cell is about to do."""

    run: Run
    lacking: str = ""
    """Why it can't stand in for the cell; empty where it can."""


class Sparing:
    """Looks for such runs, and brings back what they made."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._spared: tuple[Project, Run] | None = None

    def connect(self) -> None:
        """Begin to take the code out of cells that are spared."""
        self._shell.ast_transformers.append(self)

    def disconnect(self) -> None:
        """Take out no more."""
        self._shell.ast_transformers.remove(self)

    @staticmethod
    def key(source: str, slice_: Iterable[str], params: Mapping[str, Any]) -> str:
        """The key of a cell, see `key_of`.

        That it has run before makes it no other cell, unless it goes on from
        what it left: `n += 1`.
        """
        names = names_of(source)
        if not names.binds & names.uses:
            own = meaning(source)
            slice_ = [cell for cell in slice_ if meaning(cell) != own]
        return key_of(source, slice_, params)

    def find(self, project: Project, key: str, *, only_to_tell: bool) -> Found | None:
        """The newest run with this key whose inputs are as they were, best one that can stand in for the cell.

        Only to tell that there is one, nothing is looked at that takes long.
        """
        lacking: Found | None = None
        for id_ in project.ledger.keyed(key, TOLD_S if only_to_tell else 0.0):
            run = project.ledger.get(id_)
            if _lacks_inputs(run) and not only_to_tell:
                project.recorder.flush()
                run = project.ledger.get(id_)
            if _lacks_inputs(run):
                continue
            if only_to_tell and sum(file.size_bytes for file in run.inputs) > _QUICK_BYTES:
                continue
            if not all(_is_as_it_was(project, file) for file in run.inputs):
                continue
            found = Found(run, _lacks(run))
            if not found.lacking:
                return found
            lacking = lacking or found
        return lacking

    def spare(self, project: Project, run: Run) -> None:
        """Have the cell that begins now not be executed, but for its imports."""
        self._spared = project, run

    def visit(self, node: ast.AST) -> ast.AST:
        """See `ast.NodeTransformer.visit`: IPython gives each cell's tree to it."""
        if self._spared is None:
            return node
        return ast.parse(imports(self._spared[1].source)[0])

    def finish(self) -> None:
        """After the cell: bring back what the run that stands in for it made, if one does."""
        spared, self._spared = self._spared, None
        if spared is None:
            return
        project, run = spared
        problems = [*self._bring_files(project, run), *self._bring_variables(project, run)]
        self._show(project, run)
        took = f" (it took {lasted(run.duration_s)})" if run.duration_s else ""
        inform(f"not executed: this is run {run.id[:8]}, {ago(run.started_at)}{took}")
        for problem in problems:
            warn(problem)

    def keep(self, project: Project, run: Run) -> dict[str, Any]:
        """Keep what the cell has left in memory, as `Run.variables` has it."""
        space = self._shell.user_ns
        names = _left_by(run.source) & space.keys()
        values = {name: space[name] for name in sorted(names) if not _is_given(name, space[name])}
        found: dict[str, Any] = msgspec.to_builtins(keep(values, project.store, own_key()))
        return found

    def _bring_files(self, project: Project, run: Run) -> Iterator[str]:
        for file in run.outputs:
            if file.kind == "outside":
                continue
            version = project.workspace.named(file)
            try:
                if project.workspace.version(file.path) != version:
                    project.workspace.restore(version)
            except MlxError as error:
                yield f"{file.path} is not brought back: {error}"

    def _bring_variables(self, project: Project, run: Run) -> tuple[str, ...]:
        found = bring(msgspec.convert(run.variables, Variables), project.store, own_key())
        self._shell.user_ns.update(found.values)
        return found.problems

    def _show(self, project: Project, run: Run) -> None:
        from IPython.display import display

        for output in project.cell_outputs(run):
            kind = output.get("output_type")
            if kind == "stream":
                stream = sys.stderr if output.get("name") == "stderr" else sys.stdout
                stream.write("".join(output.get("text", "")))
            elif kind in {"display_data", "execute_result"}:
                display(output["data"], metadata=output.get("metadata", {}), raw=True)


def tell(found: Found) -> None:
    """Say that the cell has run before."""
    run = found.run
    inform(
        f"already ran: run {run.id[:8]}, {ago(run.started_at)}, took {lasted(run.duration_s)}, with the same code, "
        "params and inputs; `%%track --cache` brings its result back"
    )


def _lacks(run: Run) -> str:
    if not run.variables and _left_by(run.source):
        return "what it left in memory was not kept: it ran without --cache"
    if run.incomplete:
        return f"it may have read more than is known: {run.incomplete[0]}"
    return ""


def _lacks_inputs(run: Run) -> bool:
    """Whether some of what it read is still to be stored, or never was."""
    return any(problem.endswith(NOT_YET) for problem in run.problems)


def _left_by(source: str) -> set[str]:
    """The names that a cell binds or changes, but for those of its imports."""
    names = names_of(source)
    return (names.binds | {touch.name for touch in names.touches}) - imports(source)[1]


def _is_given(name: str, value: object) -> bool:
    """Whether a name stands for what every session has: `open`, which IPython wraps, was used and not left."""
    home = (getattr(value, "__module__", None) or "").partition(".")[0]
    return hasattr(builtins, name) and home in {"builtins", "io", "_io", "IPython"}


def _is_as_it_was(project: Project, file: FileVersion) -> bool:
    """Whether an input has the bytes that the run read."""
    if file.changed:
        return False
    try:
        if file.kind == "outside":
            return digest_of(file.path) == file.digest
        now = project.workspace.version(file.path)
    except (MlxError, OSError):
        return False
    return now is not None and str(now.digest) == file.digest
