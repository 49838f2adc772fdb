"""How two runs differ, ranked: what most likely explains another result comes first.

Causes come before effects, and among causes what people change before what
changes by itself. What is equal is counted, not listed.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any, Literal, TypeAlias

from jupyter_mlx.wording import counted

from .cells import CellChange
from .run import FileVersion, Run

Kind: TypeAlias = Literal[
    "code", "param", "input", "seed", "package", "machine", "git", "status", "metric", "output", "figure", "text"
]  # fmt: skip
_GROUPS: dict[str, tuple[Kind, ...]] = {
    "params": ("param",), "inputs": ("input",), "seeds": ("seed",), "packages": ("package",), "metrics": ("metric",),
    "outputs": ("output",), "figures": ("figure",), "facts": ("machine", "git", "status"),
}  # fmt: skip


class Rank(IntEnum):
    """How likely a difference explains another result; the lower, the likelier. From STATUS on it is the result."""

    CODE = 0
    PARAM = 1
    DATA = 2
    SEED = 3
    PACKAGE = 4
    """One that the runs imported, or Python itself."""
    CHANCE = 5
    """A generator that nobody set stood elsewhere."""
    DOUBTFUL_DATA = 6
    """Files outside the project, and those of which it is not sure that they were read."""
    MACHINE = 7
    OTHER_PACKAGE = 8
    COSMETIC = 9
    """Code that does the same: comments, white space."""
    GIT = 10
    STATUS = 11
    METRIC = 12
    OUTPUT = 13
    SHOWN = 14


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not the same in both; None where one has it not."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference of two runs, ranked; `a` or `b` is None where that run has it not."""

    kind: Kind
    name: str
    a: Any
    b: Any
    rank: Rank
    note: str = ""
    """What is to be said of it, for people."""
    delta: float | None = None
    """Of two numbers, by how much the second is more. Which is better is not known."""
    percent: float | None = None
    """The same in hundredths of the first; None where that is 0."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What differs inside data that both runs read or wrote."""

    path: str
    lines: tuple[str, ...]
    """For people, a line each."""
    value: Any = None
    """As `jmlx diff --json` has it; None where it could not be looked into."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What differs and can be told only by looking into the store."""

    data: tuple[Detail, ...] = ()
    cells: tuple[CellChange, ...] = ()
    """Of two notebooks."""
    text: tuple[str, ...] = ()
    """A unified difference of what the runs printed and showed as text, a line each."""
    figures: tuple[tuple[str, Any, Any], ...] = ()
    """The name of each figure that differs, with its digest in both."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences of two runs; what is equal is only counted."""

    a: str
    b: str
    ranked: tuple[Finding, ...]
    """What most likely explains another result first."""
    code: tuple[str, ...]
    """A unified difference, slices included, a line each, without line ends."""
    inside: Inside
    equal: dict[str, int] = field(default_factory=dict)
    """How many are equal, by kind."""

    @classmethod
    def of(
        cls,
        a: Run,
        b: Run,
        environments: tuple[Mapping[str, Any], Mapping[str, Any]],
        inside: Inside | None = None,
    ) -> Comparison:
        """Compare two runs and the environments that they ran in."""
        inside = inside or Inside()
        code = code_difference(a, b)
        found = [*_code(a, b, code, inside.cells), *_facts(a, b, environments), *_shown(inside)]
        return cls(
            a.id, b.id, tuple(sorted(found, key=_order)), code, inside, _counts(a, b, environments, found)
        )

    def of_kind(self, *kinds: Kind) -> tuple[Finding, ...]:
        """The changes of some kinds, in their order."""
        return tuple(change for change in self.ranked if change.kind in kinds)

    def as_json(self) -> dict[str, Any]:
        """The shape of `jmlx runs compare --json` and of the REST route: `ranked`, and the same by kind."""
        rows = [
            {**asdict(change), "rank": change.rank.name.lower().replace("_", "-")} for change in self.ranked
        ]
        groups = {plural: [row for row in rows if row["kind"] in kinds] for plural, kinds in _GROUPS.items()}
        return {
            "a": self.a, "b": self.b, "ranked": rows, "same": self.equal, "code": self.code, **groups,
            "data": [asdict(detail) for detail in self.inside.data],
            "cells": [asdict(cell) for cell in self.inside.cells],
            "text": self.inside.text,
        }  # fmt: skip

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.ranked


