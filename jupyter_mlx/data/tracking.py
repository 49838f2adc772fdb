"""What begins, changes and ends the tracking of data: pointers written, changed in part, removed."""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError, ConflictError
from jupyter_mlx.store.files import sweep

from . import choice, gitignore, paths, tracked
from .manifest import LINK, Entry
from .parts import replaced
from .pointer import SUFFIX, Pointer
from .progress import SILENT
from .version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .contents import Contents
    from .partial import Partial
    from .parts import Replaced
    from .progress import Progress
    from .worktree import WorkTree


class PartialDataError(ConflictError):
    """A new version of a folder was asked for of which only parts are here."""

    code = "partial-data"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"only parts of {self.path} are here, and a version of them alone would drop the rest; name the "
            f"parts that changed (`jmlx add {self.path}/…`), or `jmlx pull {self.path}` first"
        )


class Tracking:
    """Writes the pointers of one project."""

    def __init__(self, tree: WorkTree, contents: Contents, partial: Partial) -> None:
        self._tree, self._contents, self._partial = tree, contents, partial
        self._root, self._store, self._temp = tree.root, tree.store, tree.temp

    def add(self, given: Sequence[Path | str], progress: Progress = SILENT) -> list[Version]:
        """See `Workspace.add`."""
        found = {}
        for each in given:
            path, home = choice.to_add(self._root, each)
            if os.path.lexists(self._root / path):
                path = self._tree.inner(path)
            if home is None:
                self._require_whole(path)
            found[path] = home
        sweep(str(self._temp))
        self._partial.sweep(self._store)
        versions: dict[str, Version] = {}
        for path, home in found.items():
            version = self._whole(path, progress) if home is None else self._part(path, home, progress)
            versions[version.path] = version
        return list(versions.values())

    def ignore(self, path: str) -> None:
        """Have git ignore the data at `path`."""
        gitignore.ignore(self._root / self._tree.inner(path), self._temp)

    def remove(self, given: Path | str) -> str:
        """See `Workspace.remove`."""
        path = paths.relative(self._root, given)
        for candidate in (path, path.removesuffix(SUFFIX)):
            if tracked.pointer_at(self._root, candidate):
                self._pointer(candidate).unlink()
                gitignore.unignore(self._root / candidate, self._temp)
                return candidate
        home = choice.home_of(self._root, path)
        if home is not None:
            raise choice.InnerPathError(path, home)
        raise paths.NotTrackedError(path)

    def _whole(self, path: str, progress: Progress) -> Version:
        with self._store.hold():
            version = Version.of(path, self._tree.save(path, progress))
            with self._alone():
                Pointer.of(version).write(self._pointer(path), self._temp)
        self.ignore(path)
        return version

    def _part(self, path: str, home: str, progress: Progress) -> Version:
        """The version of `home` in which `path` alone is as it is in the work tree now."""
        with self._store.hold():
            put: Entry | None = None
            if os.path.lexists(self._root / path):
                put = self._tree.save(path, progress)
            with self._alone():
                before = Pointer.read(self._pointer(home), f"{home}{SUFFIX}").version(home)
                path = path if put else self._gone(path, before)
                names = [os.fsencode(name) for name in path[len(home) + 1 :].split("/")]
                made = replaced(self._contents.listing, before.entry(), names, put)
                for each in made:
                    self._keep(each)
                top = made[-1].manifest
                version = replace(before, digest=made[-1].digest, size_bytes=top.size_bytes, files=top.files)
                Pointer.of(version).write(self._pointer(home), self._temp)
        return version

    def _gone(self, path: str, before: Version) -> str:
        """What is to be taken out of a version, given that `path` is not in the work tree.

        A folder that went with it goes too. What was never here is not taken for deleted.

        Raises:
            NoSuchPathError: the version has no such path, or it was never fetched.
        """
        if not self._was_here(path, before):
            raise paths.NoSuchPathError(path)
        above = path.rpartition("/")[0]
        while (
            above != before.path and not os.path.lexists(self._root / above) and self._was_here(above, before)
        ):
            path, above = above, above.rpartition("/")[0]
        return path

    def _was_here(self, path: str, before: Version) -> bool:
        found = self._contents.part(before, path[len(before.path) + 1 :])
        return found is not None and self._store.has(found.digest)

    def _keep(self, made: Replaced) -> None:
        """Into the store where it has all that the manifest names, else beside it."""
        put = made.put is None or made.put.kind == LINK or self._store.has(made.put.of)
        if put and made.before is not None and self._store.has(made.before):
            self._store.put(made.manifest.encode())
        else:
            self._partial.place(self._store, made.manifest)

    def _require_whole(self, path: str) -> None:
        """Refuse to make a version of a tracked folder of which only parts are here."""
        version = tracked.pointer_at(self._root, path)
        if version and not self._store.has(version.digest) and self._partial.get(version.digest) is not None:
            raise PartialDataError(path)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one who reads and changes pointers."""
        path = self._temp.parent / "pointers.lock"
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AccessError.of(error, path) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _pointer(self, path: str) -> Path:
        return self._root / f"{path}{SUFFIX}"
