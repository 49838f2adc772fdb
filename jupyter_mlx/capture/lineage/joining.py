"""What all sources together say: a trace a file, and whether it was input, output, both or neither.

The rules stand in docs/lineage.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from . import watcher
from .audit import MINE, Look
from .events import MADE, NEEDED, PUT, READ, UNSURE, UPDATED, look
from .places import module
from .seen import SeenFile, is_same

if TYPE_CHECKING:
    from .audit import Listener
    from .children import ChildTouch
    from .places import Places
    from .watch import Handle, Watched

_DONE = watcher.READ | watcher.WRITTEN | watcher.CLOSED | watcher.OPENED


@dataclass(slots=True)
class Trace:
    """What is known of one file. It is named by where its bytes are."""

    real: str
    shown: str
    """The path that was used for it."""
    sources: dict[str, None] = field(default_factory=dict)
    sure: bool = False
    """Whether the run's own code touched it."""
    reads: bool = False
    needs: bool = False
    """Whether it may have seen what was there; where it reads without, it only wrote more."""
    writes: bool = False
    fresh: bool = False
    """Whether the run wrote it before it read anything of it."""
    knows_before: bool = False
    before: Look | None = None
    watched: int = 0
    """The watcher's bits."""

    def by(self, source: str, *, sure: bool) -> None:
        """One more source saw it."""
        self.sources[source] = None
        self.sure = self.sure or sure


