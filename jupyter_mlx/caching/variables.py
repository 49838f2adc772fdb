"""The variables that a cell leaves behind: kept as objects, and brought back.

Formats that can hold nothing but data come first. What they can't hold is
pickled, signed with a key of this user, and never unpickled without that: to
unpickle is to execute.
"""

from __future__ import annotations

import hmac
import io
import os
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import msgspec
from blake3 import blake3

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, MlxError

Format: TypeAlias = Literal["data", "array", "table", "pickle"]

MOST_BYTES = 1 << 30
"""Of one variable; of a larger one is said that it was not kept."""
_PLAIN = (bool, int, float, str, bytes, type(None))
_MOST_DEEP = 50


class Objects(Protocol):
    """Where variables are kept: the store has both methods."""

    def put(self, data: bytes) -> Digest:
        """Keep bytes; their digest."""

    def get(self, digest: Digest) -> bytes:
        """The bytes of that digest, checked."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Some variables in one object."""

    names: tuple[str, ...]
    format: Format
    digest: str
    size_bytes: int
    signature: str = ""
    """Of a pickle, by the key of the user who made it."""


@dataclass(frozen=True, slots=True)
class Variables:
    """What a cell left behind."""

    kept: tuple[Kept, ...] = ()
    left: tuple[str, ...] = ()
    """What could not be kept, a sentence each."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What came back."""

    values: Mapping[str, Any]
    problems: tuple[str, ...] = ()
    """What did not, a sentence each."""


def keep(values: Mapping[str, Any], store: Objects, key: bytes) -> Variables:
    """Keep variables as objects; each by the safest format that gives it back as it is.

    What can't be kept is told, never raised; modules are passed over, they are
    imported again.

    Raises:
        AccessError: the store can't be written.
    """
    kept: list[Kept] = []
    left: list[str] = []
    rest: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, types.ModuleType):
            continue
        found = _safely(value)
        if found is None:
            rest[name] = value
        elif len(found[1]) > MOST_BYTES:
            left.append(_too_large(name))
        else:
            kept.append(_stored((name,), found[0], found[1], store))
    # together: two names of one object, or objects that refer to each other, stay so
    data, problems = _pickled(rest)
    left += problems
    if data is not None:
        names, pickled = data
        kept.append(_stored(names, "pickle", pickled, store, key))
    return Variables(tuple(kept), tuple(left))


def bring(variables: Variables, store: Objects, key: bytes) -> Brought:
    """Bring variables back; what another user pickled stays where it is."""
    values: dict[str, Any] = {}
    problems = list(variables.left)
    for kept in variables.kept:
        names = ", ".join(kept.names)
        try:
            data = store.get(Digest.parse(kept.digest))
            if kept.format == "pickle":
                if not hmac.compare_digest(_signature(kept.names, kept.digest, key), kept.signature):
                    problems.append(f"{names}: pickled by somebody else, and so not opened")
                    continue
                values |= zip(kept.names, pickle.loads(data), strict=True)  # noqa: S301 (signed by this user's key)
            else:
                values[kept.names[0]] = _READERS[kept.format](data)
        except MlxError as error:
            problems.append(f"{names}: {error}")
        except Exception as error:
            # a class that has changed since may raise anything while it is unpickled
            problems.append(f"{names}: {type(error).__name__}: {error}")
    return Brought(values, tuple(problems))


def user_key(folder: Path) -> bytes:
    """The 32 bytes with which this user's pickles are signed, made on the first use.

    Raises:
        AccessError: the key can't be read or made.
    """
    path = folder / "pickle.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(os.urandom(32))
    except FileExistsError:
        pass
    except OSError as error:
        raise AccessError.of(error, path) from None
    try:
        found = path.read_bytes()
    except OSError as error:
        raise AccessError.of(error, path) from None
    if len(found) != 32:
        raise AccessError(str(path), "holds no key; remove it, and a new one is made")
    return found


def _stored(names: tuple[str, ...], kind: Format, data: bytes, store: Objects, key: bytes = b"") -> Kept:
    digest = str(store.put(data))
    return Kept(names, kind, digest, len(data), _signature(names, digest, key) if key else "")


def _signature(names: Iterable[str], digest: str, key: bytes) -> str:
    return blake3("\0".join([digest, *names]).encode(), key=key).hexdigest()


