"""Git's hooks and merge driver for the data of a project, put in place and taken out.

Each hook is a marked block in git's own hook file; what else is in that file stays,
and still gets git's arguments and input.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError, ConflictError
from jupyter_mlx.store.files import write_atomically

from . import git, gitignore
from .git import GitError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOOKS = ("post-checkout", "post-merge", "post-rewrite", "pre-push")
ATTRIBUTES = (b"*.mlx merge=jmlx", b"mlx.lock merge=jmlx")
_SHELLS = re.compile(rb"#![^\n]*\b(ba|da|z|k|mk)?sh\b")
_CALL = """\
if [ -f "$jmlx_top"/{config} ]; then (
  unset $(git rev-parse --local-env-vars)
  cd "$jmlx_top"/{folder} || exit {failed}
  if [ ! -x {python} ]; then
    echo "jmlx: {python} is gone, so the data stays as it is; \\`jmlx init --git-hooks\\` mends it" >&2
    exit {failed}
  fi
  exec {python} -m jupyter_mlx.interop.hooks {name} "$@"
) {rest}; fi
"""
# git tells in a few milliseconds that no pointer differs; Python takes longer to start
_AFTER = """\
if ! git diff --quiet {ends} -- '*.mlx' 2>/dev/null; then
jmlx_top=$(git rev-parse --show-toplevel) || jmlx_top=.
{call}fi
"""
# git tells on standard input what is pushed: the rest of the hook shall read it too
_BEFORE = """\
jmlx_top=$(git rev-parse --show-toplevel) || jmlx_top=.
jmlx_pushed=$(cat)
{call}if [ -n "$jmlx_pushed" ]; then exec <<JMLX_PUSHED
$jmlx_pushed
JMLX_PUSHED
else exec </dev/null
fi
"""


class ForeignHookError(ConflictError):
    """A hook is there that is no shell script, so that nothing can be added to it."""

    code = "foreign-hook"

    def __init__(self, file: str, call: str) -> None:
        super().__init__(file, call)
        self.file, self.call = file, call

    def __str__(self) -> str:
        return (
            f"{self.file} is no shell script and is left as it is; have it run `{self.call}`, with its input"
        )


def install(root: Path, temp: Path) -> list[str]:
    """Put the hooks and the merge driver in place, in whatever state they are; the files that were written.

    Raises:
        GitError: this is no git repository.
        ForeignHookError: a hook is there that is no shell script.
        AccessError: a file can't be written.
    """
    files = {file: _with_block(file, name, root) for file, name in _files(root)}
    for file, text in files.items():
        _write(file, text, temp)
    for key, value in _driver().items():
        git.run(root, "config", key, value)
    for line in ATTRIBUTES:
        gitignore.add_line(root / ".gitattributes", line, temp)
    return [str(file) for file in files]


def uninstall(root: Path, temp: Path) -> list[str]:
    """Take them out again; the files that were changed or removed.

    The lines of `.gitattributes` stay: they are everybody's, and mean nothing without the driver.

    Raises:
        GitError: this is no git repository.
        AccessError: a file can't be written.
    """
    changed = []
    for file, _ in _files(root):
        before = gitignore.read(file)
        after = _without_block(before, root)
        if after == before:
            continue
        if _SHELLS.fullmatch(after.strip()) or not after.strip():
            file.unlink()
        else:
            _write(file, after, temp)
        changed.append(str(file))
    with contextlib.suppress(GitError):  # it was not there
        git.run(root, "config", "--remove-section", "merge.jmlx")
    return changed


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    """Each hook's file, wherever git looks for it (`core.hooksPath`, worktrees), and its name."""
    folder = root / os.fsdecode(git.run(root, "rev-parse", "--git-path", "hooks").rstrip(b"\n"))
    yield from ((folder / name, name) for name in HOOKS)


def _driver() -> dict[str, str]:
    python = shlex.quote(sys.executable)
    return {
        "merge.jmlx.name": "versions of data, merged file by file",
        "merge.jmlx.driver": f"{python} -m jupyter_mlx.interop.merge %O %A %B %P",
        "merge.jmlx.recursive": "binary",
    }


def _with_block(file: Path, name: str, root: Path) -> bytes:
    found = _without_block(gitignore.read(file), root)
    block = _block(name, root)
    if not found.strip():
        return b"#!/bin/sh\n" + block
    first, newline, rest = found.partition(b"\n")
    if not _SHELLS.match(first):
        raise ForeignHookError(str(file), f"{sys.executable} -m jupyter_mlx.interop.hooks {name}")
    # before the rest, which may leave by `exit` or `exec`
    return first + (newline or b"\n") + block + rest


def _block(name: str, root: Path) -> bytes:
    begin, end = _marks(root)
    inner = _inner(root)
    pushes = name == "pre-push"
    call = _CALL.format(
        config=shlex.quote(os.path.join(inner, "mlx.yaml")),  # noqa: PTH118 (a text, not a path of here)
        folder=shlex.quote(inner or "."),
        python=shlex.quote(sys.executable),
        name=name,
        failed=1 if pushes else 0,
        rest="<<JMLX_PUSHED || exit 1" if pushes else "</dev/null || :",
    )
    if pushes:
        call = call.replace("; fi\n", "\n$jmlx_pushed\nJMLX_PUSHED\nfi\n")
    ends = '"$1" "$2"' if name == "post-checkout" else "ORIG_HEAD HEAD"
    text = (_BEFORE if pushes else _AFTER).format(call=call, ends=ends)
    return begin + b"\n" + os.fsencode(text) + end + b"\n"


def _without_block(text: bytes, root: Path) -> bytes:
    begin, end = (re.escape(mark) for mark in _marks(root))
    return re.sub(begin + rb"\n.*?" + end + rb"\n?", b"", text, flags=re.DOTALL)


def _marks(root: Path) -> tuple[bytes, bytes]:
    """What the block of this project stands between: a repository may hold several projects."""
    inner = _inner(root)
    name = os.fsencode(f"jmlx {inner}".rstrip())
    return b"# >>> " + name + b" >>> (by `jmlx init --git-hooks`)", b"# <<< " + name + b" <<<"


def _inner(root: Path) -> str:
    """The project's folder in the repository; empty where it is the repository."""
    return os.fsdecode(git.run(root, "rev-parse", "--show-prefix").rstrip(b"\n")).rstrip("/")


def _write(file: Path, text: bytes, temp: Path) -> None:
    if gitignore.read(file) == text and os.access(file, os.X_OK):
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = file.stat().st_mode if file.exists() else 0o644
        write_atomically(str(file), text, str(temp))
        file.chmod(mode | ((mode & 0o444) >> 2))
    except OSError as error:
        raise AccessError.of(error, file) from None
