"""`.mlx/local.yaml`: settings of this machine alone, which are not in git."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jupyter_mlx.errors import AccessError

from .check import Check
from .text import parse
from .values import STATE, Remote

if TYPE_CHECKING:
    from pathlib import Path

NAME = f"{STATE}/local.yaml"


def remote_here(root: Path, remote: Remote) -> Remote:
    """A remote of mlx.yaml with what `local.yaml` says of it: options, or another address.

    Raises:
        ConfigError: the file is malformed, or holds a secret.
        AccessError: it can't be read.
    """
    plain, lines = _read(root)
    entries = plain.get("remotes") or {}
    if not isinstance(entries, dict) or remote.name not in entries:
        return remote
    found: dict[str, Any] = Check(lines, NAME).options(f"remotes.{remote.name}", entries[remote.name])
    url = found.pop("url", remote.url)
    return replace(remote, url=url, options={**remote.options, **found})


def _read(root: Path) -> tuple[dict[str, Any], dict[str, int]]:
    try:
        data = (root / NAME).read_bytes()
    except FileNotFoundError:
        return {}, {}
    except OSError as error:
        raise AccessError.of(error, root / NAME) from error
    plain, lines = parse(data)
    return plain if isinstance(plain, dict) else {}, lines
