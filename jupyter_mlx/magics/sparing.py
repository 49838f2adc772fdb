"""`--cache`: a cell that would only do again what a run has done is not executed; what the run made is brought back."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_mlx.caching.key import imports, key_of, meaning
from jupyter_mlx.caching.variables import Variables, bring, own_key
from jupyter_mlx.capture.lineage.looking import difference
from jupyter_mlx.capture.slicing import names_of
from jupyter_mlx.errors import MlxError
from jupyter_mlx.ledger.wording import ago, lasted
from jupyter_mlx.lineage import NOT_YET, digest_of

from .leaving import Leaving
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


@dataclass(frozen=True, slots=True)
class Kept(Variables):
    """What a run says of what its cell left: `Run.variables`."""

    doubts: tuple[str, ...] = ()
    """Why no later execution may be spared for it."""
    gone: tuple[str, ...] = ()
    """Names that the cell binds and takes away again."""
    looked: dict[str, str] = field(default_factory=dict)
    """What it found out about files without reading them."""
    outside: tuple[str, ...] = ()
    """The inputs outside of the project, which are named late."""


class Sparing:
    """Looks for such runs, and brings back what they made."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._spared: tuple[Project, Run] | None = None
        self.leaving = Leaving(shell)

    def connect(self) -> None:
        """Begin to take the code out of cells that are spared."""
        self._shell.ast_transformers.append(self)

    def disconnect(self) -> None:
        """Take out no more."""
        self._shell.ast_transformers.remove(self)

    @staticmethod
    def key(source: str, slice_: Iterable[str], params: Mapping[str, Any], folder: str) -> str:
        """The key of a cell, see `key_of`.

        That it has run before makes it no other cell, unless it goes on from
        what it left: `n += 1`.
        """
        names = names_of(source)
        if not names.binds & names.uses:
            own = meaning(source)
            slice_ = [cell for cell in slice_ if meaning(cell) != own]
        return key_of(source, slice_, params, folder)

    def find(self, project: Project, key: str, *, only_to_tell: bool, doubt: str = "") -> Found | None:
        """The newest run with this key whose inputs are as they were, best one that can stand in for the cell.

        Only to tell that there is one, nothing is looked at that takes long.
        For any `doubt` about the session itself none can stand in.
        """
        lacking: Found | None = None
        for id_ in project.ledger.keyed(key, TOLD_S if only_to_tell else 0.0):
            run = project.ledger.get(id_)
            if not only_to_tell and (_lacks_inputs(run) or _lacks_outside(run)):
                project.recorder.flush()
                run = project.ledger.get(id_)
            if _lacks_inputs(run):
                continue
            if only_to_tell and sum(file.size_bytes for file in run.inputs) > _QUICK_BYTES:
                continue
            if not all(_is_as_it_was(project, file) for file in run.inputs):
                continue
            if only_to_tell:
                return Found(run)
            found = Found(run, doubt or self._lacks(project, run))
            if not found.lacking:
                return found
            lacking = lacking or found
        return lacking

    def _lacks(self, project: Project, run: Run) -> str:
        """Why a run can't stand in for the cell."""
        if not run.variables:
            lost = next((said for said in run.problems if "left in memory" in said), "")
            return lost or "what it left in memory was not kept: it ran without --cache"
        kept = msgspec.convert(run.variables, Kept)
        if kept.doubts:
            return kept.doubts[0]
        if run.incomplete:
            return f"it may have read more than is known: {run.incomplete[0]}"
        if run.id in project.ledger.needs.unrecorded() or _lacks_outside(run):
            return "its process ended before all that it read was recorded"
        lost = next((said for said in run.problems if "could not be recorded" in said), "")
        return lost or difference(str(project.root), kept.looked) or self._stands_in_the_way(kept)

    def _stands_in_the_way(self, kept: Kept) -> str:
        """What is in memory and would stay there, where the cell would have put something else."""
        space = self._shell.user_ns
        for said in kept.left:
            for name in said.partition(":")[0].split(", "):
                if name in space:
                    return f"not all that it left was kept: {said}"
        return next((f"it takes {name} away" for name in kept.gone if name in space), "")

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
        key: bytes | MlxError
        try:
            key = own_key()
        except MlxError as error:
            key = error
        space = self._shell.user_ns
        found = bring(msgspec.convert(run.variables, Variables), project.store, key, space)
        names = {name for each in run.variables["kept"] for name in each["names"]}
        for name in names - found.values.keys():
            # what is there is another cell's
            space.pop(name, None)
        space.update(found.values)
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


def _lacks_inputs(run: Run) -> bool:
    """Whether some of what it read is still to be stored, or never was."""
    return any(problem.endswith(NOT_YET) for problem in run.problems)


def _lacks_outside(run: Run) -> bool:
    """Whether files that it read outside of the project are still to be named, or never were."""
    return not {file.path for file in run.inputs}.issuperset(run.variables.get("outside", ()))


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
