"""Edits of mlx.yaml that keep its comments, and the atomic writing of such files."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_mlx.errors import AccessError

from .check import Check
from .text import yaml
from .values import NAME, Config


def add_remote(root: Path, name: str, url: str) -> None:
    """Write a remote into mlx.yaml, the new one or the new address; comments stay.

    Raises:
        ConfigError: the name or the address will not do, or the file is malformed.
        AccessError: the file cannot be written.
    """
    Check({}).remote(name, {"url": url})
    Config.read(root)
    tree = _yaml_of(root)
    if not tree.get("remotes"):
        tree["remotes"] = {}
    tree["remotes"][name] = {"url": url}
    _rewrite(root, tree)


def remove_remote(root: Path, name: str) -> None:
    """Take a remote out of mlx.yaml; comments stay, and so does what is at the remote.

    Raises:
        UnknownRemoteError: there is no such remote.
        ConfigError: the file is malformed.
        AccessError: the file cannot be written.
    """
    Config.read(root).remote(name)
    tree = _yaml_of(root)
    del tree["remotes"][name]
    if not tree["remotes"]:
        del tree["remotes"]
    _rewrite(root, tree)


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


def _yaml_of(root: Path) -> Any:
    from ruamel.yaml.comments import CommentedMap

    text = (root / NAME).read_text("utf-8")
    tree = yaml().load(text)
    if tree is None:
        # nothing but comments: they are kept as the start of the new text
        tree = CommentedMap()
        tree.yaml_set_start_comment(
            "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines())
        )
    return tree


def _rewrite(root: Path, tree: Any) -> None:
    from io import StringIO

    writer, text = yaml(), StringIO()
    if re.search(
        r":[ \t]*(?:#.*)?\n([ \t]*)\S.*:[ \t]*(?:#.*)?\n\1[ \t]+- ", (root / NAME).read_text("utf-8")
    ):
        # the file indents its lists: so do we, that git shows only what was meant
        writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(tree, text)
    replace_file(root / NAME, text.getvalue().encode())
