"""What `.mlxignore` keeps out of versions: gitignore's syntax, nearer files first, read where they stand.

A folder's rules hold for what is in and below it. As in git, the last rule that
fits decides, a nearer file before one further up, and what lies in an excluded
folder can't be taken in again. Where no such file is, nothing of this costs more
than one failed `open` a folder.
"""

# Paths are strings here: for 100,000 files, Path objects cost more than the work.
# ruff: noqa: PTH123

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError, ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pathspec import GitIgnoreSpec

NAME = ".mlxignore"
_LONGEST = 1 << 20
_INSIDE = re.compile(r"/\*\*[ ]*$", re.MULTILINE)
_NAMED_GROUP = re.compile(r"\(\?P<\w+>")


class ExcludedPathError(UsageError):
    """A path that `.mlxignore` excludes was named to be added."""

    code = "excluded-path"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is excluded by a {NAME}; take the line out of it (or add `!`), then add the path again"


class _Rules:
    """The rules of one file."""

    def __init__(self, spec: GitIgnoreSpec) -> None:
        self.spec = spec
        # most files fit no rule: one expression tells that in a fraction of the time
        texts = [pattern.regex.pattern for pattern in spec.patterns if pattern.regex is not None]
        self.concerns = re.compile("|".join(f"(?:{_NAMED_GROUP.sub('(', text)})" for text in texts)).match


class Ignore:
    """The rules that hold in one folder. Immutable."""

    __slots__ = ("_levels",)

    def __init__(self, levels: tuple[tuple[_Rules, str], ...]) -> None:
        self._levels = levels  # nearest first; each with the path from its folder to this one, "" or "a/b/"

    def excludes(self, name: bytes, *, is_folder: bool) -> bool:
        """Whether `name` in this folder is no part of a version."""
        text = os.fsdecode(name) + "/" if is_folder else os.fsdecode(name)
        for rules, prefix in self._levels:
            if rules.concerns(prefix + text):
                excluded = rules.spec.check_file(prefix + text).include
                if excluded is not None:
                    return excluded
        return False

    def below(self, name: bytes, spec: _Rules | None = None) -> Ignore:
        """The rules in the folder `name` of this one, which has rules `spec` of its own."""
        inner = os.fsdecode(name) + "/"
        levels = tuple((outer, f"{prefix}{inner}") for outer, prefix in self._levels)
        return Ignore(((spec, ""), *levels) if spec else levels)


def above(root: bytes, path: bytes) -> Ignore | None:
    """The rules in the folder that `path`, relative to the project, is in; None where there are none.

    Raises:
        ConfigError: a line is no pattern.
        AccessError: a file of rules can't be read.
    """
    return rules_in(root, path.rpartition(b"/")[0])


def rules_in(root: bytes, folder: bytes) -> Ignore | None:
    """The rules in a folder of the project; see `above`."""
    spec = _read(root + b"/" + os.fsencode(NAME), None, b"")
    found = Ignore(((spec, ""),)) if spec else None
    inner = b""
    for name in filter(None, folder.split(b"/")):
        inner = inner + b"/" + name if inner else name
        found = _joined(found, name, _read(root + b"/" + inner + b"/" + os.fsencode(NAME), None, inner))
    return found


def inside(outer: Ignore | None, name: bytes, fd: int, path: bytes) -> Ignore | None:
    """The rules in the open folder `fd`, called `name` in one where `outer` holds; None where there are none.

    Rules that exclude the folder itself do not hold in it: whoever looks into it named it.

    Raises:
        ConfigError, AccessError: see `above`.
    """
    if outer is not None and outer.excludes(name, is_folder=True):
        outer = None
    return _joined(outer, name, _read(os.fsencode(NAME), fd, path))


def require_included(root: Path, path: str, find: Callable[[bytes, bytes], Ignore | None] = rules_in) -> None:
    """Refuse a path that rules exclude, itself or a folder above it; `find` may remember those of a folder.

    Raises:
        ExcludedPathError: they do.
        ConfigError, AccessError: see `above`.
    """
    start, parts = os.fsencode(root), os.fsencode(path).split(b"/")
    for count in range(1, len(parts) + 1):
        inner = b"/".join(parts[:count])
        rules = find(start, inner.rpartition(b"/")[0])
        if rules and rules.excludes(parts[count - 1], is_folder=os.path.isdir(start + b"/" + inner)):  # noqa: PTH112
            raise ExcludedPathError(path)


def _joined(outer: Ignore | None, name: bytes, spec: _Rules | None) -> Ignore | None:
    if outer is not None:
        return outer.below(name, spec)
    return Ignore(((spec, ""),)) if spec else None


def _read(file: bytes, folder: int | None, path: bytes) -> _Rules | None:
    """The rules of a file; `path` is its folder's, for messages."""
    shown = os.fsdecode(path + b"/" if path else b"") + NAME
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:  # not to read the rules would add what they keep out
        raise AccessError.of(error, shown) from None
    with open(fd, "rb") as opened:
        try:
            text = opened.read(_LONGEST).decode("utf-8-sig", "surrogateescape").replace("\r\n", "\n")
        except OSError as error:
            raise AccessError.of(error, shown) from None
    # to git `x/**` is all that is in x, to pathspec x itself too
    return _compiled(_INSIDE.sub("/**/*", text).split("\n"), shown)


def _compiled(lines: list[str], shown: str) -> _Rules | None:
    from pathspec import GitIgnoreSpec

    try:
        spec = GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error):
        for number, line in enumerate(lines, 1):
            try:
                GitIgnoreSpec.from_lines([line])
            except (ValueError, re.error):
                raise ConfigError(shown, number, "", f"{line[:60]!r} is no pattern of gitignore's") from None
        raise
    return _Rules(spec) if any(pattern.include is not None for pattern in spec.patterns) else None
