"""What git is asked, and how: one process for many answers, argument lists, never a shell."""

from __future__ import annotations

import subprocess
from typing import IO, TYPE_CHECKING

from jupyter_mlx.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_BLOCK_BYTES = 1 << 16
_TOGETHER = 256
"""Names given at a time: they and git's pipe never fill each other."""
_NOTHING = b"0" * 40


class GitError(NotFoundError):
    """Git could not answer."""

    code = "git"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"git says: {self.problem}; the history of data is in git, `git init` begins one"


class BadRevisionError(NotFoundError):
    """Git knows no such revision here."""

    code = "no-such-revision"

    def __init__(self, rev: str, problem: str) -> None:
        super().__init__(rev, problem)
        self.rev, self.problem = rev, problem

    def __str__(self) -> str:
        return f"no git revision {self.rev!r}: {self.problem}; `git log --oneline` lists them"


def run(root: Path, *arguments: str) -> bytes:
    """What git prints.

    Raises:
        GitError: it fails, or is not there.
    """
    with _started(root, arguments, pipe=False) as process:
        told, problem = process.communicate()
    _require_done(process, problem)
    return told


def resolve(root: Path, rev: str) -> str:
    """The full name of a commit.

    Raises:
        BadRevisionError: git does not know it.
    """
    if rev.startswith("-") or not rev.strip() or "\x00" in rev:
        raise BadRevisionError(rev, "it is no name that git could have")
    try:
        told = run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    except GitError as error:
        raise BadRevisionError(rev, error.problem or "git does not know it") from None
    return told.decode().strip()


def has_commits(root: Path) -> bool:
    """Whether there is anything to look back at.

    Raises:
        GitError: this is no git repository.
    """
    try:
        resolve(root, "HEAD")
    except BadRevisionError:
        run(root, "rev-parse", "--git-dir")
        return False
    return True


def log(
    root: Path, shown: str, paths: Sequence[str], *ends: str, literal: bool = False
) -> Iterator[tuple[bytes, str, str | None]]:
    """What commits did to files that fit `paths`: `shown` of the commit, the path, its blob (None: removed).

    `shown` is a format of `git log`, `ends` are where it begins (and other
    options); with `literal`, paths are no patterns. Newest first; a merge is
    told once for each parent that it differs from.

    Raises:
        GitError: it fails.
    """
    command = ["--literal-pathspecs"] if literal else []
    command += ["-c", "log.showRoot=true", "log", "-z", "-m", "--raw", "--no-abbrev", "--no-renames"]
    command += ["--relative", f"--format=%x01{shown}", *ends, "--", *paths]
    with _started(root, command, pipe=False) as process:
        header, words = b"", _words(_output(process))
        for word in words:
            text = word.lstrip(b"\n")
            if text.startswith(b"\x01"):
                header = text[1:]
            elif text.startswith(b":"):
                blob, path = text.split(b" ")[3], next(words)
                name = path.decode("utf-8", "surrogateescape")
                yield header, name, None if blob.startswith(_NOTHING) else blob.decode()
        problem = process.stderr.read() if process.stderr else b""
    _require_done(process, problem)


def blobs(root: Path, names: Iterable[str]) -> Iterator[bytes | None]:
    """The bytes of each of these blobs, in their order; None of one that git has not got.

    Raises:
        GitError: git is not there, or fails.
    """
    with _started(root, ["cat-file", "--batch"], pipe=True) as process:
        assert process.stdin is not None
        output = _output(process)
        waiting: list[str] = []
        try:
            for name in names:
                waiting.append(name)
                if len(waiting) == _TOGETHER:
                    yield from _answers(process.stdin, output, waiting)
                    waiting = []
            yield from _answers(process.stdin, output, waiting)
        finally:
            process.stdin.close()
            process.stdin = None


def _answers(asked: IO[bytes], output: IO[bytes], names: Sequence[str]) -> Iterator[bytes | None]:
    try:
        asked.write("".join(f"{name}\n" for name in names).encode())
        asked.flush()
    except BrokenPipeError:
        raise GitError("cat-file ended early") from None
    for _ in names:
        header = output.readline()
        if header.endswith(b" missing\n"):
            yield None
            continue
        if not header:
            raise GitError("cat-file ended early")
        data = output.read(int(header.rsplit(b" ", 1)[1]) + 1)
        yield data[:-1]


def _words(output: IO[bytes]) -> Iterator[bytes]:
    """What stands between NULs."""
    rest = b""
    while block := output.read(_BLOCK_BYTES):
        *whole, rest = (rest + block).split(b"\x00")
        yield from whole
    if rest:
        yield rest


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout


def _started(root: Path, arguments: Sequence[str], *, pipe: bool) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            ["git", "-C", str(root), *arguments],
            stdin=subprocess.PIPE if pipe else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if pipe else subprocess.PIPE,
        )
    except FileNotFoundError:
        raise GitError("it is not installed") from None


def _require_done(process: subprocess.Popen[bytes], problem: bytes) -> None:
    if process.wait():
        raise GitError(problem.decode("utf-8", "replace").strip().split("\n")[0].removeprefix("fatal: "))