def code_difference(a: Run, b: Run) -> tuple[str, ...]:
    """The unified difference of the code, slices included."""
    before, after = (_code_of(run).splitlines() for run in (a, b))
    return tuple(difflib.unified_diff(before, after, f"run {a.id[:8]}", f"run {b.id[:8]}", lineterm=""))


def _code_of(run: Run) -> str:
    return "\n".join([*run.slice, run.source])


def _order(change: Finding) -> tuple[int, float, str]:
    return change.rank, -abs(change.percent or 0.0) if change.kind == "metric" else 0.0, change.name


def _code(a: Run, b: Run, lines: tuple[str, ...], cells: tuple[CellChange, ...]) -> Iterator[Finding]:
    if not lines and not any(cell.what != "outputs" for cell in cells):
        return
    note = _told(lines)
    if cells:
        counts = {
            what: sum(cell.what == what for cell in cells)
            for what in ("changed", "added", "removed", "moved")
        }
        note = "cells: " + ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    is_cosmetic = not lines or _does_the_same(_code_of(a), _code_of(b))
    if is_cosmetic:
        note += "; the code does the same"
    yield Finding("code", "source", None, None, Rank.COSMETIC if is_cosmetic else Rank.CODE, note)


def _told(lines: tuple[str, ...]) -> str:
    """How much differs in a unified difference."""
    come, gone = (sum(line.startswith(sign) for line in lines[2:]) for sign in "+-")
    return f"{come} {'line' if come == 1 else 'lines'} added, {gone} removed"


def _does_the_same(a: str, b: str) -> bool:
    """Whether two texts are the same program, but for comments and white space; magics are not looked through."""
    try:
        return ast.dump(ast.parse(a)) == ast.dump(ast.parse(b))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _facts(a: Run, b: Run, environments: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Iterator[Finding]:
    yield from _findings("param", a.params, b.params, Rank.PARAM)
    yield from _inputs(a, b)
    yield from _seeds(a.seeds, b.seeds)
    yield from _environment(*environments)
    yield from _findings("git", _git(a), _git(b), Rank.GIT)
    yield from _findings("status", {"status": a.status}, {"status": b.status}, Rank.STATUS)
    if a.error != b.error:
        told = [f"{run.error.ename}: {run.error.evalue}" if run.error else None for run in (a, b)]
        yield Finding("status", "error", told[0], told[1], Rank.STATUS)
    yield from _findings("metric", a.metrics, b.metrics, Rank.METRIC)
    yield from _findings("output", _digests(a.outputs), _digests(b.outputs), Rank.OUTPUT)


def changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Change, ...]:
    """What differs between two mappings, by name. NaN is the same as NaN, `1` is not `True`."""
    return tuple(
        Change(name, a.get(name), b.get(name))
        for name in sorted(a.keys() | b.keys())
        if (name in a) != (name in b) or not _equal(a[name], b[name])
    )


def _findings(kind: Kind, a: Mapping[str, Any], b: Mapping[str, Any], rank: Rank) -> Iterator[Finding]:
    for change in changes(a, b):
        yield _finding(kind, change.name, change.a, change.b, rank)


