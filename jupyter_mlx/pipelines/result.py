"""The result of a stage: what determined it, and which versions came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jupyter_mlx.digest import Digest

from .fingerprint import Fingerprint


@dataclass(frozen=True, slots=True)
class DataVersion:
    """One state of an input or output, as a lock names it."""

    path: str
    """Relative to the project, `/`-separated."""
    kind: Literal["file", "folder"]
    digest: str
    size_bytes: int
    files: int

    def entry(self) -> dict[str, Any]:
        """What the lock says of it, under its path."""
        return {
            "kind": self.kind,
            "digest": self.digest,
            "size_bytes": self.size_bytes,
            "files": self.files,
        }

    @classmethod
    def parse(cls, path: str, entry: Any) -> DataVersion:
        """Read `entry` back; raises ValueError, KeyError or TypeError where it is malformed."""
        if entry["kind"] not in ("file", "folder"):
            raise ValueError(entry["kind"])
        digest = str(Digest.parse(entry["digest"]))
        return cls(path, entry["kind"], digest, int(entry["size_bytes"]), int(entry["files"]))


@dataclass(frozen=True, slots=True)
class Result:
    """One finished execution of a stage."""

    fingerprint: Fingerprint
    inputs: Mapping[str, DataVersion] = field(default_factory=dict)
    outputs: Mapping[str, DataVersion] = field(default_factory=dict)
    run: str = ""
    """The id of the run that made it."""
    duration_s: float = 0.0
    notebook: str = ""
    """The digest of the executed notebook; of a command, of its log."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """What the run logged, the last value of each."""
    seen: tuple[str, ...] = ()
    """Those of the inputs and outputs that mlx.yaml does not name: the run was seen to touch them."""
    edited: bool = field(default=False, compare=False)
    """Whether its facts are not those that its fingerprint was made of: somebody changed the lock by hand."""

    @property
    def base(self) -> Fingerprint:
        """The fingerprint without the inputs that were only seen: it is known before the stage has run."""
        inputs = {path: d for path, d in self.fingerprint.inputs.items() if path not in self.seen}
        return replace(self.fingerprint, inputs=inputs)

    @property
    def seen_inputs(self) -> tuple[str, ...]:
        """The inputs that mlx.yaml does not name."""
        return tuple(path for path in self.seen if path in self.inputs)

    def entry(self) -> dict[str, Any]:
        """The result as JSON says it."""
        return {
            "fingerprint": str(self.fingerprint.digest),
            "code": self.fingerprint.code,
            "kernel": self.fingerprint.kernel,
            "modules": dict(self.fingerprint.modules),
            "params": dict(self.fingerprint.params),
            "inputs": {path: version.entry() for path, version in self.inputs.items()},
            "outputs": {path: version.entry() for path, version in self.outputs.items()},
            "run": self.run,
            "duration_s": round(self.duration_s, 3),
            "notebook": self.notebook,
            "metrics": dict(self.metrics),
            "seen": list(self.seen),
        }

    @classmethod
    def parse(cls, entry: Any) -> Result:
        """Read what `entry` wrote; raises ValueError, KeyError or TypeError where it is malformed."""
        inputs = {p: DataVersion.parse(p, v) for p, v in dict(entry["inputs"]).items()}
        outputs = {p: DataVersion.parse(p, v) for p, v in dict(entry["outputs"]).items()}
        seen = tuple(str(path) for path in entry.get("seen", ()))
        fingerprint = Fingerprint(
            code=str(entry["code"]),
            kernel=str(entry["kernel"]),
            modules={str(p): str(d) for p, d in dict(entry["modules"]).items()},
            params=dict(entry["params"]),
            inputs={path: version.digest for path, version in inputs.items()},
            outputs=tuple(sorted(path for path in outputs if path not in seen)),
        )
        stated = str(entry.get("fingerprint", ""))
        return cls(
            edited=bool(stated) and stated != str(fingerprint.digest),
            fingerprint=fingerprint,
            inputs=inputs,
            outputs=outputs,
            run=str(entry["run"]),
            duration_s=float(entry["duration_s"]),
            notebook=str(entry["notebook"]),
            metrics={str(n): float(v) for n, v in dict(entry.get("metrics", {})).items()},
            seen=seen,
        )