class Joining:
    """Takes what the sources saw, in the order: hook, children, watch, handles, maps, scan."""

    def __init__(self, places: Places, started_ns: int) -> None:
        self.places, self.started_ns = places, started_ns
        self.traces: dict[str, Trace] = {}
        self._folders: dict[str, str] = {}
        """Folder as it was named → where it is."""

    # -- the sources -------------------------------------------------------------------------

    def add_hook(self, listener: Listener) -> None:
        """What this process's own Python code touched."""
        for path, touch in listener.touched.items():
            self._touched(path, touch.first, touch.bits, touch.before, "hook", sure=bool(touch.bits & MINE))

    def add_children(self, touches: Iterable[ChildTouch]) -> None:
        """What Python child processes touched."""
        for touch in touches:
            if self.places.counts(touch.path) and not touch.what & UNSURE:
                self._touched(touch.path, touch.what, touch.what, touch.before, "child", sure=touch.mine)

    def add_watched(self, watched: Watched, unsure: dict[str, int]) -> None:
        """What the file system told; `unsure` are ends of paths that the hook saw."""
        ends = {f"/{end}": what for end, what in unsure.items()}
        for path, bits in watched.files.items():
            if not bits & _DONE:
                continue
            trace = self._trace(path, watched.links.get(path) or self._led(path, watched.folders))
            what = next((what for end, what in ends.items() if path.endswith(end)), None)
            trace.by("watch", sure=what is not None)
            trace.watched |= bits
            if "hook" in trace.sources or "child" in trace.sources:
                # who is known better than by this; that it was written, not always
                trace.writes = trace.writes or bool(bits & watcher.WRITTEN)
                trace.needs = trace.needs or bool(bits & watcher.READ)
                continue
            trace.needs = True
            trace.reads = bool(bits & watcher.READ) or not bits & (watcher.WRITTEN | watcher.CLOSED)
            trace.writes = bool(bits & (watcher.WRITTEN | watcher.CLOSED))
            trace.fresh = bool(bits & watcher.WRITTEN_FIRST)

    def add_held(self, start: dict[str, Handle], end: dict[str, Handle]) -> None:
        """Handles that were there before, and those that are there now, by their numbers."""
        for number, handle in start.items():
            now = end.get(number)
            moved = now is None or now.path != handle.path or now.position != handle.position
            if moved or self._happened(handle.path):
                self._held(handle.path, "handle", reads=handle.reads, writes=handle.writes, sure=True)
        for number, handle in end.items():
            if number not in start and handle.writes and handle.path in self.traces:
                # native code has it open still: what it has written so far shows in the file
                self.traces[handle.path].writes = True

    def add_maps(self, maps: dict[str, bool], links: dict[str, str]) -> None:
        """Files that this process had mapped: that they were read can't be seen, that they were written shows."""
        for path, shared in maps.items():
            wrote = shared and self._is_new(path)
            self._held(path, "map", reads=True, writes=wrote, sure=wrote, shown=links.get(path))

    def add_scanned(self, paths: Iterable[str]) -> None:
        """Files whose ctime is of this run."""
        for path in paths:
            trace = self._trace(path)
            if not trace.sources:
                trace.writes = trace.fresh = True
            trace.by("scan", sure=False)

    def _touched(
        self, path: str, first: int, bits: int, before: Look | None, source: str, *, sure: bool
    ) -> None:
        if path.endswith(".pyc"):
            path, bits = module(path), bits & READ
            before = look(path)
            if not bits or before is None:
                return
        if bits & MADE and not bits & PUT and os.path.isdir(path):  # noqa: PTH112
            # a nameless temporary file was made in it
            return
        for each in self._below(path) if bits & PUT else [path]:
            trace = self._trace(each)
            if not trace.sources:
                trace.knows_before, trace.before = each == path, before if each == path else None
                trace.fresh = bool(first & MADE) or (each == path and before is None)
            trace.by(source, sure=sure)
            trace.reads = trace.reads or bool(bits & (READ | UPDATED))
            trace.needs = trace.needs or bool(bits & (READ | NEEDED))
            trace.writes = trace.writes or bool(bits & (MADE | UPDATED))

    def _held(
        self, path: str, source: str, *, reads: bool, writes: bool, sure: bool, shown: str | None = None
    ) -> None:
        trace = self._trace(path, shown)
        new = not trace.sources
        trace.by(source, sure=sure)
        if new or not trace.fresh:
            trace.reads = trace.reads or reads
            trace.needs = trace.needs or reads
        trace.writes = trace.writes or writes

    def _happened(self, path: str) -> bool:
        known = self.traces.get(path)
        return known is not None and bool(known.watched & (watcher.READ | watcher.WRITTEN))

    def _is_new(self, path: str) -> bool:
        after = look(path)
        return after is not None and after[3] >= self.started_ns

    # -- paths -------------------------------------------------------------------------------

    def _trace(self, path: str, shown: str | None = None) -> Trace:
        real = self._real(path)
        known = self.traces.get(real)
        if known is None:
            known = self.traces[real] = Trace(real, shown or path)
        return known

    def _real(self, path: str) -> str:
        """Where the bytes are; the folders are resolved once each."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(self._folders[folder], name)  # noqa: PTH118
        return os.path.realpath(real) if os.path.islink(real) else real  # noqa: PTH114

    @staticmethod
    def _led(path: str, folders: dict[str, str]) -> str | None:
        for folder, link in folders.items():
            if path.startswith(folder + os.sep):
                return link + path[len(folder) :]
        return None

    @staticmethod
    def _below(path: str) -> Iterable[str]:
        """The files of a folder that was put into place as a whole; else the path itself."""
        if not os.path.isdir(path):  # noqa: PTH112
            return [path]
        return [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]  # noqa: PTH118

    # -- the verdict -------------------------------------------------------------------------

    def files(self) -> Iterator[SeenFile]:
        """The inputs and outputs."""
        for trace in self.traces.values():
            place = self._place(trace)
            if place is None:
                continue
            after = look(trace.real)
            for role in self._roles(trace, after):
                yield self._file(trace, place, role, after)

    def _place(self, trace: Trace) -> tuple[str, bool] | None:
        """The path that a run names, and whether it is the project's; None for what is no data."""
        relative = self.places.inside(trace.real)
        if relative is not None:
            return relative, True
        link = self.places.inside(trace.shown)
        if link is not None and trace.shown != trace.real:
            # a link into our own store is how a version is laid out; to elsewhere, it is not ours to store
            return link, trace.real.startswith(self.places.root)
        if not trace.sure or not self.places.outside(trace.real):
            return None
        return trace.real, False

    def _roles(self, trace: Trace, after: Look | None) -> Iterator[Literal["input", "output"]]:
        existed = trace.before is not None if trace.knows_before else not trace.fresh
        empty = trace.before is not None and trace.before[1] == 0 and trace.writes
        if trace.reads and existed and not trace.fresh and not empty and (after or trace.before):
            yield "input"
        if trace.writes and after is not None and self._wrote(trace, after):
            yield "output"

    def _wrote(self, trace: Trace, after: Look) -> bool:
        if trace.knows_before:
            return not is_same(trace.before, after)
        # by a rename an old file comes to a new place
        return bool(trace.watched & watcher.WRITTEN) or after[3] >= self.started_ns or trace.fresh

    def _changed(self, trace: Trace, after: Look | None) -> bool:
        """Whether an input is another one now than when it was first touched, or may be."""
        if trace.knows_before:
            return not is_same(trace.before, after)
        if after is None or trace.watched & watcher.WRITTEN:
            return True
        # the file system tells of every write but those to a map
        return (trace.writes or not trace.watched) and after[3] >= self.started_ns

    def _file(
        self, trace: Trace, place: tuple[str, bool], role: Literal["input", "output"], after: Look | None
    ) -> SeenFile:
        return SeenFile(
            path=place[0],
            real=trace.real,
            role=role,
            how="seen" if trace.sure else "weak",
            source=",".join(trace.sources),
            inside=place[1],
            changed=role == "input" and self._changed(trace, after),
            gone=after is None,
            more=role == "input" and not trace.needs,
        )
