"""The variables that a cell leaves behind: kept as objects, and brought back.

Formats that can hold nothing but data come first. What they can't hold is
pickled, signed with a key of this user, and never unpickled without that: to
unpickle is to execute.
"""

from __future__ import annotations

import hmac
import io
import os
import time
import types
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias

from blake3 import blake3

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, MlxError

from . import formats, functions

Format: TypeAlias = Literal["data", "array", "table", "pickle"]

MOST_BYTES = 1 << 30
"""Of one variable; of a larger one is said that it was not kept."""
SECRET = "holds what looks like a secret"  # noqa: S105 (a sentence for people)
MOST_S = 20.0
"""So long may pickling take; of what takes longer is said that it was not kept."""


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


def keep(
    values: Mapping[str, Any],
    store: Objects,
    key: bytes | MlxError,
    space: Mapping[str, Any] = MappingProxyType({}),
    is_secret: Callable[[str, Any], bool] = lambda _, __: False,
) -> Variables:
    """Keep variables of a namespace as objects; each by the safest format that gives it back as it is.

    What can't be kept is told, never raised; modules are passed over, they are
    imported again. Without a key, for whatever reason, nothing is pickled.
    `is_secret` takes a name and what its value is made of: the value itself where
    that is plain data, text, or bytes.

    Raises:
        AccessError: the store can't be written.
    """
    values = {name: value for name, value in values.items() if not isinstance(value, types.ModuleType)}
    parts = {name: found for name, value in values.items() if (found := formats.parts_of(value)) is not None}
    shared = {
        part for part, times in Counter(part for each in parts.values() for part in each).items() if times > 1
    }
    kept: dict[str, Kept] = {}
    left: list[str] = []
    for name in [name for name in parts if any(is_secret(name, each) for each in _told(values[name]))]:
        left.append(f"{name}: {SECRET}")
        del values[name], parts[name]
    for name, own in parts.items():
        written = formats.write(values[name]) if own.isdisjoint(shared) else None
        if written is not None and len(written[1]) > MOST_BYTES:
            left.append(f"{name}: larger than {MOST_BYTES >> 20} MiB")
            del values[name]
        elif written is not None:
            kept[name] = _stored((name,), *written, store)
    # together: two names of one object, or objects that refer to each other, stay so
    rest = {name: value for name, value in values.items() if name not in kept}
    pickling = _Pickling(space, is_secret, "" if isinstance(key, bytes) else f"the key can't be had ({key})")
    pickled = pickling.of(rest, set().union(*(parts[name] for name in kept)))
    also = {name for name in kept if not parts[name].isdisjoint(pickled.parts)}
    if also:
        rest = {name: value for name, value in values.items() if name in also or name not in kept}
        pickled = pickling.of(rest, frozenset())
    safe = [each for name, each in kept.items() if name not in also]
    if pickled.names and isinstance(key, bytes):
        safe.append(_stored(pickled.names, "pickle", pickled.data, store, key))
    return Variables(tuple(safe), (*left, *pickled.problems))


def bring(
    variables: Variables,
    store: Objects,
    key: bytes | MlxError,
    space: Mapping[str, Any] = MappingProxyType({}),
) -> Brought:
    """Bring variables back, for a namespace; what another user pickled stays where it is."""
    values: dict[str, Any] = {}
    problems = list(variables.left)
    for kept in variables.kept:
        names = ", ".join(kept.names)
        try:
            data = store.get(Digest.parse(kept.digest))
            if kept.format == "pickle":
                if not isinstance(key, bytes):
                    problems.append(f"{names}: the key can't be had ({key})")
                    continue
                if not hmac.compare_digest(_signature(kept.names, kept.digest, key), kept.signature):
                    problems.append(f"{names}: pickled by somebody else, and so not opened")
                    continue
                # signed by this user's key
                values |= zip(kept.names, functions.load(io.BytesIO(data), space), strict=True)
            else:
                values[kept.names[0]] = formats.read(kept.format, data)
        except MlxError as error:
            problems.append(f"{names}: {error}")
        except Exception as error:
            # a class that has changed since may raise anything while it is unpickled
            problems.append(f"{names}: {type(error).__name__}: {error}")
    return Brought(values, tuple(problems))


