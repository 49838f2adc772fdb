"""`mlx://`: the data of a project, at any version, for libraries that speak fsspec.

    pd.read_csv("mlx://data/train.csv@v1")
    fsspec.filesystem("mlx", project="/home/me/work", rev="v1").find("data/images")

What stands after `@` is a git revision, a run or a version of data, as for
`jmlx diff`; without it, data is as the pointers of the work tree say. It can be
read, not written. The project is that of the current folder, or `project`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from fsspec.spec import AbstractFileSystem

from jupyter_mlx import revisions
from jupyter_mlx.data.manifest import LINK, Entry
from jupyter_mlx.data.version import Version
from jupyter_mlx.errors import NotFoundError, UsageError
from jupyter_mlx.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator


class NoSuchDataError(NotFoundError, FileNotFoundError):
    """Nothing is at this path in that version; also a `FileNotFoundError`, which fsspec looks for."""

    code = "no-such-data"

    def __init__(self, path: str, rev: str) -> None:
        super().__init__(path, rev)
        self.path, self.rev = path, rev

    def __str__(self) -> str:
        when = f"at {self.rev}" if self.rev else "at the pointers of the work tree"
        return f"mlx://{self.path}: no data is there {when}; `jmlx log {self.path}` lists its versions"


class ReadOnlyError(UsageError, OSError):
    """A version of data was to be written."""

    code = "read-only"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"mlx://{self.path}: versions are not written; write the file itself, then `jmlx add` it"


class MlxFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Versions of a project's data. Read-only."""

    protocol: ClassVar[str] = "mlx"
    root_marker: ClassVar[str] = ""
    cachable: ClassVar[bool] = False
    """Neither the current folder nor the pointers stay what they are."""

    def __init__(self, project: str | None = None, rev: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._start, self._rev = project, rev

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """What is in a folder; of a file, the file.

        Raises:
            NoSuchDataError: nothing is there.
        """
        place = self._place(path)
        found = list(place.listed())
        if not found and place.version is None:
            raise NoSuchDataError(place.path, place.rev)
        return found if detail else [each["name"] for each in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, type (`file`, `directory`, `link`), size in bytes, and of a file or tracked folder the digest.

        Raises:
            NoSuchDataError: nothing is there.
        """
        return self._place(path).info()

    def glob(self, path: str, maxdepth: int | None = None, **options: Any) -> Any:
        """The paths that fit a pattern; `@REV` stands at its end."""
        pattern, rev = self._split(path)
        if self._rev is not None or not rev:
            return super().glob(path, maxdepth, **options)
        found = type(self)(self._start, rev).glob(pattern, maxdepth, **options)
        if isinstance(found, dict):
            return {f"{name}@{rev}": {**info, "name": f"{name}@{rev}"} for name, info in found.items()}
        return [f"{name}@{rev}" for name in found]

    def checksum(self, path: str) -> str:
        """The digest: of the same bytes always the same."""
        return str(self.info(path).get("digest", ""))

    def ukey(self, path: str) -> str:
        """See `checksum`."""
        return self.checksum(path)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """The bytes of a file, or those from `start` to `end`, as slices count them."""
        begin, stop, _step = slice(start, end).indices(self.info(path)["size"])
        with self._open(path) as file:
            file.seek(begin)
            return file.read(max(0, stop - begin))

    def _open(self, path: str, mode: str = "rb", **_: Any) -> BinaryIO:
        place = self._place(path)
        if mode != "rb":
            raise ReadOnlyError(place.path)
        if place.version is None or place.version.kind == "folder":
            raise NoSuchDataError(place.path, place.rev)
        return place.project.workspace.reader(place.version.digest)

    @classmethod
    def _parent(cls, path: str) -> str:
        inner, at, rev = str(cls._strip_protocol(path)).rpartition("@")
        return (inner.rpartition("/")[0] + at + rev) if at else rev.rpartition("/")[0]

    def _named(self, path: str, rev: str) -> str:
        return f"{path}@{rev}" if rev and self._rev is None else path

    def _split(self, path: str) -> tuple[str, str]:
        """A path of the project, and the revision after `@`."""
        text = self._strip_protocol(path)
        if text.startswith("/"):
            raise UsageError(
                f"mlx://{text}: a path of the project is meant, without a slash before it; "
                "storage_options={'project': FOLDER} names another project"
            )
        if self._rev is not None:
            return text, self._rev
        inner, at, rev = text.rpartition("@")
        return (inner.rstrip("/"), rev) if at else (text, "")

    def _place(self, path: str) -> _Place:
        project = Project.open(self._start or os.environ.get("JUPYTER_MLX_PROJECT", "."))
        inner, rev = self._split(path)
        try:
            return _Place.of(self, project, inner, rev)
        except revisions.UnknownRevisionError:
            literal = self._strip_protocol(path)
            if self._rev is None:  # perhaps a name with an @ in it
                place = _Place.of(self, project, literal, "")
                if place.version is not None or place.names:
                    return place
            raise


class _Place:
    """One path at one state of the data."""

    def __init__(self, fs: MlxFileSystem, project: Project, path: str, rev: str) -> None:
        self.project, self.path, self.rev = project, path, rev
        self._fs = fs
        self.version: Version | None = None
        """What is tracked there; None of a folder above tracked data."""
        self.names: dict[str, Version | None] = {}
        """Of such a folder, what is in it."""

    @classmethod
    def of(cls, fs: MlxFileSystem, project: Project, path: str, rev: str) -> _Place:
        place = cls(fs, project, path, rev)
        place.version = revisions.data_at(project, path, rev or None) if path else None
        if place.version is None:
            place.names = _below(revisions.versions_at(project, rev or None), path)
        return place

    def info(self) -> dict[str, Any]:
        """See `MlxFileSystem.info`."""
        if self.version is None and not self.names and self.path:
            raise NoSuchDataError(self.path, self.rev)
        return self._told(self.path, self.version)

    def listed(self) -> Iterator[dict[str, Any]]:
        """What is in the folder; or the file itself."""
        if self.version is None:
            for name, version in sorted(self.names.items()):
                yield self._told(f"{self.path}/{name}".lstrip("/"), version)
        elif self.version.kind == "file":
            yield self._told(self.path, self.version)
        else:
            for entry in self.project.workspace.contents.listing(self.version.entry()).entries:
                yield self._of_entry(entry)

    def _of_entry(self, entry: Entry) -> dict[str, Any]:
        path = f"{self.path}/{os.fsdecode(entry.name)}"
        if entry.kind == LINK:
            told = {"type": "link", "size": 0, "islink": True, "destination": os.fsdecode(entry.digest)}
            return {"name": self._fs._named(path, self.rev), **told}
        return self._told(path, Version.of(path, entry))

    def _told(self, path: str, version: Version | None) -> dict[str, Any]:
        name = self._fs._named(path, self.rev)
        if version is None:
            return {"name": name, "type": "directory", "size": 0}
        kind = "directory" if version.kind == "folder" else "file"
        size = 0 if version.kind == "folder" else version.size_bytes
        return {"name": name, "type": kind, "size": size, "digest": str(version.digest)}


def _below(versions: list[Version], path: str) -> dict[str, Version | None]:
    """The names in a folder above tracked data; a version where one is tracked itself."""
    found: dict[str, Version | None] = {}
    for version in versions:
        inner = version.path[len(path) + 1 :] if path else version.path
        if not path or version.path.startswith(f"{path}/"):
            name, slash, _ = inner.partition("/")
            found[name] = None if slash else version
    return found
