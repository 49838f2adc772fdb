"""Edits of mlx.yaml that touch no other line, and the atomic writing of such files.

A remote is written and taken out as lines of text. The result is parsed and
compared with what was meant; where the file is too unusual for that (a flow
mapping over several lines, say), ruamel.yaml writes it anew, comments included.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_mlx.errors import AccessError, ConfigError

from .check import Check
from .text import parse, yaml
from .values import NAME, Config

_UNQUOTED = re.compile(r"[\w./~][\w./~:@+-]*")


def add_remote(
    root: Path, name: str, url: str, options: Mapping[str, str | int | bool] | None = None
) -> None:
    """Write a remote into mlx.yaml, the new one or the new address; comments stay.

    Raises:
        ConfigError: the name or the address will not do, or the file is malformed.
        AccessError: the file cannot be written.
    """
    entry = {"url": url, **(options or {})}
    Check({}).remote(name, entry)
    if name in Config.read(root).remotes:
        remove_remote(root, name)
    text, plain, lines = _read(root)
    plain.setdefault("remotes", {})
    plain["remotes"] = {**(plain["remotes"] or {}), name: entry}
    _write(root, text, _with_lines(text, lines, name, entry), plain)


def remove_remote(root: Path, name: str) -> None:
    """Take a remote out of mlx.yaml; comments stay, and so does what is at the remote.

    Raises:
        UnknownRemoteError: there is no such remote.
        ConfigError: the file is malformed.
        AccessError: the file cannot be written.
    """
    Config.read(root).remote(name)
    text, plain, lines = _read(root)
    plain["remotes"] = {other: value for other, value in plain["remotes"].items() if other != name}
    if not plain["remotes"]:
        del plain["remotes"]
    _write(root, text, _without_lines(text, lines, name, alone="remotes" not in plain), plain)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file of the project's people whole or not at all, through a link to its target.

    Raises:
        AccessError: the folder or the disk refuses.
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise AccessError.of(error, path) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(root: Path) -> tuple[str, dict[str, Any], dict[str, int]]:
    data = (root / NAME).read_bytes()
    plain, lines = parse(data)
    return data.decode("utf-8"), plain or {}, lines


def _write(root: Path, text: str, edited: str, meant: Mapping[str, Any]) -> None:
    try:
        as_meant = (parse(edited.encode())[0] or {}) == meant
    except ConfigError:
        as_meant = False
    replace_file(root / NAME, (edited if as_meant else _rewritten(text, meant)).encode())


def _with_lines(text: str, lines: Mapping[str, int], name: str, entry: Mapping[str, Any]) -> str:
    """The text with a remote more, first of its block; at the end where there is no block yet."""
    values = [f"{key}: {_scalar(value)}" for key, value in entry.items()]
    rows = text.splitlines()
    first = min((line for key, line in lines.items() if key.startswith("remotes.")), default=0)
    if "remotes" not in lines:
        return "\n".join([*rows, "remotes:", f"  {name}:", *(f"    {value}" for value in values), ""])
    indent = _indent(rows[first - 1]) if first else 2
    at = lines["remotes"]
    added = [f"{' ' * indent}{name}:", *(f"{' ' * (indent + 2)}{value}" for value in values)]
    return "\n".join([*rows[:at], *added, *rows[at:], ""])


def _scalar(value: str | int | bool) -> str:
    if isinstance(value, str) and _UNQUOTED.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _without_lines(text: str, lines: Mapping[str, int], name: str, *, alone: bool) -> str:
    """The text without the lines of a remote, and without the block where it was the only one."""
    rows = text.splitlines()
    first = lines["remotes" if alone else f"remotes.{name}"] - 1
    last = lines[f"remotes.{name}"]
    depth = _indent(rows[last - 1])
    while last < len(rows) and rows[last].strip() and _indent(rows[last]) > depth:
        last += 1
    return "\n".join([*rows[:first], *rows[last:], ""])


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip(" "))


def _rewritten(text: str, meant: Mapping[str, Any]) -> str:
    from io import StringIO

    writer, out = yaml(), StringIO()
    tree = writer.load(text) or {}
    if "remotes" in meant:
        tree["remotes"] = dict(meant["remotes"])
    else:
        del tree["remotes"]
    writer.dump(tree, out)
    return out.getvalue()
