"""Formats that can hold nothing but data, and give a value back as it is."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

SafeFormat: TypeAlias = Literal["data", "array", "table"]
"""msgpack, numpy's own without pickles, Arrow's stream."""

_NO_CONTAINERS = frozenset({bool, int, float, str, bytes, type(None)})
_MOST_DEEP = 50


def parts_of(value: Any) -> set[int] | None:
    """The ids of the objects in a value that could be another value's, too; None where no safe format is for it."""
    if type(value) in _NO_CONTAINERS or type(value) in (list, dict):
        return _plain(value)
    module = type(value).__module__.partition(".")[0]
    if module == "numpy" and "numpy" in sys.modules:
        return {id(value)} if _is_array(value) else None
    if module == "pandas" and "pyarrow" in sys.modules:
        return {id(value)} if _is_table(value) else None
    return None


def write(value: Any) -> tuple[SafeFormat, bytes] | None:
    """The bytes of a value that has parts; None where it would not come back as it is."""
    if type(value) in _NO_CONTAINERS or type(value) in (list, dict):
        try:
            return "data", msgspec.msgpack.encode(value)
        except (OverflowError, ValueError, RecursionError):
            return None
    return ("array", _array(value)) if _is_array(value) else _table(value)


def read(written: SafeFormat, data: bytes) -> Any:
    """The value. Raises whatever the library does where the bytes are no such value."""
    return _READERS[written](data)


def _plain(value: Any) -> set[int] | None:
    """The lists and dicts in a value that msgpack gives back as it is: no tuples, no subclasses, nothing twice."""
    found: set[int] = set()
    waiting = [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        if type(each) is not list and type(each) is not dict:
            each = [each]  # a value without parts
        elif id(each) in found or depth > _MOST_DEEP:
            return None
        else:
            found.add(id(each))
        if type(each) is dict and not set(map(type, each)) <= {str}:
            return None
        items = each.values() if type(each) is dict else each
        kinds = set(map(type, items))
        if int in kinds and not all(-(1 << 63) <= item < 1 << 64 for item in items if type(item) is int):
            return None
        if not kinds <= _NO_CONTAINERS:
            if not kinds - _NO_CONTAINERS <= {list, dict}:
                return None
            waiting += [(item, depth + 1) for item in items if type(item) in (list, dict)]
    return found


def _is_array(value: Any) -> bool:
    np = sys.modules.get("numpy")
    if np is None or (type(value) is not np.ndarray and not isinstance(value, np.generic)):
        return False
    # an array of no dimension would come back as a scalar
    is_flat = isinstance(value, np.ndarray) and value.ndim == 0
    return not (value.dtype.hasobject or value.dtype.metadata or is_flat)


def _array(value: Any) -> bytes:
    import numpy as np

    file = io.BytesIO()
    np.save(file, value, allow_pickle=False)
    return file.getvalue()


def _read_array(data: bytes) -> Any:
    import numpy as np

    found = np.load(io.BytesIO(data), allow_pickle=False)
    return found[()] if found.ndim == 0 else found


def _is_table(value: Any) -> bool:
    import pandas as pd

    return type(value) is pd.DataFrame and not value.attrs


def _table(value: Any) -> tuple[SafeFormat, bytes] | None:
    """A DataFrame as Arrow writes it, where that gives it back as it is."""
    import pandas as pd
    import pyarrow as pa

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


_READERS: dict[SafeFormat, Callable[[bytes], Any]] = {
    "data": msgspec.msgpack.decode,
    "array": _read_array,
    "table": _read_table,
}
