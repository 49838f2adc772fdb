"""What a cell does to a session beside what it leaves under names of its own: found out, or doubted.

The session is looked at before the cell and after it. What can't be compared is a doubt, and a doubt is a reason to
execute the cell again.
"""

from __future__ import annotations

import gc
import io
import os
import re
import sys
import time
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from blake3 import blake3

from jupyter_mlx.capture import seeds

from .functions import pickler

MOST_S: Final = 2.0
"""So long may it take to find out whether the objects of earlier cells are as they were."""
MOST_OBJECTS: Final = 200_000
"""So many are followed to find out which are shared."""
_ATOMS: Final = (
    str, bytes, int, float, complex, bool, type(None), type(...), range, types.BuiltinFunctionType, types.CodeType,
)  # fmt: skip
_APART: Final = (type, types.ModuleType, types.FrameType, types.CodeType)
_LEAVES: Final = frozenset({"pandas", "pyarrow", "polars"})
"""Packages whose objects share parts that nobody changes."""
_OWN: Final = re.compile(r"_+|_i*\d*|__\w+__|In|Out|_[ido]h|exit|quit|get_ipython")
_FRESH_POS: Final = (0, 623, 624)


@dataclass(slots=True)
class Left:
    """What a cell has left, and done."""

    names: set[str]
    """That it bound."""
    gone: tuple[str, ...]
    """That it binds and that are not there after it."""
    doubts: tuple[str, ...]
    """Why it can't be told what it does beside; a sentence each."""


@dataclass(slots=True)
class Before:
    """A session before a cell."""

    ids: dict[str, int]
    held: dict[str, tuple[Any, str]] = field(default_factory=dict)
    """Name → its object, which the cell may change, and what was in it."""
    process: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, space: Mapping[str, Any], at_risk: Iterable[str]) -> Before:
        """Look at it; the objects of `at_risk` may be changed by the cell."""
        ids = {name: id(value) for name, value in space.items() if not is_own(name)}
        end_s = time.monotonic() + MOST_S
        held = {
            name: (space[name], fingerprint(space[name], space, end_s))
            for name in at_risk
            if name in ids and not isinstance(space[name], _ATOMS)
        }
        return cls(ids, held, dict(_process()))

    def left(self, space: Mapping[str, Any], binds: Collection[str], surely: Collection[str]) -> Left:
        """Look again, when the cell has ended; `binds` it may have bound, and `surely` it has."""
        new = {name for name, value in space.items() if not is_own(name) and self.ids.get(name) != id(value)}
        names = {name for name in binds if name in space and (name in surely or name in new)} | new
        doubts = [
            f"it may bind {name} or leave it as it is"
            for name in sorted(binds)
            if name in self.ids and name in space and name not in names and not _is_import(space[name])
        ]
        deleted = sorted(self.ids.keys() - space.keys())
        doubts += [f"it deletes {name}" for name in deleted]
        doubts += self._changed(space)
        now = dict(_process())
        doubts += [f"it changes {what}" for what, said in self.process.items() if now.get(what) != said]
        if now.get("numpy") and "numpy" not in self.process and not _is_fresh():
            doubts.append("it draws from numpy's global random generator, or seeds it")
        gone = tuple(sorted(name for name in binds if name not in space and name not in self.ids))
        return Left(names, gone, tuple(doubts))

    def _changed(self, space: Mapping[str, Any]) -> Iterator[str]:
        end_s = time.monotonic() + MOST_S
        for name, (value, before) in self.held.items():
            if not before:
                yield f"whether it changes {name} can't be told"
            elif fingerprint(value, space, end_s) != before:
                yield f"it changes {name}, or goes on from it"


def is_own(name: str) -> bool:
    """Whether a name is IPython's own."""
    return _OWN.fullmatch(name) is not None


