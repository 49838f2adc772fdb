"""One state of data: the value that pointers, runs and pipelines name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from .manifest import FILE, FOLDER, PROGRAM, Entry

if TYPE_CHECKING:
    from typing import Protocol

    from jupyter_mlx.digest import Digest

    class Named(Protocol):
        """A version as a run holds it."""

        @property
        def path(self) -> str:
            """See `Version.path`."""

        @property
        def kind(self) -> str:
            """`folder`; of a file, anything else."""

        @property
        def digest(self) -> str:
            """As text."""

        @property
        def size_bytes(self) -> int:
            """See `Version.size_bytes`."""


Kind: TypeAlias = Literal["file", "folder"]


@dataclass(frozen=True, slots=True)
class Version:
    """One state of data."""

    path: str
    """Relative to the project, `/`-separated."""
    kind: Kind
    digest: Digest
    """Of the bytes of a file, of the manifest of a folder."""
    size_bytes: int
    files: int
    executable: bool | None = None
    """Whether a file has its executable bit set; None of a folder, and where nobody wrote it down."""

    @classmethod
    def of(cls, path: str, entry: Entry) -> Version:
        """The version that an entry of a manifest names."""
        kind: Kind = "folder" if entry.kind == FOLDER else "file"
        executable = None if kind == "folder" else entry.kind == PROGRAM
        return cls(path, kind, entry.of, entry.size_bytes, entry.files, executable)

    def entry(self, name: bytes = b"") -> Entry:
        """The version as an entry of the folder above it."""
        kind = FOLDER if self.kind == "folder" else PROGRAM if self.executable else FILE
        return Entry(name, kind, self.digest.raw, self.size_bytes, self.files)
