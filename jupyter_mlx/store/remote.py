"""A remote by its URL: in this version, a folder on this machine or one that it mounts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from jupyter_mlx.errors import NotYetError, UsageError

from .local import LocalStore

if TYPE_CHECKING:
    from .base import ObjectStore

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_LATER = frozenset({"s3", "gs", "gcs", "az", "abfs", "abfss", "ssh", "sftp", "http", "https"})


def open_remote(url: str, *, root: Path) -> ObjectStore:
    """The store at `url`: a path, relative ones from the project's `root`, or `file://`.

    Raises:
        NotYetError: it is a kind of remote that a later version reaches.
        UsageError: it is no URL of a remote.
    """
    text = url
    if _SCHEME.match(url):
        parts = urlsplit(url)
        if parts.scheme.lower() in _LATER:
            raise NotYetError(
                f"a remote by {parts.scheme}://", "give the path of a folder, also of one that is mounted"
            )
        if parts.scheme.lower() != "file" or parts.netloc not in {"", "localhost"}:
            raise UsageError(f"{url!r} is no remote; give the path of a folder, or file:///and/its/path")
        text = unquote(parts.path)
    folder = root / Path(text).expanduser()
    return LocalStore.open(folder, folder / "tmp")
