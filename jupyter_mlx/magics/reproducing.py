"""`%reproduce`: a run made again beside the open notebook, and the verdict as a table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from IPython.core import magic_arguments as ma

from jupyter_mlx.ledger.wording import side
from jupyter_mlx.reproducing.checks import Tolerance
from jupyter_mlx.reproducing.reproduction import reproduce

from .arguments import parse, texts
from .display import Table

if TYPE_CHECKING:
    from jupyter_mlx.project import Project
    from jupyter_mlx.reproducing.reproduction import Reproduction

_SIGNS = {"same": "✓", "close": "≈", "different": "✗", "missing": "✗", "new": "+", "not-compared": "·"}


@ma.magic_arguments("%reproduce")
@ma.argument("run", help="the run's id or its first digits, or `last`")
@ma.argument("--rtol", type=float, default=1e-6, help="how far numbers may be apart, relative to them")
@ma.argument("--atol", type=float, default=0.0, help="how far numbers may be apart, absolute")
@ma.argument("--env", action="store_true", help="build the recorded environment first, by uv or pip")
@ma.argument("--keep", action="store_true", help="leave the clean folder, to look into it")
def _arguments(line: str) -> None:
    """Make a run again in a clean folder by a fresh kernel, and say whether it came out the same."""


def reproduced(project: Project, line: str) -> Table:
    """What `%reproduce LINE` shows.

    Raises:
        UsageError: the line is wrong.
        MlxError: see `reproduce`.
    """
    given = parse("%reproduce", _arguments, texts("%reproduce", line))
    done = reproduce(
        project,
        given.run,
        tolerance=Tolerance(given.rtol, given.atol),
        build_environment=given.env,
        keep=given.keep,
        say=lambda text: print(text, file=sys.stderr),  # noqa: T201 (a notebook's stderr is where people read)
    )
    return _table(done)


def _table(done: Reproduction) -> Table:
    groups = (("metric", done.metrics), ("shown", done.outputs), ("file", done.files))
    rows = [
        (_SIGNS[check.state], kind, check.name, side(check.was), side(check.now), check.detail)
        for kind, found in groups
        for check in found
    ]
    if done.verdict != "same":
        rows += [("", "environment", each.name, side(each.a), side(each.b), "") for each in done.environment]
    rows += [("", "note", "", "", "", note) for note in done.notes]
    problem = f"; {done.problem}" if done.problem else ""
    caption = f"run {done.of[:8]}: {done.verdict}{problem} (kept as run {done.run[:8]})"
    return Table(("", "", "", "then", "now", ""), rows, caption)
