"""The line that keeps tracked data out of git, in the `.gitignore` beside its pointer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jupyter_mlx.errors import AccessError
from jupyter_mlx.store.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

_SPECIAL = re.compile(rb"([*?\[\\])")


def ignore(path: Path, temp: Path) -> bool:
    """Have git ignore the data at `path`; whether a line had to be added."""
    file, line = path.parent / ".gitignore", pattern(path)
    found = _read(file)
    if line in found.split(b"\n"):
        return False
    joint = b"" if not found or found.endswith(b"\n") else b"\n"
    write_atomically(str(file), found + joint + line + b"\n", str(temp))
    return True


def unignore(path: Path, temp: Path) -> bool:
    """Take that line out again; whether it was there. No other line is touched."""
    file, line = path.parent / ".gitignore", pattern(path)
    lines = _read(file).split(b"\n")
    if line not in lines:
        return False
    lines.remove(line)
    rest = b"\n".join(lines)
    if rest.strip():
        write_atomically(str(file), rest, str(temp))
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


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise AccessError.of(error, file) from None
