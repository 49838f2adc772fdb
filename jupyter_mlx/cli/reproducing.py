"""`jmlx reproduce`: a run made again, and whether it came out the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .face import Face, Payload, command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mlx.reproducing.checks import Check
    from jupyter_mlx.reproducing.reproduction import Reproduction

_SIGNS = {
    "same": ("✓", "green"),
    "close": ("≈", "green"),
    "different": ("✗", "red"),
    "missing": ("✗", "red"),
    "new": ("+", "yellow"),
    "not-compared": ("·", "dim"),
}
_VERDICTS = {
    "same": ("✓ the same", "bold green"),
    "within-tolerance": ("≈ the same within the tolerance", "bold green"),
    "different": ("✗ different", "bold red"),
    "failed": ("✗ failed", "bold red"),
}
_MOST_DIFFERENCES = 15


@command("reproduce")
@click.argument("run")
@click.option(
    "--rtol", default=1e-6, show_default=True, help="How far numbers may be apart, relative to them."
)
@click.option("--atol", default=0.0, show_default=True, help="How far numbers may be apart, absolute.")
@click.option(
    "--env", "environment", is_flag=True, help="First build the recorded environment, by uv or pip."
)
@click.option("--keep", is_flag=True, help="Leave the clean folder, to look into it.")
def reproduce_command(
    face: Face, run: str, rtol: float, atol: float, environment: bool, keep: bool
) -> Payload:
    r"""Make RUN again in a clean folder by a fresh kernel, and say whether it came out the same.

    The folder gets the recorded code (the cells that the run depends on, the
    modules of its git commit), the data versions that it read, and its params.
    Then metrics, outputs and files are compared one by one: numbers by the
    tolerance, images by pixels, tables by cells. Exit code 3: it did not.

    \b
      jmlx reproduce last
      jmlx reproduce 3f2a --rtol 0.01 --env
    """
    from jupyter_mlx.reproducing.checks import Tolerance
    from jupyter_mlx.reproducing.reproduction import reproduce

    done = reproduce(
        face.project,
        run,
        tolerance=Tolerance(rtol, atol),
        build_environment=environment,
        keep=keep,
        say=face.note,
    )
    _tell(face, done)
    if done.verdict in {"different", "failed"}:
        face.differs()
    return done.facts()


def _tell(face: Face, done: Reproduction) -> None:
    from rich.text import Text

    face.show(_table(done))
    if done.environment and done.verdict != "same":
        face.say("what differs in the environment:")
        for change in done.environment[:_MOST_DIFFERENCES]:
            face.say(f"  {change.name}: {_side(change.a)} → {_side(change.b)}")
        if len(done.environment) > _MOST_DIFFERENCES:
            face.say(f"  and {len(done.environment) - _MOST_DIFFERENCES} more; `--json` lists them")
    for note in done.notes:
        face.say(f"note: {note}")
    text, style = _VERDICTS[done.verdict]
    face.show(
        Text.assemble(f"run {done.of[:8]}: ", (text, style), f"; {done.problem}" if done.problem else "")
    )
    where = f", folder {done.folder}" if done.folder else ""
    face.say(f"kept as run {done.run[:8]}{where}; `jmlx runs compare {done.of[:8]} {done.run[:8]}`")


def _table(done: Reproduction) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    groups: Iterable[tuple[str, tuple[Check, ...]]] = (
        ("metric", done.metrics),
        ("shown", done.outputs),
        ("file", done.files),
    )
    for kind, found in groups:
        for check in found:
            mark, colour = _SIGNS[check.state]
            table.add_row(
                Text(mark, style=colour), kind, Text(check.name), Text(_values(check)), Text(check.detail)
            )
    return table


def _values(check: Check) -> str:
    if isinstance(check.was, str) or isinstance(check.now, str):
        return ""
    if check.state == "same":
        return "" if check.was is None else f"{check.was:.6g}"
    return (
        f"{_side(check.was)} → {_side(check.now)}" if check.was is not None or check.now is not None else ""
    )


def _side(value: Any) -> str:
    return "-" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
