"""A failure in lines, for people: the failing cell, its traceback, and the commands to go on with."""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_mlx.ledger.wording import plain

from .events import StageFailedError

LONGEST = 40
"""Lines of a cell or a traceback that are shown."""


def failure_lines(failure: StageFailedError, *, colours: bool) -> Iterator[str]:
    """What is to be said below the failure's one line, indented; nothing where it has no cell."""
    shown = failure.shown
    if shown is None:
        return
    if shown.source:
        yield ""
        name = f" ({shown.cell_id})" if shown.cell_id else ""
        yield f"  {shown.notebook}, cell {failure.cell}{name}:"
        yield from (f"  │ {line}" for line in _middle(shown.source.splitlines()))
    frames = "\n".join(shown.traceback if colours else map(plain, shown.traceback)).splitlines()
    # IPython's own heading says again what the line above said
    body = [
        line
        for line in frames
        if "Traceback (most recent call last)" not in line and set(plain(line)) != {"-"}
    ]
    if body:
        yield ""
        yield from (f"  {line}" for line in _middle(body))
    yield ""
    wide = max((len(what) for what, _ in shown.commands()), default=0)
    yield from (f"  {what + ':':<{wide + 1}}  {words}" for what, words in shown.commands())


def _middle(lines: list[str]) -> list[str]:
    """All lines, of many the first and the last."""
    if len(lines) <= LONGEST:
        return lines
    half = LONGEST // 2
    return [*lines[:half], f"… {len(lines) - 2 * half} lines …", *lines[-half:]]
