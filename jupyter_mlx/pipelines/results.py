"""The results of all fingerprints so far: going back is a checkout, not a run.

Each is a small file, `.mlx/results/` and the fingerprint's hex digits, that
says what the lock said of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, MlxError

from .result import DataVersion, Result


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
        path = self.folder / result.fingerprint.digest.hex
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self.folder.mkdir(exist_ok=True)
            temporary.write_text(json.dumps(result.entry(), sort_keys=True), "utf-8")
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise AccessError.of(error, path) from error

    def versions(self) -> Iterator[DataVersion]:
        """The outputs of all kept results: what garbage collection must spare."""
        for path in sorted(self.folder.glob("[0-9a-f]*")):
            result = self.get(Digest(path.name))
            if result is not None:
                yield from result.outputs.values()
