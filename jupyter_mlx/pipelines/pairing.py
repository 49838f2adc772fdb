"""Pairs: an .ipynb and the percent .py, or the .md, beside it, kept the same by jupytext.

What each said when they were last the same is kept in `.mlx/pairs.json`. Where
only one has changed since, the other follows; where both have, the user decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, TypeAlias

from jupyter_mlx.config import replace_file
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, ConflictError, UsageError

from . import formats
from .lock import exclusive

TEXTS = {"py": "py:percent", "md": "md"}
"""How a text ends → what jupytext calls its format."""
KEPT = "pairs.json"

Side: TypeAlias = Literal["ipynb", "py", "md"]
Action: TypeAlias = Literal["paired", "updated .ipynb", "updated .py", "updated .md", "unchanged"]


class PairConflictError(ConflictError):
    """Both files of a pair have changed."""

    code = "pair-conflict"

    def __init__(self, notebook: str, text: str, difference: str = "") -> None:
        super().__init__(notebook, text, difference)
        self.notebook, self.text, self.difference = notebook, text, difference

    def __str__(self) -> str:
        where = f", and differ {self.difference}" if self.difference else ""
        return (
            f"{self.notebook} and {self.text} have both changed since they were last the same{where}; "
            f"`jmlx pair --keep ipynb {self.notebook}` or `--keep {self.text.rpartition('.')[2]}` says which counts"
        )


class NotAPairError(UsageError):
    """This kind of file cannot be paired."""

    code = "not-a-pair"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} cannot be paired; name an .ipynb, or the .py or .md of one"


@dataclass(frozen=True, slots=True)
class Pair:
    """The two files of one notebook, relative to the project."""

    notebook: str
    text: str

    @classmethod
    def of(cls, root: Path, path: str) -> Pair:
        """The pair that `path` belongs to; a notebook that was not paired yet gets a .py.

        Raises:
            NotAPairError: it is neither an .ipynb nor a text that one is paired with.
        """
        stem, _, suffix = path.rpartition(".")
        if suffix != "ipynb" and suffix not in TEXTS:
            raise NotAPairError(path)
        notebook = f"{stem}.ipynb"
        is_md = suffix == "md" or (suffix == "ipynb" and TEXTS["md"] in _formats(root, notebook).split(","))
        return cls(notebook, f"{stem}.{'md' if is_md else 'py'}")

    @property
    def side(self) -> Side:
        """The text of the two."""
        return "md" if self.text.endswith(".md") else "py"


def pair(root: Path, state: Path, path: str, keep: Side | None = None) -> Action:
    """Make the two files of a notebook the same, the missing one anew.

    Raises:
        NotebookMissingError: neither of them is there.
        PairConflictError: both have changed, and `keep` does not say which one counts.
        BadNotebookError: a file cannot be read as a notebook.
        AccessError: a file cannot be written.
    """
    found = Pair.of(root, path)
    with exclusive(state, KEPT):
        known = _read(state)
        source, action = _decide(root, found, known.get(found.notebook), keep)
        if action != "unchanged":
            _carry(root, found, source)
        known[found.notebook] = _content(root, found.notebook)
        _write(state, known)
    return action


def _decide(root: Path, found: Pair, kept: str | None, keep: Side | None) -> tuple[Side, Action]:
    """Which side is taken from, and what that is called."""
    if not (root / found.text).exists():
        return "ipynb", "paired"
    if not (root / found.notebook).exists():
        return found.side, "paired"
    notebook, text = _content(root, found.notebook), _content(root, found.text)
    if notebook == text:
        return "ipynb", "unchanged" if _paired(root, found) else "paired"
    if keep is None and kept not in (notebook, text):
        raise PairConflictError(found.notebook, found.text, _difference(root, found))
    if keep not in (None, "ipynb", found.side):
        raise NotAPairError(f"{found.notebook.removesuffix('ipynb')}{keep}")
    if keep == found.side or (keep is None and notebook == kept):
        return found.side, "updated .ipynb"
    return "ipynb", "updated .md" if found.side == "md" else "updated .py"


def _carry(root: Path, found: Pair, source: Side) -> None:
    """Write one side from the other; outputs of cells that stay the same stay."""
    with formats.quick_imports():
        import jupytext
        from jupytext.combine import combine_inputs_with_outputs
    path = found.notebook if source == "ipynb" else found.text
    node = formats.load(formats.read_bytes(root / path, path), path)
    if source != "ipynb" and (root / found.notebook).exists():
        before = formats.load(formats.read_bytes(root / found.notebook, found.notebook), found.notebook)
        node = combine_inputs_with_outputs(node, before, fmt=TEXTS[found.side])
        _drop_stale_outputs(node, {cell.source for cell in before.cells})
    node.metadata.setdefault("jupytext", {})["formats"] = f"ipynb,{TEXTS[found.side]}"
    spec = {"name": formats.DEFAULT_KERNEL, "display_name": "Python 3 (ipykernel)", "language": "python"}
    node.metadata.setdefault("kernelspec", spec)
    if source != "ipynb" or not _paired(root, found):
        replace_file(root / found.notebook, (jupytext.writes(node, fmt="ipynb").rstrip("\n") + "\n").encode())
    if source == "ipynb" or "formats:" not in (root / found.text).read_text("utf-8"):
        replace_file(root / found.text, jupytext.writes(node, fmt=TEXTS[found.side]).encode())


def _drop_stale_outputs(node: Any, sources: set[str]) -> None:
    """Take away what jupytext keeps for a cell that has changed: it is not that code's output."""
    for cell in node.cells:
        if cell.cell_type == "code" and cell.source not in sources:
            cell.outputs, cell.execution_count = [], None


