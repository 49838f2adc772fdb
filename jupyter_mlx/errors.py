"""Every error that jupyter_mlx raises on purpose, as one tree.

The branches are what the caller does next, not where the error arose::

    MlxError
    ├── UsageError        the call was wrong: correct it
    │   ├── ConfigError       mlx.yaml, a pointer or a lock: file, line and key are named
    │   └── NotYetError       the name is reserved; this version does not do it
    ├── NotFoundError     it is not here: create it, or fetch it
    ├── ConflictError     doing it would lose something: decide, or save it first
    ├── CorruptError      stored bytes are not what they were: repair
    ├── ExecutionError    the user's own code raised or was stopped: mend it there
    └── UnavailableError  the machine said no (permission, disk, network): mend, try again

Each class has a stable `code` for `--json` and the REST routes. Each instance
keeps its facts as fields and in `args`, so that it pickles; its `str` says the
next step. Exit codes are known in `cli` alone, HTTP statuses in `server` alone.
"""

from __future__ import annotations


class MlxError(Exception):
    """The root: catch this to catch all that jupyter_mlx raises on purpose."""

    code = "error"


class UsageError(MlxError):
    """The call was wrong as it stands; the message says how it should be."""

    code = "usage"


class NotFoundError(MlxError):
    """Something named is not here; the message says how to get it."""

    code = "not-found"


class ConflictError(MlxError):
    """To go on would lose something; the message says what, and how to keep it."""

    code = "conflict"


class CorruptError(MlxError):
    """Stored bytes are not what they were written as."""

    code = "corrupt"


class ExecutionError(MlxError):
    """The user's code raised, or was stopped, while it was executed."""

    code = "execution-failed"


class UnavailableError(MlxError):
    """The machine refused: permission, full disk, unreachable remote."""

    code = "unavailable"


class NotYetError(UsageError):
    """A name that is reserved for a later version."""

    code = "not-yet"

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(what, instead)
        self.what, self.instead = what, instead

    def __str__(self) -> str:
        return f"{self.what} is not in this version; {self.instead}"


class ConfigError(UsageError):
    """A file that people write is malformed.

    `file` is relative to the project, `line` counts from 1 (0 where there is
    no line to name), `key` is the dotted path of the value at fault.
    """

    code = "config"

    def __init__(self, file: str, line: int, key: str, problem: str) -> None:
        super().__init__(file, line, key, problem)
        self.file, self.line, self.key, self.problem = file, line, key, problem

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.problem}" if self.key else f"{place}: {self.problem}"


class NoProjectError(NotFoundError):
    """There is no project at or above this folder."""

    code = "no-project"

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"no mlx.yaml in {self.folder} or above it; `jmlx init` makes a project there"


class ObjectNotFoundError(NotFoundError):
    """The store holds no object with this digest."""

    code = "object-not-found"

    def __init__(self, digest: str, store: str) -> None:
        super().__init__(digest, store)
        self.digest, self.store = digest, store

    def __str__(self) -> str:
        return f"no object {self.digest} in {self.store}; `jmlx pull` fetches it from a remote"


class CorruptObjectError(CorruptError):
    """An object's bytes have another digest than its name."""

    code = "object-corrupt"

    def __init__(self, digest: str, store: str) -> None:
        super().__init__(digest, store)
        self.digest, self.store = digest, store

    def __str__(self) -> str:
        return (
            f"object {self.digest} in {self.store} is damaged and was not used; "
            "`jmlx verify` lists what it affects, `jmlx pull` fetches it again from a remote"
        )


class AccessError(UnavailableError):
    """A file or folder could not be read or written."""

    code = "access"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    @classmethod
    def of(cls, error: OSError, path: object = None) -> AccessError:
        """Tell an `OSError` in one line: the path, and the system's own words."""
        return cls(str(path or error.filename or "a file"), error.strerror or str(error))

    def __str__(self) -> str:
        hint = {
            "Permission denied": "make it writable (`chmod u+w`), or work in another folder",
            "Read-only file system": "work in a folder on a writable disk",
            "Too many open files": "close other programs, or raise the limit (`ulimit -n`)",
            "Input/output error": "the disk fails (the system's log says how); once it answers, ask `jmlx doctor`",
            "No space left on device": "free some space (`jmlx du` says what the store holds) and try again",
        }.get(self.problem)
        return f"{self.path}: {self.problem}" + (f"; {hint}" if hint else "")
