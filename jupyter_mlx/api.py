"""The functions of `import jupyter_mlx as jm`: log into the active run, open runs, read what they made."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TextIO, overload

from . import logged, recorder
from .afterwards import ends_quietly
from .errors import AccessError, NotFoundError, UsageError
from .project import Project

if TYPE_CHECKING:
    import pandas as pd

    from .digest import Digest
    from .ledger.run import Run
    from .logged import LoggedRun
    from .recorder import ActiveRun


class NoActiveRunError(NotFoundError):
    """There is no run to log into."""

    code = "no-active-run"

    def __str__(self) -> str:
        return (
            "no run is active: put %%track on the cell (after `%load_ext jupyter_mlx`), "
            "or write `with jupyter_mlx.run('name'):` around the code"
        )


def _current() -> LoggedRun:
    """The active run of this process, or the one that its parent opened for it.

    Raises:
        NoActiveRunError: there is neither.
    """
    found = logged.active()
    if found is not None:
        return found
    run_id = os.environ.get(logged.RUN_VARIABLE)
    if not run_id:
        raise NoActiveRunError
    run = _project().recorder.resume(run_id)
    logged.activate(run)
    return run


def _project() -> Project:
    """The project that a parent process named, or that of the current folder."""
    return Project.open(os.environ.get(logged.PROJECT_VARIABLE, "."))


def log(metrics: Mapping[str, float] | None = None, /, step: int | None = None, **named: float) -> None:
    """Append one step to metrics of the active run.

    Args:
        metrics: numbers by name; or give them by keyword: `log(loss=0.3, acc=0.9)`.
        step: without it, one after the last.
        named: more metrics.

    Raises:
        NoActiveRunError: no run is active; the message says how to have one.
        NotANumberError: a value is no number.
    """
    _current().log({**(metrics or {}), **named}, step)


def log_artifact(path: str | os.PathLike[str]) -> None:
    """Keep a file or folder of the project as an output of the active run."""
    run, project = _current(), _project()
    if isinstance(run, logged.LostRun):
        return
    with project.store.hold():  # until the run names it
        run.add_output(project.workspace.save(project.relative(path)))


def log_figure(figure: Any, name: str = "figure") -> None:
    """Keep a matplotlib figure as an output of the active run, as PNG and SVG."""
    import base64

    images = {}
    for kind in ("png", "svg"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, bbox_inches="tight")
        images[kind] = buffer.getvalue()
    bundle = {
        "image/png": base64.b64encode(images["png"]).decode(),
        "image/svg+xml": images["svg"].decode(),
        "text/plain": f"<figure {name}>",
    }
    _show(bundle, name)


def log_table(table: Any, name: str = "table") -> None:
    """Keep a DataFrame, or a list of rows as dicts, as an output of the active run."""
    if not hasattr(table, "to_html"):
        import pandas as pd

        table = pd.DataFrame(table)
    _show({"text/html": table.to_html(), "text/plain": table.to_string()}, name)


def log_histogram(values: Sequence[float], name: str = "histogram", bins: int = 50) -> None:
    """Keep the distribution of some numbers as an output of the active run: counts and edges of `bins` bins."""
    import numpy as np

    counts, edges = np.histogram(np.asarray(values, dtype=float), bins=bins)
    data = {"name": name, "counts": counts.tolist(), "edges": edges.tolist()}
    _show({"application/json": data, "text/plain": f"<histogram {name}: {int(counts.sum())} values>"}, name)


def log_model(model: Any, name: str = "model") -> str:
    """Keep a trained model as an output of the active run; its path, below `models/` of the project, for `load`.

    In a format that executes nothing when it is opened, where there is one: numpy's, safetensors, torch's weights,
    XGBoost's JSON, LightGBM's text, ONNX, skops where it is installed. Else it is pickled, and signed for you.

    Raises:
        NoActiveRunError: no run is active.
        ModelInTheWayError: a file of that name is there, and no run made it.
    """
    from . import models

    return models.keep(_project(), _current(), model, name)


def _show(bundle: dict[str, Any], name: str) -> None:
    """Into the notebook's output, from where the run takes it; or, without a notebook, into the run."""
    run = _current()
    metadata = {"jupyter_mlx": {"name": name}}
    if _in_ipython():
        from IPython.display import display

        display(bundle, metadata=metadata, raw=True)
    elif isinstance(run, recorder.ActiveRun):
        run.add_cell_output({"output_type": "display_data", "data": bundle, "metadata": metadata})


