"""The kernel's side of `watcher.py`: starts the process once, and asks it for what a run touched."""

from __future__ import annotations

import atexit
import itertools
import marshal
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .places import SKIPPED
from .watcher import LENGTH

READY_S = 2.0
"""How long the first run waits until every folder is watched; a hundred thousand of them are not waited for."""
ANSWER_S = 10.0
"""How long an answer may take before the process counts as lost."""
_ACCESS = os.O_WRONLY | os.O_RDWR
_SCRIPT = str(Path(__file__).with_name("watcher.py"))


@dataclass(frozen=True, slots=True)
class Watched:
    """What the file system told of one run. Paths are absolute, where the bytes are."""

    files: dict[str, int] = field(default_factory=dict)
    """Path → the bits of `watcher`."""
    maps: dict[str, bool] = field(default_factory=dict)
    """File that this process had mapped when the run began → whether writing to the map writes the file."""
    before: dict[str, Handle] = field(default_factory=dict)
    """Number → file that this process had open when the run began."""
    after: dict[str, Handle] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    """File outside the project → the link in it that leads there."""
    folders: dict[str, str] = field(default_factory=dict)
    """Folder outside → the link that leads there."""
    problem: str = ""
    """Why something may be missing; empty where nothing is."""


@dataclass(frozen=True, slots=True)
class Handle:
    """An open file."""

    path: str
    flags: int
    """As it was opened."""
    position: int
    """How far it was read or written."""

    @property
    def reads(self) -> bool:
        """Whether it may be read by it."""
        return self.flags & _ACCESS != os.O_WRONLY

    @property
    def writes(self) -> bool:
        """Whether it may be written by it."""
        return bool(self.flags & _ACCESS)


def handles_of(found: dict[bytes, tuple[bytes, int, int]]) -> dict[str, Handle]:
    """As values."""
    return {os.fsdecode(number): Handle(os.fsdecode(path), *rest) for number, (path, *rest) in found.items()}


