"""How two runs differ: code, params, data, packages, metrics and outputs, as one value."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .run import FileVersion, Run


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not the same in both; None where one run has it not."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences of two runs; what is equal is not in it."""

    a: str
    b: str
    code: tuple[str, ...]
    """A unified difference, a line each, without line ends."""
    params: tuple[Change, ...]
    inputs: tuple[Change, ...]
    """By path: the digests."""
    packages: tuple[Change, ...]
    metrics: tuple[Change, ...]
    outputs: tuple[Change, ...]
    facts: tuple[Change, ...]
    """Status, git commit, Python, machine."""

    @classmethod
    def of(cls, a: Run, b: Run, environments: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Comparison:
        """Compare two runs and the environments that they ran in."""
        env_a, env_b = environments
        return cls(
            a=a.id,
            b=b.id,
            code=code_difference(a, b),
            params=changes(a.params, b.params),
            inputs=changes(_digests(a.inputs), _digests(b.inputs)),
            packages=changes(env_a.get("packages", {}), env_b.get("packages", {})),
            metrics=changes(a.metrics, b.metrics),
            outputs=changes(_digests(a.outputs), _digests(b.outputs)),
            facts=changes(_facts(a, env_a), _facts(b, env_b)),
        )

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not any(
            (self.code, self.params, self.inputs, self.packages, self.metrics, self.outputs, self.facts)
        )


def changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Change, ...]:
    """What differs between two mappings, by name."""
    return tuple(
        Change(name, a.get(name), b.get(name))
        for name in sorted(a.keys() | b.keys())
        if a.get(name) != b.get(name)
    )


def code_difference(a: Run, b: Run) -> tuple[str, ...]:
    """The unified difference of the code, slices included."""
    before, after = ("\n".join([*run.slice, run.source]).splitlines() for run in (a, b))
    return tuple(difflib.unified_diff(before, after, f"run {a.id[:8]}", f"run {b.id[:8]}", lineterm=""))


def _digests(files: tuple[FileVersion, ...]) -> dict[str, str]:
    return {file.path: file.digest for file in files}


def _facts(run: Run, environment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": run.status,
        "git commit": run.git.get("commit"),
        "python": environment.get("python"),
        "os": environment.get("os"),
        "cpu": environment.get("cpu"),
    }
