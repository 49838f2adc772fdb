"""The small text file beside tracked data, `NAME.mlx`, that git versions in its stead.

    format: 1
    kind: folder
    digest: b3:6f1ed002ab5595859014ebf0951522d9…
    size_bytes: 3670016
    files: 1797

It is YAML, but is read and written here, strictly: one line a key, so that git
shows what changed, and no parser at start-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from jupyter_mlx.digest import BadDigestError, Digest
from jupyter_mlx.errors import AccessError, ConfigError
from jupyter_mlx.store.files import write_atomically

from .version import Kind, Version

SUFFIX = ".mlx"
FORMAT = 1
_NEEDED = ("format", "kind", "digest", "size_bytes", "files")
_KEYS = (*_NEEDED, "executable")
_LONGEST = 4096
OTHERS = (b"PK\x03\x04", b"<!DOCTYPE", b"<?xml")
"""How files of other programs that end in .mlx begin: MATLAB's live scripts, MeshLab's filter scripts."""


class NewerPointerError(ConfigError):
    """A pointer was written by a later version, in a format that this one does not know."""

    code = "newer-pointer"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer file says."""

    kind: Kind
    digest: Digest
    size_bytes: int
    files: int
    executable: bool = False
    """Of a file; it stands in the pointer only where it is set."""

    @classmethod
    def of(cls, version: Version) -> Pointer:
        """The pointer to a version."""
        executable = bool(version.executable)
        return cls(version.kind, version.digest, version.size_bytes, version.files, executable)

    @classmethod
    def parse(cls, text: str, file: str) -> Pointer:
        """Read the text of the pointer `file`.

        Raises:
            ConfigError: it is malformed; the line and the key are named.
        """
        values, lines = _lines(text, file)
        for key in _NEEDED:
            if key not in values:
                raise ConfigError(file, 0, key, "is missing; `jmlx add` writes the pointer anew")
        if values["format"] != str(FORMAT):
            problem = f"format {values['format']} is not known to this version; upgrade jupyter_mlx"
            raise NewerPointerError(file, lines["format"], "format", problem)
        kind: Kind | None = next((kind for kind in get_args(Kind) if kind == values["kind"]), None)
        if kind is None:
            raise ConfigError(file, lines["kind"], "kind", f"{values['kind']!r} is neither file nor folder")
        try:
            digest = Digest.parse(values["digest"])
        except BadDigestError as error:
            raise ConfigError(file, lines["digest"], "digest", str(error)) from None
        size, files = (_number(file, lines[key], key, values[key]) for key in ("size_bytes", "files"))
        if values.get("executable", "true") != "true" or (kind == "folder" and "executable" in values):
            raise ConfigError(file, lines["executable"], "executable", "can only be true, and only of a file")
        return cls(kind, digest, size, files, executable="executable" in values)

    @classmethod
    def read(cls, path: Path, file: str) -> Pointer:
        """Read the pointer at `path`, called `file` in messages.

        Raises:
            ConfigError: it is malformed.
            AccessError: it can't be read.
        """
        try:
            with path.open("rb") as opened:
                data = opened.read(_LONGEST + 1)
        except OSError as error:
            raise AccessError.of(error, path) from None
        return cls.parse(data.decode("utf-8", "replace"), file)

    def render(self) -> str:
        """The text, the same for the same version always."""
        return (
            f"format: {FORMAT}\nkind: {self.kind}\ndigest: {self.digest}\n"
            f"size_bytes: {self.size_bytes}\nfiles: {self.files}\n" + "executable: true\n" * self.executable
        )

    def write(self, path: Path, temp: Path) -> None:
        """Put the pointer at `path`, atomically; nothing happens where it says so already."""
        text = self.render().encode()
        try:
            if path.read_bytes() == text:
                return
        except OSError:
            pass  # absent, or unreadable: then writing tells
        write_atomically(str(path), text, str(temp))

    def version(self, path: str) -> Version:
        """The version that it points to, as data at `path`."""
        executable = self.executable if self.kind == "file" else None
        return Version(path, self.kind, self.digest, self.size_bytes, self.files, executable)


def is_pointer(path: str) -> bool:
    """Whether a file that ends in .mlx is ours: malformed or not, but no other program's."""
    try:
        with Path(path).open("rb") as file:
            return not file.read(16).startswith(OTHERS)
    except OSError:
        return False


def _lines(text: str, file: str) -> tuple[dict[str, str], dict[str, int]]:
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(text[:_LONGEST].split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(("<<<<<<<", "=======", ">>>>>>>")):
            data = file.rpartition(":")[2].removesuffix(SUFFIX)
            problem = (
                f"git left a merge conflict here; `jmlx checkout {data} --ours` (or --theirs) keeps that side of "
                "the files that clash, and all else of both"
            )
            raise ConfigError(file, number, "", problem)
        key, colon, value = line.partition(": ")
        if not colon or key not in _KEYS:
            raise ConfigError(file, number, "", f"{line[:60]!r} is no line of a pointer ({', '.join(_KEYS)})")
        if key in values:
            raise ConfigError(file, number, key, "stands there twice")
        values[key], lines[key] = value.strip(), number
    return values, lines


def _number(file: str, line: int, key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise ConfigError(file, line, key, f"{text[:40]!r} is no count")
    return int(text)
