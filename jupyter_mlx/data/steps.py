"""What `checkout` would do to one path: decided before anything is touched.

A plan holds what differs and nothing else, and that encoded, on the disk where
it is much: a million entries would take more memory than all the rest. A folder
that is not there yet is one step, whatever is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from jupyter_mlx.store.base import SMALL_BYTES

from .manifest import FILE, FOLDER, LINK, PROGRAM, Entry, paired
from .marks import TOGETHER, Asked, Known
from .spool import Spool
from .twins import twins

if TYPE_CHECKING:
    from .contents import Contents
    from .folder import Folder
    from .manifest import Manifest

Missing: TypeAlias = Callable[[Iterable[bytes]], set[bytes]]
"""Those of some digests that the store has not got."""
Twins: TypeAlias = tuple[bytes, bool, bytes, bytes]
"""A folder, whether it is yet to be made, and two names in it."""

_MOST_TWINS = 100
_ASKED_TOGETHER = 2000
_HELD_BYTES = 16 << 20


class Todo(msgspec.Struct, array_like=True):
    """What is to be done to the files and links of one folder."""

    remove: list[Entry] = msgspec.field(default_factory=list)
    """Those that go, and those of another kind than what comes."""
    write: list[Entry] = msgspec.field(default_factory=list)
    """Those that come, or are replaced."""
    relink: list[Entry] = msgspec.field(default_factory=list)
    """Large files that are right, but perhaps connected to the store in another way."""
    seen: Known = msgspec.field(default_factory=dict)
    """What those looked like that go or are replaced: one that looks different now is left alone."""

    def __bool__(self) -> bool:
        return bool(self.remove or self.write or self.relink)

    @property
    def names(self) -> list[bytes]:
        """Of all these, in order."""
        return sorted(entry.name for entry in (*self.remove, *self.write, *self.relink))


_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Todo)


@dataclass(slots=True)
class Steps:
    """What is to be done in one folder."""

    name: bytes
    spool: Spool
    fresh: Entry | None = None
    """The folder is not there yet, and becomes this."""
    gone: bool = False
    """It is to be removed when it is empty."""
    removes: bool = False
    """Whether files or links go."""
    inner: list[Steps] = field(default_factory=list)
    files: int = 0
    """How many files are written, in this folder and below."""
    size_bytes: int = 0
    _todos: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.fresh or self.gone or self._todos or self.inner)

    def todos(self) -> Iterator[Todo]:
        """What is to be done to the files: some at once, in the order of their names."""
        return (_DECODER.decode(self.spool[number]) for number in self._todos)

    def do(self, todo: Todo) -> None:
        """Note what is to be done to some files."""
        if todo:
            self._todos.append(self.spool.add(_ENCODER.encode(todo)))
        self.removes |= bool(todo.remove)
        self.files += len(todo.write)
        self.size_bytes += sum(entry.size_bytes for entry in todo.write)

    def enter(self, inner: Steps) -> None:
        """Note what is to be done in a folder in this one."""
        if inner:
            self.inner.append(inner)
            self.files += inner.files
            self.size_bytes += inner.size_bytes


class _Level:
    """One folder that is being planned."""

    def __init__(self, steps: Steps) -> None:
        self.steps, self.todo = steps, Todo()
        self.lost: dict[bytes, bytes] = {}
        """Digest → path, of files whose bytes leave."""

    def __len__(self) -> int:
        return len(self.todo.remove) + len(self.todo.write) + len(self.todo.relink)

    def come(self, then: Entry) -> None:
        if then.kind == FOLDER:
            step = Steps(then.name, self.steps.spool, then, files=then.files, size_bytes=then.size_bytes)
            self.steps.enter(step)
        else:
            self.todo.write.append(then)

    def leave(self, path: bytes, now: Entry, then: Entry | None) -> None:
        if then is None or then.kind == FOLDER:
            self.todo.remove.append(now)
        if now.kind != LINK and not (then and then.digest == now.digest):
            self.lost.setdefault(now.digest, path)


class Planner:
    """Compares what is with what shall be; hears of each folder of the work tree, inner ones first.

    `base` is the path that becomes `then`. With `relink`, large files that are right
    are looked at as well.
    """

    def __init__(
        self, base: bytes, then: Entry, contents: Contents, missing: Missing, *, relink: bool
    ) -> None:
        self._base, self.then = base, then
        self._listing, self._listings = contents.listing, contents.listings
        self._missing, self._relink = missing, relink
        self._wanted: set[bytes] = set()
        self._targets: dict[bytes, dict[bytes, Entry]] = {}
        self._steps: dict[bytes, Steps] = {}
        self._spool = Spool(_HELD_BYTES)
        self.absent: bytes | None = None
        """The lowest digest that is wanted, and not in the store."""
        self.unsaved: bytes | None = None
        """The first path of a file that goes, and whose bytes are in no store."""
        self.unsaved_files = 0
        """How many go so."""
        self.twins: list[Twins] = []
        """Names that some disks take for one; at most one pair a folder."""

    def of(self, now: Entry | None, mark: bytes | None = None) -> Steps:
        """The steps in the folder above: `now` is what the survey found, `mark` what a single file looked like.

        Raises:
            ObjectNotFoundError, CorruptError: a manifest that is wanted is not here, or damaged.
        """
        level = _Level(Steps(b"", self._spool))
        self._name(level, self._base, now, self.then)
        self._close(level, {} if mark is None else {self.then.name: mark})
        self._ask()
        return level.steps

    def folder(self, folder: Folder) -> None:
        """A folder of the work tree was looked at. Raises what `of` raises."""
        path, target = folder.path, self._target(folder.path)
        if target is not None and target.digest == folder.whole.digest and not self._relink:
            return
        level = _Level(Steps(path.rpartition(b"/")[2], self._spool, gone=target is None))
        listing = self._listing(target) if target else None
        marks = Asked(folder.marks)
        has_new_names = False
        for name, now, then in self._differing(folder, listing):
            has_new_names |= now is None
            if now != then or self._relink:
                self._name(level, path + b"/" + name, now, then)
                if len(level) >= TOGETHER:
                    self._close(level, marks.among(level.todo.names))
        self._close(level, marks.among(level.todo.names))
        if listing and has_new_names:  # the disk tells those apart that are there
            self._note_twins(path, listing, is_fresh=False)
        self._targets.pop(path, None)
        if level.steps:
            self._steps[path] = level.steps

    def _differing(
        self, folder: Folder, listing: Manifest | None
    ) -> Iterator[tuple[bytes, Entry | None, Entry | None]]:
        """The names that must be looked at, in order; of a large folder, all."""
        if listing is not None and not self._relink and max(len(listing), len(folder.marks)) <= TOGETHER:
            return paired(*folder.differing(tuple(listing.entries)))
        return paired(chain.from_iterable(folder.parts()), listing.entries if listing else ())

    def _name(self, level: _Level, path: bytes, now: Entry | None, then: Entry | None) -> None:
        if now and now.kind == FOLDER:
            inner = self._steps.pop(path, None)
            if inner is not None:
                level.steps.enter(inner)
            if then and then.kind != FOLDER:
                level.come(then)
        elif now and then and (now.kind, now.digest) == (then.kind, then.digest):
            if self._relink and then.kind != LINK and then.size_bytes >= SMALL_BYTES:
                level.todo.relink.append(then)
        else:
            if now:
                level.leave(path, now, then)
            if then:
                level.come(then)
            if then and then.kind == FOLDER:
                self._look_into(path, then)

    def _close(self, level: _Level, marks: Known) -> None:
        """Note what is to be done so far; `marks` are what was seen of these files."""
        todo, lost = level.todo, level.lost
        self._require(todo.write)
        unsaved = self._missing(lost) if lost else set()
        if unsaved:
            self.unsaved_files += len(unsaved)
            first = min(lost[digest] for digest in unsaved)
            self.unsaved = min(self.unsaved or first, first)
        todo.seen = marks
        level.steps.do(todo)
        level.todo, level.lost = Todo(), {}

    def _look_into(self, path: bytes, then: Entry) -> None:
        """Make sure that all that is wanted for a folder that is not there yet is here."""
        self._look_at(path, self._listing(then))

    def _look_at(self, path: bytes, manifest: Manifest) -> None:
        for entries in manifest.parts():
            self._require(entries)
        self._note_twins(path, manifest, is_fresh=True)
        inner = [entry for entry in manifest.entries if entry.kind == FOLDER]
        for entry, below in self._listings(inner):
            self._look_at(path + b"/" + entry.name, below)

    def _require(self, entries: Iterable[Entry]) -> None:
        self._wanted.update(entry.digest for entry in entries if entry.kind in {FILE, PROGRAM})
        if len(self._wanted) >= _ASKED_TOGETHER:
            self._ask()

    def _ask(self) -> None:
        wanted, self._wanted = self._wanted, set()
        absent = self._missing(wanted) if wanted else set()
        if absent:
            self.absent = min(absent | {self.absent or b"\xff" * 32})

    def _note_twins(self, path: bytes, manifest: Manifest, *, is_fresh: bool) -> None:
        found = twins(lambda: (entry.name for entry in manifest.entries))
        if found and len(self.twins) < _MOST_TWINS:
            self.twins.append((path, is_fresh, *found))

    # the target's side

    def _target(self, path: bytes) -> Entry | None:
        """The folder that shall be at a path."""
        if path == self._base:
            found: Entry | None = self.then
        else:
            above, _, name = path.rpartition(b"/")
            target = self._target(above)
            found = self._folders(above, target).get(name) if target else None
        return found if found is not None and found.kind == FOLDER else None

    def _folders(self, path: bytes, target: Entry) -> dict[bytes, Entry]:
        """The folders that shall be in a folder; kept until that itself is looked at."""
        found = self._targets.get(path)
        if found is None:
            found = {entry.name: entry for entry in self._listing(target).entries if entry.kind == FOLDER}
            self._targets[path] = found
        return found
