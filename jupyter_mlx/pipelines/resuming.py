"""To begin a stage at a cell: which checkpoint of its last execution can be trusted, and what goes with it.

A checkpoint counts where all that its cells depended on is as it was: their
text, the parameters, the kernel, the project's modules, every input, and the
files they wrote. What the session itself held is compared in the new kernel
(`caching.checkpoints`), which refuses in doubt; the stage is then executed from
the top.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from jupyter_mlx.caching import checkpoints
from jupyter_mlx.caching.checkpoints import Checkpoint
from jupyter_mlx.capture.names import HISTORY
from jupyter_mlx.capture.slicing import names_of
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import MlxError

from . import formats
from .bench import Execution
from .executors.base import Job, Outcome
from .facts import Facts
from .fingerprint import Fingerprint, code_cells
from .kernels import COLD_VARIABLE, asleep, calling
from .lock import file_name
from .observing import FILES, INCOMPLETE
from .outputs import version_of
from .pipeline import covers
from .plan import Step
from .result import DataVersion
from .running import Running
from .stage import Stage

FORMAT: Final = 1
_HASHES: Final = "PYTHONHASHSEED"
_ACCOUNT: Final = "account"
_NOTEBOOK: Final = "notebook.ipynb"


class Account(msgspec.Struct, frozen=True):
    """What the last execution of a stage depended on."""

    format: int
    run: str
    kernel: str
    modules: dict[str, str]
    params: dict[str, Any]
    inputs: dict[str, str]
    """Declared and seen: path → digest."""
    tagged: int
    """Up to which code cell the parameters' is, with it; 0 where there is none."""
    told: tuple[dict[str, Any], ...]
    """The files that it touched, as its kernel told them."""
    doubt: str = ""
    """Why nothing of it can be trusted."""
    upto: str = ""
    """While a later execution has not ended: the last checkpoint that is of this one; empty: all are."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a stage is to begin."""

    number: str
    """The checkpoint's."""
    checkpoint: Checkpoint
    account: Account
    cells: int
    """How many of the notebook's code cells are not executed."""
    copy: str = ""
    """The key of the kernel's copy that sleeps after those, empty where there is none."""
    recorded: bool = True
    """Whether what is recorded is all that the cells to come may need."""

    @property
    def reason(self) -> str:
        """As a plan would say it."""
        if self.copy:
            return f"from cell {self.cells + 1}: run {self.account.run[:8]} is still in memory"
        return f"from cell {self.cells + 1}: run {self.account.run[:8]} had done those before"


class Resuming:
    """The checkpoints of a project's stages, for one command."""

    def __init__(self, root: Path, state: Path, facts: Facts, after_s: float, memory_share: float) -> None:
        self.root, self.facts, self.after_s, self.memory_share = root, facts, after_s, memory_share
        self._state = state / "checkpoints"

    def choose(self, stage: Stage, fingerprint: Fingerprint) -> Start | None:
        """The last checkpoint that can be trusted; None where there is none.

        Raises:
            MlxError: the notebook can't be read.
        """
        account = self._account(stage)
        if not self.takes(stage) or account is None or self._differs(stage, fingerprint, account):
            return None
        data = formats.read_bytes(self.root / stage.notebook, stage.notebook)
        sources = [cell.source for cell in code_cells(formats.document(data, stage.notebook).cells)]
        for path, found in checkpoints.found(self._folder(stage)):
            done = _matched(found.cells, sources, account.tagged if stage.params else None)
            if done is None or (account.upto and path.stem > account.upto) or not self._has_files(found):
                continue
            recorded = bool(found.signature) and not _lacks(found, sources[done:])
            copy = _awaits(path)
            if copy or recorded:
                return Start(path.stem, found, account, done, copy, recorded)
        return None

    def takes(self, stage: Stage) -> bool:
        """Whether checkpoints can be made of it: of a notebook in Python; and a secret must not be written down."""
        return bool(stage.notebook) and not stage.secrets

    def _differs(self, stage: Stage, now: Fingerprint, then: Account) -> bool:
        params = json.loads(json.dumps(dict(now.params), default=str))
        return bool(
            then.doubt
            or then.kernel != now.kernel
            or then.modules != dict(now.modules)
            or then.params != params
            or then.tagged != self.facts.notebook(stage, stage.group).cells
            or set(stage.inputs) - then.inputs.keys()
            or any(self.facts.digest(path) != digest for path, digest in then.inputs.items())
        )

    def _has_files(self, checkpoint: Checkpoint) -> bool:
        """Whether the files that the cells wrote are there, or in the store."""
        store = self.facts.outputs.workspace.store
        return all(
            self.facts.digest(path) == digest or store.has(Digest.parse(digest))
            for path, (digest, _) in checkpoint.files.items()
        )

    def begin(self, stage: Stage, step: Step, *, forced: bool) -> Start | None:
        """Clear the way for a stage, and bring back what the cells wrote that are not executed; see `FromTheTop`."""
        start = None
        if step.fingerprint is not None and not forced:
            start = self.choose(stage, step.fingerprint)
        self.facts.outputs.clear(stage)
        if start is not None:
            try:
                self._bring_files(start)
            except (MlxError, OSError):
                self.facts.outputs.clear(stage)
                return None
        return start

    def _bring_files(self, start: Start) -> None:
        """The outputs have been cleared, and so are in the store."""
        for path in start.checkpoint.folders:
            (self.root / path).mkdir(parents=True, exist_ok=True)
        for path, (digest, size_bytes) in start.checkpoint.files.items():
            version = version_of(DataVersion(path, "file", digest, size_bytes, 1))
            self.facts.outputs.workspace.restore(version, force=True)
        self.facts.outputs.forget()

    def equipped(self, job: Job, stage: Stage, start: Start | None) -> Job:
        """The job, beginning there; without a start from the top, with checkpoints from then on."""
        if not self.takes(stage) or job.language != "python":
            return job
        folder = self._folder(stage)
        for path in [*folder.glob("*.json"), *folder.glob("*.copy")]:
            if start is None or path.stem > start.number:
                checkpoints.remove(path.with_suffix(".json"), _end)
        if start is None:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = {
            "folder": str(folder), "root": job.root, "outputs": stage.outputs, "after_s": self.after_s,
            "stage": stage.name, "memory_share": self.memory_share,
        }  # fmt: skip
        prologue = "\n".join(filter(None, (job.prologue, _code(place, start))))
        if start is not None:
            # what is made from now on is not of the execution that the account is of
            self._put(stage, msgspec.structs.replace(start.account, upto=start.number))
        # sets of texts come back in the order that they had
        job = replace(job, prologue=prologue, env={**job.env, _HASHES: "0"})
        if start is None:
            return job
        return replace(
            job, begin=len(start.checkpoint.cells), earlier=str(folder / _NOTEBOOK), copy=start.copy
        )

    def ended(self, running: Running, outcome: Outcome) -> Outcome:
        """Keep account of an execution; the outcome, with what the cells that were not executed had touched."""
        execution, start, fingerprint = running.execution, running.start, running.step.fingerprint
        stage, job = execution.stage, execution.job
        if not self.takes(stage) or job.language != "python" or fingerprint is None:
            return outcome
        if start is not None:
            outcome = replace(outcome, told=_joined(outcome.told, start.account.told))
        folder = self._folder(stage)
        with suppress(OSError, MlxError):
            self._put(stage, self._made(execution, fingerprint, outcome))
            shutil.copyfile(job.executed, folder / _NOTEBOOK)
        return outcome

    def _made(self, execution: Execution, fingerprint: Fingerprint, outcome: Outcome) -> Account:
        stage = execution.stage
        files = tuple(outcome.told.get(FILES, ()))
        reads = {f["path"] for f in files if f["role"] == "input" and not f["gone"]}
        inputs = {path: self.facts.digest(path) or "" for path in {*stage.inputs, *reads}}
        facts = self.facts.notebook(stage, stage.group)
        return Account(
            FORMAT, execution.run.id, fingerprint.kernel, dict(fingerprint.modules),
            json.loads(json.dumps(dict(fingerprint.params), default=str)),
            inputs, facts.cells, files, _doubt(stage, outcome),
        )  # fmt: skip

    def _put(self, stage: Stage, account: Account) -> None:
        (self._folder(stage) / _ACCOUNT).write_bytes(msgspec.json.encode(account))

    def _account(self, stage: Stage) -> Account | None:
        try:
            found = msgspec.json.decode((self._folder(stage) / _ACCOUNT).read_bytes(), type=Account)
        except (OSError, msgspec.DecodeError):
            return None
        return found if found.format == FORMAT else None

    def _folder(self, stage: Stage) -> Path:
        return self._state / file_name(stage.name)


