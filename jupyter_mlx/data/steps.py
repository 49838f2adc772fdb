"""What `checkout` would do to one path: decided from two manifests, before anything is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from jupyter_mlx.store.base import SMALL_BYTES

from .manifest import FILE, FOLDER, LINK, PROGRAM, Entry, Manifest

Listing: TypeAlias = Callable[[Entry], Manifest]
"""The manifest that a folder's entry names."""


@dataclass(slots=True)
class Steps:
    """What is to be done in one folder."""

    name: bytes
    fresh: bool = False
    """The folder is not there yet."""
    gone: bool = False
    """It is to be removed when it is empty."""
    remove: list[Entry] = field(default_factory=list)
    """Files and links that go, and those of another kind than what comes."""
    write: list[Entry] = field(default_factory=list)
    """Files and links that come, or are replaced."""
    relink: list[Entry] = field(default_factory=list)
    """Large files that are right, but perhaps connected to the store in another way."""
    inner: list[Steps] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.fresh or self.gone or self.remove or self.write or self.relink or any(map(bool, self.inner))
        )

    def written(self) -> Iterator[Entry]:
        """All that come, in all folders."""
        yield from self.write
        for steps in self.inner:
            yield from steps.written()


@dataclass(slots=True)
class Planner:
    """Compares what is with what shall be."""

    listing_now: Listing
    listing_then: Listing
    relink: bool = False
    lost: dict[bytes, bytes] = field(default_factory=dict)
    """Digest → one path, of the files whose bytes leave the work tree."""

    def of(self, now: Entry | None, then: Entry) -> Steps:
        """The steps in the folder above one name that make `now` become `then`."""
        steps = Steps(b"")
        self._name(steps, b"", now, then)
        return steps

    def _folder(self, name: bytes, path: bytes, now: Entry | None, then: Entry | None) -> Steps:
        steps = Steps(name, fresh=now is None, gone=then is None)
        before = {entry.name: entry for entry in self.listing_now(now).entries} if now else {}
        after = {entry.name: entry for entry in self.listing_then(then).entries} if then else {}
        for inner in sorted(before.keys() | after.keys()):
            self._name(steps, path + b"/" + inner, before.get(inner), after.get(inner))
        return steps

    def _name(self, steps: Steps, path: bytes, now: Entry | None, then: Entry | None) -> None:
        entry = then or now
        assert entry is not None
        name = entry.name
        if now and then and (now.kind, now.digest) == (then.kind, then.digest):
            if self.relink:
                self._relink(steps, path, now, then)
            return
        if now and then and now.kind == then.kind == FOLDER:
            steps.inner.append(self._folder(name, path, now, then))
            return
        if now:
            self._leave(steps, path, now, then)
        if then and then.kind == FOLDER:
            steps.inner.append(self._folder(name, path, None, then))
        elif then:
            steps.write.append(then)

    def _leave(self, steps: Steps, path: bytes, now: Entry, then: Entry | None) -> None:
        if now.kind == FOLDER:
            steps.inner.append(self._folder(now.name, path, now, None))
            return
        if now.kind != LINK and not (then and then.digest == now.digest):
            self.lost.setdefault(now.digest, path)
        if then is None or then.kind == FOLDER:
            steps.remove.append(now)

    def _relink(self, steps: Steps, path: bytes, now: Entry, then: Entry) -> None:
        if then.kind == FOLDER:
            steps.inner.append(self._folder(then.name, path, now, then))
        elif then.kind in {FILE, PROGRAM} and then.size_bytes >= SMALL_BYTES:
            steps.relink.append(then)
