"""The way back from a run: its cells and its files in a new folder, never over what is open."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data.beside import require_target
from .data.links import Link
from .data.paths import BadPathError
from .data.workspace import Workspace
from .digest import Digest
from .errors import AccessError, CorruptError, NotFoundError, ObjectNotFoundError
from .ledger.payloads import unfold

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from .data.version import Version
    from .ledger.run import FileVersion, Run

_STATE = ".mlx"
_CELL = "# %%\n"
"""Before each cell in the source of a notebook's run."""


class NoFileOfRunError(NotFoundError):
    """A run has no file of that path."""

    code = "no-file-of-run"

    def __init__(self, run: str, path: str) -> None:
        super().__init__(run, path)
        self.run, self.path = run, path

    def __str__(self) -> str:
        return f"run {self.run[:8]} has no file {self.path}; `jmlx runs show {self.run[:8]}` lists them"


class DataNotHereError(NotFoundError):
    """A version that a run names is in no store here."""

    code = "data-not-here"

    def __init__(self, run: str, path: str) -> None:
        super().__init__(run, path)
        self.run, self.path = run, path

    def __str__(self) -> str:
        return (
            f"{self.path}, as run {self.run[:8]} has it, is not in this store; `jmlx pull` fetches it from a remote, "
            f"`jmlx runs restore {self.run[:8]} PATH` brings other files alone"
        )


def as_notebook(run: Run, outputs: Sequence[Mapping[str, Any]]) -> NotebookNode:
    """A new notebook of a run's cells; below the last one are `outputs`."""
    import nbformat

    is_whole = run.kind != "cell" and run.source.startswith(_CELL)
    sources = run.source.removeprefix(_CELL).split(f"\n\n{_CELL}") if is_whole else [*run.slice, run.source]
    notebook: NotebookNode = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells[-1].outputs = [nbformat.from_dict(dict(output)) for output in outputs]
    return notebook


@dataclass(slots=True)
class Restored:
    """What came of bringing a run back."""

    folder: Path
    made: list[Path] = field(default_factory=list)
    """What stands there now: files, and folders of data."""
    left: list[str] = field(default_factory=list)
    """What was left out or put elsewhere, and why, a sentence each."""