def _code(place: Mapping[str, Any], start: Start | None) -> str:
    call = f"begin({dict(place)!r})"
    if start is not None:
        call = f"go_on({dict(place)!r}, {start.number!r}, recorded={start.recorded})"
    line = f"__import__({asleep.__name__!r}, fromlist=['x']).{call}"
    # a kernel whose Python has no jupyter_mlx makes none; to go on it must
    return line if start else f"try:\n    {line}\nexcept ImportError:\n    pass"


def _awaits(path: Path) -> str:
    """The key of the checkpoint's copy that sleeps and can be gone on with; empty where there is none."""
    key = checkpoints.copy_of(path)
    if not key or os.environ.get(COLD_VARIABLE):
        return ""
    said = calling.described(key)
    if said is None or said.get("stale", True):
        return ""
    return key if (said["folder"], said["number"]) == (str(path.parent), path.stem) else ""


def _end(key: str) -> None:
    calling.stop_warm_process(key, now=False)


def _matched(done: Sequence[str], sources: Sequence[str], injected: int | None) -> int | None:
    """How many of the notebook's cells a checkpoint stands behind; None where they are others."""
    own = list(done)
    if injected is not None and len(own) > injected:
        del own[injected]
    now = [checkpoints.digest(source) for source in sources[: len(own)]]
    return len(own) if own == now else None


def _lacks(checkpoint: Checkpoint, rest: Sequence[str]) -> bool:
    """Whether the cells to come may need what is not kept."""
    names = [names_of(source) for source in rest]
    if any(not HISTORY.isdisjoint(each.uses | each.mentions.keys()) for each in names):
        return True
    if not checkpoint.left:
        return False
    words = {word for source in rest for word in re.findall(r"\w+", source)}
    return any(each.uses_any for each in names) or not words.isdisjoint(checkpoint.left)


def _joined(told: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    files = {(f["path"], f["role"]): f for f in (*earlier, *told.get(FILES, ()))}
    return {**told, FILES: list(files.values())}


def _doubt(stage: Stage, outcome: Outcome) -> str:
    if FILES not in outcome.told:
        return "its kernel did not tell which files it touched"
    return next(_doubts(stage, outcome.told), "")


def _doubts(stage: Stage, told: Mapping[str, Any]) -> Iterator[str]:
    yield from told.get(INCOMPLETE, ())
    for file in told[FILES]:
        path, sources = file["path"], file.get("source", "").split(",")
        if file["role"] == "input" and file["changed"]:
            yield f"{path} changed while it ran"
        # what Python opened itself is looked at where each checkpoint is made
        apart = "hook" not in sources or "child" in sources
        if file["role"] == "output" and apart and not any(covers(own, path) for own in stage.outputs):
            yield f"{path} was written by another program"
