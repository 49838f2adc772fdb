"""The line that keeps tracked data out of git, in the `.gitignore` beside its pointer."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError
from jupyter_mlx.store.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

NAME = b".gitignore"
_SPECIAL = re.compile(rb"([*?\[\\])")


def ignore(path: Path, temp: Path) -> bool:
    """Have git ignore the data at `path`; whether a line had to be added.

    Raises:
        AccessError: the `.gitignore` can't be read, or is read-only.
    """
    return add_line(path.parent / ".gitignore", pattern(path), temp)


def unignore(path: Path, temp: Path) -> bool:
    """Take that line out again; whether it was there. No other line is touched."""
    return remove_line(path.parent / ".gitignore", pattern(path), temp)


def add_line(file: Path, line: bytes, temp: Path) -> bool:
    """Put a line at the end of a file of git's, ended as its last line is; False where it stands there."""
    found = read(file)
    after = with_line(found, line)
    if after == found:
        return False
    _write(file, after, temp)
    return True


def with_line(found: bytes, line: bytes) -> bytes:
    """The bytes of such a file with a line at its end, where it does not stand there already."""
    if line in _lines(found):
        return found
    end = b"\r\n" if found.rstrip(b"\n").endswith(b"\r") or found.endswith(b"\r\n") else b"\n"
    joint = b"" if not found or found.endswith(b"\n") else end
    return found + joint + line + end


def remove_line(file: Path, line: bytes, temp: Path) -> bool:
    """Take a line out of a file of git's, and the file where nothing else was in it; whether it was there."""
    found = read(file)
    if line not in _lines(found):
        return False
    lines = found.split(b"\n")
    del lines[_lines(found).index(line)]
    rest = b"\n".join(lines)
    if rest.strip():
        _write(file, rest, temp)
    else:
        file.unlink()
    return True


def pattern(path: Path) -> bytes:
    """What git calls exactly this path, from the folder that it is in."""
    name = _SPECIAL.sub(rb"\\\1", path.name.encode("utf-8", "surrogateescape"))
    if name.endswith(b" "):
        name = name[:-1] + b"\\ "
    # git has no way to write a newline: `?` stands for any character
    return b"/" + name.replace(b"\n", b"?")


def read(file: Path) -> bytes:
    """The bytes of a file of git's; none where there is no such file.

    Raises:
        AccessError: it can't be read.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise AccessError.of(error, file) from None


def _lines(text: bytes) -> list[bytes]:
    """Without the line ends of Windows, which git reads over."""
    return [line.removesuffix(b"\r") for line in text.split(b"\n")]


def _write(file: Path, text: bytes, temp: Path) -> None:
    if file.exists() and not os.access(file, os.W_OK):
        raise AccessError(str(file), "Permission denied")
    write_atomically(str(file), text, str(temp))
