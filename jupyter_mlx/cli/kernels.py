"""`jmlx kernels list/stop`: the warm processes that kernels are copies of; `--cold` for commands that start kernels."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import click

from jupyter_mlx.errors import NotFoundError
from jupyter_mlx.pipelines.kernels import COLD_VARIABLE

from .face import Face, Payload, command, unwrapped


class NoWarmProcessError(NotFoundError):
    """No warm process has this key."""

    code = "no-warm-process"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"there is no warm process {self.key}; `jmlx kernels list` names those that are there"


def _cold(_: click.Context, __: click.Parameter, chosen: bool) -> None:
    if chosen:
        # inherited by the processes that start the kernels
        os.environ[COLD_VARIABLE] = "1"


cold_option = click.option(
    "--cold",
    is_flag=True,
    expose_value=False,
    callback=_cold,
    help="Start each kernel as a new process, not as the copy of a warm one.",
)


@click.group("kernels")
def kernels_group() -> None:
    r"""List or stop the warm processes that kernels are copies of.

    The first notebook starts one, which imports what notebooks import; it ends
    when no kernel was asked of it for ten minutes. `jmlx run --resume` leaves
    copies of kernels that sleep after a cell, which are listed and stopped too.

    \b
      jmlx kernels list
      jmlx kernels stop
    """


kernels_command = unwrapped(kernels_group)


def _warm_processes() -> dict[str, dict[str, Any]]:
    if sys.platform != "linux":
        return {}
    from jupyter_mlx.pipelines.kernels import calling

    return calling.warm_processes()


@command("list", group=kernels_group)
def list_command(face: Face) -> Payload:
    """List your warm processes: what they have imported or executed, their kernels, when they end."""
    rows = [{"key": key, **status} for key, status in _warm_processes().items()]
    for row in rows:
        idle = time.time() - row["called_at"]
        ends = (
            "in use" if row.get("busy", row["kernels"]) else f"ends in {max(0.0, row['idle_s'] - idle):.0f} s"
        )
        used = f"{len(row['kernels'])} kernels, {row['served']} so far, {ends}"
        if "stage" in row:
            own = f"{row['private_bytes'] / (1 << 20):.0f} MiB of its own"
            what = f"the stage {row['stage']} after {row['cells']} cells, {own}"
            face.say(f"{row['key']}  process {row['pid']}  {what}; {used}")
            continue
        face.say(f"{row['key']}  process {row['pid']}  {used}")
        face.say(f"  imported: {', '.join(row['libraries']) or 'what every kernel imports'}")
        for name, why in row["refused"].items():
            face.say(f"  not {name}: {why}")
    if not rows:
        face.say("no process is warm; the next notebook starts one")
    return rows


@command("stop", group=kernels_group)
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--now", is_flag=True, help="End their kernels, too; without, these end by themselves first.")
def stop_command(face: Face, keys: tuple[str, ...], now: bool) -> Payload:
    """Stop the warm processes with these KEYs, or all of yours."""
    found = _warm_processes()
    chosen = []
    for key in keys or found:
        full = next((name for name in found if name.startswith(key)), None)
        if full is None:
            raise NoWarmProcessError(key)
        chosen.append(full)
    if chosen:
        from jupyter_mlx.pipelines.kernels import calling

        for key in chosen:
            calling.stop_warm_process(key, now=now)
    face.say(f"stopped {len(chosen)}")
    return {"stopped": chosen}
