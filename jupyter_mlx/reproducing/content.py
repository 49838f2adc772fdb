"""How two contents compare that are not equal byte by byte: tables by cells, images by pixels, arrays by numbers."""

from __future__ import annotations

import io
import itertools
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

from jupyter_mlx.data import tablefiles
from jupyter_mlx.wording import counted

from .checks import State, Tolerance, texts, worst

if TYPE_CHECKING:
    from jupyter_mlx.data.tablefiles import Row

Found: TypeAlias = "tuple[State, str]"

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif"})
_TEXTS = frozenset({".txt", ".md", ".log", ".yaml", ".yml", ".toml", ".ini", ".html", ".svg", ".xml"})
_ARRAYS = frozenset({".npy", ".npz"})
_MOST_BYTES = 64 << 20
_STEADY_LEVELS = 2
"""By so many of 256 levels renderings of one figure differ between machines."""


def compare(name: str, was: bytes, now: bytes, tolerance: Tolerance) -> Found:
    """How two contents of a file of this name compare; what nothing here can read is different."""
    if was == now:
        return "same", ""
    suffix = PurePosixPath(name).suffix.lower()
    if max(len(was), len(now)) > _MOST_BYTES:
        return "different", "its bytes differ (too large to look inside)"
    if tablefiles.is_table(name):
        return tables(name, was, now, tolerance)
    if suffix in _IMAGES:
        return images(was, now, tolerance)
    if suffix in _ARRAYS:
        return arrays(was, now, tolerance)
    if suffix in _TEXTS:
        return texts(was.decode("utf-8", "replace"), now.decode("utf-8", "replace"), tolerance)
    return "different", "its bytes differ"


def tables(name: str, was: bytes, now: bytes, tolerance: Tolerance) -> Found:
    """Two tables, cell by cell in the order of their rows."""
    try:
        before, after = (
            tablefiles.read(name, lambda data=data: io.BytesIO(data), len(data))  # type: ignore[misc]
            for data in (was, now)
        )
        if before.columns != after.columns:
            return "different", f"columns: {', '.join(before.columns)} → {', '.join(after.columns)}"
        return _rows(before, after, tolerance)
    except tablefiles.UncomparedError as error:
        return "different", f"its bytes differ ({error})"


def _rows(was: tablefiles.Table, now: tablefiles.Table, tolerance: Tolerance) -> Found:
    states: set[State] = set()
    apart, first = 0, ""
    for number, (a, b) in enumerate(itertools.zip_longest(was.rows(), now.rows()), 1):
        if a == b:
            continue
        if a is None or b is None:
            return "different", f"one has more than {number - 1} rows"
        state = worst(_cell(x, y, tolerance) for x, y in zip(a, b, strict=False))
        states.add(state)
        apart += state != "same"
        if state == "different" and not first:
            first = f", the first is row {number}: {_changed(was.columns, a, b)}"
    return worst(states), counted(apart, "row") + first if apart else ""


def _cell(was: str, now: str, tolerance: Tolerance) -> State:
    if was == now:
        return "same"
    try:
        return tolerance.state(float(was), float(now))
    except ValueError:
        return "different"


def _changed(columns: tuple[str, ...], was: Row, now: Row) -> str:
    return "; ".join(f"{name} {a} → {b}" for name, a, b in zip(columns, was, now, strict=False) if a != b)[
        :200
    ]


def images(was: bytes, now: bytes, tolerance: Tolerance) -> Found:
    """Two images, pixel by pixel: close where no channel is more than two levels of 256 apart."""
    del tolerance
    try:
        import numpy as np
        from PIL import Image
    except ImportError:
        return "different", "its bytes differ (`pip install pillow numpy` compares the pixels)"
    try:
        before, after = (np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")) for data in (was, now))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return "different", "its bytes differ, and it is no image that can be read"
    if before.shape != after.shape:
        sizes = (f"{shape[1]}x{shape[0]}" for shape in (before.shape, after.shape))
        return "different", f"pixels: {' → '.join(sizes)}"
    apart = np.abs(before.astype("int16") - after.astype("int16")).max(axis=2)
    if not apart.any():
        return "same", "pixel by pixel"
    share = float((apart > 0).mean())
    detail = f"{share:.2%} of the pixels differ, by at most {int(apart.max())} of 255"
    return ("close" if apart.max() <= _STEADY_LEVELS else "different"), detail


def arrays(was: bytes, now: bytes, tolerance: Tolerance) -> Found:
    """Two files of numpy arrays, number by number; nothing is unpickled."""
    try:
        import numpy as np
    except ImportError:
        return "different", "its bytes differ (`pip install numpy` compares the numbers)"
    try:
        before, after = (np.load(io.BytesIO(data), allow_pickle=False) for data in (was, now))
    except (OSError, ValueError, EOFError):
        return "different", "its bytes differ, and it is no array that can be read"
    if not isinstance(before, np.lib.npyio.NpzFile) or not isinstance(after, np.lib.npyio.NpzFile):
        return _array(before, after, tolerance, np)
    if sorted(before.files) != sorted(after.files):
        return "different", f"arrays: {', '.join(before.files)} → {', '.join(after.files)}"
    found = {name: _array(before[name], after[name], tolerance, np) for name in before.files}
    return worst(state for state, _ in found.values()), "; ".join(
        f"{name}: {detail}" for name, (_, detail) in found.items() if detail
    )


def _array(was: Any, now: Any, tolerance: Tolerance, np: Any) -> Found:
    if getattr(was, "shape", None) != getattr(now, "shape", None) or was.dtype != now.dtype:
        return "different", f"{was.dtype}{list(was.shape)} → {now.dtype}{list(now.shape)}"
    equal = was == now
    if was.dtype.kind in "fc":
        equal |= np.isnan(was) & np.isnan(now)
    if equal.all():
        return "same", "number by number"
    apart = int(equal.size - equal.sum())
    detail = f"{apart:,} of {equal.size:,} numbers"
    if was.dtype.kind not in "fc":
        return "different", detail
    near = np.isclose(now, was, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=True).all()
    return ("close" if near else "different"), detail
