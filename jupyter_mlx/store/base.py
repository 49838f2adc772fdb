"""What every object store does: the protocol, and the errors that only a store raises.

The docstrings here are the contract; `jupyter_mlx.testing.StoreTests` holds an
implementation to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from jupyter_mlx.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from jupyter_mlx.digest import Digest

SMALL_BYTES = 1 << 20
"""Objects below this many bytes share pack files; from here on each has a file of its own."""


class FileChangedError(UnavailableError):
    """A file was written to whenever it was read, so no version of it could be taken."""

    code = "file-changed"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} keeps changing while it is read; stop what writes to it and try again"


class NewerFormatError(UnavailableError):
    """The store was written by a later version, in a format that this one does not know."""

    code = "newer-format"

    def __init__(self, store: str, found: str) -> None:
        super().__init__(store, found)
        self.store, self.found = store, found

    def __str__(self) -> str:
        return f"{self.store} has {self.found}; upgrade jupyter_mlx to read it (`pip install -U jupyter-mlx`)"


class Batch(Protocol):
    """Many puts that become durable together. Used by one thread.

    Nothing that was put is promised before the batch is closed. A batch that is
    left by an exception keeps what it took so far.
    """

    def put(self, data: bytes) -> Digest:
        """Take `data`; see `ObjectStore.put`."""

    def put_file(self, path: Path, expect: Digest | None = None) -> Digest:
        """Take the bytes of a file; see `ObjectStore.put_file`."""

    def put_known(self, digest: bytes, data: bytes) -> None:
        """Take `data` of fewer than `SMALL_BYTES`, whose 32 bytes of digest the caller has just computed."""

    def put_absent(self, objects: Iterable[tuple[bytes, bytes]]) -> int:
        """`put_known`, of many that the store was just found not to have; the bytes of those that it took."""

    def put_open(self, fd: int, told: Callable[[int], None] | None = None) -> Digest:
        """Take the bytes of an open file of `SMALL_BYTES` or more, as they are read now.

        `told` hears of bytes as they are read. Whether the file changed meanwhile
        is the caller's to look at: what is stored has the digest that is returned.

        Raises:
            AccessError: the file can't be read, or the store can't be written.
        """

    def receive(self, digest: Digest, fill: Callable[[int], None]) -> None:
        """Take the object that `fill` writes into an open file, and has compared with `digest`.

        The file may hold what an earlier `fill` wrote before it was cut short.
        """

    def sync(self) -> None:
        """Make durable what was put so far, so that objects that name it may follow.

        Raises:
            AccessError: the disk refused.
        """


class ObjectStore(Protocol):
    """Write-once bytes, named by their own digest.

    Any number of processes and threads use one store at once. A reader never
    sees half an object, and two writers of the same bytes both succeed. What
    `put` returned, or a closed batch took, is on the disk: a power cut does not
    undo it.
    """

    def put(self, data: bytes) -> Digest:
        """Store `data`, if it is not there already, and return its digest.

        Raises:
            AccessError: the store can't be written; it is as it was before.
        """

    def put_file(self, path: Path, expect: Digest | None = None) -> Digest:
        """Store the bytes of the file `path`, read once, and return their digest.

        With `expect`, bytes of another digest are not stored.

        Raises:
            FileChangedError: the file changed each time that it was read.
            CorruptObjectError: the file does not hold the bytes of `expect`.
            AccessError: the file can't be read, or the store can't be written.
        """

    def get(self, digest: Digest) -> bytes:
        """Return the bytes named `digest`, checked against it.

        Raises:
            ObjectNotFoundError: the store has no such object.
            CorruptObjectError: the stored bytes have another digest.
        """

    def get_many(self, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        """What `get` returns for each of `digests`, together in memory: for some hundred small objects.

        Raises:
            ObjectNotFoundError: the store has no such object.
            CorruptObjectError: the stored bytes have another digest.
        """

    def stream(self, digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """The bytes of small objects, by the 32 bytes of their digests, in the order that is read quickest.

        Raises:
            ObjectNotFoundError: the store has not got one.
            CorruptError: the stored bytes have another digest.
        """

    def copy_to(self, digest: Digest, path: Path) -> None:
        """Write the object to `path`, a new file, checked as it is copied.

        Where this raises, `path` does not exist.

        Raises:
            ObjectNotFoundError: the store has no such object.
            CorruptObjectError: the stored bytes have another digest.
            AccessError: `path` exists already or can't be written.
        """

    def linkable(self, digest: Digest) -> Path | None:
        """The read-only file that holds the object alone, to link to; None where there is none.

        The file is known to hold the object's bytes: it is read where it was
        touched since the store last knew so.

        Raises:
            CorruptObjectError: the stored bytes have another digest.
        """

    def inflate(self, digest: Digest) -> Path | None:
        """`linkable`, of an object that has no file too: one is made where the store keeps such files.

        Raises:
            CorruptObjectError: the stored bytes have another digest.
            AccessError: the store can't be written.
        """

    def relinking(self, digest: Digest) -> AbstractContextManager[None]:
        """While a link to the `linkable` file is made or removed: the change of its ctime means nothing."""

    def has(self, digest: Digest) -> bool:
        """Whether the store holds the object. The bytes are not read."""

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Those of `digests` that the store does not hold."""

    def lacking(self, digests: Sequence[bytes]) -> set[bytes]:
        """`missing`, by the 32 bytes of the digests: for a hundred thousand of them."""

    @property
    def whole(self) -> bool:
        """Whether a manifest that is there proves that all it names is there: no object is known to be damaged."""

    def size(self, digest: Digest) -> int:
        """The length of the object in bytes.

        Raises:
            ObjectNotFoundError: the store has no such object.
        """

    def digests(self) -> Iterator[Digest]:
        """Every object of the store once, in no order."""

    def small_objects(self) -> Iterator[tuple[Digest, bytes]]:
        """Every undamaged object below `SMALL_BYTES` with its bytes, in the order of writing."""

    def check(self, digest: Digest) -> None:
        """Read the object wholly and compare.

        Raises:
            ObjectNotFoundError: the store has no such object.
            CorruptObjectError: the stored bytes have another digest.
        """

    def batch(self) -> AbstractContextManager[Batch]:
        """Many puts made durable together."""

    def hold(self) -> AbstractContextManager[None]:
        """Keep `gc` from removing anything until this is left.

        Whoever finds an object present and then writes a reference to it does
        both while it holds the store.
        """
