"""Processes that help to write small files: threads of one Python process would only take turns.

A hand is given an open folder and what belongs into it, reads the objects from
the store, each checked, writes the files as `Spot` does, and tells what they
look like. It ends when its parent does, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from jupyter_mlx.errors import MlxError, UnavailableError
from jupyter_mlx.starting import command
from jupyter_mlx.store.local import LocalStore

from .links import Link
from .manifest import Entry
from .place import Placer, Spot

if TYPE_CHECKING:
    from collections.abc import Callable

_MANY: Final = 2000
"""So few files are written in less time than a process takes to start."""
_MOST_HANDS: Final = 3
_WAITING: Final = 2
"""Tasks that a hand has at most, one of which it works on."""
_BUFFER_BYTES: Final = 1 << 20
"""More than the tasks and answers of a hand: neither side may wait for the other to read."""
_LENGTH_BYTES: Final = 4
_DONE: Final = b"\x00"
_FAILED: Final = b"\x01"
_PATIENCE_S: Final = 30.0


class LostHandError(UnavailableError):
    """A process that wrote files ended before its work was done."""

    code = "helper-ended"

    def __str__(self) -> str:
        return (
            "a process that wrote files into the work tree was ended from outside (perhaps for want of memory); "
            "no file is half there, run the command again"
        )


class _Task(msgspec.Struct, array_like=True):
    """Small files of one folder, which comes along, open."""

    path: bytes
    hidden: bool
    entries: list[Entry]
    seen: dict[bytes, bytes]


_TASKS, _MARKS, _ENCODER = (
    msgspec.msgpack.Decoder(_Task),
    msgspec.msgpack.Decoder(dict[bytes, bytes]),
    msgspec.msgpack.Encoder(),
)


@dataclass(slots=True)
class _Given:
    """A task that a hand has."""

    spot: Spot
    entries: list[Entry]


class _Hand:
    """One such process, seen from its parent."""

    def __init__(self, placer: Placer, store: LocalStore) -> None:
        self.given: deque[_Given] = deque()
        self.is_ready = False
        self.socket, theirs = _pair()
        with theirs:
            words = (theirs.fileno(), placer.root, placer.temp, store.folder)
            self._process = subprocess.Popen(
                command(__name__, *map(str, words)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Ctrl-C goes to the parent alone, which then ends this one
                start_new_session=True,
            )

    @property
    def is_free(self) -> bool:
        """Whether it may be given a task."""
        return self.is_ready and len(self.given) < _WAITING

    def give(self, spot: Spot, entries: list[Entry]) -> None:
        """Have these files written.

        Raises:
            LostHandError: the process is gone.
        """
        seen = {entry.name: spot.seen[entry.name] for entry in entries if entry.name in spot.seen}
        try:
            _send(self.socket, _ENCODER.encode(_Task(spot.path, spot.hidden, entries, seen)), spot.fd)
        except ConnectionError:
            raise LostHandError from None
        self.given.append(_Given(spot, entries))

    def take(self) -> _Given:
        """Wait for the end of the oldest task.

        Raises:
            LostHandError: the process is gone.
            MlxError, OSError: what writing raised.
        """
        answer, _ = _receive(self.socket)
        if answer is None:
            raise LostHandError
        done = self.given.popleft()
        if answer[:1] == _FAILED:
            raise pickle.loads(answer[1:])  # noqa: S301 (from a process of our own)
        done.spot.note(_MARKS.decode(answer[1:]))
        return done

    def end(self) -> None:
        """Let it go: after this it writes nothing more."""
        self.socket.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Hands:
    """The hands of one checkout; none where they would be of no use."""

    def __init__(self, placer: Placer, files: int, written: Callable[[list[Entry]], None]) -> None:
        self._hands: list[_Hand] = []
        self._written = written
        self._after: dict[int, tuple[Spot, Callable[[], None]]] = {}
        if isinstance(placer.store, LocalStore) and sys.executable and hasattr(socket, "recv_fds"):
            for _ in range(min(_cores() - 1, _MOST_HANDS, files // _MANY)):
                with contextlib.suppress(OSError):  # too many processes: then without
                    self._hands.append(_Hand(placer, placer.store))

    def write(self, spot: Spot, entries: list[Entry]) -> None:
        """Put these files, all below `SMALL_BYTES`, into `spot`: by a hand that is free, or else here."""
        self._collect()
        for hand in self._hands:
            if hand.is_free:
                hand.give(spot, entries)
                return
        spot.note(spot.small(entries))
        self._written(entries)

    def then(self, spot: Spot, work: Callable[[], None]) -> None:
        """Do `work` when all files of `spot` are written."""
        if self._is_pending(spot):
            self._after[id(spot)] = spot, work
        else:
            work()

    def wait(self, spot: Spot) -> None:
        """Wait until all files of `spot` are written so far. Raises what writing raised."""
        for hand in self._hands:
            while any(given.spot is spot for given in hand.given):
                self._take(hand)

    def finish(self) -> None:
        """Wait until all is written. Raises what writing raised."""
        for hand in self._hands:
            while hand.given:
                self._take(hand)

    def _collect(self) -> None:
        """Take what is done, without waiting."""
        while self._hands:
            ready, _, _ = select.select([hand.socket for hand in self._hands], (), (), 0)
            if not ready:
                break
            for hand in [hand for hand in self._hands if hand.socket in ready]:
                if hand.is_ready:
                    self._take(hand)
                elif _receive(hand.socket)[0] is None:  # it could not begin: then without
                    self._hands.remove(hand)
                    hand.end()
                else:
                    hand.is_ready = True

    def _take(self, hand: _Hand) -> None:
        done = hand.take()
        self._written(done.entries)
        if id(done.spot) in self._after and not self._is_pending(done.spot):
            self._after.pop(id(done.spot))[1]()

    def _is_pending(self, spot: Spot) -> bool:
        return any(given.spot is spot for hand in self._hands for given in hand.given)

    def end(self) -> None:
        """Let all go: after this they write nothing more."""
        hands, self._hands = self._hands, []
        for hand in hands:
            hand.end()


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# the process itself


def main(number: str, root: str, temp: str, store: str) -> None:
    """Be a hand: do what comes through the socket of that number, until its other end is closed."""
    parent = socket.socket(fileno=int(number))
    found = LocalStore.open(Path(store), Path(temp))
    placer = Placer(Path(root), found, Path(temp), Link.AUTO)
    with contextlib.suppress(ConnectionError):
        _send(parent, _DONE)
        while True:
            task, folders = _receive(parent)
            if task is None:
                break
            _send(parent, _answer(placer, _TASKS.decode(task), folders[0]))
            os.close(folders[0])
    found.close()
    os._exit(0)  # an orderly end would take longer than the work of the last task


def _answer(placer: Placer, task: _Task, folder: int) -> bytes:
    """What a task came to: the marks of the files, or the error."""
    try:
        spot = Spot(placer, folder, task.path, b"" if task.hidden else None)
        spot.seen = task.seen
        return _DONE + _ENCODER.encode(spot.small(task.entries))
    except (MlxError, OSError) as error:
        return _FAILED + pickle.dumps(error)


# what goes through the socket: its length, the bytes, and perhaps an open folder


def _pair() -> tuple[socket.socket, socket.socket]:
    pair = socket.socketpair()
    for each in pair:
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            each.setsockopt(socket.SOL_SOCKET, buffer, _BUFFER_BYTES)
    return pair


def _send(to: socket.socket, data: bytes, folder: int | None = None) -> None:
    length = len(data).to_bytes(_LENGTH_BYTES, "little")
    if folder is None:
        to.sendall(length + data)
    else:
        socket.send_fds(to, [length], [folder])
        to.sendall(data)


def _receive(source: socket.socket) -> tuple[bytes | None, list[int]]:
    """The next bytes and the folder with them; None where the other side is gone."""
    try:
        length, folders, _, _ = socket.recv_fds(source, _LENGTH_BYTES, 1)
        left = int.from_bytes(length, "little")
        parts: list[bytes] = []
        while left:
            parts.append(source.recv(left))
            if not parts[-1]:
                return None, folders
            left -= len(parts[-1])
    except ConnectionError:
        return None, []
    return b"".join(parts) if parts else None, folders
