"""How runs are put into words, alike in the terminal and in the notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from jupyter_mlx.wording import counted

if TYPE_CHECKING:
    from .cells import CellChange
    from .compare import Comparison

SPANS = ((86400 * 365, "y"), (86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
NOTHING = "-"
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def ago(moment: datetime) -> str:
    """`3 min ago`; `now` under a second."""
    seconds = (datetime.now(timezone.utc) - moment).total_seconds()
    for span, unit in SPANS:
        if seconds >= span:
            return f"{int(seconds // span)} {unit} ago"
    return "now"


def lasted(seconds: float | None) -> str:
    """`35 ms`, `1.2 s`, `3 min 05 s`; nothing while it runs."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"
    return f"{int(seconds // 60)} min {int(seconds % 60):02} s"


def shown(value: Any) -> str:
    """A param or metric: at most five significant digits, at most 40 characters."""
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def plain(text: str) -> str:
    """A text without colours and other control characters."""
    return "".join(c for c in _COLOURS.sub("", text) if c.isprintable() or c in "\n\t")


def pairs(values: dict[str, Any], most: int = 4) -> str:
    """`lr=0.1 depth=3`, the first few."""
    text = " ".join(f"{key}={shown(value)}" for key, value in list(values.items())[:most])
    return text + (" …" if len(values) > most else "")


def side(value: Any) -> str:
    """One side of a difference: a digest by its first digits, nothing as a dash."""
    if isinstance(value, str) and value.startswith("b3:"):
        return value[3:15]
    return NOTHING if value is None else shown(value)


def differences(found: Comparison) -> Iterator[tuple[str, str, str, str, str]]:
    """What differs, what most likely explains another result first: (kind, name, in a, in b, what is to be said)."""
    for change in found.ranked:
        sides = ("", "") if change.kind in {"code", "text"} else (side(change.a), side(change.b))
        yield change.kind, change.name, *sides, change.note


def unchanged(found: Comparison) -> str:
    """`the same: 3 params, 1 input`; nothing where nothing is."""
    parts = [counted(count, kind) for kind, count in found.equal.items()]
    return f"the same: {', '.join(parts)}" if parts else ""


def cell_heading(cell: CellChange) -> str:
    """`cell 3 changed`, with where it was."""
    at = cell.b if cell.b is not None else cell.a
    was = f" (was {cell.a})" if cell.a is not None and cell.b is not None and cell.a != cell.b else ""
    kind = "" if cell.type == "code" else f" ({cell.type})"
    what = "shows something else" if cell.what == "outputs" else cell.what
    more = ", and shows something else" if cell.outputs and cell.what != "outputs" else ""
    return f"cell {at}{kind}{was} {what}{more}"