def own_key() -> bytes:
    """The key of this user, in the folder where programs keep their data. Raises as `user_key`."""
    from platformdirs import user_data_path

    return user_key(user_data_path("jupyter_mlx", appauthor=False))


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


# -- pickles -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pickled:
    """Some values in one pickle."""

    names: tuple[str, ...] = ()
    data: bytes = b""
    parts: AbstractSet[int] = frozenset()
    """Those of the asked objects that are in it."""
    problems: tuple[str, ...] = ()
    """What is to be said of the values that are not in it."""


@dataclass(frozen=True, slots=True)
class _Pickling:
    """How values are pickled."""

    space: Mapping[str, Any]
    is_secret: Callable[[str, Any], bool]
    refused: str = ""
    """Why nothing may be."""

    def of(self, values: Mapping[str, Any], asked: AbstractSet[int]) -> _Pickled:
        """All that can be pickled in one pickle, and which of the objects with these ids are in it."""
        if self.refused:
            return _Pickled(problems=tuple(f"{name}: {self.refused}" for name in values))
        good = dict(values)
        problems: list[str] = []
        while good:
            try:
                data, parts = self._dumps(good, list(good.values()), MOST_S, asked)
            except Exception:
                # one of them, or what it refers to: anything may be raised by it
                limit_s = MOST_S / len(good)
                bad = {
                    name: why for name, value in good.items() if (why := self._why_not(name, value, limit_s))
                }
                if not bad:
                    problems.append(f"{', '.join(good)}: can be pickled one by one, but not together")
                    break
                problems += [f"{name}: {why}" for name, why in bad.items()]
                good = {name: value for name, value in good.items() if name not in bad}
            else:
                return _Pickled(tuple(good), data, parts, tuple(problems))
        return _Pickled(problems=tuple(problems))

    def _why_not(self, name: str, value: Any, limit_s: float) -> str:
        try:
            self._dumps([name], value, limit_s, frozenset())
        except _SecretError:
            return SECRET
        except Exception as error:
            return f"can't be pickled ({type(error).__name__}: {error})"[:200]
        return ""

    def _dumps(
        self, names: Iterable[str], value: Any, limit_s: float, asked: AbstractSet[int]
    ) -> tuple[bytes, AbstractSet[int]]:
        """By cloudpickle, which also takes the functions and classes that a notebook itself defines."""
        file = _Bounded(limit_s)
        pickler = functions.pickler(file, self.space)
        pickler.dump(value)
        memo = pickler.memo.copy()
        texts = [each for _, each in memo.values() if isinstance(each, str)]
        if any(self.is_secret(name, "\n".join(texts)) for name in names):
            raise _SecretError
        for _, each in memo.values():
            if isinstance(each, (bytes, bytearray)) and self.is_secret("", bytes(each)):
                raise _SecretError
        return file.getvalue(), asked & memo.keys()


def _told(value: Any) -> Iterable[Any]:
    """What a value of a safe format is made of, as `is_secret` takes it."""
    kind = type(value).__module__.partition(".")[0]
    if kind == "numpy":
        if value.dtype.kind == "U":
            return ["\n".join(map(str, value.reshape(-1).tolist()))]
        # numbers of more than a byte are no text
        return [value.tobytes()] if value.dtype.itemsize == 1 or value.dtype.kind in "SV" else []
    if kind == "pandas":
        columns = [
            value.iloc[:, at] for at in range(value.shape[1]) if value.dtypes.iloc[at].kind not in "iufbMmc"
        ]
        return ["\n".join(map(str, each)) for each in (*columns, value.columns, value.index)]
    return [value]


class _SecretError(Exception):
    """A pickle holds a secret."""


class _TooLargeError(Exception):
    """A pickle grows past what is kept."""


class _TooLongError(Exception):
    """A pickle takes longer than anybody waits."""


class _Bounded(io.BytesIO):
    """Takes so many bytes, and for so long."""

    def __init__(self, limit_s: float) -> None:
        super().__init__()
        self._limit_s, self._end_s = limit_s, time.monotonic() + limit_s

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > MOST_BYTES:
            raise _TooLargeError(f"larger than {MOST_BYTES >> 20} MiB")
        if time.monotonic() > self._end_s:
            raise _TooLongError(f"it takes longer than {self._limit_s:.2g} s")
        return super().write(data)
