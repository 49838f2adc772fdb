"""The results of all fingerprints so far: going back is a checkout, not a run.

Each is a small file, `.mlx/results/` and the fingerprint's hex digits, that
says what the lock said of it. Where a stage read what mlx.yaml does not name,
`HEX.seen` says, for the fingerprint without those inputs, which they were: it
takes both to find the result again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, MlxError

from .result import DataVersion, Result

MOST_SEEN = 20
"""Sets of undeclared inputs that are remembered for one fingerprint."""


class Results:
    """The results that this project has kept."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "results"

    def get(self, fingerprint: Digest) -> Result | None:
        """The result with this fingerprint; None where there is none, or its file is damaged."""
        try:
            result = Result.parse(json.loads((self.folder / fingerprint.hex).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, MlxError):
            return None
        # a file that was edited by hand says something else than its name
        return result if result.fingerprint.digest == fingerprint else None

    def put(self, result: Result) -> None:
        """Keep a result, whole or not at all.

        Raises:
            AccessError: the project's folder cannot be written.
        """
        if result.seen_inputs:
            base = result.base.digest
            sets = [list(result.seen_inputs), *map(list, self.seen(base))]
            unique = list(dict.fromkeys(tuple(sorted(paths)) for paths in sets))
            self._write(f"{base.hex}.seen", unique[:MOST_SEEN])
        self._write(result.fingerprint.digest.hex, result.entry())

    def seen(self, base: Digest) -> list[tuple[str, ...]]:
        """The sets of undeclared inputs that executions with this fingerprint read, the last one first."""
        try:
            found = json.loads((self.folder / f"{base.hex}.seen").read_bytes())
            return [tuple(map(str, paths)) for paths in found]
        except (OSError, ValueError, TypeError):
            return []

    def _write(self, name: str, content: Any) -> None:
        path = self.folder / name
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self.folder.mkdir(exist_ok=True)
            temporary.write_text(json.dumps(content, sort_keys=True), "utf-8")
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise AccessError.of(error, path) from error

    def versions(self) -> Iterator[DataVersion]:
        """The outputs of all kept results: what garbage collection must spare."""
        for result in self.all():
            yield from result.outputs.values()

    def all(self) -> Iterator[Result]:
        """All kept results."""
        for path in sorted(self.folder.glob("[0-9a-f]*")):
            result = None if path.suffix else self.get(Digest(path.name))
            if result is not None:
                yield result
