"""The fingerprint: the digest of all that determines a stage's result.

It covers the sources of the notebook's code cells (not Markdown, outputs,
metadata, nor the cell that papermill injects), the project's modules that they
import, the kernel, the parameters, the versions of the inputs, and the names of
the outputs. Imports are found by reading the syntax: a module that is loaded
under a computed name is not seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from jupyter_mlx.digest import Digest

from .imports import Import

FORMAT = 1
INJECTED = "injected-parameters"
PARAMETERS = "parameters"

Reader: TypeAlias = "Callable[[str], tuple[Digest, Sequence[Import]] | None]"
"""Path → the digest and the imports of a project file; None where there is none."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a notebook, as far as it matters to what the notebook does."""

    kind: str
    source: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What determines a stage's result, part by part, so that a plan can say what changed."""

    code: str
    """The digest of the code cells."""
    kernel: str
    modules: Mapping[str, str] = field(default_factory=dict)
    """Path of a project module that the code imports → its digest."""
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Path → the digest of its version."""
    outputs: tuple[str, ...] = ()

    @property
    def digest(self) -> Digest:
        """The name of the result."""
        parts = [FORMAT, self.code, self.kernel, self.modules, self.params, self.inputs, sorted(self.outputs)]
        return Digest.of(json.dumps(parts, sort_keys=True, separators=(",", ":"), default=dict).encode())

    def changes(self, before: Fingerprint) -> tuple[str, ...]:
        """What differs from `before`, in the words of a plan; empty where nothing does."""
        parts = ("code", "kernel", "params", "outputs")
        words = [f"{part} changed" for part in parts if getattr(self, part) != getattr(before, part)]
        for now, then in ((self.modules, before.modules), (self.inputs, before.inputs)):
            words += [f"{path} changed" for path in sorted({*now, *then}) if now.get(path) != then.get(path)]
        return tuple(words)


def code_digest(cells: Iterable[Cell]) -> Digest:
    """The digest of what the code cells say."""
    return Digest.of(json.dumps([cell.source.rstrip() for cell in code_cells(cells)]).encode())


def code_cells(cells: Iterable[Cell]) -> Iterator[Cell]:
    """The cells that are executed, but for empty ones and the injected one."""
    for cell in cells:
        if cell.kind == "code" and cell.source.strip() and INJECTED not in cell.tags:
            yield cell


def modules(imports: Sequence[Import], roots: Sequence[str], read: Reader) -> dict[str, str]:
    """The project's files behind `imports`, and behind theirs: path → digest.

    `roots` are the folders that Python looks into, relative to the project;
    `""` is the project itself.
    """
    found: dict[str, str] = {}
    tried: set[str] = set()
    waiting = [path for item in imports for path in _candidates(item, roots, "")]
    while waiting:
        path = waiting.pop()
        if path in tried:
            continue
        tried.add(path)
        seen = read(path)
        if seen is not None:
            found[path] = str(seen[0])
            waiting += [more for item in seen[1] for more in _candidates(item, roots, path)]
    return found


def _candidates(item: Import, roots: Sequence[str], importer: str) -> Iterator[str]:
    """The files that an import may load; `importer` is the file that it stands in."""
    module, level, names = item
    if level:
        parts = importer.split("/")[:-level]
        if not importer:
            return
        bases: Sequence[str] = ["/".join(parts)]
    else:
        bases = roots
    words = module.split(".") if module else []
    dotted = ["/".join(words[: i + 1]) for i in range(len(words))]
    whole = "/".join(words)
    dotted += [f"{whole}/{name}" if whole else name for name in names if name != "*"]
    for base in bases:
        prefix = f"{base}/" if base else ""
        if level:
            yield f"{prefix}__init__.py"
        for name in dotted:
            yield f"{prefix}{name}.py"
            yield f"{prefix}{name}/__init__.py"
