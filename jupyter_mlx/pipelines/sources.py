"""The code of the project's notebooks and modules, read once per content.

What a file says is kept in `.mlx/cache`, keyed by the digest of its bytes, so
that a plan in which nothing changed parses nothing.
"""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_mlx.config.values import Command
from jupyter_mlx.digest import Digest

from . import formats
from .fingerprint import PARAMETERS, code_cells, code_digest, modules
from .imports import SYS_PATH, Import, file_names, imports_of, within
from .opening import Opened, opened
from .parameters import Parameter, declared_in

FORMAT = 2
CODE = (".py", ".sh", ".bash", ".R", ".r", ".jl", ".pl", ".js", ".sql", ".ipynb", ".mk")
"""How files end that are code where a command names them."""
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
    scripts: tuple[str, ...] = ()
    """Of a command: the files of the project that it names."""
    cells: int = 0
    """How many code cells there are up to the `parameters` cell and with it; 0 where there is none."""


@dataclass
class Sources:
    """The code files below one project."""

    root: Path
    state: Path
    """The project's `.mlx`."""
    _kept: dict[str, Any] = field(default_factory=dict)
    _used: dict[str, Any] = field(default_factory=dict)
    _modules: dict[str, tuple[Digest, tuple[Import, ...]] | None] = field(default_factory=dict)
    _commands: dict[Command, NotebookFacts] = field(default_factory=dict)
    _notebooks: dict[str, NotebookFacts] = field(default_factory=dict)
    _loaded: bool = False

    def notebook(self, path: str) -> NotebookFacts:
        """What the notebook at `path`, relative to the project, says, as it was when first asked since `forget`.

        Raises:
            NotebookMissingError: there is none.
            BadNotebookError: the file is no notebook.
            AccessError: it cannot be read.
        """
        if path not in self._notebooks:
            self._notebooks[path] = self._read_notebook(path)
        return self._notebooks[path]

    def _read_notebook(self, path: str) -> NotebookFacts:
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
            cells=entry["cells"],
        )

    def names(self, path: str, command: Command | None = None) -> frozenset[str]:
        """The texts in the code of a notebook, or in a command and its scripts, that may be names of files.

        They are kept nowhere, for they may be secret.
        """
        words = {posixpath.normpath(word) for word in _words(command)} if command is not None else set()
        return frozenset(words.union(*map(file_names, self._code(path, command))))

    def opened(self, path: str, command: Command | None = None) -> Opened:
        """The files that the code of a notebook, or a command's Python scripts, open to read or to write."""
        found = Opened()
        for source in self._code(path, command):
            found.join(opened(source))
        return found

    def _code(self, path: str, command: Command | None) -> list[str]:
        """The source of the code cells of a notebook, or of a command's scripts."""
        if command is not None:
            scripts = [self.root / script for script in self._scripts(command)]
            return [script.read_text("utf-8", "replace") for script in scripts]
        document = formats.document(formats.read_bytes(self.root / path, path), path)
        return [cell.source for cell in code_cells(document.cells)]

    def command(self, command: Command) -> NotebookFacts:
        """What a command says: its words, and the files of the project among them, which are its code."""
        if command not in self._commands:
            words = command if isinstance(command, tuple) else (command,)
            code = str(Digest.of(json.dumps([type(command).__name__, words]).encode()))
            scripts = self._scripts(command)
            self._commands[command] = NotebookFacts(code, "command", "command", (), None, scripts)
        return self._commands[command]

    def _scripts(self, command: Command) -> tuple[str, ...]:
        """The files of the project that a command names, and the modules that it runs by `-m`."""
        text = command if isinstance(command, str) else " ".join(command)
        if "-m" not in text and not any(end in text for end in CODE):
            return ()
        words = _words(command)
        found = []
        for before, word in zip(["", *words], words, strict=False):
            dotted = word.replace(".", "/")
            known = [f"{dotted}.py", f"{dotted}/__main__.py"] if before == "-m" else [word]
            found += [posixpath.normpath(path) for path in known if self._is_code(path)]
        return tuple(dict.fromkeys(found))

    def _is_code(self, path: str) -> bool:
        """Whether a word of a command names a file of the project that looks like code."""
        known = path.endswith(CODE) and not path.startswith(("/", "-", "~"))
        inside = known and not posixpath.normpath(path).startswith("..")
        return inside and (self.root / path).is_file()

    def modules(self, notebook: str, facts: NotebookFacts) -> dict[str, str]:
        """The project's modules behind a notebook or command: path → digest.

        Python looks for them in the folder of the notebook or script; the project's
        and `src` are where people point `sys.path` or an editable install to, and
        folders that the code itself appends to `sys.path` count, too.
        """
        found: dict[str, str] = {}
        for script in facts.scripts:
            if (seen := self._module(script)) is not None:
                found[script] = str(seen[0])
                found |= self._behind(script, seen[1])
        return found | (self._behind(notebook, facts.imports) if facts.language == "python" else {})

    def _behind(self, path: str, imports: Sequence[Import]) -> dict[str, str]:
        folder = path.rpartition("/")[0]
        own = [item for item in imports if item[1] != SYS_PATH]
        added = [within(folder, item[0]) for item in imports if item[1] == SYS_PATH]
        roots = dict.fromkeys((folder, "", "src", *(root for root in added if root is not None)))
        return modules(own, tuple(roots), self._module)

    def forget(self) -> None:
        """Read notebooks and modules anew: a stage has run since, and may have written some."""
        self._notebooks.clear()
        self._modules.clear()
        self._commands.clear()

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
        "cells": next((i for i, cell in enumerate(cells, 1) if PARAMETERS in cell.tags), 0),
    }


def _words(command: Command) -> list[str]:
    """The words of a command; of a shell line that can't be read, what stands between blanks."""
    import shlex

    if isinstance(command, tuple):
        return list(command)
    try:
        words = shlex.shlex(command, posix=True, punctuation_chars=True)
        words.whitespace_split, words.commenters = True, ""
        return list(words)
    except ValueError:
        return command.split()
