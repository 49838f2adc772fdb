"""The installed packages: read once for each folder of sys.path, and kept from process to process.

To read 250 of them takes 0.15 s of the processor, which the cells of a kernel
would wait for. A folder is read again when a package was installed there, or
removed; of a large one what was read is in the user's cache.
"""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import Distribution
from pathlib import Path
from typing import Final

import msgspec

FORMAT: Final = 1
MANY: Final = 20
"""From so many packages on a folder's are kept for other processes."""
YOUNG_S: Final = 2.0
"""A folder that changed so recently may change again without showing it."""

_SEPARATORS = re.compile(r"[-_.]+")
"""Names are compared as PEP 503 normalises them."""


class Package(msgspec.Struct, frozen=True):
    """One distribution."""

    key: str
    version: str
    modules: tuple[str, ...]
    """The top ones."""
    url: str
    """Its direct_url.json, empty where it was installed from an index."""


class _Kept(msgspec.Struct, frozen=True):
    """What the user's cache says of a folder."""

    format: int
    folder: str
    mtime_ns: int
    packages: tuple[Package, ...]


@dataclass(slots=True)
class Installed:
    """The packages on sys.path; of two with one name, the first is the one that is imported."""

    versions: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    """Top module → the package that it is from."""
    urls: dict[str, str] = field(default_factory=dict)
    """Package → direct_url.json, where it has one."""

    def add(self, package: Package) -> None:
        """Add one that comes after those that are here."""
        if package.key in self.versions:
            return
        self.versions[package.key] = package.version
        for module in package.modules:
            self.modules.setdefault(module, package.key)
        if package.url:
            self.urls[package.key] = package.url


def installed() -> Installed:
    """The packages as they are now; the same object as long as they are the same."""
    found = []
    for entry in sys.path:
        folder = os.path.abspath(entry or ".")  # noqa: PTH100 (links in it are left as they are)
        try:
            found.append((folder, os.stat(folder).st_mtime_ns))  # noqa: PTH116 (much faster than Path)
        except OSError:
            continue
    return _joined(tuple(packages for at in found if (packages := _of(*at))))


@lru_cache(maxsize=4)
def _joined(folders: tuple[tuple[Package, ...], ...]) -> Installed:
    found = Installed()
    for packages in folders:
        for package in packages:
            found.add(package)
    found.versions = dict(sorted(found.versions.items()))
    return found


@lru_cache(maxsize=64)
def _of(folder: str, mtime_ns: int) -> tuple[Package, ...]:
    place = _place(folder)
    with suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
        kept = msgspec.json.decode(place.read_bytes(), type=_Kept)
        if (kept.format, kept.folder, kept.mtime_ns) == (FORMAT, folder, mtime_ns):
            return kept.packages
    packages = _read(folder)
    if len(packages) >= MANY and time.time() - mtime_ns / 1e9 > YOUNG_S:
        # a cache: where it cannot be written, the next process reads for itself
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f".{place.name}.{os.getpid()}")
            temporary.write_bytes(msgspec.json.encode(_Kept(FORMAT, folder, mtime_ns, packages)))
            temporary.replace(place)
    return packages


def _place(folder: str) -> Path:
    from platformdirs import user_cache_path

    name = blake2b(os.fsencode(folder), digest_size=16).hexdigest()
    return user_cache_path("jupyter_mlx", appauthor=False) / "packages" / f"{name}.json"


def _read(folder: str) -> tuple[Package, ...]:
    from importlib.metadata import distributions

    found = []
    for distribution in distributions(path=[folder]):
        name = distribution.metadata["Name"]
        if name:
            key = _SEPARATORS.sub("-", name).lower()
            url = ""
            with suppress(OSError, UnicodeDecodeError):
                url = distribution.read_text("direct_url.json") or ""
            found.append(Package(key, distribution.version, _modules(distribution, key), url))
    return tuple(found)


def _modules(distribution: Distribution, key: str) -> tuple[str, ...]:
    """The top modules that a distribution brings: as it says itself, or as its list of files shows."""
    found = {key.replace("-", "_")}
    with suppress(OSError, UnicodeDecodeError):
        top = distribution.read_text("top_level.txt")
        if top is not None:
            return tuple(sorted(found | set(top.split())))
        # the first part of each path; to parse the whole list would take seconds in a large environment
        for line in (distribution.read_text("RECORD") or "").splitlines():
            first, slash, _ = line.partition("/")
            if slash and first.isidentifier():
                found.add(first)
            elif not slash and line.partition(",")[0].endswith(".py"):
                found.add(line.partition(".")[0])
    return tuple(sorted(found))