def shared(kept: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    """Which of the variables shares objects with one of the others, as a sentence; empty where none does."""
    theirs: dict[int, str] = {}
    for name, value in others.items():
        found = _parts(value)
        if found is None:
            return f"{name} holds too many objects to tell whether it shares some"
        theirs |= dict.fromkeys(found, name)
    if not theirs:
        return ""
    for name, value in kept.items():
        found = _parts(value)
        if found is None:
            return f"{name} holds too many objects to tell whether it shares some"
        for part in found & theirs.keys():
            return f"{name} shares an object with {theirs[part]}, which another cell made"
    return ""


def fingerprint(value: Any, space: Mapping[str, Any], end_s: float) -> str:
    """A digest of all that an object holds; empty where that can't be told, or not in time."""
    if isinstance(value, types.ModuleType) or (
        isinstance(value, types.FunctionType) and value.__module__ != "__main__"
    ):
        return _module(value if isinstance(value, types.ModuleType) else sys.modules.get(value.__module__))
    if isinstance(value, type) and value.__module__ != "__main__":
        return "a class of a library"
    sink = _Hashing(end_s)
    try:
        pickler(sink, space, lambda buffer: sink.add(buffer.raw())).dump(value)
    except Exception:
        # what can't be pickled, or takes too long; anything may be raised by it
        return ""
    return sink.digest


class _Hashing(io.RawIOBase):
    """Takes bytes for their digest."""

    def __init__(self, end_s: float) -> None:
        super().__init__()
        self._hash, self._end_s = blake3(), end_s

    def write(self, data: Any) -> int:
        self.add(data)
        return len(data)

    def add(self, data: Any) -> None:
        """Bytes that come beside the pickle."""
        if time.monotonic() > self._end_s:
            raise TimeoutError
        self._hash.update(data)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def _module(module: types.ModuleType | None) -> str:
    """What a module holds, but for what only refers to something."""
    if module is None:
        return ""
    plain = {
        name: value for name, value in list(vars(module).items())
        if not name.startswith("__") and not isinstance(value, (*_APART, types.FunctionType))
    }  # fmt: skip
    found = []
    for name, value in plain.items():
        sink = _Hashing(time.monotonic() + MOST_S / 10)
        try:
            pickler(sink, {}, lambda buffer, sink=sink: sink.add(buffer.raw())).dump(value)  # type: ignore[misc]
        except Exception:  # noqa: S112 (locks, loggers, handles of a library)
            continue
        found.append(f"{name} {sink.digest}")
    return "\n".join(found) or "nothing"


def _parts(value: Any) -> set[int] | None:
    """The ids of the objects in a value that can be changed; None where they are too many."""
    found: set[int] = set()
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, (*_ATOMS, *_APART)):
            continue
        seen.add(id(each))
        if len(seen) > MOST_OBJECTS:
            return None
        if isinstance(each, types.FunctionType):
            waiting += [*(each.__closure__ or ()), *(each.__defaults__ or ()), vars(each)]
            continue
        package = type(each).__module__.partition(".")[0]
        if package == "numpy":
            found.update(_bases(each))
        elif not isinstance(each, (tuple, frozenset)) and (package not in _LEAVES or _is_table(each)):
            found.add(id(each))
        if package not in _LEAVES:
            waiting += gc.get_referents(each)
    return found


def _is_table(value: Any) -> bool:
    return type(value).__name__ in {"DataFrame", "Series"}


def _bases(value: Any) -> Iterator[int]:
    """An array, and those whose memory it is a view of; of numpy's other objects, what has a state."""
    if type(value).__name__ == "ndarray":
        while value is not None:
            yield id(value)
            value = getattr(value, "base", None)
    elif type(value).__module__.startswith("numpy.random"):
        yield id(value)


def _is_import(value: Any) -> bool:
    return isinstance(value, types.ModuleType)


# -- the process ---------------------------------------------------------------------------------


def _process() -> Iterator[tuple[str, str]]:
    """What no name of the notebook stands for, in words."""
    try:
        yield "the working folder", os.getcwd()  # noqa: PTH109
    except OSError:
        yield "the working folder", ""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("KMP_", "JUPYTER_MLX_"))
    }
    yield "os.environ", blake3(repr(sorted(environ.items())).encode("utf-8", "surrogatepass")).hexdigest(16)
    yield "sys.path", repr(sys.path)
    for name, said in seeds.capture(()).items():
        if "state" in said:
            yield name if name == "numpy" else f"{name}'s global generator", said["state"]
    yield from _settings()


def _settings() -> Iterator[tuple[str, str]]:
    asked: dict[str, Callable[[Any], Any]] = {
        "pandas": lambda pandas: [
            (key, pandas.get_option(key)) for key in pandas._config.config._registered_options
        ],
        "matplotlib": lambda plots: sorted(
            (key, value) for key, value in dict.items(plots.rcParams) if not key.startswith("backend")
        ),
        "sklearn": lambda sklearn: sorted(sklearn.get_config().items()),
        "numpy": lambda numpy: (numpy.geterr(), sorted(numpy.get_printoptions().items(), key=str)),
    }
    for name, ask in asked.items():
        module = sys.modules.get(name)
        if module is None:
            continue
        try:
            said = repr(ask(module))
        except Exception:  # noqa: S112 (another version of it, or half imported)
            continue
        yield f"the settings of {name}", blake3(said.encode("utf-8", "surrogatepass")).hexdigest(16)


def _is_fresh() -> bool:
    """Whether nothing was drawn from numpy's global generator since it was made."""
    try:
        return sys.modules["numpy.random"].get_state(legacy=False)["state"]["pos"] in _FRESH_POS
    except Exception:
        return False
