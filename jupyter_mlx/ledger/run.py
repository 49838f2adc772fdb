"""A run: one recorded execution of a cell, a notebook, a stage or a block in a script."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["cell", "notebook", "stage", "block", "pipeline", "sweep", "reproduce", "snapshot"]
Status: TypeAlias = Literal["running", "finished", "failed", "interrupted"]
How: TypeAlias = Literal["declared", "seen", "weak"]
Value: TypeAlias = Any
"""A parameter: anything that JSON can say, nested; `plain` makes it so."""

Series: TypeAlias = dict[str, list[tuple[int, float, float]]]
"""Metric → (step, value, seconds since the run's start), in the order of the steps."""


def new_id() -> str:
    """A fresh run id: 16 hex digits, unique across machines, so that ledgers merge as a union."""
    return os.urandom(8).hex()


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A file or folder that a run read or wrote, at its exact version."""

    path: str
    """Relative to the project, `/`-separated; absolute for a file outside it."""
    digest: str
    """`b3:…`: of the bytes of a file, of the manifest of a folder."""
    size_bytes: int
    how: How = "declared"
    kind: Literal["file", "folder", "outside"] = "file"
    """`outside`: a file outside the project, known by its digest; the store need not have it."""
    source: str = ""
    """What saw it, comma-separated: `hook`, `child`, `watch`, `handle`, `map`, `scan`; empty where it was declared."""
    changed: bool = False
    """Whether it changed while the run ran, so that the digest may not be of the bytes that were read."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended a run."""

    ename: str
    evalue: str
    traceback: tuple[str, ...] = ()
    """The frames as the notebook shows them, one string each, with ANSI colours."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the ledger holds it."""

    id: str
    name: str
    kind: Kind
    status: Status
    started_at: datetime
    """UTC, always."""
    duration_s: float | None = None
    """Wall seconds; None while it runs."""
    params: dict[str, Value] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    """The last value of each; the steps are in the series."""
    tags: tuple[str, ...] = ()
    notebook: str | None = None
    """Relative to the project, `/`-separated."""
    notebook_how: str = ""
    """Who says which notebook it is, of a cell: `request`, `session`, `guessed`, …; see `magics.identity`."""
    cell_id: str | None = None
    parent: str | None = None
    source: str = ""
    slice: tuple[str, ...] = ()
    slice_notes: tuple[str, ...] = ()
    """What makes the slice doubtful, for people: a cell that was edited after it had defined a name."""
    guessed: tuple[str, ...] = ()
    """The metrics that were not logged or asked for, but taken from what the cell computed."""
    seeds: dict[str, Any] = field(default_factory=dict)
    """Generator (`random`, `numpy`, `torch`, …) → `state`, a digest of it when the run began, and `set`, the
    seeds that the code gives it."""
    command: dict[str, Any] = field(default_factory=dict)
    """How it was begun, so that it can be again: of a cell `track`, the rest of its `%%track` line; of a block in a
    script `script`, `argv` and `cwd`."""
    key: str = ""
    """The digest of the code, the slice and the params; empty where the run is none that could be spared."""
    variables: dict[str, Any] = field(default_factory=dict)
    """What the cell left behind, where it was to be kept: `kept` and `left`, as `caching.variables` has them."""
    inputs: tuple[FileVersion, ...] = ()
    outputs: tuple[FileVersion, ...] = ()
    cell_outputs: tuple[dict[str, Any], ...] = ()
    """nbformat outputs; a large payload is replaced by `{"digest", "size_bytes"}`."""
    environment: str | None = None
    """The digest of the environment, an object that many runs share."""
    git: dict[str, Any] = field(default_factory=dict)
    error: Failure | None = None
    resources: dict[str, Any] = field(default_factory=dict)
    """cpu_s, peak_memory_bytes, …; of a long run also `series`. See `capture.resources`."""
    incomplete: tuple[str, ...] = ()
    """Why files may be missing from the inputs and outputs, each with the next step; empty where all could be seen."""
    progress: dict[str, Any] = field(default_factory=dict)
    """Of a stage that runs: `cell`, of `cells`, and the last `line` that it printed; written a few times a second."""
    problems: tuple[str, ...] = ()
    """What could not be recorded, a sentence each: steps that a full disk refused, say."""
    starred: bool = False
    note: str = ""
    seq: int = 0
    """The ledger's change number at which this run last changed."""