def _finding(kind: Kind, name: str, a: Any, b: Any, rank: Rank) -> Finding:
    if kind not in {"param", "metric"} or not (_is_number(a) and _is_number(b)):
        return Finding(kind, name, a, b, rank)
    try:
        delta = float(b) - float(a)
        percent = delta / abs(a) * 100 if a else None
    except OverflowError:
        return Finding(kind, name, a, b, rank)
    if not math.isfinite(delta):
        return Finding(kind, name, a, b, rank)
    share = f" ({percent:+.3g} %)" if percent is not None and math.isfinite(percent) else ""
    return Finding(kind, name, a, b, rank, f"{delta:+.5g}{share}", delta, percent)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _inputs(a: Run, b: Run) -> Iterator[Finding]:
    doubtful = {
        file.path for run in (a, b) for file in run.inputs if file.how == "weak" or file.kind == "outside"
    }
    for change in _findings("input", _digests(a.inputs), _digests(b.inputs), Rank.DATA):
        if change.name not in doubtful:
            yield change
        else:
            note = "not in the project, or perhaps not read"
            yield Finding("input", change.name, change.a, change.b, Rank.DOUBTFUL_DATA, note)


def _seeds(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Finding]:
    for name in sorted(a.keys() | b.keys()):
        before, after = (_as_mapping(seeds.get(name)) for seeds in (a, b))
        if before.get("set") != after.get("set"):
            yield Finding("seed", name, before.get("set"), after.get("set"), Rank.SEED)
        elif before.get("state") != after.get("state") and not before.get("set"):
            note = "nothing sets it: it began in another state"
            yield Finding("seed", name, before.get("state"), after.get("state"), Rank.CHANCE, note)


def _as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _environment(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _findings("package", {"python": a.get("python")}, {"python": b.get("python")}, Rank.PACKAGE)
    imported = {*_imported(a), *_imported(b)}
    for change in _findings("package", a.get("packages") or {}, b.get("packages") or {}, Rank.OTHER_PACKAGE):
        if change.name in imported:
            yield Finding("package", change.name, change.a, change.b, Rank.PACKAGE, "imported")
        else:
            yield change
    yield from _findings("machine", _machine(a), _machine(b), Rank.MACHINE)


def _imported(environment: Mapping[str, Any]) -> Iterable[str]:
    """The packages that were imported, where that is known."""
    found = environment.get("imported") or ()
    return found if isinstance(found, Iterable) else ()


def _machine(environment: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of the machine, and each environment variable, by name."""
    facts = {
        key: value for key, value in environment.items() if key not in {"python", "packages", "imported"}
    }
    return {**facts, **_as_mapping(facts.pop("variables", {}))}


def _git(run: Run) -> dict[str, Any]:
    return {name: run.git.get(name) for name in ("commit", "branch", "diff") if run.git.get(name)}


def _digests(files: tuple[FileVersion, ...]) -> dict[str, str]:
    return {file.path: file.digest for file in files}


def _shown(inside: Inside) -> Iterator[Finding]:
    for name, a, b in inside.figures:
        yield Finding("figure", name, a, b, Rank.SHOWN)
    cells = [cell for cell in inside.cells if cell.outputs]
    if inside.text or cells:
        note = _told(inside.text) if inside.text else f"outputs of {counted(len(cells), 'cell')} differ"
        yield Finding("text", "printed and shown" if inside.text else "outputs", None, None, Rank.SHOWN, note)


def _counts(
    a: Run, b: Run, environments: tuple[Mapping[str, Any], Mapping[str, Any]], found: list[Finding]
) -> dict[str, int]:
    packages = [env.get("packages") or {} for env in environments]
    known = {
        "param": a.params.keys() | b.params.keys(),
        "input": _digests(a.inputs).keys() | _digests(b.inputs).keys(),
        "package": packages[0].keys() | packages[1].keys(),
        "metric": a.metrics.keys() | b.metrics.keys(),
        "output": _digests(a.outputs).keys() | _digests(b.outputs).keys(),
    }
    differing = {kind: {change.name for change in found if change.kind == kind} for kind in known}
    counts = {kind: len(names - differing[kind]) for kind, names in known.items()}
    return {kind: count for kind, count in counts.items() if count}
