"""In the kernel: makes checkpoints after cells, and goes on from one.

`begin` has one written after a cell, when that is worth it; `go_on` brings one
back into a fresh kernel, or raises, and then nothing of it may be used. In doubt
there is none: see `surroundings` for what is looked at. Beside what is written,
or where it can't be, the process may be copied (`Copier`); `inherited` says when.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from blake3 import blake3

from jupyter_mlx.capture.lineage import audit

from . import inherited
from .checkpoints import COPY, FORMAT, MEMORY, Checkpoint, copy_of, digest, remove
from .copier import Copier, Order
from .memory import DoubtError, Kept, bring, keep
from .modules import modules
from .surroundings import Base, chance, check, difference, look, set_chance

SHARE: Final = 10
"""One is made when this many times as long was executed as the last one took."""
KEPT_BYTES: Final = 2 << 30
"""Of the checkpoints of one stage; beyond it the oldest go."""
FILE_BYTES: Final = 256 << 20
"""Of the files that the cells wrote; of more nobody wants to wait for their digests."""
COPIES: Final = 3
"""Of the process, for one stage; beyond it the oldest end."""
_HISTORY: Final = frozenset({"In", "Out", "_", "__", "___", "_ih", "_oh", "_dh", "_i", "_ii", "_iii"})
"""IPython's names for what earlier cells were and gave."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the checkpoints of a stage are, and of what."""

    folder: str
    root: str
    """The project's."""
    outputs: tuple[str, ...]
    """Where the stage may write, relative to the project."""
    after_s: float
    """What was executed in less is not worth a checkpoint; with 0 there is one after each cell."""
    stage: str = ""
    memory_share: float = inherited.SHARE
    """Of the memory that is available: how large a kernel may be that is copied."""


_keeping: list[Keeping] = []


def begin(place: dict[str, Any], copier: Copier | None = None) -> None:
    """Have checkpoints written from now on."""
    from IPython.core.getipython import get_ipython

    _keeping[:] = [Keeping(get_ipython(), _place(place), copier)]
    _keeping[0].connect()


def go_on(place: dict[str, Any], number: str, copier: Copier | None = None, *, recorded: bool = True) -> None:
    """Go on where this process is the checkpoint's copy; else bring it back. Have further ones written.

    Raises:
        DoubtError: it is not certain that the session is as it was.
    """
    if _keeping and _keeping[0].copied == number:
        _keeping[0].wake(_place(place))
        return
    if not recorded:
        raise DoubtError("what its cells left is not in memory any more, and could not be recorded")
    begin(place, copier)
    with audit.quiet():
        _keeping[0].restore(number)


def _place(place: dict[str, Any]) -> Place:
    return Place(**{**place, "outputs": tuple(place["outputs"])})


