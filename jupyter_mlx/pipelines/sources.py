"""The code of the project's notebooks and modules, read once per content.

What a file says is kept in `.mlx/cache`, keyed by the digest of its bytes, so
that a plan in which nothing changed parses nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_mlx.digest import Digest

from . import formats
from .fingerprint import PARAMETERS, Import, code_cells, code_digest, imports_of, modules
from .parameters import Parameter, declared_in

FORMAT = 1
KEPT = 2000
"""Entries of the cache; beyond that only those of the last command stay."""


@dataclass(frozen=True, slots=True)
class NotebookFacts:
    """What a plan needs to know of a notebook."""

    code: str
    """The digest of its code cells."""
    kernel: str
    language: str
    imports: tuple[Import, ...]
    parameters: Mapping[str, Parameter] | None
    """What its `parameters` cell sets; None where its language is not understood."""


@dataclass
class Sources:
    """The code files below one project."""

    root: Path
    state: Path
    """The project's `.mlx`."""
    _kept: dict[str, Any] = field(default_factory=dict)
    _used: dict[str, Any] = field(default_factory=dict)
    _modules: dict[str, tuple[Digest, tuple[Import, ...]] | None] = field(default_factory=dict)
    _loaded: bool = False

    def notebook(self, path: str) -> NotebookFacts:
        """What the notebook at `path`, relative to the project, says now.

        Raises:
            NotebookMissingError: there is none.
            BadNotebookError: the file is no notebook.
            AccessError: it cannot be read.
        """
        data = formats.read_bytes(self.root / path, path)
        suffix = os.path.splitext(path)[1]  # noqa: PTH122 (a wire path, always /-separated)
        key = f"{Digest.of(data)}{suffix}"
        entry = self._entry(key)
        if entry is None:
            entry = self._remember(key, _facts(formats.document(data, path)))
        parameters = entry["parameters"]
        return NotebookFacts(
            code=entry["code"],
            kernel=entry["kernel"],
            language=entry["language"],
            imports=_imports(entry["imports"]),
            parameters=None if parameters is None else {p["name"]: Parameter(**p) for p in parameters},
        )

    def modules(self, notebook: str, facts: NotebookFacts) -> dict[str, str]:
        """The project's modules behind a notebook: path → digest.

        Python looks for them in the notebook's folder; the project's and `src` are
        where people point `sys.path` or an editable install to.
        """
        if facts.language != "python":
            return {}
        roots = tuple(dict.fromkeys((notebook.rpartition("/")[0], "", "src")))
        return modules(facts.imports, roots, self._module)

    def forget(self) -> None:
        """Read the modules anew: a stage has run since, and may have written some."""
        self._modules.clear()

    def save(self) -> None:
        """Keep what was parsed for the next command; a folder that cannot be written only makes it slower."""
        if not self._used.keys() - self._kept.keys():
            return
        kept = {**self._kept, **self._used}
        entries = kept if len(kept) <= KEPT else self._used
        cache = self.state / "cache" / "code.json"
        with suppress(OSError):
            cache.parent.mkdir(exist_ok=True)
            temporary = cache.with_name(f"{cache.name}.{os.getpid()}")
            temporary.write_text(json.dumps({"format": FORMAT, "entries": entries}), "utf-8")
            temporary.replace(cache)
            self._kept = entries

    def _module(self, path: str) -> tuple[Digest, tuple[Import, ...]] | None:
        if path not in self._modules:
            self._modules[path] = self._read_module(path)
        return self._modules[path]

    def _read_module(self, path: str) -> tuple[Digest, tuple[Import, ...]] | None:
        try:
            data = (self.root / path).read_bytes()
        except (OSError, ValueError):
            return None
        digest = Digest.of(data)
        key = f"{digest}.module"
        entry = self._entry(key)
        if entry is None:
            entry = self._remember(key, imports_of(data.decode("utf-8", "replace")))
        return digest, _imports(entry)

    def _entry(self, key: str) -> Any:
        if not self._loaded:
            self._loaded = True
            with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                read = json.loads((self.state / "cache" / "code.json").read_bytes())
                if read["format"] == FORMAT:
                    self._kept = dict(read["entries"])
        entry = self._used.get(key, self._kept.get(key))
        if entry is not None:
            self._used[key] = entry
        return entry

    def _remember(self, key: str, entry: Any) -> Any:
        self._used[key] = entry
        return entry


def _imports(entry: Any) -> tuple[Import, ...]:
    return tuple((module, level, tuple(names)) for module, level, names in entry)


def _facts(document: formats.Document) -> dict[str, Any]:
    from dataclasses import asdict

    python = document.language == "python"
    cells = list(code_cells(document.cells))
    tagged = [cell.source for cell in cells if PARAMETERS in cell.tags]
    parameters = declared_in(tagged[0]) if python and tagged else {} if not tagged else None
    imports = sorted({item for cell in cells for item in imports_of(cell.source)}) if python else []
    return {
        "code": str(code_digest(cells)),
        "kernel": document.kernel,
        "language": document.language,
        "imports": imports,
        "parameters": None if parameters is None else [asdict(p) for p in parameters.values()],
    }
