"""Named, immutable pieces of bytes at a remote: the little that a remote must be able to do.

What they hold is the business of `remote_store`; where they lie, of an
implementation of `Blobs`: here a folder, in `fsspec_blobs` all other places.
"""

# Paths are strings here, as in `files`.
# ruff: noqa: PTH108, PTH118, PTH120

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Protocol

from jupyter_mlx.errors import AccessError, NotFoundError, UnavailableError, UsageError

from .copying import copy_range
from .files import make_folder, sync_folder, temp_file, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Part = bytes | memoryview


class BlobNotFoundError(NotFoundError):
    """The remote has no blob of that name."""

    code = "blob-not-found"

    def __init__(self, name: str, remote: str) -> None:
        super().__init__(name, remote)
        self.name, self.remote = name, remote

    def __str__(self) -> str:
        return f"{self.remote} has no {self.name}; `jmlx push` from a copy that has the data stores it again"


class RemoteError(UnavailableError):
    """A remote could not be reached, or refused."""

    code = "remote-unavailable"

    def __init__(self, remote: str, problem: str, hint: str) -> None:
        super().__init__(remote, problem, hint)
        self.remote, self.problem, self.hint = remote, problem, hint

    def __str__(self) -> str:
        return f"{self.remote}: {self.problem}; {self.hint}"


class RemoteTroubleError(RemoteError):
    """The network or the server failed in a way that may pass: the one kind that is tried again."""

    code = "remote-trouble"


class ReadOnlyRemoteError(UsageError):
    """A remote can only be read."""

    code = "remote-read-only"

    def __init__(self, remote: str) -> None:
        super().__init__(remote)
        self.remote = remote

    def __str__(self) -> str:
        return (
            f"{self.remote} can only be read; push to the place that it serves, by a remote of another kind"
        )


class Blobs(Protocol):
    """Bytes by name. Any number of threads, processes and machines use them at once."""

    @property
    def copies(self) -> int:
        """How many times a blob is in memory while it is sent."""

    def put(self, name: str, parts: Sequence[Part]) -> None:
        """Store the parts, joined, under `name`: afterwards all of it is there, or nothing of that name.

        Raises:
            RemoteError, AccessError: it could not be written.
            ReadOnlyRemoteError: nothing can be written there.
        """

    def get(self, name: str, start: int, length: int) -> bytes:
        """`length` bytes from `start`; fewer where the blob ends before.

        Raises:
            BlobNotFoundError: there is no such blob.
            RemoteError, AccessError: it could not be read.
        """

    def copy(self, name: str, start: int, length: int, fd: int, at: int) -> int:
        """Write what `get` returns into an open file, at `at`; how many bytes there were. Raises what `get` raises.

        Raises:
            OSError: the file can't be written.
        """

    def names(self, folder: str) -> list[str]:
        """The names of all blobs in a folder and below; none where there is no such folder.

        Raises:
            RemoteError, AccessError: it could not be listed.
        """

    def delete(self, name: str) -> None:
        """Remove a blob, if it is there.

        Raises:
            RemoteError, AccessError: it could not be removed.
        """


class FolderBlobs:
    """Blobs in a folder of this machine, written as safely as a store's own files. See `Blobs`."""

    copies = 1

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return self._folder

    def put(self, name: str, parts: Sequence[Part]) -> None:
        """See `Blobs.put`."""
        path = os.path.join(self._folder, name)
        make_folder(os.path.dirname(path))
        with temp_file(os.path.join(self._folder, "tmp")) as (temp, fd):
            try:
                for part in parts:
                    write_all(fd, part)
                os.fchmod(fd, 0o444)
                os.fsync(fd)
                os.rename(temp, path)  # noqa: PTH104
                sync_folder(os.path.dirname(path))
            except OSError as error:
                raise AccessError.of(error, path) from None

    def get(self, name: str, start: int, length: int) -> bytes:
        """See `Blobs.get`."""
        with self._opened(name) as fd:
            try:
                # not more than there is: the length may come from someone who lies
                return os.pread(fd, min(length, max(0, os.fstat(fd).st_size - start)), start)
            except OSError as error:
                raise AccessError.of(error, os.path.join(self._folder, name)) from None

    def copy(self, name: str, start: int, length: int, fd: int, at: int) -> int:
        """See `Blobs.copy`."""
        with self._opened(name) as source:
            return copy_range(source, start, length, fd, at)

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        path = os.path.join(self._folder, name)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise BlobNotFoundError(name, self._folder) from None
        except OSError as error:
            raise AccessError.of(error, path) from None
        try:
            yield fd
        finally:
            os.close(fd)

    def names(self, folder: str) -> list[str]:
        """See `Blobs.names`."""
        found: list[str] = []
        pending = [folder]
        while pending:
            inner = pending.pop()
            try:
                with os.scandir(os.path.join(self._folder, inner)) as entries:
                    for entry in entries:
                        to = pending if entry.is_dir(follow_symlinks=False) else found
                        to.append(f"{inner}/{entry.name}")
            except FileNotFoundError:
                continue
            except OSError as error:
                raise AccessError.of(error, os.path.join(self._folder, inner)) from None
        return sorted(found)

    def delete(self, name: str) -> None:
        """See `Blobs.delete`."""
        path = os.path.join(self._folder, name)
        with contextlib.suppress(FileNotFoundError):
            try:
                os.unlink(path)
                sync_folder(os.path.dirname(path))
            except FileNotFoundError:
                raise
            except OSError as error:
                raise AccessError.of(error, path) from None
