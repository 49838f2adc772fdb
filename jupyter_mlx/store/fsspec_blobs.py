"""Blobs wherever fsspec reaches: S3, Google Cloud Storage, Azure, SSH, HTTP (to read)."""

from __future__ import annotations

import contextlib
import logging
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jupyter_mlx.errors import MlxError, UsageError

from .blobs import BlobNotFoundError, ReadOnlyRemoteError, RemoteError, RemoteTroubleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .blobs import Part

_CONNECT_S, _READ_S = 10, 60


class MissingPackageError(UsageError):
    """The optional package that reaches a kind of remote is not installed."""

    code = "missing-package"

    def __init__(self, scheme: str, extra: str) -> None:
        super().__init__(scheme, extra)
        self.scheme, self.extra = scheme, extra

    def __str__(self) -> str:
        return f"remotes by {self.scheme}:// need a package more: pip install 'jupyter-mlx[{self.extra}]'"


EXTRAS: Mapping[str, tuple[str, str]] = {
    "s3": ("s3fs", "s3"),
    "gs": ("gcsfs", "gcs"),
    "az": ("adlfs", "azure"),
    "ssh": ("sshfs", "ssh"),
    "http": ("aiohttp", "http"),
}
"""Kind of remote → the module that reaches it, and the extra that installs it."""

_BUCKETS = frozenset({"s3", "gs", "az"})
"""Kinds that list any number of names at once and know no folders."""


class FsspecBlobs:
    """Blobs below a path of an fsspec file system. See `Blobs`."""

    copies = 3  # our parts, what they are joined to, and what waits in the connection's buffer

    def __init__(self, url: str, kind: str, path: str, options: Mapping[str, Any]) -> None:
        self._url, self._kind, self._path = url, kind, path.rstrip("/")
        self._options = options
        self._made: Any = None

    def __str__(self) -> str:
        return self._url

    @property
    def _files(self) -> Any:
        """The file system, connected when it is first used."""
        if self._made is None:
            module, extra = EXTRAS[self._kind]
            try:
                import_module(module)
                import fsspec
            except ImportError:
                raise MissingPackageError(self._kind, extra) from None
            # what they log when a request fails is told as our error, in one line
            logging.getLogger(module).addHandler(logging.NullHandler())
            options = dict(self._options)
            if self._kind == "ssh":
                options.setdefault("known_hosts", ())  # the user's own, as ssh does; sshfs would check none
            else:
                options["use_listings_cache"] = False  # another machine writes there too
            if self._kind == "s3":
                timeouts = {"connect_timeout": _CONNECT_S, "read_timeout": _READ_S}
                options["config_kwargs"] = {"retries": {"max_attempts": 1}, **timeouts}
            self._made = fsspec.filesystem(self._kind, **options)
            if self._kind == "s3":
                self._made.retries = 1  # `retrying` does it, once for all kinds
        return self._made

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}" if self._path else name

    def put(self, name: str, parts: Sequence[Part]) -> None:
        """See `Blobs.put`."""
        if self._kind == "http":
            raise ReadOnlyRemoteError(self._url)
        with self._told(name):
            data = bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
            if self._kind == "ssh":
                self._put_and_rename(name, data)
            else:  # an object store: an upload is seen when it is complete
                self._files.pipe_file(self._at(name), data)

    def _put_and_rename(self, name: str, data: bytes) -> None:
        """On a file system, where half a file could be seen."""
        temp, path = self._at(f"tmp/put-{os.urandom(8).hex()}"), self._at(name)
        for folder in (temp, path):
            self._files.makedirs(folder.rpartition("/")[0], exist_ok=True)
        try:
            with self._files.open(temp, "wb") as file:
                file.write(data)
                with contextlib.suppress(Exception):  # not every server can
                    file.fsync()
            self._files.mv(temp, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._files.rm_file(temp)
            raise

    def get(self, name: str, start: int, length: int) -> bytes:
        """See `Blobs.get`."""
        if length <= 0:
            return b""
        with self._told(name):
            if self._kind == "ssh":  # its `cat_file` knows no ranges
                with self._files.open(self._at(name), "rb") as file:
                    file.seek(start)
                    return bytes(file.read(length))
            data = bytes(self._files.cat_file(self._at(name), start=start, end=start + length))
        # a server that knows no ranges sends the whole
        return data[start : start + length] if len(data) > length else data

    def copy(self, name: str, start: int, length: int, fd: int, at: int) -> int:
        """See `Blobs.copy`."""
        return os.pwrite(fd, self.get(name, start, length), at)

    def names(self, folder: str) -> list[str]:
        """See `Blobs.names`."""
        top = self._at(folder)
        with self._told(folder):
            found = self._found(top) if self._kind in _BUCKETS else self._walk(top)
        if not found:
            self._require_bucket()
        return sorted(folder + name[len(top) :] for name in found if name.startswith(f"{top}/"))

    def _found(self, top: str) -> list[str]:
        try:
            return list(self._files.find(top))
        except FileNotFoundError:
            return []

    def _walk(self, top: str) -> list[str]:
        found: list[str] = []
        pending = [top]
        while pending:
            inner = pending.pop()
            with contextlib.suppress(FileNotFoundError):
                for entry in self._files.ls(inner, detail=True):
                    name = str(entry["name"])
                    if not name.startswith(f"{inner}/"):
                        continue  # the links of a web page lead elsewhere too
                    is_folder = entry["type"] == "directory" or name.endswith("/")
                    (pending if is_folder else found).append(name.rstrip("/"))
        return found

    def _require_bucket(self) -> None:
        """Tell a remote that holds nothing yet from a bucket that is not there, which looks the same."""
        bucket = self._path.partition("/")[0]
        if self._kind in _BUCKETS:
            with self._told(bucket):
                if not self._files.exists(bucket):
                    raise RemoteError(self._url, f"there is no {bucket!r}", "make it, or mend the address")

    def delete(self, name: str) -> None:
        """See `Blobs.delete`."""
        if self._kind == "http":
            raise ReadOnlyRemoteError(self._url)
        with contextlib.suppress(BlobNotFoundError), self._told(name):
            self._files.rm_file(self._at(name))

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Every fault of every file system, as one of ours."""
        try:
            yield
        except (MlxError, KeyboardInterrupt):
            raise
        except FileNotFoundError:
            raise BlobNotFoundError(name, self._url) from None
        except Exception as error:
            if self._kind == "ssh" and self._made is not None:  # a connection that broke stays broken
                type(self._made).clear_instance_cache()
                self._made = None
            raise _translated(error, self._url) from None


def _translated(error: Exception, url: str) -> RemoteError:
    """By the names of the classes: their packages may not be installed."""
    names = {kind.__name__ for kind in type(error).__mro__}
    text = " ".join(str(error).split())[:300]
    problem = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if names & _DENIED or getattr(error, "status", 0) in {401, 403}:
        return RemoteError(url, f"access was refused ({problem})", "check the credentials in the environment")
    if names & {"HostKeyNotVerifiable", "KeyExchangeFailed"}:
        return RemoteError(url, problem, "connect once by `ssh` and accept its key, if it is the right one")
    if names & {"NoSuchBucket", "TypeError", "ValueError", "ParamValidationError", "ProfileNotFound"}:
        return RemoteError(url, problem, "mend the address or the options of the remote")
    return RemoteTroubleError(url, problem, "check the network and the address, then try again")


_DENIED = frozenset(
    {
        "PermissionError",
        "PermissionDenied",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ClientAuthenticationError",
        "CredentialRetrievalError",
        "RefreshError",
        "DefaultCredentialsError",
    }
)
"""Errors that say who is asking is not allowed."""
