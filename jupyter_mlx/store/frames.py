"""The framing of objects in a pack file: pure bytes, no index.

A pack is `HEADER` and then frames, each saying what it holds, so that the index
can be made again from the packs alone. Source: docs/format.md, "Packs".
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from blake3 import blake3

from .recipes import is_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = b"MLXPACK\x01"
MAGIC = b"\xf5mlx"
PLAIN, ZSTD, RECIPE = 0, 1, 2
"""Encodings: the object's own bytes; one zstd frame of them; the recipe of a large object that the digest names."""

PIECE = 1
"""A flag: a chunk or a leaf of large objects, no object that a manifest or a record names."""

_FIELDS = struct.Struct("<4sBB2xII32s")
_CRC = struct.Struct("<I")
FRAME_BYTES = _FIELDS.size + _CRC.size
"""What a frame adds to its object."""

_LEVEL = 3
_WORTHWHILE = 128
"""Fewer bytes than this are not worth a compression of their own."""
_PROBED_BYTES, _PROBE_BYTES = 1 << 18, 1 << 13
_WINDOW_BYTES = 8 << 20
_LONGEST = 1 << 26


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a pack, as found."""

    digest: bytes
    """32 bytes."""
    offset: int
    """Where what follows the header begins in the pack."""
    data: bytes
    """The object's bytes; with encoding `RECIPE`, the recipe."""
    whole: bool
    """Whether `data` has the digest that the frame says, or is a recipe as it was written."""
    encoding: int
    stored: int
    """How many bytes of the pack follow the header."""
    piece: bool
    """See `PIECE`."""

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.offset + self.stored


def encode(digest: bytes, data: bytes) -> bytes:
    """The frame header that goes before `data`, an object as it is."""
    return header(digest, PLAIN, len(data), len(data))


def header(digest: bytes, encoding: int, stored: int, length: int, *, piece: bool = False) -> bytes:
    """The frame header that goes before `stored` bytes, which say `length` bytes of an object or a recipe."""
    fields = _FIELDS.pack(MAGIC, encoding, PIECE if piece else 0, stored, length, digest)
    return fields + _CRC.pack(zlib.crc32(fields))


def encoding_in(found: bytes) -> int:
    """The encoding that a frame header says."""
    return found[len(MAGIC)]


def stands(found: bytes, digest: bytes, stored: int) -> bool:
    """Whether this is the whole header of a frame of that object, with so many bytes after it."""
    read = _read_header(found, 0)
    return read is not None and (read[2], read[4]) == (stored, digest)


def length_in(found: bytes) -> int:
    """The length of the expanded bytes that a frame header says."""
    return int(_FIELDS.unpack_from(found)[4])


def shrink(data: bytes | memoryview) -> tuple[int, bytes | memoryview]:
    """An encoding, and `data` in it: compressed where that saves something."""
    if len(data) < _WORTHWHILE:
        return PLAIN, data
    compressor = _tools().compressor
    if len(data) >= _PROBED_BYTES:  # bytes at two places tell whether the rest is worth the time
        probes = (data[:_PROBE_BYTES], data[len(data) // 2 : len(data) // 2 + _PROBE_BYTES])
        if all(len(compressor.compress(probe)) > _PROBE_BYTES - _PROBE_BYTES // 16 for probe in probes):
            return PLAIN, data
    small = compressor.compress(data)
    return (ZSTD, small) if len(small) < len(data) - len(data) // 16 else (PLAIN, data)


def expand(encoding: int, stored: bytes | memoryview, length: int) -> bytes | None:
    """The bytes that `shrink` was given, `length` of them; None where `stored` is anything else.

    A frame that says more than `length` is not expanded further: memory stays bounded.
    """
    if encoding != ZSTD:
        return bytes(stored) if len(stored) == length else None
    tools = _tools()
    try:
        # the size that the frame itself declares is what would be allocated
        if tools.zstd.frame_content_size(stored) != length:
            return None
        data: bytes = tools.decompressor.decompress(stored)
    except tools.zstd.ZstdError:
        return None
    return data if len(data) == length else None


class _Tools(threading.local):
    """What compresses and expands in this thread: zstd's own objects are not shared."""

    def __init__(self) -> None:
        import zstandard

        self.zstd = zstandard
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


@cache
def _tools() -> _Tools:
    return _Tools()


def is_whole(digest: bytes, encoding: int, data: bytes | memoryview | None) -> bool:
    """Whether expanded bytes are what a frame of that digest and encoding should hold."""
    if data is None:
        return False
    return is_recipe(data) if encoding == RECIPE else blake3(data).digest() == digest


def scan(fd: int, start: int, end: int) -> Iterator[Frame]:
    """The frames of an open pack between two offsets, in order.

    `start` 0 checks the pack's header first. Where a frame header is damaged, or
    the pack was torn by a crash, the scan goes on at the next header that is
    right; the digests keep this honest.
    """
    if start < len(HEADER):
        if os.pread(fd, len(HEADER), 0) != HEADER:
            return
        start = len(HEADER)
    window, base, position = b"", start, start
    while position + FRAME_BYTES <= end:
        window, base = _fill(fd, window, base, position, FRAME_BYTES)
        at = position - base
        found_header = _read_header(window, at)
        if found_header is None or position + FRAME_BYTES + found_header[2] > end:
            found = window.find(MAGIC, at + 1)
            # keep three bytes: the next window may complete a magic that begins here
            position = base + (found if found >= 0 else max(at + 1, len(window) - len(MAGIC) + 1))
            continue
        encoding, flags, stored, length, digest = found_header
        window, base = _fill(fd, window, base, position, FRAME_BYTES + stored)
        at = position - base + FRAME_BYTES
        data = expand(encoding, window[at : at + stored], length)
        whole = is_whole(digest, encoding, data)
        position += FRAME_BYTES
        yield Frame(digest, position, data or b"", whole, encoding, stored, bool(flags & PIECE))
        position += stored


def _fill(fd: int, window: bytes, base: int, position: int, needed: int) -> tuple[bytes, int]:
    """A window on the pack that holds `needed` bytes from `position`, if the file does."""
    if position >= base and position + needed <= base + len(window):
        return window, base
    return os.pread(fd, max(_WINDOW_BYTES, needed), position), position


def _read_header(window: bytes, at: int) -> tuple[int, int, int, int, bytes] | None:
    """Encoding, flags, stored length, length and digest of the frame that begins at `at`; None where none does."""
    found = window[at : at + FRAME_BYTES]
    if len(found) < FRAME_BYTES or not found.startswith(MAGIC):
        return None
    fields = found[: _FIELDS.size]
    if _CRC.unpack(found[_FIELDS.size :])[0] != zlib.crc32(fields):
        return None
    _, encoding, flags, stored, length, digest = _FIELDS.unpack(fields)
    known = encoding == ZSTD or (encoding in {PLAIN, RECIPE} and stored == length)
    return (encoding, flags, stored, length, digest) if known and max(stored, length) <= _LONGEST else None
