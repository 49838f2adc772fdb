"""`jmlx`: the list of its commands, each imported when it is called."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import click

from jupyter_mlx._version import __version__
from jupyter_mlx.interrupts import held, insist
from jupyter_mlx.starting import leave_out

GROUPS: dict[str, dict[str, str]] = {
    "Project": {
        "init": "project",
        "demo": "demo",
        "status": "project",
        "doctor": "project",
    },
    "Data": {
        "add": "data",
        "checkout": "data",
        "diff": "history",
        "log": "history",
        "unprotect": "data",
        "remove": "data",
        "remote": "remotes",
        "push": "remotes",
        "pull": "remotes",
        "fetch": "remotes",
        "verify": "upkeep",
        "gc": "upkeep",
        "du": "history",
    },
    "Runs": {
        "runs": "runs",
        "snapshot": "runs",
        "reproduce": "reproducing",
        "report": "reports",
    },
    "Pipeline": {
        "run": "pipeline",
        "plan": "pipeline",
        "dag": "pipeline",
        "sweep": "sweeps",
        "exec": "pipeline",
        "pair": "pipeline",
        "watch": "watching",
        "kernels": "kernels",
    },
}
"""Command name → the module of `jupyter_mlx.cli` that has it, by the heading in `--help`."""

WHOLE = 200
"""Longer than any first sentence: help wraps them, and cuts none."""

MODULES = {name: module for commands in GROUPS.values() for name, module in commands.items()}


GARBAGE_AFTER = 50_000
"""So many objects are made before a look for garbage."""


class LazyGroup(click.Group):
    """A group that imports the file of a command when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the headings."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; None where there is none."""
        module = MODULES.get(cmd_name)
        if module is None:
            return None
        found = getattr(import_module(f"jupyter_mlx.cli.{module}"), f"{cmd_name}_command")
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which name comes near."""
        if args and args[0] not in MODULES and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], MODULES, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else " `jmlx --help` lists the commands."
            ctx.fail(f"no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings."""
        for heading, names in GROUPS.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [(name, found.get_short_help_str(limit=WHOLE)) for name, found in commands if found]
            with formatter.section(heading):
                formatter.write_dl(rows, col_spacing=3)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `jmlx demo`, or `jmlx init` in your own folder. "
    "`jmlx COMMAND --help` says more, with examples.",
)
@click.version_option(__version__, prog_name="jmlx")
@click.option("-C", "folder", metavar="DIR", help="Work as if started in DIR.")
@click.pass_context
def cli(ctx: click.Context, folder: str | None) -> None:
    """Version the data, track the runs and execute the pipelines of notebooks.

    A project is a folder with an mlx.yaml. Data that you `add` gets a small
    pointer file for git; runs come from %%track cells, from `jmlx run` and
    from scripts; all of it stays in the folder .mlx, without a server.
    """
    ctx.obj = folder


def main(args: list[str] | None = None) -> None:
    """Run the command line, and leave with its exit code."""
    insist()
    # of what is imported nothing is garbage: looking for it takes a tenth of a short command's time
    gc.set_threshold(GARBAGE_AFTER)
    leave_out()
    for stream in (sys.stdout, sys.stderr):
        # file names that are not UTF-8, and terminals that are not, must not end in a traceback
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    # a command says itself that it was interrupted; what is imported before it can't
    with held():
        cli.main(args, prog_name="jmlx")


if __name__ == "__main__":
    main()
