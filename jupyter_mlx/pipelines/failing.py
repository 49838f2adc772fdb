"""The cell that failed, as people want to see it: its source, its traceback, and how to open it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .fingerprint import INJECTED

if TYPE_CHECKING:
    from .executors.base import Outcome


ORDER_GUESSED = (
    "; the order of stages that never ran is guessed from their code: if a stage makes that file, "
    "name it in `inputs` here and in `outputs` there, or run again once it is made"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a failed execution; secrets are out of it."""

    run: str
    """The id of its run."""
    notebook: str
    """The notebook as people edit it, relative to the project; empty for a command."""
    params: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    """Of the cell; empty where it failed outside of one."""
    cell_id: str = ""
    traceback: tuple[str, ...] = ()
    """The frames as the notebook shows them, with ANSI colours."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """The parameters that are secrets → the environment variables that hold them."""

    def facts(self) -> dict[str, Any]:
        """The failure as `--json` gives it."""
        return {
            "run": self.run,
            "source": self.source,
            "cell_id": self.cell_id,
            "traceback": list(self.traceback),
            "commands": dict(self.commands()),
        }

    def commands(self) -> Iterator[tuple[str, str]]:
        """What to do next, each with the command for it."""
        if self.notebook:
            notebook = shlex.quote(self.notebook)
            yield "open it", f"jupyter lab {notebook}"
            # JSON is YAML, which `-p` takes
            given = [
                f"-p {shlex.quote(f'{name}={json.dumps(value)}')}"
                for name, value in self.params.items()
                if name not in self.secrets
            ]
            given += [f'-p {name}="${variable}"' for name, variable in self.secrets.items()]
            yield "run it alone", " ".join(["jmlx exec", notebook, *given])
        yield "what it had done", f"jmlx runs show {self.run[:8]}"


def misses_file(outcome: Outcome) -> bool:
    """Whether an execution failed since a file is not there, as far as its last words tell."""
    words = f"{outcome.ename} {outcome.problem} {outcome.evalue}"
    return any(sign in words for sign in ("FileNotFoundError", "No such file", "does not exist"))


def failed_cell(executed: Path, number: int) -> tuple[str, str, tuple[str, ...]]:
    """Source, id and traceback of the code cell of that number, counted from 1; empty where there is none."""
    try:
        cells = json.loads(executed.read_bytes())["cells"]
    except (OSError, ValueError, KeyError):
        return "", "", ()
    code = [cell for cell in cells if _counts(cell)]
    if not 0 < number <= len(code):
        return "", "", ()
    cell = code[number - 1]
    error: Mapping[str, Any] = next(
        (o for o in cell.get("outputs", ()) if o.get("output_type") == "error"), {}
    )
    return _text(cell["source"]), str(cell.get("id", "")), tuple(error.get("traceback", ()))


def _counts(cell: Mapping[str, Any]) -> bool:
    tags = cell.get("metadata", {}).get("tags", ())
    return cell["cell_type"] == "code" and bool(_text(cell["source"]).strip()) and INJECTED not in tags


def _text(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)
