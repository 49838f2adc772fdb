"""Tells the stat cache what a checkout wrote, so that the next status reads nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from .marks import Marks, changed
from .scan import Row, Whole, is_settled

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from .marks import Known
    from .place import Spot
    from .scan import StatCache

_HELD: Final = 50_000
_SETTLES_NS: Final = 100_000_000


class _Folder(NamedTuple):
    path: bytes
    done_ns: int
    placed: Marks
    linked: Collection[bytes]
    gone: Sequence[bytes]
    whole: Whole | None


class Placed:
    """Holds what was written until a later write of the same file would show, then remembers it."""

    def __init__(self, cache: StatCache) -> None:
        self._cache = cache
        self._folders: list[_Folder] = []
        self._held = 0

    def folder(self, spot: Spot, whole: Whole | None = None) -> None:
        """A folder is done; with `whole`, which it is now, nothing else is in it."""
        spot.end_part()
        if not (spot.placed or spot.gone or whole):
            return
        self._folders.append(_Folder(spot.path, time.time_ns(), spot.placed, spot.linked, spot.gone, whole))
        self._held += len(spot.placed)
        if self._held >= _HELD:
            self._keep(time.time_ns() - _SETTLES_NS)

    def close(self) -> None:
        """All is done."""
        self._keep(time.time_ns())

    def _keep(self, until_ns: int) -> None:
        ready = [folder for folder in self._folders if folder.done_ns <= until_ns]
        self._folders = self._folders[len(ready) :]
        self._held = sum(len(folder.placed) for folder in self._folders)
        now = time.time_ns()
        self._cache.keep((folder.path, self._row(folder, now)) for folder in ready)

    def _row(self, folder: _Folder, now: int) -> Row:
        def settled(block: Known) -> Known:
            # the store's own file was looked at by the store itself, which has the same trust in it
            return {
                name: mark for name, mark in block.items() if is_settled(mark, now) or name in folder.linked
            }

        come = Marks(map(settled, folder.placed))
        if folder.whole is not None:
            return Row(come, folder.whole if len(come) == len(folder.placed) else None)
        return Row(changed(self._cache.load(folder.path).files, folder.gone, come))
