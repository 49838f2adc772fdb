"""A remote by its URL: a folder, S3, Google Cloud Storage, Azure, SSH, or HTTP to read from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from blake3 import blake3

from jupyter_mlx.errors import AccessError, UsageError

from . import local

if TYPE_CHECKING:
    from .base import ObjectStore

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_KINDS = {
    "s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az",
    "ssh": "ssh", "sftp": "ssh", "http": "http", "https": "http",
}  # fmt: skip
_JOBS_LOCAL, _JOBS_NETWORK = 2, 4
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "folder": {},
    "s3": {"endpoint_url": "endpoint_url", "profile": "profile", "region": "client_kwargs", "anon": "anon"},
    "gs": {"endpoint_url": "endpoint_url", "project": "project", "anon": "token"},
    "az": {"account_name": "account_name", "anon": "anon"},
    "ssh": {"port": "port", "username": "username", "known_hosts": "known_hosts"},
    "http": {},
}
"""Kind of remote → the options of mlx.yaml that it takes, each with its name in the file system."""


class BadRemoteError(UsageError):
    """A text is no URL of a remote."""

    code = "bad-remote"

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(url, problem)
        self.url, self.problem = url, problem

    def __str__(self) -> str:
        return (
            f"{self.url!r} is no remote: {self.problem}; give the path of a folder, or "
            "s3://bucket/path, gs://bucket/path, az://container/path, ssh://user@host/path, https://host/path"
        )


@dataclass(frozen=True, slots=True)
class Address:
    """Where a remote is."""

    kind: str
    """`folder`, or a kind of `fsspec_blobs.EXTRAS`."""
    path: str
    """Of the folder, absolute; of others as their file system names it."""
    options: Mapping[str, Any]
    """What the file system is made with."""

    @classmethod
    def parse(cls, url: str, root: Path, options: Mapping[str, Any] | None = None) -> Address:
        """Read a URL; paths are relative to `root`.

        Raises:
            BadRemoteError: it is none.
        """
        if not _SCHEME.match(url):
            return cls("folder", os.path.normpath(root / Path(url).expanduser()), {})
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        if scheme == "file":
            if parts.netloc not in {"", "localhost"} or not parts.path:
                raise BadRemoteError(url, "a file:// address names a folder of this machine")
            return cls("folder", os.path.normpath(root / unquote(parts.path)), {})
        kind = _KINDS.get(scheme)
        if kind is None:
            raise BadRemoteError(url, f"nothing is known that reaches {scheme}:")
        if not parts.netloc:
            raise BadRemoteError(url, "it names no host or bucket")
        found = _options(url, kind, options or {})
        if kind == "http":
            return cls(kind, url, found)
        path = unquote(parts.path)
        if kind == "ssh":
            path = path.removeprefix("/~/") or "/"
            try:
                inside = {"host": parts.hostname, "port": parts.port, "username": parts.username}
            except ValueError:
                raise BadRemoteError(url, "its port is no number") from None
            return cls(kind, path, {**{key: value for key, value in inside.items() if value}, **found})
        bucket, _, account = parts.netloc.partition("@")
        if account:
            found.setdefault("account_name", account.partition(".")[0])
        return cls(kind, f"{bucket}/{path.strip('/')}".rstrip("/"), found)


def _options(url: str, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        inside = _OPTIONS[kind].get(name)
        if inside is None:
            raise BadRemoteError(url, f"a remote of this kind takes no {name!r}")
        if name == "region":
            value = {"region_name": value}  # noqa: PLW2901 (each in its own form)
        elif kind == "gs" and name == "anon":
            value = "anon" if value else None  # noqa: PLW2901
        found[inside] = value
    return found


def open_remote(
    url: str,
    *,
    root: Path,
    options: Mapping[str, Any] | None = None,
    cache: Path | None = None,
    jobs: int | None = None,
) -> ObjectStore:
    """The store at `url`: a folder (relative ones from the project's `root`), or a place that fsspec reaches.

    `options` go to the file system; the folder `cache` keeps what is known of
    the remote; up to `jobs` requests are made at once. Nothing is read yet, but
    for a folder.

    Raises:
        BadRemoteError: it is no URL of a remote.
        AccessError: the folder can't be read.
    """
    address = Address.parse(url, root, options)
    if address.kind == "folder" and _is_store(address.path):
        return local.LocalStore.open(Path(address.path), Path(address.path) / "tmp")
    from .blobs import FolderBlobs
    from .fsspec_blobs import FsspecBlobs
    from .remote_index import RemoteIndex
    from .remote_store import RemoteStore
    from .retrying import RetryingBlobs

    if address.kind == "folder":
        blobs: FolderBlobs | RetryingBlobs = FolderBlobs(address.path)
    else:
        blobs = RetryingBlobs(FsspecBlobs(url, address.kind, address.path, address.options))
    named = f"{address.kind} {address.path} {sorted(address.options.items())}"
    index = RemoteIndex(cache / f"{blake3(named.encode()).hexdigest()[:16]}.db" if cache else None)
    return RemoteStore(blobs, index, jobs or (_JOBS_LOCAL if address.kind == "folder" else _JOBS_NETWORK))


def _is_store(folder: str) -> bool:
    """Whether the folder is a remote as the first versions made them: a store."""
    try:
        return (Path(folder) / "format").read_bytes().startswith(b"jupyter_mlx store\n")
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise AccessError.of(error, folder) from None
