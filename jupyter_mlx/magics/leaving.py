"""What a cell with `--cache` leaves behind, and whether a later execution may be spared for it."""

from __future__ import annotations

import builtins
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_mlx.caching.changes import Before, is_own, shared
from jupyter_mlx.caching.effects import Effect, Effects, asked
from jupyter_mlx.caching.key import imports
from jupyter_mlx.caching.variables import keep, own_key
from jupyter_mlx.capture.lineage.looking import named
from jupyter_mlx.errors import MlxError

from .attention import Attention

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jupyter_mlx.project import Project
    from jupyter_mlx.recorder import ActiveRun

    from .earlier import Earlier

_MOST_SEARCHED = 16 << 20
"""Bytes of one object that are searched for secrets where they are no text."""


@dataclass(slots=True)
class _Begun:
    """A cell that is being executed."""

    source: str
    slice: tuple[str, ...]
    earlier: Earlier
    effect: Effect
    before: Before
    doubts: list[str]
    looked: dict[str, str]
    attention: Attention


class Leaving:
    """Looks at a session before and after such a cell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._effects = Effects()
        self._begun: _Begun | None = None

    def begin(
        self, project: Project, source: str, slice_: Sequence[str], executed: Sequence[str], earlier: Earlier
    ) -> None:
        """A cell is about to be executed, after `executed`; `earlier` is what the cells of its slice read."""
        space = self._shell.user_ns
        effect = self._effects.of(source, executed, [name for name in space if not is_own(name)])
        asks, doubts = asked([*slice_, source], str(Path.cwd()))
        looked = {
            project.relative(path) if _is_in(project, path) else path: said for path, said in asks.items()
        }
        self._begun = _Begun(
            source, tuple(slice_), earlier, effect,
            Before.of(space, effect.at_risk),
            [*effect.doubts, *doubts, *filter(None, [earlier.doubt])],
            looked,
            Attention(),
        )  # fmt: skip

    def end(self) -> None:
        """The cell has ended: nothing after it is its own."""
        if self._begun is not None and self._begun.attention.end():
            self._begun.doubts.insert(0, "it was interrupted, and went on")

    def keep(self, project: Project, run: ActiveRun, *, finished: bool) -> dict[str, Any]:
        """Keep what the cell has left in memory, as `Run.variables` has it; nothing of one that failed."""
        begun, self._begun = self._begun, None
        if begun is None or not finished:
            return {}
        space, seen = self._shell.user_ns, run.seen
        left = begun.before.left(space, begun.effect.binds, begun.effect.surely)
        names = left.names - imports(begun.source)[1]
        values = {name: space[name] for name in sorted(names) if not _is_given(name, space[name])}
        closed = {name for name, value in values.items() if isinstance(value, io.IOBase) and value.closed}
        values = {name: value for name, value in values.items() if name not in closed}
        others = {name: space[name] for name in begun.effect.related if name in space and name not in names}
        doubts = [*begun.doubts, *left.doubts]
        if seen is None:
            doubts.append("what it reads was not listened for")
        else:
            doubts += [f"it removes {os.path.basename(path)}" for path in seen.removed]  # noqa: PTH119
        if not doubts:
            doubts += filter(None, [shared(values, others)])
        if begun.doubts[:1] == ["it was interrupted, and went on"]:
            run.add_incomplete(["an interrupt came, and the cell went on; run it again"])
        found: dict[str, Any] = {"kept": [], "left": []}
        if not doubts:
            key: bytes | MlxError
            try:
                key = own_key()
            except MlxError as error:
                key = error
            found = msgspec.to_builtins(keep(values, project.store, key, space, _secrets(project)))
        looked = begun.earlier.looked | (dict(seen.looked) if seen else {}) | begun.looked
        outside = [file.path for file in (*run.read, *begun.earlier.files) if not file.inside]
        return found | {
            "doubts": doubts,
            "gone": list(left.gone),
            "looked": named(looked, [*begun.slice, begun.source]),
            "outside": sorted(set(outside)),
        }


def _secrets(project: Project) -> Callable[[str, Any], bool]:
    """What tells whether a value holds a secret."""
    redactor = project.redactor

    def is_secret(name: str, value: Any) -> bool:
        waiting = [value]
        while waiting:
            each = waiting.pop()
            if isinstance(each, (list, dict)):
                waiting += each.values() if isinstance(each, dict) else each
            elif isinstance(each, bytes) and len(each) <= _MOST_SEARCHED:
                # wide characters are others with noughts between
                for data in {each, each.replace(b"\0", b"")}:
                    text = data.decode("utf-8", "replace")
                    if redactor.text(text) != text:
                        return True
        return isinstance(value, (str, list, dict)) and bool(redactor.value(value, name) != value)

    return is_secret


def _is_in(project: Project, path: str) -> bool:
    return path.startswith(os.path.join(project.root, ""))  # noqa: PTH118


def _is_given(name: str, value: object) -> bool:
    """Whether a name stands for what every session has: `open`, which IPython wraps, was used and not left."""
    home = (getattr(value, "__module__", None) or "").partition(".")[0]
    return hasattr(builtins, name) and home in {"builtins", "io", "_io", "IPython"}
