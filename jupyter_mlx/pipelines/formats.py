"""Notebook files as cells: .ipynb read directly, percent and Markdown texts by jupytext.

The one file that imports jupytext and nbformat, each on use: together they
take longer to import than a whole `jmlx plan`.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_mlx.errors import AccessError, NotFoundError, UsageError
from jupyter_mlx.starting import without

from .fingerprint import Cell

DEFAULT_KERNEL = "python3"


class NotebookMissingError(NotFoundError):
    """There is no notebook at this path."""

    code = "notebook-missing"

    def __init__(self, path: str, where: str = "") -> None:
        super().__init__(path, where)
        self.path, self.where = path, where

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}there is no notebook {self.path}; correct the path, or create it"


class BadNotebookError(UsageError):
    """A file cannot be read as a notebook."""

    code = "bad-notebook"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path} cannot be read as a notebook: {self.problem}"


@dataclass(frozen=True, slots=True)
class Document:
    """What a notebook file says, as far as it determines what is executed."""

    cells: tuple[Cell, ...]
    kernel: str
    language: str


def read_bytes(path: Path, name: str) -> bytes:
    """The bytes of a notebook or module.

    Raises:
        NotebookMissingError: there is no such file.
        AccessError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotebookMissingError(name) from None
    except IsADirectoryError:
        raise BadNotebookError(name, "it is a folder; name a notebook in it") from None
    except OSError as error:
        raise AccessError.of(error, name) from error


def document(data: bytes, name: str) -> Document:
    """Read the notebook file `name` from its bytes.

    Raises:
        BadNotebookError: the bytes are no notebook.
    """
    if name.endswith(".ipynb"):
        raw = _json(data, name)
        if raw.get("nbformat") != 4:
            raw = load(data, name)
    else:
        raw = load(data, name)
    spec = raw.get("metadata", {}).get("kernelspec") or {}
    info = raw.get("metadata", {}).get("language_info") or {}
    language = info.get("name") or spec.get("language") or _language_of(name)
    try:
        cells = tuple(_cell(cell) for cell in raw["cells"])
    except (KeyError, TypeError, AttributeError) as error:
        raise BadNotebookError(name, f"a cell lacks {error}; open and save it in JupyterLab") from error
    return Document(cells, str(spec.get("name") or _kernel_of(language)), str(language).lower())


def load(data: bytes, name: str) -> Any:
    """The notebook as nbformat's version 4 node, to be executed or converted.

    Raises:
        BadNotebookError: the bytes are no notebook.
    """
    with quick_imports():
        import nbformat
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadNotebookError(name, f"byte {error.start} is not UTF-8") from error
    try:
        if name.endswith(".ipynb"):
            _json(data, name)
            reads: Any = nbformat.reads
            return reads(text, as_version=4)
        return _by_jupytext(text, name)
    except BadNotebookError:
        raise
    except Exception as error:
        # both libraries raise whatever their parsers do
        problem = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}"
        raise BadNotebookError(name, problem) from error


def _by_jupytext(text: str, name: str) -> Any:
    with quick_imports():
        import jupytext
    kind = Path(name).suffix
    if kind not in jupytext.formats.NOTEBOOK_EXTENSIONS:
        raise BadNotebookError(name, "name an .ipynb, or a text file that jupytext reads: .py, .md, .R, …")
    return jupytext.reads(text, fmt=kind)


def quick_imports() -> AbstractContextManager[None]:
    """Import nbformat without the grammars that validate web addresses.

    nbformat imports jsonschema, which, where `rfc3987_syntax` is installed,
    builds a parser for a format that no notebook has; that takes over a second.
    """
    return without("rfc3987_syntax")


def _json(data: bytes, name: str) -> Any:
    try:
        raw = json.loads(data)
    except UnicodeDecodeError as error:
        raise BadNotebookError(name, f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        problem = f"line {error.lineno} is not JSON ({error.msg})"
        if not data.strip():
            problem = "it is empty; open and save it in JupyterLab"
        elif b"<<<<<<< " in data:
            problem += "; it holds an unfinished merge: finish it, or check out one side"
        raise BadNotebookError(name, problem) from error
    if not isinstance(raw, dict) or not isinstance(raw.get("cells", raw.get("worksheets")), list):
        raise BadNotebookError(name, "it is JSON without cells")
    return raw


def _cell(cell: Any) -> Cell:
    source = cell["source"]
    tags = cell.get("metadata", {}).get("tags") or ()
    text = source if isinstance(source, str) else "".join(source)
    return Cell(cell["cell_type"], text.replace("\r\n", "\n"), tuple(map(str, tags)))


def _language_of(name: str) -> str:
    return {".R": "r", ".Rmd": "r", ".jl": "julia"}.get(Path(name).suffix, "python")


def _kernel_of(language: str) -> str:
    return {"r": "ir", "julia": "julia"}.get(language.lower(), DEFAULT_KERNEL)
