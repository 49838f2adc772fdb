"""Reads every object, and says which data a damaged or missing one affects."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, cast

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError, ObjectNotFoundError
from jupyter_mlx.store.digestset import DigestSet

from .manifest import FOLDER, LINK, Entry, Manifest
from .progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from jupyter_mlx.store.base import ObjectStore
    from jupyter_mlx.store.local import LocalStore

    from .contents import Contents
    from .gc import Root
    from .progress import Progress
    from .version import Version

_ASKED_AT_ONCE = 10_000
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Fault:
    """One object that is not what it should be."""

    digest: str
    paths: tuple[str, ...]
    """The data that needs it; empty where no pointer does."""
    others: tuple[str, ...] = ()
    """What else needs it: runs, earlier commits."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found."""

    checked: int
    """Objects that were read."""
    corrupt: tuple[Fault, ...]
    missing: tuple[Fault, ...]
    repaired: tuple[str, ...] = ()
    """Digests of objects that were damaged or missing, and are not any more."""

    def __bool__(self) -> bool:
        """Whether all is well."""
        return not (self.corrupt or self.missing)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is verified, and who is told to need what is at fault."""

    versions: Sequence[Version]
    everything: bool
    """The whole store besides."""
    others: Sequence[Root] = ()
    """What else must be here."""
    mentions: Callable[[], Iterable[Root]] = tuple
    """Who else may need an object; asked only where one is at fault."""


Repair: TypeAlias = "Callable[[Sequence[Fault]], None]"
"""Tries to store again what is damaged or missing."""


def verify(
    store: ObjectStore,
    contents: Contents,
    scope: Scope,
    *,
    repair: Repair | None = None,
    progress: Progress = SILENT,
) -> Verdict:
    """Read all that is in the scope; with `repair`, let that mend what it can, and say what is left."""
    store = cast("LocalStore", store)  # a project's own is; of a remote, each object is read when it comes
    walk = _Walk.of(store, contents, scope)
    if scope.everything:
        size = store.measure()
        progress.total(size.small_objects + size.large_objects, size.small_bytes + size.large_bytes)
    found = store.examine(None if scope.everything else walk.needed, progress.advance)
    corrupt = found.corrupt | walk.bad
    verdict = walk.verdict(scope, found.checked, corrupt, (found.lost | walk.missing()) - corrupt)
    if repair is None or verdict:
        return verdict
    first = {fault.digest for fault in (*verdict.corrupt, *verdict.missing)}
    for _ in range(_ROUNDS):  # a folder's listing that came back may name what is missing too
        before = {fault.digest for fault in (*verdict.corrupt, *verdict.missing)}
        repair((*verdict.corrupt, *verdict.missing))
        verdict = _again(store, contents, scope, verdict)
        if verdict or before == {fault.digest for fault in (*verdict.corrupt, *verdict.missing)}:
            break
        first |= {fault.digest for fault in (*verdict.corrupt, *verdict.missing)}
    left = {fault.digest for fault in (*verdict.corrupt, *verdict.missing)}
    return replace(verdict, repaired=tuple(sorted(first - left)))


def _again(store: LocalStore, contents: Contents, scope: Scope, before: Verdict) -> Verdict:
    """What is at fault after a repair: of all that was, and of what is needed; the rest is not read again."""
    walk = _Walk.of(store, contents, scope)
    corrupt, missing = set(walk.bad), walk.missing()
    for fault in (*before.corrupt, *before.missing):
        digest = Digest.parse(fault.digest)
        try:
            store.check(digest)
        except ObjectNotFoundError:
            missing.add(digest.raw)
        except CorruptError:
            corrupt.add(digest.raw)
    return walk.verdict(scope, before.checked, corrupt, missing - corrupt)


def _entry(root: Root) -> Entry:
    kind = FOLDER if root.kind == "folder" else 0
    return Entry(b"", kind, root.digest.raw, 0, 1)


class _Walk:
    """Goes through versions, each manifest once."""

    def __init__(self, store: LocalStore, contents: Contents) -> None:
        self._store, self._contents = store, contents
        self._seen: set[bytes] = set()
        self.needed = DigestSet()
        self.bad: set[bytes] = set()
        """Manifests that list nonsense."""

    @classmethod
    def of(cls, store: LocalStore, contents: Contents, scope: Scope) -> _Walk:
        walk = cls(store, contents)
        for version in scope.versions:
            walk.add(version.entry())
        for root in scope.others:
            walk.add(_entry(root))
        return walk

    def verdict(self, scope: Scope, checked: int, corrupt: set[bytes], missing: set[bytes]) -> Verdict:
        """The faults, each with what needs it."""
        users = _Users(self, corrupt | missing)
        if corrupt or missing:
            for version in scope.versions:
                users.path(version.path, version.entry())
            for root in (*scope.others, *scope.mentions()):
                users.other(root.where, _entry(root))
        return Verdict(checked, users.faults(corrupt), users.faults(missing))

    def add(self, entry: Entry) -> None:
        waiting = [entry]
        while waiting:
            entry = waiting.pop()
            if entry.kind == LINK:
                continue
            if entry.kind == FOLDER:
                if entry.digest not in self._seen:
                    self._seen.add(entry.digest)
                    for inner in self.inside(entry):
                        if inner.kind == FOLDER:
                            waiting.append(inner)
                        elif inner.kind != LINK:
                            self.needed.add(inner.digest)
            else:
                self.needed.add(entry.digest)

    def inside(self, entry: Entry) -> Iterable[Entry]:
        """What a folder holds that should be here: of one of which only parts are here, those parts."""
        whole = self._store.has(entry.of)
        if whole:
            self.needed.add(entry.digest)
        try:
            found = Manifest.decode(self._contents.manifest(entry.of))
        except ObjectNotFoundError:
            self.needed.add(entry.digest)  # told as missing
            return ()
        except CorruptError:
            self.bad.add(entry.digest)
            return ()
        return found.entries if whole else self._here(found)

    def _here(self, manifest: Manifest) -> Iterator[Entry]:
        for entries in manifest.parts():
            files = [inner.of for inner in entries if inner.kind not in {LINK, FOLDER}]
            absent = {digest.raw for digest in self._store.missing(files)}
            yield from (each for each in entries if each.digest not in absent and self._is_here(each))

    def _is_here(self, entry: Entry) -> bool:
        """Whether something of a folder is here, so that its absence is no gap of a part that was never fetched."""
        if entry.kind != FOLDER:
            return True
        try:
            self._contents.manifest(entry.of)
        except ObjectNotFoundError:
            return False
        except CorruptError:
            return True
        return True

    def missing(self) -> set[bytes]:
        """What is needed and not here."""
        found: set[bytes] = set()
        digests = iter(self.needed)
        while some := [Digest(raw.hex()) for raw in islice(digests, _ASKED_AT_ONCE)]:
            found |= {digest.raw for digest in self._store.missing(some)}
        return found


@dataclass(slots=True)
class _Users:
    """Finds out what needs the few objects that are at fault."""

    _walk: _Walk
    _faults: set[bytes]
    _within: dict[bytes, bool] = field(default_factory=dict)
    _paths: dict[bytes, set[str]] = field(default_factory=dict)
    _others: dict[bytes, set[str]] = field(default_factory=dict)

    def path(self, path: str, entry: Entry) -> None:
        for where, digest in self._find(path, entry):
            self._paths.setdefault(digest, set()).add(where)

    def other(self, where: str, entry: Entry) -> None:
        for _, digest in self._find("", entry):
            self._others.setdefault(digest, set()).add(where)

    def _find(self, path: str, entry: Entry) -> Iterator[tuple[str, bytes]]:
        if not self._faults or entry.kind == LINK:
            return
        if entry.digest in self._faults:
            yield path, entry.digest
        if entry.kind == FOLDER and self._holds(entry):
            for inner in self._walk.inside(entry):
                yield from self._find(f"{path}/{inner.name.decode('utf-8', 'surrogateescape')}", inner)

    def _holds(self, entry: Entry) -> bool:
        """Whether something at fault is in a folder; each is looked into once."""
        known = self._within.get(entry.digest)
        if known is None:
            known = any(
                inner.digest in self._faults or (inner.kind == FOLDER and self._holds(inner))
                for inner in self._walk.inside(entry)
                if inner.kind != LINK
            )
            self._within[entry.digest] = known
        return known

    def faults(self, digests: set[bytes]) -> tuple[Fault, ...]:
        return tuple(
            Fault(
                str(Digest(raw.hex())),
                tuple(sorted(self._paths.get(raw, ()))),
                tuple(sorted(self._others.get(raw, ()))),
            )
            for raw in sorted(digests)
        )