def restore(run: Run, workspace: Workspace, folder: Path, only: str = "", link: Link = Link.AUTO) -> Restored:
    """Bring a run back into a folder of its own: its files, and its cells as a new notebook.

    Nothing in the work tree is touched, least of all the open notebook; the
    folder appears when all is in it.

    Args:
        run: whole, as `Ledger.get` gives it.
        workspace: where its versions are.
        folder: is made; must be empty where it is there.
        only: one path of the run, a file or a folder; without it, all of it.
        link: how large files are made.

    Raises:
        TargetNotEmptyError, BadPathError: the folder has something in it, or is in tracked data.
        NoFileOfRunError: the run has no file `only`.
        DataNotHereError: an object is not here.
        AccessError: the folder can't be written.
    """
    require_target(workspace.root, folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _filled(folder) as fresh:
            work = _Work(run, workspace, fresh, link)
            work.files(only)
            if not only:
                work.code()
    except OSError as error:
        raise AccessError.of(error, error.filename or folder) from error
    return Restored(folder, [folder / path for path in work.made], work.left)


@contextlib.contextmanager
def _filled(folder: Path) -> Iterator[Path]:
    """A new folder beside, which takes the place of `folder` when it is full and goes where it failed."""
    fresh = folder.parent / f".{folder.name}.{os.urandom(4).hex()}.partial"
    fresh.mkdir()
    try:
        yield fresh
        shutil.rmtree(fresh / _STATE, ignore_errors=True)
        if folder.exists():
            folder.rmdir()
        os.replace(fresh, folder)  # noqa: PTH105
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


class _Work:
    """One run brought into one new folder."""

    def __init__(self, run: Run, workspace: Workspace, folder: Path, link: Link) -> None:
        self._run, self._source, self._folder, self._link = run, workspace, folder, link
        # where it refuses a path (absolute, `..`, behind a link, `.git`), nothing is written
        self._here = Workspace(folder, workspace.store, folder / _STATE)
        self._placed: dict[str, FileVersion] = {}
        self.made: list[str] = []
        self.left: list[str] = []

    def files(self, only: str) -> None:
        """Bring the files, as they were read; what was written over them goes into a folder beside."""
        chosen = [
            (file, version)
            for files in (self._run.inputs, self._run.outputs)
            for file in files
            if (version := self._chosen(file, only)) is not None
        ]
        if only and not chosen:
            raise NoFileOfRunError(self._run.id, only)
        for file, version in chosen:
            if file.kind == "outside":
                self.left.append(f"{file.path} lies outside the project and is not brought back")
            elif self._is_free(file):
                self._place(file, version, version.path)
            elif not self._is_there(file):
                self._place(file, version, f"written-{self._run.id[:8]}/{version.path}")

    def _chosen(self, file: FileVersion, only: str) -> Version | None:
        """The version to bring of a file: of a folder that `only` lies in, that part."""
        version = self._source.named(file)
        if not only or file.path == only or file.path.startswith(f"{only}/"):
            return version
        if file.kind == "folder" and only.startswith(f"{file.path}/"):
            try:
                return self._source.contents.part(version, only[len(file.path) + 1 :])
            except ObjectNotFoundError:
                raise DataNotHereError(self._run.id, only) from None
        return None

    def _is_free(self, file: FileVersion) -> bool:
        return not any(
            file.path == path or file.path.startswith(f"{path}/") or path.startswith(f"{file.path}/")
            for path in self._placed
        )

    def _is_there(self, file: FileVersion) -> bool:
        """Whether what was placed holds this version already."""
        for path, placed in self._placed.items():
            if path == file.path:
                return placed.digest == file.digest
            if file.path.startswith(f"{path}/"):
                part = self._source.contents.part(self._source.named(placed), file.path[len(path) + 1 :])
                return part is not None and str(part.digest) == file.digest
        return False

    def _place(self, file: FileVersion, version: Version, path: str) -> None:
        try:
            self._here.restore(version, to=path, link=self._link)
        except BadPathError as error:
            self.left.append(f"{error}; it is not brought back")
            return
        except CorruptError:
            raise
        except NotFoundError:
            raise DataNotHereError(self._run.id, file.path) from None
        self._placed.setdefault(file.path, file)
        self.made.append(path)
        if path != version.path:
            self.left.append(f"{file.path} is there as it was read; as the run left it, it is {path}")

    def code(self) -> None:
        """Write the cells as a notebook, or the script, where the files have not brought them."""
        run = self._run
        if run.kind == "sweep":
            self.left.append("a sweep has no code of its own; restore one of its runs (`jmlx runs list`)")
            return
        if not run.source or (run.kind != "cell" and run.notebook in self._placed):
            return
        if run.kind in {"notebook", "stage"} and any(path.endswith(".ipynb") for path in self.made):
            return
        if run.kind == "block":
            self._write_script(str(run.command.get("script") or ""))
        else:
            self._write_notebook()

    def _write_script(self, path: str) -> None:
        if path in self._placed:
            return
        name = Path(path.replace("\\", "/")).name
        name = name if name.endswith(".py") and "\x00" not in name else f"run-{self._run.id[:8]}.py"
        target = self._folder / name
        if target.exists():
            target = self._folder / f"run-{self._run.id[:8]}.py"
        target.write_text(self._run.source, encoding="utf-8", errors="surrogatepass")
        self.made.append(target.name)

    def _write_notebook(self) -> None:
        """The run's cells, the last with its outputs, beside its files."""
        import nbformat

        run = self._run
        notebook = as_notebook(run, list(self._outputs(run.cell_outputs)))
        name = f"run-{run.id[:8]}.ipynb"
        nbformat.write(notebook, self._folder / name)
        self.made.append(name)

    def _outputs(self, outputs: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for output in outputs:
            try:
                yield unfold(output, self._source.store, Digest.parse)
            except (NotFoundError, CorruptError):
                self.left.append("an output is not in this store, or damaged, and is left out")