class Keeping:
    """Makes the checkpoints of one session."""

    def __init__(self, shell: Any, place: Place, copier: Copier | None = None) -> None:
        self.shell, self.place, self.copier = shell, place, copier
        self.folder = Path(place.folder)
        self.cells: list[str] = []
        self.copied = ""
        """The number of the checkpoint that this process is the copy for."""
        self._before = {name: id(value) for name, value in shell.user_ns.items()}
        self._environment = dict(os.environ)
        self._exits = _exits()
        self._tidies = False
        self._changed: dict[str, str | None] = {}
        self._exits_of_cells = 0
        self._chance: dict[str, Any] = {}
        self._prepare()

    def _prepare(self) -> None:
        """Look at what is there before the next cell."""
        history = getattr(self.shell.history_manager, "hist_file", "")
        self._base = Base.now(str(history))
        self._held: inherited.Held | None = None
        if self.copier is not None:
            self.copier.prepare()
            self._held = inherited.Held.now(self.copier.events, *self.copier.own, str(history))
        self._listener: audit.Listener | None = None
        self._since = time.monotonic()
        self._took_s = 0.0
        self._over = False

    def connect(self) -> None:
        """Begin to see cells."""
        self._listen()
        self.shell.events.register("post_run_cell", self._after)

    def _listen(self) -> None:
        from jupyter_mlx.capture.lineage.places import Places

        self._listener = audit.listen(Places.of(Path(self.place.root)))

    def wake(self, place: Place) -> None:
        """In a copy that is a kernel again: go on as if the last cell had just ended."""
        self.place, self.folder, self.copied = place, Path(place.folder), ""
        environment = dict(os.environ)
        for name in self._changed:
            environment.pop(name, None)
            if name in self._environment:
                environment[name] = self._environment[name]
        self._environment = environment
        self._exits = _exits() - self._exits_of_cells
        self._prepare()
        self._listen()
        # Python seeds its own generator anew in each fork, and ports and banners have been drawn from it
        set_chance(self._chance)

    def _after(self, result: Any) -> None:
        failed = result is None or result.error_before_exec or result.error_in_exec
        # what half a cell has done is in no checkpoint
        self._over = self._over or bool(failed)
        if self._over:
            return
        self.cells.append(digest(result.info.raw_cell))
        self._tidies = self._tidies or inherited.tidies(result.info.raw_cell)
        begun = time.monotonic()
        if self.place.after_s and begun - self._since < max(self.place.after_s, SHARE * self._took_s):
            return
        with audit.quiet():
            try:
                self._write()
            except DoubtError as error:
                self._note(error.reason)
            except Exception as error:
                # nobody's cell fails because it could not be remembered
                self._note(f"{type(error).__name__}: {error}")
        self._since = time.monotonic()
        self._took_s = self._since - begun

    def _note(self, reason: str) -> None:
        with suppress(OSError):
            (self.folder / "why-not").write_text(f"after cell {len(self.cells)}: {reason}\n", "utf-8")

    def _write(self) -> None:
        files, folders = self._files()
        number = f"{len(self.cells):06d}"
        made = Checkpoint(
            FORMAT, tuple(self.cells), {}, (), "", 0, (), {},
            self._set(), tuple(sys.path), os.getcwd(),  # noqa: PTH109
            files, folders, self.shell.execution_count,
        )  # fmt: skip
        doubt = ""
        try:
            kept = self._record(number)
        except DoubtError as error:
            doubt = error.reason
        else:
            made = msgspec.structs.replace(
                made, left=dict(kept.left), names=kept.names, signature=kept.signature, size_bytes=kept.size_bytes,
                modules=tuple(name for name, _ in modules()),
                surroundings=look(self.shell, self.place.root, self._exits),
            )  # fmt: skip
            self._put(number, made)
        self._copy(number, made, doubt)
        _prune(self.folder, self._end)

    def _record(self, number: str) -> Kept:
        check(self._base)
        names = [
            name
            for name, value in self.shell.user_ns.items()
            if self._before.get(name) != id(value) and not _is_ipythons(name)
        ]
        path = self.folder / f"{number}{MEMORY}"
        return keep(path, self.shell.user_ns, names, {"chance": chance()}, _key())

    def _put(self, number: str, made: Checkpoint) -> None:
        temporary = self.folder / f".{number}"
        temporary.write_bytes(msgspec.json.encode(made))
        temporary.replace(self.folder / f"{number}.json")

    def _copy(self, number: str, made: Checkpoint, doubt: str) -> None:
        """Order a copy of the process; why nothing was recorded is noted where there is none either."""

        def refused(reason: str) -> None:
            self._note("; in memory: ".join(filter(None, (doubt, reason))))

        def done(key: str) -> None:
            if doubt:
                self._put(number, made)
            (self.folder / f"{number}{COPY}").write_text(key, "ascii")
            _bound(self.folder, self._end)

        def copied() -> None:
            self.copied = number

        if self.copier is None:
            if doubt:
                self._note(doubt)
            return
        try:
            self._check_copy(self.copier)
        except DoubtError as error:
            refused(error.reason)
            return
        self._changed, self._exits_of_cells, self._chance = self._set(), _exits() - self._exits, chance()
        about = {"folder": self.place.folder, "number": number, "stage": self.place.stage}
        self.copier.copy_later(Order({**about, "cells": len(self.cells)}, done, refused, copied))

    def _check_copy(self, copier: Copier) -> None:
        assert self._held is not None
        copier.check()
        inherited.check(self._held, copier.events, self.place.memory_share)
        if self._tidies or inherited.tidying_modules(self.place.root):
            raise DoubtError("something is asked to be done when the kernel ends (atexit)")

    def _end(self, key: str) -> None:
        if self.copier is not None:
            self.copier.end(key)

    def _set(self) -> dict[str, str | None]:
        names = {*self._environment, *os.environ}
        now, then = os.environ.get, self._environment.get
        return {name: now(name) for name in names if now(name) != then(name)}

    def _files(self) -> tuple[dict[str, tuple[str, int]], tuple[str, ...]]:
        """What the cells wrote, which must be below the outputs."""
        assert self._listener is not None
        root = Path(self.place.root)
        ours = [root / path for path in self.place.outputs]
        for path, touch in self._listener.touched.items():
            changed = touch.bits & audit.CHANGES and (touch.before is not None or os.path.lexists(path))
            if (
                changed
                and self._is_data(path)
                and not any(Path(path) == own or own in Path(path).parents for own in ours)
            ):
                raise DoubtError(f"{path} was written, which is no output of the stage")
        files: dict[str, tuple[str, int]] = {}
        folders: list[str] = []
        size = 0
        for found in _below(ours):
            relative = found.relative_to(root).as_posix()
            if found.is_symlink():
                raise DoubtError(f"{relative} is a link")
            if found.is_dir():
                folders.append(relative)
                continue
            size += (size_bytes := found.stat().st_size)
            if size > FILE_BYTES:
                raise DoubtError(f"what was written is larger than {FILE_BYTES >> 20} MiB")
            hasher = blake3(max_threads=1)
            hasher.update_mmap(found)
            files[relative] = (f"b3:{hasher.hexdigest()}", size_bytes)
        return files, tuple(folders)

    def _is_data(self, path: str) -> bool:
        assert self._listener is not None
        places = self._listener.places
        return places.inside(path) is not None if path.startswith(places.root) else places.outside(path)

    def restore(self, number: str) -> None:
        """Bring a checkpoint back."""
        path = self.folder / f"{number}.json"
        try:
            made = msgspec.json.decode(path.read_bytes(), type=Checkpoint)
        except (OSError, msgspec.DecodeError) as error:
            raise DoubtError(f"the checkpoint can't be read ({error})") from None
        for name, value in made.environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        sys.path[:] = made.path
        # the cells may have changed the folder before or after an import that looks into it
        later = [name for name in made.modules if not _imported(name)]
        os.chdir(made.folder)
        for name in later:
            if not _imported(name):
                raise DoubtError(f"the module {name} is not to be had")
        what = difference(made.surroundings, look(self.shell, self.place.root, self._exits))
        if what:
            raise DoubtError(f"{what} was another one when the cells had run")
        space = self.shell.user_ns
        found = bring(self.folder / f"{number}{MEMORY}", space, made.signature, _key())
        space.update(found["values"])
        set_chance(found["chance"])
        self.cells = list(made.cells)
        self.shell.execution_count = made.count


