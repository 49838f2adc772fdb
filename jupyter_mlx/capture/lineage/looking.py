"""What a run found out about files without reading them: which names a folder had, what was not there, where links led.

It is said in words by path (relative to the project where that is inside), so that it can be asked again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from blake3 import blake3

from .places import NO_DATA, SKIPPED

if TYPE_CHECKING:
    from .audit import Listener
    from .places import Places
    from .seen import SeenFile

ABSENT = "absent"
PRESENT = "present"
TOO_MANY = "too many"
"""Under the empty path: more folders were listed than are noted."""
_NATIVE = frozenset({"watch", "map", "handle"})
_WORD = re.compile(r"[\w.\-]+")


def names(folder: str) -> str:
    """The names that a folder has, in one word; links with where they lead."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if (
                    name in SKIPPED
                    or name in NO_DATA
                    or name.startswith(".~")
                    or name.endswith(("~", ".pyc"))
                ):
                    continue
                mark = os.readlink(entry.path) if entry.is_symlink() else "/" if entry.is_dir() else ""  # noqa: PTH115
                found.append(f"{name}\0{mark}")
    except NotADirectoryError:
        return PRESENT
    except OSError:
        return ABSENT
    return "names " + blake3("\0\0".join(sorted(found)).encode("utf-8", "surrogatepass")).hexdigest(8)


def is_there(path: str) -> str:
    """Whether there is a file, in one word."""
    return PRESENT if os.path.exists(path) else ABSENT  # noqa: PTH110


def looked(listener: Listener, files: Iterable[SeenFile]) -> dict[str, str]:
    """What a run found out: what it listed, what it opened in vain, the links that it followed."""
    places = listener.places
    found = {_shown(places, path): said for path, said in dict(listener.listed).items()}
    for path, touch in dict(listener.touched).items():
        if not _is_data(places, path):
            continue
        real = os.path.realpath(path)
        if real != path:
            found[_shown(places, path)] = _led(places, real)
        elif touch.before is None and touch.first == touch.first & ~_CHANGES and not os.path.isdir(path):  # noqa: PTH112
            found[_shown(places, path)] = ABSENT
    for file in files:
        if file.role == "input" and _NATIVE.issuperset(file.source.split(",")):
            # native code lists folders unseen: what it opened may be all that there was
            folder = os.path.dirname(file.real)  # noqa: PTH120
            found.setdefault(_shown(places, folder), f"{os.path.basename(file.real)} of {names(folder)}")  # noqa: PTH119
    return found


def named(found: Mapping[str, str], sources: Iterable[str]) -> dict[str, str]:
    """The same, without the folders of files that native code opened and that the code names: these were not listed."""
    words = {word.rpartition("/")[2] for source in sources for word in _WORD.findall(source)}
    kept = {}
    for path, said in found.items():
        name, by_name, rest = said.partition(" of names ")
        if not by_name:
            kept[path] = said
        elif name not in words:
            kept[path] = f"names {rest}"
    return kept


def difference(root: str, found: Mapping[str, str]) -> str:
    """The first thing that is not as it was found, as a sentence; empty where all is."""
    for path, said in found.items():
        if said == TOO_MANY:
            return "it listed more folders than can be looked at again"
        full = os.path.join(root, path)  # noqa: PTH118
        if said.startswith("names ") and names(full) != said:
            return f"{path} has other files in it now"
        target = os.path.join(root, said[3:])  # noqa: PTH118
        if said.startswith("-> ") and os.path.realpath(full) != os.path.realpath(target):
            return f"{path} leads elsewhere now"
        if said in {ABSENT, PRESENT} and is_there(full) != said:
            return f"{path} was {said} then"
    return ""


_CHANGES = 2 | 8
"""`MADE` and `GONE` of `events`: what is made need not be there."""


def _is_data(places: Places, path: str) -> bool:
    return places.counts(path) and (places.inside(path) is not None or places.outside(path))


def _shown(places: Places, path: str) -> str:
    if not path:
        return path
    return path[len(places.root) :] or "." if f"{path}/".startswith(places.root) else path


def _led(places: Places, real: str) -> str:
    return f"-> {_shown(places, real)}"
