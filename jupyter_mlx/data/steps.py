"""What `checkout` would do to one path: decided before anything is touched.

A plan holds what differs and nothing else, and that encoded: as objects, a
million entries would take more memory than all the rest. A folder that is not
there yet is one step, whatever is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from jupyter_mlx.store.base import SMALL_BYTES

from .manifest import FILE, FOLDER, LINK, PROGRAM, Entry, Manifest
from .scan import DIGEST_AT, KIND_AT, Known

if TYPE_CHECKING:
    from .contents import Contents
    from .folder import Folder

Missing: TypeAlias = Callable[[Iterable[bytes]], set[bytes]]
"""Those of some digests that the store has not got."""
Twins: TypeAlias = tuple[bytes, bool, bytes, bytes]
"""A folder, whether it is yet to be made, and two names in it."""

_MOST_TWINS = 100
_ASKED_TOGETHER = 2000


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


_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Todo)


@dataclass(slots=True)
class Steps:
    """What is to be done in one folder."""

    name: bytes
    fresh: Entry | None = None
    """The folder is not there yet, and becomes this."""
    gone: bool = False
    """It is to be removed when it is empty."""
    inner: list[Steps] = field(default_factory=list)
    files: int = 0
    """How many files are written, in this folder and below."""
    size_bytes: int = 0
    _todo: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.fresh or self.gone or self._todo or self.inner)

    @property
    def todo(self) -> Todo:
        """What is to be done to the files."""
        return _DECODER.decode(self._todo) if self._todo else Todo()

    def do(self, todo: Todo) -> None:
        """Note what is to be done to the files."""
        if todo.remove or todo.write or todo.relink:
            self._todo = _ENCODER.encode(todo)
        self.files += len(todo.write)
        self.size_bytes += sum(entry.size_bytes for entry in todo.write)

    def enter(self, inner: Steps) -> None:
        """Note what is to be done in a folder in this one."""
        if inner:
            self.inner.append(inner)
            self.files += inner.files
            self.size_bytes += inner.size_bytes


def fresh(entry: Entry) -> Steps:
    """The step that makes a whole folder."""
    return Steps(entry.name, fresh=entry, files=entry.files, size_bytes=entry.size_bytes)


def filling(name: bytes, manifest: Manifest) -> Steps:
    """The steps in a folder that was made just now, to be filled with what a manifest lists."""
    level = _Level(b"", Steps(name))
    for entry in manifest.entries:
        level.come(entry)
    level.steps.do(level.todo)
    return level.steps


class _Level:
    """One folder that is being planned."""

    def __init__(self, path: bytes, steps: Steps) -> None:
        self.path, self.steps, self.todo = path, steps, Todo()
        self.lost: dict[bytes, bytes] = {}
        """Digest → path, of files whose bytes leave."""

    def come(self, then: Entry) -> None:
        if then.kind == FOLDER:
            self.steps.enter(fresh(then))
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
        self.absent: set[bytes] = set()
        """Digests that are wanted, and not in the store."""
        self.unsaved: list[bytes] = []
        """Paths of files that go, and whose bytes are in no store."""
        self.twins: list[Twins] = []
        """Names that some disks take for one; at most one pair a folder."""

    def of(self, now: Entry | None, mark: bytes | None = None) -> Steps:
        """The steps in the folder above: `now` is what the survey found, `mark` what a single file looked like.

        Raises:
            ObjectNotFoundError, CorruptError: a manifest that is wanted is not here, or damaged.
        """
        level = _Level(self._base.rpartition(b"/")[0], Steps(b""))
        if mark is not None:
            level.todo.seen[self.then.name] = mark
        self._name(level, self._base, now, self.then)
        steps = self._closed(level)
        self._ask()
        return steps

    def folder(self, folder: Folder) -> None:
        """A folder of the work tree was looked at. Raises what `of` raises."""
        path, target = folder.path, self._target(folder.path)
        if target is not None and target.digest == folder.whole.digest and not self._relink:
            return
        level = _Level(path, Steps(path.rpartition(b"/")[2], gone=target is None))
        then = self._names(path, target) if target else {}
        others = {entry.name: entry for entry in folder.others}
        for name in sorted(self._differing(folder, others, then)):
            now = others.get(name) or (folder.file(name) if name in folder.files else None)
            self._name(level, path + b"/" + name, now, then.get(name))
        todo = level.todo
        for entry in (*todo.remove, *todo.write, *todo.relink):
            mark = folder.files.get(entry.name)
            if mark is not None:
                todo.seen[entry.name] = mark
        self._note_twins(path, then if todo.write else {}, is_fresh=False)
        self._targets.pop(path, None)
        steps = self._closed(level)
        if steps:
            self._steps[path] = steps

    def _differing(
        self, folder: Folder, others: Mapping[bytes, Entry], then: Mapping[bytes, Entry]
    ) -> Iterator[bytes]:
        """The names that must be looked at: not those of files that are as they shall be."""
        for name, mark in folder.files.items():
            target = then.get(name)
            if (
                self._relink
                or target is None
                or target.digest != mark[DIGEST_AT:]
                or target.kind != mark[KIND_AT]
            ):
                yield name
        yield from others
        yield from (name for name in then if name not in folder.files and name not in others)

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

    def _closed(self, level: _Level) -> Steps:
        self._require(level.todo.write)
        if level.lost:
            unsaved = self._missing(level.lost)
            self.unsaved += [level.lost[digest] for digest in unsaved]
        level.steps.do(level.todo)
        return level.steps

    def _look_into(self, path: bytes, then: Entry) -> None:
        """Make sure that all that is wanted for a folder that is not there yet is here."""
        self._look_at(path, self._listing(then))

    def _look_at(self, path: bytes, manifest: Manifest) -> None:
        self._require(manifest.entries)
        self._note_twins(path, [entry.name for entry in manifest.entries], is_fresh=True)
        inner = [entry for entry in manifest.entries if entry.kind == FOLDER]
        for entry, below in self._listings(inner):
            self._look_at(path + b"/" + entry.name, below)

    def _require(self, entries: Iterable[Entry]) -> None:
        self._wanted.update(entry.digest for entry in entries if entry.kind in {FILE, PROGRAM})
        if len(self._wanted) >= _ASKED_TOGETHER:
            self._ask()

    def _ask(self) -> None:
        wanted, self._wanted = self._wanted, set()
        if wanted:
            self.absent |= self._missing(wanted)

    def _note_twins(self, path: bytes, names: Collection[bytes], *, is_fresh: bool) -> None:
        found = twins(names)
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
            found = self._names(above, target).get(name) if target else None
        return found if found is not None and found.kind == FOLDER else None

    def _names(self, path: bytes, target: Entry) -> dict[bytes, Entry]:
        """What shall be in a folder; kept until the folder itself is looked at."""
        names = self._targets.get(path)
        if names is None:
            names = {entry.name: entry for entry in self._listing(target).entries}
            self._targets[path] = names
        return names


def twins(names: Collection[bytes]) -> tuple[bytes, bytes] | None:
    """Two of these names that differ by case or by the Unicode form alone."""
    if len({name.lower() for name in names}) == len(names) and b"".join(names).isascii():
        return None
    from unicodedata import normalize

    seen: dict[str, bytes] = {}
    for name in sorted(names):
        folded = normalize("NFKD", normalize("NFKD", name.decode("utf-8", "surrogateescape")).casefold())
        if folded in seen:
            return seen[folded], name
        seen[folded] = name
    return None