class Watch:
    """The watcher of one project for this process. Any number of threads may use it."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._runs = itertools.count()
        self._link: socket.socket | None = None
        self._broken = ""
        self._ready = False
        self._asked: deque[tuple[str, int]] = deque()
        self._answers: dict[tuple[str, int], dict[str, Any]] = {}
        self._held = bytearray()
        """What was received of answers that nobody has read yet."""

    def begin(self) -> int | None:
        """Have a run listened for from `begun` on; the number that the others take, None where nothing listens."""
        with self._lock:
            if self._link is None and not self._broken:
                self._start()
            elif self._link is not None and not self._ready:
                self._await_ready(0.001)
            if self._link is None or not self._ready:
                return None
            run = next(self._runs)
            self._ask("begin", run)
            return run

    def begun(self, run: int | None) -> None:
        """Wait until a run is listened for."""
        with self._lock:
            self._answer("begin", run)

    def ending(self, run: int | None) -> None:
        """What happens from now on is not of the run; `end` has the answer."""
        with self._lock:
            if run is not None:
                self._ask("end", run)

    def tell(self, whose: Literal["ours", "theirs"]) -> None:
        """Tell apart what happens to files from now on: `ours` may be our own doing; it is known when this returns."""
        if self._lock.acquire(timeout=ANSWER_S):
            try:
                if self._ready:
                    self._ask(whose, 0)
                    self._answer(whose, 0)
            finally:
                self._lock.release()

    def end(self, run: int | None) -> Watched:
        """What happened between `begin` and `ending`."""
        with self._lock:
            found = self._answer("end", run)
        if found is None:
            return Watched(
                problem=self._broken or "not all folders of the project are watched yet; run it again"
            )
        files, maps, links, folders = (found[name] for name in ("files", "maps", "links", "led"))
        return Watched(
            files={os.fsdecode(path): bits for path, bits in files.items()},
            before=handles_of(found["before"]),
            after=handles_of(found["after"]),
            maps={os.fsdecode(path): shared for path, shared in maps.items()},
            links={os.fsdecode(path): os.fsdecode(link) for path, link in links.items()},
            folders={os.fsdecode(path): os.fsdecode(link) for path, link in folders.items()},
            problem=self._problem(found),
        )

    def _problem(self, found: dict[str, Any]) -> str:
        if found["lost"]:
            return (
                "more files were touched at once than the system keeps account of; "
                "raise fs.inotify.max_queued_events (sysctl), or name them with -i and -o"
            )
        if found["refused"]:
            return (
                f"{found['refused']} folders could not be watched; "
                "raise fs.inotify.max_user_watches (sysctl), or name their files with -i and -o"
            )
        return ""

    # -- the process -------------------------------------------------------------------------

    def _start(self) -> None:
        if not sys.platform.startswith("linux"):
            self._broken = (
                "this system does not tell which files native code and other programs open; "
                "name them with -i and -o"
            )
            return
        theirs = None
        try:
            self._link, theirs = socket.socketpair()
            # it forks and ends at once: its child is nobody's but the system's, and no signal to us reaches it
            subprocess.run(
                [sys.executable, "-I", "-S", _SCRIPT, str(theirs.fileno()), str(os.getpid()), self.root, *SKIPPED],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                check=True,
                timeout=ANSWER_S,
            )  # fmt: skip
            self._await_ready(READY_S)
        except (OSError, subprocess.SubprocessError) as error:
            self._lose(f"no process to listen to the file system could be started ({error})")
        finally:
            if theirs is not None:
                theirs.close()
        _open.append(self)

    def _await_ready(self, patience_s: float) -> None:
        """Hear whether every folder is watched; where it is not yet, the next run asks again."""
        assert self._link is not None
        self._link.settimeout(patience_s)
        try:
            found = self._receive()
        except TimeoutError:
            return
        except (OSError, EOFError) as error:
            self._lose(_lost(error))
            return
        self._link.settimeout(ANSWER_S)
        self._ready = True
        if found["problem"]:
            self._lose(
                f"the file system does not tell which files are opened ({found['problem']}); "
                "raise fs.inotify.max_user_instances (sysctl), or name files with -i and -o"
            )

    def _ask(self, verb: str, run: int) -> None:
        """Ask without waiting: the process works beside us. Answers come in the order of the questions."""
        self._asked.append((verb, run))
        self._send(verb, run)

    def _answer(self, verb: str, run: int | None) -> dict[str, Any] | None:
        """The answer to a question that was asked; None where the process is lost."""
        while (verb, run) in self._asked and self._link is not None:
            try:
                self._answers[self._asked[0]] = self._receive()
                self._asked.popleft()
            except (OSError, EOFError, ValueError) as error:
                self._lose(_lost(error))
        return self._answers.pop((verb, run), None)  # type: ignore[arg-type]  # None was never asked

    def _send(self, verb: str, run: int) -> None:
        data = marshal.dumps((verb, run))
        try:
            if self._link is not None:
                self._link.sendall(LENGTH.pack(len(data)) + data)
        except OSError:
            # the next question finds out
            return

    def _receive(self) -> dict[str, Any]:
        """The next answer. What has come of the one after it, or before a timeout, is kept."""
        assert self._link is not None
        held = self._held
        while len(held) < LENGTH.size or len(held) < LENGTH.size + LENGTH.unpack_from(held)[0]:
            # mostly one call: each lets other threads take the interpreter's lock
            part = self._link.recv(1 << 20)
            if not part:
                raise EOFError("it ended")
            held += part
        end = LENGTH.size + LENGTH.unpack_from(held)[0]
        found: dict[str, Any] = marshal.loads(bytes(held[LENGTH.size : end]))  # noqa: S302 (our own process)
        del held[:end]
        return found

    def _lose(self, problem: str) -> None:
        self._broken = problem
        self._asked.clear()
        self._held.clear()
        if self._link is not None:
            self._link.close()
            self._link = None

    def forget(self) -> None:
        """Close this end; the process ends when its last end is closed."""
        self._lose("this process has ended listening")


def _lost(error: Exception) -> str:
    return f"the process that listens to the file system was lost ({error}); restart the kernel"


_open: list[Watch] = []


def _forget_all() -> None:
    for watch in _open:
        watch.forget()


def _in_child() -> None:
    """A forked child must not hold the parent's end, nor wait for a lock that nobody will let go."""
    for watch in _open:
        watch.__dict__["_lock"] = threading.Lock()
        watch.forget()


atexit.register(_forget_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
