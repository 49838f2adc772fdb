"""The steps of metrics on their way into the ledger: one file for each process and run.

A step is one `write` of one line, so it survives its process at once, costs
microseconds and waits for nobody. Whoever reads the ledger folds the lines into
it first, in one transaction together with how far the file was read. A process
holds its files locked; one that nobody holds and that is folded is removed.
The lines: `docs/format.md`, "Steps".
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import heapq
import os
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from jupyter_mlx.errors import AccessError

from . import rows
from .series import Point
from .writing import add_points, name_of, next_step, put_values, touch

if TYPE_CHECKING:
    from .database import Database

SUFFIX = ".steps"
TURN_BYTES = 8 << 20
"""So much is folded in one transaction: others write in between."""

Line: TypeAlias = tuple[int | None, float, dict[str, bool | float | str]]
_LINE = msgspec.json.Decoder(Line)
_ENCODER = msgspec.json.Encoder()


class StepFile:
    """The file that this process appends a run's steps to."""

    def __init__(self, folder: Path, run: str) -> None:
        self.pid = os.getpid()
        self._torn = False
        while True:
            self.path = folder / f"{run}.{os.urandom(4).hex()}{SUFFIX}"
            try:
                folder.mkdir(exist_ok=True)
                self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
                fcntl.flock(self._fd, fcntl.LOCK_EX)
                if os.fstat(self._fd).st_nlink:
                    return
                os.close(self._fd)  # a reader took it for one that was left over
            except OSError as error:
                raise AccessError.of(error, self.path) from error

    def append(self, metrics: Mapping[str, float], step: int | None, t: float) -> None:
        """Add one step.

        Raises:
            AccessError: it could not be written; the steps before it are whole.
        """
        try:
            line = _ENCODER.encode((step, t, metrics))
        except UnicodeEncodeError:
            line = b"null" * 2
        if line.count(b"null") > (step is None):  # NaN or an infinity
            line = _ENCODER.encode((step, t, rows.finite(metrics)))
        line = (b"\n" if self._torn else b"") + line + b"\n"
        try:
            written = os.write(self._fd, line)
            while line := line[written:]:
                # until the rest is there, the line is a torn one: the next begins on a line of its own
                self._torn = True
                written = os.write(self._fd, line)
            self._torn = False
        except OSError as error:
            raise AccessError.of(error, self.path) from error

    def close(self) -> None:
        """Let go of the file; a child that was forked only closes its own view of it."""
        with contextlib.suppress(OSError):
            os.close(self._fd)