def _in_ipython() -> bool:
    import sys

    shell = sys.modules.get("IPython")
    return shell is not None and shell.get_ipython() is not None


class run:  # noqa: N801 (used as a function: `with jm.run("name", lr=0.1) as r:`)
    """A run around a block of a script or of a plain kernel.

    Files that the block reads and writes inside the project are its inputs and
    outputs; an exception makes it a failed run, and goes on as without us.

    Args:
        name: what the run is called.
        tags: labels to find it by.
        params: by keyword, what determines the result.
    """

    def __init__(self, name: str, *, tags: Sequence[str] = (), **params: Any) -> None:
        self._name, self._tags, self._params = name, tags, params

    def __enter__(self) -> LoggedRun:
        self._project = _project()
        self._run: ActiveRun | None = None
        try:
            self._run = self._open(self._project)
        except AccessError as error:
            # a full disk: the block is executed all the same
            _warn(f"this run is not recorded: {error}")
            lost = logged.LostRun(self._project.root)
            logged.activate(lost)
            return lost
        logged.activate(self._run)
        return self._run

    def _open(self, project: Project) -> ActiveRun:
        parent = logged.active()
        made = project.recorder.open(
            kind="block",
            name=self._name,
            params=self._params,
            tags=self._tags,
            source=_script(),
            command=_command(project),
            parent=parent.id if parent else os.environ.get(logged.RUN_VARIABLE),
        )
        made.listen()
        return made

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import traceback

        from .ledger.run import Failure

        if self._run is None:
            logged.deactivate_lost()
            return
        self._run.stop_listening()
        logged.deactivate(self._run)
        for problem in self._run.add_seen():
            _warn(problem)
        failure = None
        if kind is not None:
            lines = (line.rstrip("\n") for line in traceback.format_exception(kind, error, trace))
            failure = Failure(kind.__name__, str(error), tuple(lines))
        status = "finished" if kind is None else "interrupted" if kind is KeyboardInterrupt else "failed"
        self._run.finish(status, failure, report=_warn)  # type: ignore[arg-type]
        if ends_quietly():
            self._project.recorder.flush()


def _script() -> str:
    """The text of the script that is executed; nothing in a notebook or at a prompt."""
    import sys

    path = getattr(sys.modules.get("__main__"), "__file__", None)
    if path is None or _in_ipython():
        return ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _command(project: Project) -> dict[str, Any]:
    """How this script was started; empty in a notebook or at a prompt."""
    import sys

    path = getattr(sys.modules.get("__main__"), "__file__", None)
    if path is None or _in_ipython():
        return {}
    try:
        return {
            "script": project.relative(path),
            "argv": sys.argv[1:],
            "cwd": project.relative(Path.cwd()),
        }
    except UsageError:  # it lies outside the project
        return {}


def _warn(problem: str) -> None:
    import warnings

    warnings.warn(problem, stacklevel=3)


