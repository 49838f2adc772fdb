"""The listing of one folder level of one version; its digest names the folder.

Source: docs/format.md, "Manifests". Folders nest by digest, so a change costs
its own path, and what two versions share is compared by one digest.
"""

from __future__ import annotations

import functools
import itertools
import operator
import re
from typing import TYPE_CHECKING, Final

import msgspec

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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

TOGETHER: Final = 4096
"""So many entries are made at once: few enough for the memory, enough for speed."""

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


class _Level(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A manifest as it is encoded."""

    tag: str
    format: int
    entries: tuple[Entry, ...]


class Manifest:
    """One folder level. It is held as it is encoded: as objects, a million entries would take 240 MB."""

    __slots__ = ("_count", "_data", "_few")

    def __init__(self, data: bytes, count: int, few: tuple[Entry, ...] | None) -> None:
        self._data, self._count, self._few = data, count, few

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Manifest:
        """The manifest of these entries, in whatever order they come.

        Raises:
            BadNameError: a name can't be kept.
        """
        ordered = sorted(entries, key=_by_name)
        data = b"".join(encoded(len(ordered), [ordered]))
        return cls(data, len(ordered), tuple(ordered) if len(ordered) <= TOGETHER else None)

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Read a manifest, trusting nothing in it.

        Raises:
            BadManifestError: it is not one, or names what must not be written.
        """
        return cls._read(data, _problem)

    @classmethod
    def decode_own(cls, data: bytes) -> Manifest:
        """`decode` without a look at the names: of what is stored, to learn what it lists.

        Raises:
            BadManifestError: it is not one.
        """
        return cls._read(data, lambda _entries, _before: "")

    @classmethod
    def _read(cls, data: bytes, problem_of: Callable[[Sequence[Entry], bytes | None], str]) -> Manifest:
        last: bytes | None = None
        few: tuple[Entry, ...] | None = None
        count = 0
        for part in _parts(data):
            problem = problem_of(part, last)
            if problem:
                raise BadManifestError(str(Digest.of(data)), problem)
            few = None if count else part
            count += len(part)
            last = part[-1].name if part else None
        return cls(data, count, few)

    def encode(self) -> bytes:
        """The bytes whose digest names the folder; the same for the same content, always."""
        return self._data

    @property
    def entries(self) -> Iterable[Entry]:
        """Ordered by name, each name once; made anew whenever they are gone through."""
        return self

    def __iter__(self) -> Iterator[Entry]:
        return itertools.chain.from_iterable(self.parts())

    def parts(self) -> Iterable[tuple[Entry, ...]]:
        """The entries, as many together as are worth it."""
        return _parts(self._data) if self._few is None else (self._few,)

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Manifest):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self.entries, other.entries))

    def __hash__(self) -> int:
        return hash(self._data)

    @property
    def size_bytes(self) -> int:
        """Of all files, those in folders below too."""
        return sum(entry.size_bytes for entry in self.entries)

    @property
    def files(self) -> int:
        """How many, those in folders below too."""
        return sum(entry.files for entry in self.entries)


def encoded(count: int, parts: Iterable[Sequence[Entry]]) -> Iterator[bytes]:
    """The bytes of a manifest, one after another: of `count` entries, some at once, in the order of their names.

    Raises:
        BadNameError: a name can't be kept.
    """
    yield _HEAD + _array_head(count)
    for part in parts:
        _require_safe([entry.name for entry in part])
        yield _ENCODER.encode(part)[len(_array_head(len(part))) :]


def _parts(data: bytes) -> Iterator[tuple[Entry, ...]]:
    """The entries that some bytes list, as many together as are worth it.

    Raises:
        BadManifestError: they are not those of a manifest.
    """
    try:
        left, at = _announced(data)
        if left <= TOGETHER:
            level = _DECODER.decode(data)
            if level.tag != TAG:
                raise msgspec.ValidationError("another list")
            if level.format != FORMAT:
                problem = f"it has format {level.format}, which this version does not know"
                raise BadManifestError(str(Digest.of(data)), problem)
            yield level.entries
            return
        while left > TOGETHER and (found := _many().match(data, at)):
            yield _SOME.decode(_array_head(TOGETHER) + data[at : found.end()])
            left, at = left - TOGETHER, found.end()
        yield _SOME.decode(_array_head(left) + data[at:])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadManifestError(str(Digest.of(data)), f"it is not a folder's listing ({error})") from None


def _announced(data: bytes) -> tuple[int, int]:
    """How many entries a long manifest says that it has, and where they begin; of any other bytes, nothing."""
    at = len(_HEAD)
    for first, size in ((b"\xdc", 2), (b"\xdd", 4)):
        if data.startswith(_HEAD + first):
            return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size
    return 0, 0


@functools.cache
def _many() -> re.Pattern[bytes]:
    """So many entries, to find where they end without making them; a link with a long text is none of them."""
    text = rb"(?:" + b"|".join(b"%b.{%d}" % (re.escape(bytes([size])), size) for size in range(256)) + rb")"
    number = rb"(?:[\x00-\x7f]|\xcc.|\xcd..|\xce.{4}|\xcf.{8})"
    entry = rb"\x95\xc4" + text + rb"[\x00-\x03]\xc4" + text + number + number
    return re.compile(b"(?:%b){%d}" % (entry, TOGETHER), re.DOTALL)


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


def paired(
    one: Iterable[Entry], other: Iterable[Entry]
) -> Iterator[tuple[bytes, Entry | None, Entry | None]]:
    """Each name of two listings, in order, with its entries."""
    ones, others = iter(one), iter(other)
    a, b = next(ones, None), next(others, None)
    while a or b:
        if a and (b is None or a.name < b.name):
            yield a.name, a, None
            a = next(ones, None)
        elif b and (a is None or b.name < a.name):
            yield b.name, None, b
            b = next(others, None)
        elif a and b:
            yield a.name, a, b
            a, b = next(ones, None), next(others, None)


def _by_name(entry: Entry) -> bytes:
    return entry.name


def _problem(entries: Sequence[Entry], before: bytes | None) -> str:
    """What is wrong with entries that follow the name `before`; empty where nothing is."""
    if _is_plain(entries, before):
        return ""
    for entry in entries:
        name = entry.name
        if not is_safe(name):
            return f"it names {_shown(name)}"
        if before is not None and name <= before:
            return f"{_shown(name)} is out of order"
        if not _is_sound(entry):
            return f"its entry for {_shown(name)} is malformed"
        before = name
    return ""


def _is_plain(entries: Sequence[Entry], before: bytes | None) -> bool:
    """Whether these are files alone, and all is well with them: quicker to say than what is wrong."""
    names = [entry.name for entry in entries]
    return (
        {entry.kind for entry in entries} <= {FILE, PROGRAM}
        and {len(entry.digest) for entry in entries} <= {32}
        and {entry.files for entry in entries} <= {1}
        and min((entry.size_bytes for entry in entries), default=0) >= 0
        and all(map(operator.lt, names, names[1:]))
        and (not names or before is None or before < names[0])
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
_DECODER = msgspec.msgpack.Decoder(_Level)
_SOME = msgspec.msgpack.Decoder(tuple[Entry, ...])