def _paired(root: Path, found: Pair) -> bool:
    """Whether the .ipynb says that it is one of a pair, so that JupyterLab keeps both the same."""
    return bool(_formats(root, found.notebook))


def _formats(root: Path, notebook: str) -> str:
    """What the .ipynb says it is paired with, as jupytext writes it; empty where it is not, or not there."""
    try:
        metadata = json.loads((root / notebook).read_bytes())["metadata"]
        return str((metadata.get("jupytext") or {}).get("formats", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def _content(root: Path, path: str) -> str:
    """The digest of what a notebook says: the cells, not outputs or metadata."""
    return str(Digest.of(json.dumps(_cells(root, path)).encode()))


def _cells(root: Path, path: str) -> list[tuple[str, str, list[str]]]:
    document = formats.document(formats.read_bytes(root / path, path), path)
    cells = [(cell.kind, cell.source.rstrip(), sorted(cell.tags)) for cell in document.cells]
    return [cell for cell in cells if cell[1]]


def _difference(root: Path, found: Pair) -> str:
    """Where the two first differ, for people."""
    nothing = ("", "", [""])
    both = zip_longest(_cells(root, found.notebook), _cells(root, found.text), fillvalue=nothing)
    number, (ours, theirs) = next((i, two) for i, two in enumerate(both, 1) if two[0] != two[1])
    lines = zip_longest(ours[1].splitlines(), theirs[1].splitlines(), fillvalue="")
    line = next(((a, b) for a, b in lines if a != b), None)
    said = f": `{line[0].strip()[:60]}` and `{line[1].strip()[:60]}`" if line else ""
    return f"first in cell {number}{said}"


def _read(state: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        found: Any = json.loads((state / KEPT).read_bytes())
        if isinstance(found, dict):
            return {str(path): str(digest) for path, digest in found.items()}
    return {}


def _write(state: Path, known: Mapping[str, str]) -> None:
    try:
        replace_file(state / KEPT, json.dumps(known, indent=1, sort_keys=True).encode())
    except OSError as error:
        raise AccessError.of(error, state / KEPT) from error
