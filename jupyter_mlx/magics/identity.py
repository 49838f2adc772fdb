"""Which notebook and which cell are executed, and who says so.

The front end's word travels with the execute request. What else is known was
said when the kernel started, and goes stale when a notebook is renamed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from jupyter_mlx.recorder import NOTEBOOK_VARIABLE

from .options import split

How: TypeAlias = Literal["", "request", "runner", "vscode", "papermill", "command", "session", "guessed"]

REQUEST_KEY = "jupyter_mlx"
"""Where our JupyterLab extension puts what it tells into the metadata of an execute request.

`notebook` and `root`, its path and the server's folder; `cells`, the ids of its code cells.
"""
NOTEBOOKS = (".ipynb", ".py", ".md", ".Rmd", ".qmd")
EXECUTORS = {"papermill", "nbconvert", "jupyter-nbconvert", "jupyter-execute", "execute", "nbclient"}
"""Commands that execute the notebooks named in their command line."""
LARGEST_NOTEBOOK = 50_000_000
"""Bytes; in a larger notebook a cell is not looked for."""
_VSCODE_SESSION = re.compile(r"-jvsc-[0-9a-f-]{36}(?=\.ipynb$)")


@dataclass(frozen=True, slots=True)
class Identity:
    """A cell's place."""

    notebook: str | None = None
    """Relative to the project, `/`-separated; None where it is not known or lies outside."""
    cell_id: str | None = None
    how: How = ""
    """Who says which notebook it is:

    - `request`: the front end, with the request to execute this cell;
    - `runner`: `jmlx`, which started the kernel for this notebook;
    - `vscode`, `papermill`: the variable of VS Code, the parameter of `papermill --inject-paths`;
    - `command`: the command line of the program that started the kernel;
    - `session`: the Jupyter server when the kernel started, stale after a renaming;
    - `guessed`: nobody for this cell; an earlier one of the kernel came from there.
    """


class Witness:
    """Tells the identity of each cell of one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._last_told: Path | None = None

    def identify(self, root: Path, cell_id: str | None = None, cell: str = "") -> Identity:
        """The place of the cell that is executed now.

        Args:
            root: the project's folder.
            cell_id: what the front end calls the cell.
            cell: its source below `%%track`, to find it in its notebook where no front end says its id.
        """
        told = _from_request(_told(self._shell))
        if told is not None:
            self._last_told = told
            return Identity(_inside(told, root), cell_id, "request")
        for how, find in self._ways(root, cell_id, cell):
            found = find()
            if found is None or not found.name.endswith(NOTEBOOKS):
                continue
            if how == "guessed":
                # a console beside the notebook: its cells have ids, but not of the notebook
                cell_id = None
            elif cell_id is None or _is_address(cell_id):
                cell_id = cell_in(found, cell) or cell_id
            return Identity(_inside(found, root), cell_id, how)
        return Identity(None, cell_id)

    def _ways(
        self, root: Path, cell_id: str | None, cell: str
    ) -> Iterator[tuple[How, Callable[[], Path | None]]]:
        """In the order of trust."""
        variables = self._shell.user_ns
        yield "runner", lambda: _path(os.environ.get(NOTEBOOK_VARIABLE), root)
        yield "vscode", lambda: _of_address(cell_id) or _path(variables.get("__vsc_ipynb_file__"))
        yield "papermill", lambda: _path(variables.get("PAPERMILL_INPUT_PATH"), _started_in())
        if hasattr(self._shell, "kernel"):
            yield "command", lambda: _from_command(cell)
        yield "guessed", lambda: self._last_told
        yield "session", lambda: _path(_VSCODE_SESSION.sub("", os.environ.get("JPY_SESSION_NAME", "")))


def cells_told(shell: Any) -> tuple[str, frozenset[str]] | None:
    """The notebook that our extension names with the request that is answered now, and the ids of its code cells."""
    told = _told(shell)
    notebook, cells = told.get("notebook"), told.get("cells")
    if not isinstance(notebook, str) or not isinstance(cells, list):
        return None
    return notebook, frozenset(cell for cell in cells if isinstance(cell, str))


def _told(shell: Any) -> dict[str, Any]:
    """What our extension sent with the request that is answered now; empty in a terminal."""
    ask = getattr(shell, "get_parent", None)
    parent = ask() if callable(ask) else None
    metadata = parent.get("metadata") if isinstance(parent, dict) else None
    found = metadata.get(REQUEST_KEY) if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _from_request(told: dict[str, Any]) -> Path | None:
    """The notebook that our extension names; None where the server's folder is not on this machine."""
    root, notebook = told.get("root"), told.get("notebook")
    if not (isinstance(root, str) and isinstance(notebook, str) and root and notebook):
        return None
    folder = Path(root).expanduser()
    return folder / notebook if folder.is_dir() else None


def _is_address(cell_id: str) -> bool:
    return cell_id.startswith("vscode-notebook-cell:")


def _of_address(cell_id: str | None) -> Path | None:
    """The notebook in VS Code's address of a cell, which it sends for want of an id."""
    if cell_id is None or not _is_address(cell_id):
        return None
    path = unquote(urlsplit(cell_id).path)
    return Path(path[1:] if re.match(r"/[A-Za-z]:/", path) else path)


def _path(told: Any, below: Path | None = None) -> Path | None:
    return Path(below or "", told) if told and isinstance(told, str) else None


def _inside(path: Path, root: Path) -> str | None:
    path = Path(os.path.abspath(path))  # noqa: PTH100 (a link is named as the user named it)
    resolved = path if path.is_relative_to(root) else path.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else None


@cache
def _started_by() -> tuple[tuple[str, ...], Path | None]:
    """The command line and the folder of the program that started this kernel."""
    import psutil

    try:
        parent = psutil.Process(os.getppid())
        return tuple(parent.cmdline()), Path(parent.cwd())
    except (OSError, psutil.Error):
        return (), None


def _started_in() -> Path | None:
    return _started_by()[1]


def _from_command(cell: str) -> Path | None:
    """The notebook that the kernel was started for by a command: of several, the one that has the cell."""
    words, folder = _started_by()
    program = {Path(word).stem for word in words[:5]}
    if folder is None or program.isdisjoint(EXECUTORS):
        return None
    named = [folder / word for word in words if word.endswith(".ipynb")]
    if "papermill" in program:
        # INPUT OUTPUT
        return named[0] if named else None
    return next(
        (path for path in named if cell.strip() in _cells(path)), named[0] if len(named) == 1 else None
    )


def cell_in(notebook: Path, cell: str) -> str | None:
    """The id of the one cell of a notebook file that has this source; None where none or several have."""
    return _cells(notebook).get(cell.strip())


def _cells(notebook: Path) -> dict[str, str | None]:
    """Source → id of the code cells; empty where the file cannot be read as a notebook."""
    try:
        facts = notebook.stat()
        if notebook.suffix != ".ipynb" or facts.st_size > LARGEST_NOTEBOOK:
            return {}
        return _read(notebook, facts.st_mtime_ns, facts.st_size)
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


@lru_cache(maxsize=2)
def _read(notebook: Path, changed_ns: int, size_bytes: int) -> dict[str, str | None]:
    del changed_ns, size_bytes  # they tell one state of the file from the next
    found: dict[str, str | None] = {}
    for cell in json.loads(notebook.read_bytes()).get("cells", ()):
        source = "".join(cell.get("source", "")).strip()
        if cell.get("cell_type") == "code" and source:
            marked = split(source)
            source = marked[1].strip() if marked else source
            found[source] = None if source in found else cell.get("id")
    return found
