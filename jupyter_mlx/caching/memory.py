"""The variables of a session in one signed file, and back: with all that they share, or not at all.

One pickle, so that two names of an object stay so; functions of the notebook
keep its namespace as theirs. What pickle would silently bring back as something
else (an open file as a copy of its text, say) is refused.
"""

from __future__ import annotations

import hmac
import io
import os
import pickle
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

from blake3 import blake3

from jupyter_mlx.errors import ExecutionError

MOST_BYTES: Final = 1 << 30
"""Of one file; a session that holds more is not kept."""
_NAMESPACE: Final = "namespace"
_LIVE: Final = (io.IOBase, memoryview, types.FrameType, types.TracebackType)
_NO_STATE: Final = (
    str, bytes, int, float, complex, tuple, frozenset, type(None), type(...), type, types.ModuleType,
    types.FunctionType, types.BuiltinFunctionType,
)  # fmt: skip
"""What a copy of is as good, and what is pickled by its name."""
_UNTRUE: Final = frozenset(
    {"matplotlib", "ipywidgets", "IPython", "ipykernel", "zmq", "asyncio", "threading"}
)
"""Packages whose objects belong to the process that made them, though some can be pickled."""


class DoubtError(ExecutionError):
    """A session can't be kept, or can't be brought back as it was."""

    code = "doubt"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Kept:
    """What `keep` wrote."""

    size_bytes: int
    signature: str
    names: tuple[str, ...]
    left: Mapping[str, str]
    """Name → why it was left out."""


def keep(path: Path, space: dict[str, Any], names: list[str], extra: Mapping[str, Any], key: bytes) -> Kept:
    """Write variables into a file; what is left out is told, with its reason.

    Raises:
        DoubtError: together they can't be kept.
        OSError: the disk refuses.
    """
    left: dict[str, str] = {}
    while True:
        wanted = {name: space[name] for name in names if name not in left}
        try:
            size_bytes, signature = _write(path, {"values": wanted, **extra}, space, key)
        except OSError:
            raise
        except Exception as error:
            # one of them, or what it refers to: anything may be raised by it
            bad = {name: why for name, value in wanted.items() if (why := _why_not(value, space))}
            if not bad:
                raise DoubtError(f"what is in memory can't be kept together ({_said(error)})") from None
            left |= bad
        else:
            return Kept(size_bytes, signature, tuple(wanted), left)


def bring(path: Path, space: dict[str, Any], signature: str, key: bytes) -> dict[str, Any]:
    """Read what `keep` wrote, for this namespace; nothing is put into it but what functions refer to.

    Raises:
        DoubtError: another user wrote it, or it does not come back.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DoubtError(f"{path.name} can't be read ({error.strerror})") from None
    if not hmac.compare_digest(blake3(data, key=key).hexdigest(), signature):
        raise DoubtError(f"{path.name} was not written by this user, and so is not opened")
    try:
        found: dict[str, Any] = _Reader(io.BytesIO(data), space).load()
    except Exception as error:
        # a class that has changed since may raise anything while it is unpickled
        raise DoubtError(f"what was in memory does not come back ({_said(error)})") from None
    return found


class _Reader(pickle.Unpickler):
    def __init__(self, file: IO[bytes], space: dict[str, Any]) -> None:
        super().__init__(file)
        self._space = space

    def persistent_load(self, pid: Any) -> Any:
        """See `pickle.Unpickler.persistent_load`."""
        if pid == _NAMESPACE:
            return self._space
        module, name = pid
        return vars(sys.modules[module])[name]


@cache
def _writer_class() -> Any:
    import cloudpickle

    class Writer(cloudpickle.Pickler):  # type: ignore[misc,unused-ignore]
        """Pickles what is the same when it comes back."""

        def __init__(self, file: Any, space: dict[str, Any]) -> None:
            super().__init__(file, protocol=5)
            self._space = space
            self.globals_ref[id(space)] = space
            self._owned = _owned()

        def persistent_id(self, obj: Any) -> Any:
            if obj is self._space:
                return _NAMESPACE
            return self._owned.get(id(obj))

        def reducer_override(self, obj: Any) -> Any:
            _check(obj)
            return super().reducer_override(obj)

    return Writer


def _owned() -> dict[int, tuple[str, str]]:
    """The objects that are attributes of modules, by id: who has one in a variable has the module's own."""
    return {
        id(value): (module, name)
        for module, loaded in list(sys.modules.items())
        if module not in {"__main__", "builtins"} and isinstance(loaded, types.ModuleType)
        for name, value in list(vars(loaded).items())
        if not isinstance(value, _NO_STATE)
    }


def _check(obj: Any) -> None:
    kind = type(obj)
    if isinstance(obj, _LIVE):
        raise DoubtError(f"a {kind.__name__} is open")
    if str(kind.__module__).partition(".")[0] in _UNTRUE and not isinstance(obj, type):
        raise DoubtError(f"a {kind.__module__}.{kind.__name__} belongs to its process")
    if isinstance(obj, type) and obj.__module__ == "__main__" and _is_special(obj):
        raise DoubtError(f"the class {obj.__name__} does something when it is made")


def _is_special(made: type) -> bool:
    """Whether the making of a class by the notebook runs code of somebody's own."""
    plain = type(made).__module__ in {"builtins", "abc", "enum"}
    return not plain or any(
        "__init_subclass__" in vars(base) for base in made.__mro__[:-1] if base is not made
    )


class _Bounded:
    """Writes, and signs what is written; no more than `MOST_BYTES`."""

    def __init__(self, file: IO[bytes] | None, key: bytes) -> None:
        self._file, self._signed, self.size_bytes = file, blake3(key=key), 0

    def write(self, data: Any) -> int:
        """See `io.RawIOBase.write`."""
        view = memoryview(data).cast("B")
        self.size_bytes += len(view)
        if self.size_bytes > MOST_BYTES:
            raise DoubtError(f"larger than {MOST_BYTES >> 20} MiB")
        self._signed.update(view)
        if self._file is not None:
            self._file.write(view)
        return len(view)

    @property
    def signature(self) -> str:
        """Of what was written."""
        return self._signed.hexdigest()


def _write(path: Path, content: Any, space: dict[str, Any], key: bytes) -> tuple[int, str]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            bounded = _Bounded(file, key)
            _writer_class()(bounded, space).dump(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return bounded.size_bytes, bounded.signature


def _why_not(value: Any, space: dict[str, Any]) -> str:
    try:
        _writer_class()(_Bounded(None, bytes(32)), space).dump(value)
    except Exception as error:
        return _said(error)
    return ""


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, DoubtError) else f"{type(error).__name__}: {error}"[:200]
