"""The listing of one folder level of one version; its digest names the folder.

Source: docs/format.md, "Manifests". Folders nest by digest, so a change costs
its own path, and what two versions share is compared by one digest.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Final

import msgspec

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

FILE: Final = 0
PROGRAM: Final = 1
"""A file with its executable bit set."""
FOLDER: Final = 2
LINK: Final = 3
"""A symbolic link; its `digest` field holds the text that it points to."""

FORMAT: Final = 1
TAG: Final = "jupyter_mlx manifest"

MOST_DEEP: Final = 200
"""Folders in one another: beyond that nothing real is found, and nothing hostile may lead."""

_LONGEST_NAME = 255
_LONGEST_LINK = 4095
_REFUSED = re.compile(
    rb"|\.|\.\.|.*[/\\\x00].*|[A-Za-z]:.*|\.git|\.mlx|\.ipynb_checkpoints", re.DOTALL | re.IGNORECASE
)
_REFUSED_AMONG = re.compile(
    rb"[\\\x00]|/(?:\.{0,2}|[A-Za-z]:[^/]*|\.git|\.mlx|\.ipynb_checkpoints)/", re.IGNORECASE
)
"""What `_REFUSED` refuses, among names that a slash parts."""


class BadNameError(UsageError):
    """A file has a name that can't be kept safely on every system."""

    code = "bad-name"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path!r} can't be tracked under that name: `.git`, `.mlx`, a backslash and a drive letter "
            "are refused in data; rename it or move it out of the folder"
        )


class TooDeepError(UsageError):
    """Folders lie in one another without end."""

    code = "too-deep"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        shown = self.path if len(self.path) < 100 else f"{self.path[:100]}…"
        return f"{shown} has more than {MOST_DEEP} folders in one another, which can't be tracked; put it in an archive"


class BadManifestError(CorruptError):
    """An object that should list a folder does not, or lists what no folder can hold."""

    code = "manifest-corrupt"

    def __init__(self, digest: str, problem: str) -> None:
        super().__init__(digest, problem)
        self.digest, self.problem = digest, problem

    def __str__(self) -> str:
        return (
            f"manifest {self.digest} is refused: {self.problem}; nothing was written. "
            "Get the data from a source that you trust"
        )


class Entry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One name in a folder."""

    name: bytes
    """As the file system has it: mostly, but not always, UTF-8."""
    kind: int
    """FILE, PROGRAM, FOLDER or LINK."""
    digest: bytes
    """32 bytes: of the file, or of the folder's manifest. Of a link: its text."""
    size_bytes: int
    """Of a folder: of all files in it."""
    files: int
    """1; of a folder: how many are in it."""

    @property
    def of(self) -> Digest:
        """The object's digest."""
        return Digest(self.digest.hex())


class Manifest(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One folder level."""

    tag: str
    format: int
    entries: tuple[Entry, ...]
    """Ordered by name, each name once."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Manifest:
        """The manifest of these entries, in whatever order they come.

        Raises:
            BadNameError: a name can't be kept.
        """
        ordered = sorted(entries, key=_by_name)
        _require_safe([entry.name for entry in ordered])
        return cls(TAG, FORMAT, tuple(ordered))

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Read a manifest, trusting nothing in it.

        Raises:
            BadManifestError: it is not one, or names what must not be written.
        """
        try:
            manifest = _DECODER.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadManifestError(str(Digest.of(data)), f"it is not a folder's listing ({error})") from None
        problem = _problem(manifest)
        if problem:
            raise BadManifestError(str(Digest.of(data)), problem)
        return manifest

    def encode(self) -> bytes:
        """The bytes whose digest names the folder; the same for the same content, always."""
        return _ENCODER.encode(self)

    @property
    def size_bytes(self) -> int:
        """Of all files, those in folders below too."""
        return sum(entry.size_bytes for entry in self.entries)

    @property
    def files(self) -> int:
        """How many, those in folders below too."""
        return sum(entry.files for entry in self.entries)


def encode_listing(names: Sequence[bytes], entry: Callable[[bytes], Entry]) -> bytes:
    """What `Manifest.of(…).encode()` returns for `entry` of each of the ordered `names`, made one at a time.

    Raises:
        BadNameError: a name can't be kept.
    """
    _require_safe(names)
    encoded = bytearray(_HEAD + _array_head(len(names)))
    for name in names:
        _ENCODER.encode_into(entry(name), encoded, -1)
    return bytes(encoded)


def _array_head(count: int) -> bytes:
    """How MessagePack begins an array of that many items."""
    if count < 16:
        return bytes([0x90 | count])
    if count < 1 << 16:
        return b"\xdc" + count.to_bytes(2, "big")
    return b"\xdd" + count.to_bytes(4, "big")


def is_safe(name: bytes) -> bool:
    """Whether a name may stand in a manifest."""
    return len(name) <= _LONGEST_NAME and not _REFUSED.fullmatch(name)


def are_safe(names: Sequence[bytes]) -> bool:
    """`is_safe` of all of them: by one search, for a folder may have a hundred thousand."""
    joined = b"/%b/" % b"/".join(names)
    return (
        max(map(len, names), default=0) <= _LONGEST_NAME
        and joined.count(b"/") == max(1, len(names)) + 1
        and (not names or not _REFUSED_AMONG.search(joined))
    )


def _require_safe(names: Sequence[bytes]) -> None:
    if not are_safe(names):
        bad = next(name for name in names if not is_safe(name))
        raise BadNameError(bad.decode("utf-8", "surrogateescape"))


def _by_name(entry: Entry) -> bytes:
    return entry.name


def _problem(manifest: Manifest) -> str:
    """What is wrong with a manifest; empty where nothing is."""
    if manifest.tag != TAG:
        return "it is not a folder's listing"
    if manifest.format != FORMAT:
        return f"it has format {manifest.format}, which this version does not know"
    before = None
    for entry in () if _is_plain(manifest.entries) else manifest.entries:
        name = entry.name
        if not is_safe(name):
            return f"it names {_shown(name)}"
        if before is not None and name <= before:
            return f"{_shown(name)} is out of order"
        if not _is_sound(entry):
            return f"its entry for {_shown(name)} is malformed"
        before = name
    return ""


def _is_plain(entries: tuple[Entry, ...]) -> bool:
    """Whether these are files alone, and all is well with them: quicker to say than what is wrong."""
    names = [entry.name for entry in entries]
    return (
        {entry.kind for entry in entries} <= {FILE, PROGRAM}
        and {len(entry.digest) for entry in entries} <= {32}
        and {entry.files for entry in entries} <= {1}
        and min((entry.size_bytes for entry in entries), default=0) >= 0
        and all(map(operator.lt, names, names[1:]))
        and are_safe(names)
    )


def _shown(name: bytes) -> str:
    return repr(name.decode("utf-8", "backslashreplace"))


def _is_sound(entry: Entry) -> bool:
    if entry.size_bytes < 0 or entry.files < 0 or entry.kind not in {FILE, PROGRAM, FOLDER, LINK}:
        return False
    if entry.kind == LINK:
        return 0 < len(entry.digest) <= _LONGEST_LINK and b"\x00" not in entry.digest
    return len(entry.digest) == 32 and (entry.kind == FOLDER or entry.files == 1)


_ENCODER = msgspec.msgpack.Encoder()
_HEAD = b"\x93" + _ENCODER.encode(TAG) + _ENCODER.encode(FORMAT)
_DECODER = msgspec.msgpack.Decoder(Manifest)