class Steps:
    """All step files of a ledger. Any thread and process may append and fold."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self._db = folder, database
        self._files: dict[str, StepFile] = {}
        self._known: dict[str, int] = {}
        """How far each file was folded when this process looked last."""
        self._lock = threading.Lock()

    def append(self, run: str, metrics: Mapping[str, float], step: int | None, t: float) -> None:
        """Add one step of a run, which is in the ledger. Raises AccessError."""
        file = self._files.get(run)
        if file is None or file.pid != os.getpid():
            file = self._open(run)
        try:
            file.append(metrics, step, t)
        except AccessError as error:
            if error.problem == os.strerror(errno.EIO):
                # of a disk that failed, an open file goes on failing when that is back
                self.close(run)
            raise

    def _open(self, run: str) -> StepFile:
        with self._lock:
            file = self._files.get(run)
            if file is None or file.pid != os.getpid():
                if file is not None:
                    file.close()  # the parent's: its lock is the parent's too
                file = self._files[run] = StepFile(self.folder, run)
            return file

    def close(self, run: str) -> None:
        """Let go of this process's file of a run, and look at all of the run's anew."""
        with self._lock:
            file = self._files.pop(run, None)
            if file is not None:
                file.close()
            self._known = {name: size for name, size in self._known.items() if not name.startswith(f"{run}.")}

    def waiting(self) -> dict[str, int]:
        """The files that are there, and how many bytes each has."""
        try:
            with os.scandir(self.folder) as found:
                return {entry.name: entry.stat().st_size for entry in found if entry.name.endswith(SUFFIX)}
        except OSError:
            return {}

    def fold(self) -> bool:
        """Bring what was appended since into the ledger; whether there was anything."""
        sizes = self.waiting()
        if not sizes:
            return False
        grown = {name for name, size in sizes.items() if self._known.get(name) != size}
        changed = False
        for run in sorted({name.partition(".")[0] for name in grown}):
            files = [name for name in sizes if name.startswith(f"{run}.")]
            while self._fold(run, files):
                changed = True
        self._sweep(sizes)
        return changed

    def _fold(self, run: str, files: list[str]) -> bool:
        """Fold a turn of one run's lines; whether there were any."""
        with self._db.write() as db:
            found = db.execute("SELECT rowid FROM runs WHERE id = ?", (run,)).fetchone()
            read = {name: self._read(db, name) for name in files}
            for name, (start, data) in read.items():
                self._known[name] = start + len(data)
            if found is None or not any(data for _, data in read.values()):
                return False
            # several processes in the order of their clocks; within a file, as it stands
            lines = [_lines(data) for _, data in read.values() if data]
            merged = lines[0] if len(lines) == 1 else heapq.merge(*lines, key=lambda line: line[1])
            _enter(db, found[0], merged)
            for name, (start, data) in read.items():
                if data:
                    db.execute("INSERT OR REPLACE INTO folded VALUES (?, ?)", (name, start + len(data)))
            touch(db, found[0])
        return True

    def _read(self, db: sqlite3.Connection, name: str) -> tuple[int, bytes]:
        """Where folding goes on, and the whole lines from there, at most a turn's."""
        row = db.execute("SELECT size FROM folded WHERE file = ?", (name,)).fetchone()
        start = int(row[0]) if row else 0
        try:
            with (self.folder / name).open("rb") as file:
                file.seek(start)
                data = file.read(TURN_BYTES)
                if len(data) == TURN_BYTES and b"\n" not in data:
                    data += file.readline()  # one line of more than a turn
        except FileNotFoundError:
            return start, b""
        except OSError as error:
            raise AccessError.of(error, self.folder / name) from error
        return start, data[: data.rfind(b"\n") + 1]

    def _sweep(self, sizes: Mapping[str, int]) -> None:
        """Remove the files that are folded and that no process holds."""
        gone = []
        for name in sizes:
            with contextlib.suppress(OSError):
                fd = os.open(self.folder / name, os.O_RDONLY)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if self._is_folded(fd, name):
                        (self.folder / name).unlink()
                        gone.append(name)
                finally:
                    os.close(fd)
        if gone:
            # the file goes first: a row without one means nothing, a file without one is folded again
            with self._db.write() as db:
                db.executemany("DELETE FROM folded WHERE file = ?", [(name,) for name in gone])
            for name in gone:
                self._known.pop(name, None)

    def _is_folded(self, fd: int, name: str) -> bool:
        """Whether no whole line is left; one that its process was killed in is none."""
        row = self._db.read("SELECT size FROM folded WHERE file = ?", (name,))
        if not row and not self._db.read("SELECT 1 FROM runs WHERE id = ?", (name.partition(".")[0],)):
            return False  # of a run that this ledger has not got: a rebuild may bring it
        rest = os.pread(fd, TURN_BYTES, row[0][0] if row else 0)
        return b"\n" not in rest and len(rest) < TURN_BYTES

    def pass_over(self) -> None:
        """Count the lines of all runs that the ledger has as folded: what it has of them came another way."""
        with self._db.write() as db:
            for name, size in self.waiting().items():
                if db.execute("SELECT 1 FROM runs WHERE id = ?", (name.partition(".")[0],)).fetchone():
                    db.execute("INSERT OR REPLACE INTO folded VALUES (?, ?)", (name, size))

    def forget(self, run: str) -> None:
        """Remove the files of a run that is purged."""
        self.close(run)
        for name in self.waiting():
            if name.startswith(f"{run}."):
                with contextlib.suppress(OSError):
                    (self.folder / name).unlink()


def _lines(data: bytes) -> list[Line]:
    """The steps in whole lines; what a full disk cut short is passed over."""
    try:
        return _LINE.decode_lines(data)
    except msgspec.DecodeError:
        found = []
        for line in data.splitlines():
            with contextlib.suppress(msgspec.DecodeError):
                found.append(_LINE.decode(line))
        return found


def _enter(db: sqlite3.Connection, run: int, lines: Iterable[Line]) -> None:
    """Write steps into the series of a run, and the last values beside its params."""
    names: dict[str, int] = {}
    following: dict[str, int] = {}
    points: dict[str, list[Point]] = {}
    last: dict[str, float] = {}
    for step, t, metrics in lines:
        for key, told in metrics.items():
            if key not in names:
                names[key] = name_of(db, "m", key)
                following[key] = next_step(db, run, names[key])
                points[key] = []
            at = following[key] if step is None else step
            following[key] = max(following[key], at + 1)
            last[key] = value = float(told)
            points[key].append((at, value, t))
    for key, found in points.items():
        add_points(db, run, names[key], found)
    put_values(db, run, {}, last)
