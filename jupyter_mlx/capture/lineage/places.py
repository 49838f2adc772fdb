"""Which paths are data: of the project, and outside of it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SKIPPED = frozenset(
    {".mlx", ".git", ".ipynb_checkpoints", "__pycache__", ".venv", "node_modules", "site-packages"}
)
"""Folders whose files are never data of a run."""
NO_DATA = frozenset({"mlx.yaml", "mlx.lock", ".gitignore", ".gitattributes", ".mlxignore"})
"""Files that say how a project is kept."""
SECRETS = frozenset({".env", ".netrc", ".pgpass", ".pypirc", "id_ecdsa", "id_ed25519", "id_rsa"})
"""Files that hold nothing but secrets: no version of them is kept."""
_SYSTEM = (
    "/proc", "/sys", "/dev", "/run", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/boot", "/var",
    "/System", "/Library", "/private/var", "/private/etc",
)  # fmt: skip


def is_data(path: str) -> bool:
    """Whether a path below the project can be data: nothing in git's, Jupyter's, our own or a package's folders."""
    parts = path.split("/")
    return (
        SKIPPED.isdisjoint(parts) and not path.endswith((".mlx", ".pyc")) and parts[-1] not in NO_DATA | SECRETS
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Places:
    """The project's folder, and what is never data below it and elsewhere, as beginnings of paths."""

    root: str
    """Absolute, links resolved, ended by `/`."""
    never_inside: tuple[str, ...]
    never_outside: tuple[str, ...]

    @classmethod
    def of(cls, root: str | os.PathLike[str]) -> Places:
        """Of a project, for this interpreter."""
        return _places(os.fspath(root))

    def counts(self, path: str) -> bool:
        """Whether an absolute path is worth a second look: quick, for it is asked at every opening."""
        if path.startswith(self.root):
            return not path.startswith(self.never_inside)
        return not path.startswith(self.never_outside)

    def inside(self, path: str) -> str | None:
        """An absolute path relative to the project, `/`-separated; None where it is outside, or no data."""
        if not path.startswith(self.root) or path.startswith(self.never_inside):
            return None
        relative = path[len(self.root) :].replace(os.sep, "/")
        return relative if is_data(relative) else None

    def outside(self, path: str) -> bool:
        """Whether an absolute path outside the project can be data."""
        return not path.startswith((self.root, *self.never_outside)) and is_data(path)


@cache
def _places(root: str) -> Places:
    folder = os.path.join(os.path.realpath(root), "")  # noqa: PTH118
    inside = [os.path.join(folder, name, "") for name in (".mlx", ".git")]  # noqa: PTH118
    return Places(folder, (*inside, *_interpreter()), _elsewhere())


def module(path: str) -> str:
    """The module that a compiled one stands for: which of both is opened depends on what ran before."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")  # noqa: PTH118, PTH120


@cache
def _interpreter() -> tuple[str, ...]:
    """The folders of this Python and its packages; our own may be installed from elsewhere."""
    ours = str(Path(__file__).resolve().parents[2])
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, ours}
    return tuple(os.path.join(folder, "") for folder in sorted(found) if len(folder) > 1)  # noqa: PTH118


def _elsewhere() -> tuple[str, ...]:
    """Where no user keeps data: the system, temporary files, and hidden files of the home."""
    home = os.path.expanduser("~")  # noqa: PTH111
    hidden = (os.path.join(home, "."),) if len(home) > 1 else ()  # noqa: PTH118
    named = [os.environ[name] for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)]
    temp = named or ["/tmp", "/private/tmp"]  # noqa: S108 (nothing is written there)
    folders = [os.path.join(folder, "") for folder in (*_SYSTEM, *temp)]  # noqa: PTH118
    return (*_interpreter(), *hidden, *folders)
