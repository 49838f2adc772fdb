"""A run's lineage: all sources are started together, and what they saw is joined when the run ends.

Each source may fail by itself; the others go on, and `Seen.incomplete` says so.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import audit, children, looking, scanning
from .events import GONE, look
from .joining import Joining
from .places import Places
from .seen import Seen, SeenFile
from .watch import Watch
from .watcher import APART

if TYPE_CHECKING:
    from .audit import Keeper

SCAN_S = 5.0
"""How long a look at all files may take where the file system lost account."""
QUICK_SCAN_S = 0.2
"""The same where it never keeps any, so that every run pays for it."""
SOON_FILES = 500
"""Of more files the account is made at the end alone."""
_NOTEBOOK = ".ipynb"


@dataclass(slots=True)
class _Sources:
    """What is kept from one run to the next, in one process."""

    pid: int
    watches: dict[str, Watch] = field(default_factory=dict)
    logs: dict[str, children.ChildLog] = field(default_factory=dict)


_sources = _Sources(0)


def _kept() -> _Sources:
    """This process's own; a forked child begins anew."""
    global _sources  # noqa: PLW0603 (one a process)
    if _sources.pid != os.getpid():
        _sources = _Sources(os.getpid())
    return _sources


@atexit.register
def _close() -> None:
    if _sources.pid == os.getpid():
        for log in _sources.logs.values():
            log.close()


class Listening:
    """What is heard for one run, from its making until `finish`."""

    def __init__(self, root: Path, state: Path, keeper: Keeper | None = None) -> None:
        self.places = Places.of(root)
        self._problems: list[str] = []
        self._touched: list[children.ChildTouch] = []
        self._ended = False
        self._watch = self._start_watch()
        self._run = self._watch.begin()
        self._children = self._start_children(state / "tmp")
        self._started_ns = scanning.now_ns()
        self._listener = audit.listen(self.places, keeper)
        self._watch.begun(self._run)

    def _start_watch(self) -> Watch:
        watches = _kept().watches
        root = _key(self.places)
        return watches.setdefault(root, Watch(root))

    def _start_children(self, folder: Path) -> children.Listening | None:
        logs, key = _kept().logs, str(folder)
        try:
            if key not in logs or logs[key].is_gone:
                logs[key] = children.ChildLog(folder)
            return logs[key].listen(self.places)
        except OSError as error:
            self._problems.append(
                f"files that Python child processes open are known weakly only ({error}); "
                f"make {folder} writable"
            )
            return None

    def end(self) -> None:
        """What happens from now on is not the run's; `finish` tells what was. The first call counts."""
        if not self._ended:
            self._ended = True
            audit.stop(self._listener)
            self._watch.ending(self._run)
            self._touched = self._heard()

    def so_far(self) -> list[SeenFile]:
        """What this process's own code has read by now, where that is soon told; any thread may ask."""
        touched = dict(self._listener.touched)
        if len(touched) > SOON_FILES:
            return []
        joining = Joining(self.places, self._started_ns)
        joining.add_hook(replace(self._listener, touched=touched))
        return [
            file for file in joining.files()
            if file.role == "input" and file.how == "seen" and not _is_editors(file)
        ]  # fmt: skip

    def let_go(self) -> None:
        """In a forked copy of the process: listen no more, and ask nothing of what is the other's."""
        self._ended = True
        audit.listen_only(None)
        if self._children is not None:
            self._children.leave()

    def finish(self, own: Callable[[list[str]], Iterable[str]] = lambda _: ()) -> Seen:
        """Listen no more, and say what was seen.

        `own` is given the files that were read only `while_we_read`, and says which of them git would read.
        """
        self.end()
        joining = Joining(self.places, self._started_ns)
        joining.add_hook(self._listener)
        joining.add_children(self._touched)
        watched = self._watch.end(self._run)
        joining.add_watched(watched, self._listener.unsure)
        joining.add_held(watched.before, watched.after)
        joining.add_maps(watched.maps, watched.links)
        if watched.problem:
            self._scan(joining)
            self._problems.insert(0, watched.problem)
        files = [file for file in joining.files() if not _is_editors(file)]
        early = {
            file.path
            for file in files
            if file.source == "watch" and file.role == "input" and not watched.files[file.real] & APART
        }
        dropped = early & set(own(sorted(early))) if early else set()
        files = [file for file in files if file.path not in dropped or file.source != "watch"]
        removed = [
            path for path, touch in self._listener.touched.items()
            if touch.bits & GONE and touch.before is not None and look(path) is None
        ]  # fmt: skip
        looked = looking.looked(self._listener, files)
        return Seen(tuple(files), tuple(self._problems), looked, tuple(removed))

    def _heard(self) -> list[children.ChildTouch]:
        try:
            return self._children.finish() if self._children else []
        except OSError as error:
            self._problems.append(
                f"what Python child processes opened can't be read ({error}); name it with -i and -o"
            )
            return []

    def _scan(self, joining: Joining) -> None:
        """Find at least what was written."""
        limit = SCAN_S if sys.platform.startswith("linux") else QUICK_SCAN_S
        paths, whole = scanning.written_since(self.places.root, self._started_ns, limit)
        joining.add_scanned(paths)
        if not whole:
            self._problems.append("there are too many files to look at all of them; name outputs with -o")


@contextmanager
def while_we_read(root: Path) -> Iterator[None]:
    """While the block runs, another process reads files of the project for us. Any thread may do so."""
    watch = _kept().watches.get(_key(Places.of(root)))
    if watch is None:
        yield
        return
    watch.tell("ours")
    try:
        yield
    finally:
        watch.tell("theirs")


def _key(places: Places) -> str:
    return places.root.rstrip(os.sep)


def _is_editors(file: SeenFile) -> bool:
    """Whether it is a notebook that the front end saves meanwhile, or the copy that it makes for that."""
    name = file.path.rpartition("/")[2]
    return file.how == "weak" and (name.startswith(".~") or name.endswith((_NOTEBOOK, "~")))
