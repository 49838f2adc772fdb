"""What a path will be once versions lie where they belong: told from listings, nothing is brought.

What lies in the work tree beside the versions counts as it is now, and so do the
lines that are written into `.gitignore` when versions are brought back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_mlx.digest import Digest

from . import gitignore, ignore
from .manifest import FILE, FOLDER, PROGRAM, Entry, Manifest
from .version import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .contents import Contents
    from .folder import Folder
    from .worktree import WorkTree


class Composing:
    """Composes folders, and remembers the listings that it looked into."""

    def __init__(self, tree: WorkTree, contents: Contents) -> None:
        self._tree, self._contents = tree, contents
        self._named: dict[bytes, dict[bytes, Entry]] = {}

    def version(self, path: str, put: Sequence[Version], ignored: Sequence[str]) -> Version | None:
        """What `path` will be with the versions `put` in the work tree, and `ignored` in `.gitignore`; None: nothing.

        Raises:
            ObjectNotFoundError, CorruptError: the listing of a version is not here, or damaged.
            ExcludedPathError: rules keep the folder itself out of versions.
            UsageError, AccessError, FileChangedError: see `Workspace.version`.
        """
        path = self._tree.inner(path)
        top = min((v.path for v in put if _is_in(path, v.path)), key=len, default=path)
        versions = {v.path: v for v in sorted(put, key=lambda v: v.path) if _is_in(v.path, top)}
        lines = [line for line in ignored if line != top and _is_in(line, top)]
        entry = None
        if top not in versions:
            self._require_included(top)
            entry = self._now(top, [*versions, *lines])
        entry = self._with(top, entry, versions, lines)
        for name in path[len(top) :].split("/")[1:]:
            entry = self._names(entry).get(os.fsencode(name)) if entry else None
        return Version.of(path, entry) if entry else None

    def _require_included(self, path: str) -> None:
        rules = ignore.above(os.fsencode(self._tree.root), os.fsencode(path))
        if rules and rules.excludes(os.fsencode(path.rpartition("/")[2]), is_folder=True):
            raise ignore.ExcludedPathError(path)

    def _now(self, path: str, changed: Sequence[str]) -> Entry | None:
        """What is there now; the listings on the way to what is changed are remembered."""
        wanted = {os.fsencode(above) for inner in changed for above in _above(inner)}

        def visit(folder: Folder) -> None:
            if folder.path in wanted:
                names = {entry.name: entry for part in folder.parts() for entry in part}
                self._named[folder.whole.digest] = names

        return self._tree.visit(path, visit)[0]

    def _with(
        self, path: str, entry: Entry | None, put: dict[str, Version], ignored: Sequence[str]
    ) -> Entry | None:
        """What `path` becomes, which is `entry` so far; all of `put` and `ignored` are at or below it."""
        name = os.fsencode(path.rpartition("/")[2])
        if path in put:
            was_program = entry is not None and entry.kind == PROGRAM
            entry = put[path].entry(name)
            if was_program and entry.kind == FILE and put[path].executable is None:
                # a version that does not say so leaves the bit as it is
                entry = Entry(name, PROGRAM, entry.digest, entry.size_bytes, entry.files)
        below: dict[str, tuple[dict[str, Version], list[str]]] = {}
        for inner, version in put.items():
            if inner != path:
                below.setdefault(_child(path, inner), ({}, []))[0][inner] = version
        direct = [line for line in ignored if line.rpartition("/")[0] == path]
        for line in ignored:
            if line != path and line.rpartition("/")[0] != path:
                below.setdefault(_child(path, line), ({}, []))[1].append(line)
        if not below and not direct:
            return entry
        names = dict(self._names(entry))
        rules = ignore.rules_in(os.fsencode(self._tree.root), os.fsencode(path))
        for child, (versions, lines) in below.items():
            key = os.fsencode(child.rpartition("/")[2])
            found = self._with(child, names.get(key), versions, lines)
            if found and not (rules and rules.excludes(key, is_folder=found.kind == FOLDER)):
                names[key] = found
        if direct and not (rules and rules.excludes(gitignore.NAME, is_folder=False)):
            names[gitignore.NAME] = self._ignoring(path, names.get(gitignore.NAME), direct)
        return self._folder(name, names)

    def _ignoring(self, folder: str, before: Entry | None, paths: Sequence[str]) -> Entry:
        """The `.gitignore` of a folder, with a line for each of these."""
        text = gitignore.read(self._tree.root / folder / os.fsdecode(gitignore.NAME))
        for path in paths:
            text = gitignore.with_line(text, gitignore.pattern(self._tree.root / path))
        return Entry(gitignore.NAME, before.kind if before else FILE, Digest.of(text).raw, len(text), 1)

    def _folder(self, name: bytes, names: dict[bytes, Entry]) -> Entry:
        manifest = Manifest.of(names.values())
        digest = Digest.of(manifest.encode()).raw
        self._named[digest] = names
        return Entry(name, FOLDER, digest, manifest.size_bytes, manifest.files)

    def _names(self, entry: Entry | None) -> dict[bytes, Entry]:
        """What is in a folder, by name; in anything else, nothing."""
        if entry is None or entry.kind != FOLDER:
            return {}
        if entry.digest not in self._named:
            self._named[entry.digest] = {inner.name: inner for inner in self._contents.listing(entry)}
        return self._named[entry.digest]


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _above(path: str) -> list[str]:
    """The folders that a path is in."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _child(folder: str, path: str) -> str:
    """The path in `folder` that leads to `path`."""
    return f"{folder}/{path[len(folder) + 1 :].partition('/')[0]}"
