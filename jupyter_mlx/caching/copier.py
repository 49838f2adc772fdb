"""What makes copies of a kernel's process, as the making of checkpoints knows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Order:
    """A copy that is wanted."""

    about: dict[str, Any]
    """What it says of itself: whose it is, and after what."""
    made: Callable[[str], None]
    """Is told the copy's key."""
    refused: Callable[[str], None]
    """Is told why there is none."""
    copied: Callable[[], None]
    """Called in the copy, at once."""


class Copier(Protocol):
    """Makes copies of this process that sleep until a kernel is asked of them."""

    @property
    def own(self) -> tuple[str, ...]:
        """How the paths begin of the kernel's own sockets, which no copy keeps."""

    @property
    def events(self) -> int:
        """How many files wake the kernel's threads: they come and go."""

    def prepare(self) -> None:
        """Have the kernel hold what it will hold later by itself."""

    def check(self) -> None:
        """Make sure that the kernel can be copied, as far as it is not for `inherited` to say.

        Raises:
            DoubtError: it can't.
        """

    def copy_later(self, order: Order) -> None:
        """Copy the process when what it is asked now is answered."""

    def end(self, key: str) -> None:
        """Have a copy end."""
