"""What this process and the workers of a cluster must have in common: Python, jupyter_mlx."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from jupyter_mlx._version import __version__
from jupyter_mlx.errors import UsageError


class VersionsDifferError(UsageError):
    """A worker has another Python or jupyter_mlx than this process."""

    code = "versions-differ"

    def __init__(self, worker: str, package: str, here: str, there: str) -> None:
        super().__init__(worker, package, here, there)
        self.worker, self.package, self.here, self.there = worker, package, here, there

    def __str__(self) -> str:
        there = f"has {self.package} {self.there}" if self.there else f"has no {self.package}"
        return f"the worker {self.worker} {there}, and here is {self.here}; install the same on both"


def own_versions() -> tuple[str, str]:
    """What must be the same on both sides: Python without its patch, and jupyter_mlx."""
    return ("{}.{}".format(*sys.version_info), __version__)


def compared(worker: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    """What differs between the packages of a worker and those of this process, for people; empty where nothing does.

    Raises:
        VersionsDifferError: the two would not understand each other.
    """
    for package in ("python", "jupyter_mlx"):
        ours, theirs = _comparable(package, here), _comparable(package, there)
        if ours != theirs:
            raise VersionsDifferError(worker, package, ours, theirs)
    names = [name for name in here if name != "python" and (there.get(name) or None) != (here[name] or None)]
    differ = [f"{name} {there.get(name) or 'missing'} (here {here[name] or 'missing'})" for name in names]
    return f"the worker {worker} has {', '.join(differ)}" if differ else ""


def _comparable(package: str, versions: Mapping[str, Any]) -> str:
    found = str(versions.get(package) or "")
    return ".".join(found.split(".")[:2]) if package == "python" else found