def _is_ipythons(name: str) -> bool:
    return name in _HISTORY or (name[:1] == "_" and name.strip("_i").isdigit())


def _imported(name: str) -> bool:
    if name not in sys.modules:
        try:
            __import__(name)
        except Exception:
            return False
    return name in sys.modules


def _below(folders: Iterable[Path]) -> Iterator[Path]:
    for path in folders:
        if os.path.lexists(path):
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from sorted(path.rglob("*"))


def _prune(folder: Path, end: Callable[[str], None]) -> None:
    """Remove the oldest beyond what is kept."""
    size = 0
    for path in sorted(folder.glob("*.json"), reverse=True):
        with suppress(OSError):
            size += path.with_suffix(MEMORY).stat().st_size
            if size > KEPT_BYTES:
                remove(path, end)


def _bound(folder: Path, end: Callable[[str], None]) -> None:
    """End the oldest copies beyond those that may be there."""
    for path in sorted(folder.glob(f"*{COPY}"), reverse=True)[COPIES:]:
        end(copy_of(path))
        path.unlink(missing_ok=True)
        if not path.with_suffix(MEMORY).exists():
            path.with_suffix(".json").unlink(missing_ok=True)


def _exits() -> int:
    import atexit

    return atexit._ncallbacks()


def _key() -> bytes:
    from platformdirs import user_data_path

    from .variables import user_key

    return user_key(user_data_path("jupyter_mlx", appauthor=False))
