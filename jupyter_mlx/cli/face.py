"""What every command shares: the project, `--json`, `-C`, errors in one line, progress on stderr.

A command is a function that takes a `Face` first, speaks to people by
`face.say`, and returns what `--json` prints::

    @command("du")
    @click.argument("paths", nargs=-1)
    def du_command(face: Face, paths: tuple[str, ...]) -> Payload:
        \"\"\"Say what each version costs.\"\"\"

Exit codes: 0 done, 1 a clear error, 2 wrong usage, 3 a difference was found
(`face.differs()`), 130 interrupted.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from jupyter_mlx.errors import AccessError, CorruptError, MlxError, NotYetError
from jupyter_mlx.interrupts import admit

if TYPE_CHECKING:
    from rich.console import Console

    from jupyter_mlx.data.progress import Progress
    from jupyter_mlx.project import Project

Payload: TypeAlias = Any
"""What JSON can say: dicts, lists, text, numbers, dataclasses, None."""

DIFFERENT = 3
INTERRUPTED = 130
MAX_MESSAGE = 2000
TOLD_EVERY_S = 0.2

C = TypeVar("C", bound=click.Command)


@dataclass
class Face:
    """One call of one command."""

    folder: Path
    """Where the command works: `-C`, or the current folder."""
    as_json: bool = False
    exit_code: int = field(default=0, init=False)

    @cached_property
    def project(self) -> Project:
        """The project at or above `folder`.

        Raises:
            NoProjectError: there is none.
        """
        from jupyter_mlx.project import Project

        return Project.open(self.folder)

    def path(self, text: str) -> Path:
        """A path that the user typed, absolute; links in it are left as they are."""
        return Path(os.path.abspath(self.folder / text))  # noqa: PTH100 (resolve() would follow links)

    def say(self, text: object = "") -> None:
        """Write a line of the result to stdout; with `--json`, where stdout is the document's, nothing."""
        if not self.as_json:
            click.echo(text)

    def show(self, renderable: object) -> None:
        """Write one of rich's tables or trees to stdout; nothing with `--json`."""
        if not self.as_json:
            self.console.print(renderable)

    @cached_property
    def console(self) -> Console:
        """Rich's writer to stdout, wide enough for a table when nobody sees it."""
        from rich.console import Console

        return Console(highlight=False, width=None if sys.stdout.isatty() else 120)

    def note(self, text: object) -> None:
        """Write a line about the work, not of the result, to stderr."""
        click.echo(text, err=True)

    def differs(self) -> None:
        """Leave with exit code 3: the command worked, and found a difference."""
        self.exit_code = DIFFERENT

    @contextmanager
    def progress(self, label: str) -> Iterator[Progress]:
        """Draw files and bytes on stderr while the block runs; silent where stderr is no terminal."""
        from jupyter_mlx.data.progress import PROGRESS_VARIABLE, SILENT

        if os.environ.get(PROGRESS_VARIABLE) == "json":
            yield from _told()
            return
        if not sys.stderr.isatty():
            yield SILENT
            return
        from .bars import Bar

        with Bar(label) as bar:
            yield bar


def _told() -> Iterator[Progress]:
    """Say how far the work is as lines of JSON, some of them a second and the last one."""
    import time

    from jupyter_mlx.data.progress import Count, Counting

    told_at = 0.0

    def tell(count: Count) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= TOLD_EVERY_S:
            told_at = time.monotonic()
            click.echo(count.line(), err=True)

    counting = Counting(tell)
    yield counting
    click.echo(counting.count.line(), err=True)


def command(
    name: str, *, group: click.Group | None = None, **options: Any
) -> Callable[[Callable[..., Payload]], click.Command]:
    """Make a click command of a function whose first argument is the `Face`."""

    def decorate(function: Callable[..., Payload]) -> click.Command:
        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            ctx = click.get_current_context()
            folder, as_json = arguments.pop("start_folder"), arguments.pop("as_json")
            face = Face(Path(ctx.find_root().obj or ".", folder or ""), as_json)
            ctx.exit(perform(face, function, arguments))

        make: Callable[[Callable[..., None]], click.Command] = click.command(name, **options)
        made = unwrapped(make(run))
        made.params += [
            click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document on stdout."),
            click.Option(["-C", "start_folder"], metavar="DIR", help="Work as if started in DIR."),
        ]
        if group is not None:
            group.add_command(made)
        return made

    return decorate


def unwrapped(made: C) -> C:
    r"""Have help show the paragraphs that a `\b` stands above as they are written.

    Click's own mark is the control character, which no docstring shows.
    """
    made.help = (made.help or "").replace("\\b\n", "\b\n")
    return made


def perform(face: Face, function: Callable[..., Payload], arguments: dict[str, Any]) -> int:
    """Run a command's function; print its result or its error; return the exit code."""
    try:
        admit()
        payload = function(face, **arguments)
        if face.as_json:
            click.echo(to_json(payload))
        sys.stdout.flush()
    except click.ClickException:
        raise
    except (KeyboardInterrupt, click.Abort):
        face.note("interrupted; run the command again to go on")
        return INTERRUPTED
    except BrokenPipeError:
        # the reader (`| head`) has gone: nothing more to say, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return fail(face, error)
    return face.exit_code


def fail(face: Face, error: Exception) -> int:
    """Print an error as one line, or as JSON; return the exit code."""
    if os.environ.get("JMLX_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError) and not isinstance(error, MlxError):
        error = AccessError.of(error)
    if isinstance(error, MlxError):
        code, message = error.code, str(error)
    else:
        code = "bug"
        message = (
            f"this is a fault of jupyter_mlx, not yours: {type(error).__name__}: {error}; "
            "JMLX_TRACEBACK=1 shows where, for the report"
        )
    if face.as_json:
        click.echo(to_json({"error": {"code": code, "message": message}}))
    else:
        click.echo(f"jmlx: {message[:MAX_MESSAGE]}", err=True)
    if isinstance(error, CorruptError):
        return DIFFERENT  # what is stored differs from what was: a script may call for a repair
    return 2 if isinstance(error, NotYetError) else 1


def to_json(payload: Payload) -> str:
    """One JSON document, indented, for people and programs."""
    import msgspec

    # to text: digests, paths; NaN has no JSON and becomes null, as msgspec does
    encoded = msgspec.json.encode(payload, enc_hook=str)
    return msgspec.json.format(encoded, indent=2).decode()