# -- formats -------------------------------------------------------------------------------------


def _safely(value: Any) -> tuple[Format, bytes] | None:
    """The bytes of a value in a format that executes nothing, and gives it back as it is; None where none does."""
    if _is_plain(value):
        try:
            return "data", msgspec.msgpack.encode(value)
        except (OverflowError, ValueError, RecursionError):
            return None
    module = type(value).__module__.partition(".")[0]
    if module == "numpy" and "numpy" in sys.modules:
        return _array(value)
    if module == "pandas" and "pyarrow" in sys.modules:
        return _table(value)
    return None


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether msgpack gives it back as it is: no tuples, no subclasses, nothing that is in it twice."""
    kind = type(value)
    if kind in _PLAIN:
        return kind is not int or -(1 << 63) <= value < 1 << 64
    if depth > _MOST_DEEP:
        return False
    if kind is list:
        return len({id(each) for each in value if type(each) in (list, dict)}) == sum(
            type(each) in (list, dict) for each in value
        ) and all(_is_plain(each, depth + 1) for each in value)
    if kind is dict:
        return all(type(each) is str for each in value) and _is_plain(list(value.values()), depth)
    return False


def _array(value: Any) -> tuple[Format, bytes] | None:
    import numpy as np

    if type(value) is not np.ndarray and not isinstance(value, np.generic):
        return None
    if value.dtype.hasobject or value.dtype.metadata:
        return None
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return None  # it would come back as a scalar
    file = io.BytesIO()
    np.save(file, value, allow_pickle=False)
    return "array", file.getvalue()


def _read_array(data: bytes) -> Any:
    import numpy as np

    found = np.load(io.BytesIO(data), allow_pickle=False)
    return found[()] if found.ndim == 0 else found


def _table(value: Any) -> tuple[Format, bytes] | None:
    """A DataFrame as Arrow writes it, where that gives it back as it is."""
    import pandas as pd
    import pyarrow as pa

    if type(value) is not pd.DataFrame or value.attrs:
        return None
    try:
        table = pa.Table.from_pandas(value)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        data = bytes(sink.getvalue())
        pd.testing.assert_frame_equal(_read_table(data), value, check_exact=True, check_freq=True)
    except (pa.ArrowException, AssertionError, ValueError, TypeError, KeyError):
        return None
    return "table", data


def _read_table(data: bytes) -> Any:
    import pyarrow as pa

    with pa.ipc.open_stream(data) as reader:
        return reader.read_all().to_pandas()


_READERS: dict[str, Callable[[bytes], Any]] = {
    "data": msgspec.msgpack.decode,
    "array": _read_array,
    "table": _read_table,
}


def _pickled(values: Mapping[str, Any]) -> tuple[tuple[tuple[str, ...], bytes] | None, list[str]]:
    """All that can be pickled in one pickle, with its names; and what is to be said of the rest."""
    good = dict(values)
    problems: list[str] = []
    while good:
        try:
            return (tuple(good), _dumps(list(good.values()))), problems
        except Exception:
            # one of them, or what it refers to: anything may be raised by it
            bad = {name: why for name, value in good.items() if (why := _why_not(value))}
            if not bad:
                return None, [*problems, f"{', '.join(good)}: can be pickled one by one, but not together"]
            problems += [f"{name}: {why}" for name, why in bad.items()]
            good = {name: value for name, value in good.items() if name not in bad}
    return None, problems


def _why_not(value: Any) -> str:
    try:
        _dumps(value)
    except Exception as error:
        return f"can't be pickled ({type(error).__name__}: {error})"[:200]
    return ""


class _TooLargeError(Exception):
    """A pickle grows past what is kept."""


class _Bounded(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + len(data) > MOST_BYTES:
            raise _TooLargeError(f"larger than {MOST_BYTES >> 20} MiB")
        return super().write(data)


def _dumps(value: Any) -> bytes:
    """By cloudpickle, which also takes the functions and classes that a notebook itself defines."""
    import cloudpickle

    file = _Bounded()
    cloudpickle.dump(value, file, protocol=5)
    return file.getvalue()


def _too_large(name: str) -> str:
    return f"{name}: larger than {MOST_BYTES >> 20} MiB"
