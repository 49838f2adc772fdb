"""The name of immutable bytes: `b3:` and 64 hex digits, their BLAKE3-256.

Source: the digest grammar of the OCI image spec (descriptor.md, "Digests").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from blake3 import blake3

from .errors import UsageError

PREFIX = "b3:"
_HEX = re.compile(r"[0-9a-f]{64}")


class BadDigestError(UsageError):
    """A text is not a digest."""

    code = "bad-digest"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"{self.text!r} is not a digest; one is written b3: and 64 hex digits"


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The BLAKE3-256 of some bytes."""

    hex: str
    """64 lower-case hex digits."""

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview) -> Digest:
        """The digest of `data`."""
        return cls(blake3(data).hexdigest())

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read the written form.

        Raises:
            BadDigestError: `text` is anything but `b3:` and 64 lower-case hex digits.
        """
        digits = text.removeprefix(PREFIX)
        if len(digits) == len(text) or not _HEX.fullmatch(digits):
            raise BadDigestError(text)
        return cls(digits)

    @property
    def raw(self) -> bytes:
        """The 32 bytes themselves."""
        return bytes.fromhex(self.hex)

    @property
    def short(self) -> str:
        """The first 12 digits, for people."""
        return self.hex[:12]

    def __str__(self) -> str:
        return PREFIX + self.hex
