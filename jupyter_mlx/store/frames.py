"""The framing of small objects in a pack file: pure bytes, no index.

A pack is `HEADER` and then frames, each saying what it holds, so that the index
can be made again from the packs alone. Source: docs/format.md, "Packs".
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = b"MLXPACK\x01"
MAGIC = b"\xf5mlx"
PLAIN = 0
"""The one encoding of format 1: the object's own bytes."""

_FIELDS = struct.Struct("<4sB3xII32s")
_CRC = struct.Struct("<I")
FRAME_BYTES = _FIELDS.size + _CRC.size
"""What a frame adds to its object."""

_WINDOW_BYTES = 8 << 20
_LONGEST = 1 << 26


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a pack, as found."""

    digest: bytes
    """32 bytes."""
    offset: int
    """Where the object's bytes begin in the pack."""
    data: bytes
    whole: bool
    """Whether `data` has the digest that the frame says."""

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.offset + len(self.data)


def encode(digest: bytes, data: bytes) -> bytes:
    """The frame header that goes before `data`."""
    fields = _FIELDS.pack(MAGIC, PLAIN, len(data), len(data), digest)
    return fields + _CRC.pack(zlib.crc32(fields))


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
        length = _read_header(window, at)
        if length is None or position + FRAME_BYTES + length > end:
            found = window.find(MAGIC, at + 1)
            # keep three bytes: the next window may complete a magic that begins here
            position = base + (found if found >= 0 else max(at + 1, len(window) - len(MAGIC) + 1))
            continue
        window, base = _fill(fd, window, base, position, FRAME_BYTES + length)
        at = position - base
        digest = window[at + 16 : at + 48]
        data = window[at + FRAME_BYTES : at + FRAME_BYTES + length]
        yield Frame(digest, position + FRAME_BYTES, data, blake3(data).digest() == digest)
        position += FRAME_BYTES + length


def _fill(fd: int, window: bytes, base: int, position: int, needed: int) -> tuple[bytes, int]:
    """A window on the pack that holds `needed` bytes from `position`, if the file does."""
    if position >= base and position + needed <= base + len(window):
        return window, base
    return os.pread(fd, max(_WINDOW_BYTES, needed), position), position


def _read_header(window: bytes, at: int) -> int | None:
    """The length of the object of the frame that begins at `at`; None where none does."""
    header = window[at : at + FRAME_BYTES]
    if len(header) < FRAME_BYTES or not header.startswith(MAGIC):
        return None
    fields = header[: _FIELDS.size]
    if _CRC.unpack(header[_FIELDS.size :])[0] != zlib.crc32(fields):
        return None
    _, encoding, stored, length, _ = _FIELDS.unpack(fields)
    return stored if encoding == PLAIN and stored == length <= _LONGEST else None