def runs(query: str = "", *, sort: str = "", limit: int = 1000) -> pd.DataFrame:
    """The runs of the project as a DataFrame, newest first, a row each.

    Columns: id, name, kind, status, started_at, duration_s, notebook, parent,
    tags, then `params.…` and `metrics.…`.

    Raises:
        QueryError: the query cannot be read.
    """
    import pandas as pd

    ledger = _project().ledger
    found: list[Run] = []
    cursor = None
    while len(found) < limit:
        page = ledger.page(query, sort, min(limit - len(found), 1000), cursor)
        found += page.runs
        cursor = page.next
        if cursor is None:
            break
    names = ("id", "name", "kind", "status", "started_at", "duration_s", "notebook", "parent", "tags")
    rows = [
        {name: getattr(found_run, name) for name in names}
        | {f"params.{key}": value for key, value in found_run.params.items()}
        | {f"metrics.{key}": value for key, value in found_run.metrics.items()}
        for found_run in found
    ]
    frame: pd.DataFrame = pd.DataFrame(rows, columns=None if rows else list(names))
    return frame


def load(run_id: str, path: str, *, trusted: Sequence[str] = ()) -> Any:
    """What a run read or wrote at `path`, in memory.

    CSV and Parquet as a DataFrame, JSON as values, `.npy` as an array (never a
    pickle), what `log_model` wrote as the model, text as text, all else as bytes.

    Args:
        run_id: the run's id or its beginning, or `last`.
        path: as the run names it.
        trusted: types that a `.skops` model may have beside those that are known to be harmless.

    Raises:
        NotFoundError: the run has no such file, or its object is not here.
        UntrustedModelError: to open it would execute what somebody else wrote.
    """
    from .caching.variables import own_key
    from .loading import parse

    project = _project()
    data = project.store.get(_digest_in(project, project.ledger.get(run_id), path))
    return parse(path, data, own_key, trusted)


def _digest_in(project: Project, run: Run, path: str) -> Digest:
    """The file's digest, as the run has it, perhaps in a folder."""
    from .digest import Digest

    for file in (*run.outputs, *run.inputs):
        if file.path == path and file.kind == "file":
            return Digest.parse(file.digest)
        if file.kind == "folder" and path.startswith(f"{file.path}/"):
            for name, digest, _ in project.workspace.files(project.workspace.named(file)):
                if name == path.removeprefix(f"{file.path}/"):
                    return digest
    raise NoSuchFileError(run.id, path)


class NoSuchFileError(NotFoundError):
    """A run neither read nor wrote this file."""

    code = "no-such-file"

    def __init__(self, run_id: str, path: str) -> None:
        super().__init__(run_id, path)
        self.run_id, self.path = run_id, path

    def __str__(self) -> str:
        run = self.run_id[:8]
        return f"run {run} neither read nor wrote {self.path}; `jmlx runs show {run}` lists its files"


@overload
def open(path: str, *, rev: str | None = None, mode: Literal["rb"] = "rb") -> BinaryIO: ...  # noqa: A001


@overload
def open(  # noqa: A001
    path: str,
    *,
    rev: str | None = None,
    mode: Literal["r"],
    encoding: str = "utf-8",
    errors: str = "strict",
    newline: str | None = None,
) -> TextIO: ...


def open(  # noqa: A001 (the name that people write)
    path: str,
    *,
    rev: str | None = None,
    mode: Literal["rb", "r"] = "rb",
    encoding: str = "utf-8",
    errors: str = "strict",
    newline: str | None = None,
) -> BinaryIO | TextIO:
    """A tracked file for reading, as it was at some state of the data; a large one is not read into memory.

    Args:
        path: of the file, also of one in a tracked folder.
        rev: a git revision, a run, or a version of the data (its digest); without it, what the
            pointers of the work tree say.
        mode: `rb` for bytes, `r` for text.
        encoding: of text, as for the builtin.
        errors: what becomes of bytes that are no text, as for the builtin.
        newline: how lines end, as for the builtin.

    Raises:
        NotFoundError: nothing tracks that path there, or its object is not here.
        CorruptObjectError: its object is damaged.
    """
    from . import revisions

    if mode not in {"rb", "r"}:
        raise UsageError(f"mode is {mode!r}; versions are read by 'rb' or 'r', and never written")
    project = _project()
    file = revisions.reader(project, project.relative(path), rev)
    if mode == "rb":
        return file
    return io.TextIOWrapper(file, encoding, errors, newline)
