"""The process that listens to a project's folders for a kernel (Linux, inotify).

It is a script of its own, started with `-I -S` so that it is there in
milliseconds, and reads the events outside the kernel's interpreter lock. It
leaves the kernel's process family (so that nothing waits for it), and ends when
the kernel does. While no run listens it only keeps up with new folders.

Source: inotify(7).
"""

from __future__ import annotations

import errno
import marshal
import os
import select
import socket
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ACCESS, MODIFY, CLOSE_WRITE, CLOSE_NOWRITE, OPEN = 0x1, 0x2, 0x8, 0x10, 0x20
MOVED_FROM, MOVED_TO, CREATE, DELETE, DELETE_SELF, MOVE_SELF = 0x40, 0x80, 0x100, 0x200, 0x400, 0x800
OVERFLOW, IGNORED, ONLYDIR, EXCL_UNLINK, ISDIR = 0x4000, 0x8000, 0x01000000, 0x04000000, 0x40000000
WATCHED = (
    ACCESS | MODIFY | CLOSE_WRITE | CLOSE_NOWRITE | OPEN | MOVED_FROM | MOVED_TO | CREATE | DELETE
) | ONLYDIR | EXCL_UNLINK  # fmt: skip
READ, WRITTEN, CLOSED, OPENED, GONE = 1, 2, 4, 8, 16
"""What the kernel is told of a file; CLOSED is after it was open for writing."""
WRITTEN_FIRST = 32
"""It was written before anything was read of it."""
APART = 64
"""Something happened to it while the kernel had nobody read files."""
MEANINGS = (
    (ACCESS | CLOSE_NOWRITE, READ),
    (MODIFY | CREATE | MOVED_TO, WRITTEN),
    (CLOSE_WRITE, CLOSED),
    (OPEN, OPENED),
    (MOVED_FROM | DELETE, GONE),
)
HEADER = struct.Struct("iIII")
LENGTH = struct.Struct("<I")
BETWEEN = 256
"""So many folders are walked before events are taken: to list a folder makes some, and the queue is finite."""
IDLE_S, BUSY_S = 0.02, 0.003
"""How long events gather before they are read, while no run listens and while one does."""


class Watcher:
    """The watches of one project, and the runs that listen."""

    def __init__(self, root: bytes, pid: int, skipped: frozenset[bytes]) -> None:
        # imported by this process alone: the kernel's side takes only names from this module
        import ctypes

        self.handles = _handles()
        self.root, self.pid, self.skipped = root, pid, skipped
        libc = ctypes.CDLL(None, use_errno=True)
        self.add_watch, self.errno = libc.inotify_add_watch, ctypes.get_errno
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.problem = os.strerror(self.errno()) if self.fd < 0 else ""
        self.folders: dict[int, bytes] = {}
        self.targets: dict[bytes, bytes] = {}
        """Files outside the project to which links of it lead → the link."""
        self.led: dict[bytes, bytes] = {}
        """Folders outside to which links lead → the link."""
        self.filtered: set[int] = set()
        """Watches of folders that are there for the `targets` in them alone."""
        self.refused = 0
        self.lost = False
        """Whether events were lost since the tree was walked last."""
        self.runs: dict[int, Run] = {}
        self.apart = APART

    # -- watches -----------------------------------------------------------------------------

    def walk(self, top: bytes, found: Run | None = None) -> None:
        """Watch a folder and all below; for `found`, the files in it are new."""
        waiting = [top]
        walked = 0
        while waiting:
            walked += 1
            if walked % BETWEEN == 0:
                self.drain()
            folder = waiting.pop()
            if not self._watch(folder):
                continue
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_symlink():
                            self._follow(entry.path)
                        elif entry.is_dir(follow_symlinks=False):
                            if self._counts(entry):
                                waiting.append(entry.path)
                        elif found is not None:
                            found.note(entry.path, CREATE, self.apart)
            except OSError:
                continue

    def _counts(self, entry: os.DirEntry[bytes]) -> bool:
        if entry.name in self.skipped:
            return False
        return not os.path.exists(os.path.join(entry.path, b"pyvenv.cfg"))  # noqa: PTH110, PTH118 (bytes)

    def _watch(self, folder: bytes, *, filtered: bool = False) -> bool:
        number = self.add_watch(self.fd, folder, WATCHED)
        if number < 0:
            self.refused += self.errno() == errno.ENOSPC
            return False
        if filtered and number not in self.folders:
            self.filtered.add(number)
        elif not filtered:
            self.filtered.discard(number)
        self.folders[number] = folder
        return True

    def _follow(self, link: bytes) -> None:
        """Watch what a link of the project leads to outside of it."""
        target = os.path.realpath(link)
        state = os.path.join(self.root, b".mlx", b"")  # noqa: PTH118
        if target == self.root or (target.startswith(self.root + b"/") and not target.startswith(state)):
            return
        if os.path.isdir(target):  # noqa: PTH112
            if target not in self.led and not self.root.startswith(target + b"/"):
                self.led[target] = link
                self.walk(target)
        elif target not in self.targets:
            self.targets[target] = link
            self._watch(os.path.dirname(target), filtered=True)  # noqa: PTH120

    # -- events ------------------------------------------------------------------------------

    def drain(self) -> None:
        """Take all events that there are."""
        while True:
            try:
                data = os.read(self.fd, 1 << 18)
            except (BlockingIOError, InterruptedError):
                return
            at, end = 0, len(data)
            last = b""
            while at < end:
                number, mask, _, length = HEADER.unpack_from(data, at)
                after = at + 16 + length
                # what others look at in a folder is nothing to us, and many events in a row say the same
                if mask & ISDIR and not mask & (CREATE | MOVED_TO):
                    pass
                elif data[at:after] != last:
                    last = data[at:after]
                    self._take(number, mask, last[16:].rstrip(b"\0"))
                at = after

    def _take(self, number: int, mask: int, name: bytes) -> None:
        if mask & OVERFLOW:
            self.lost = True
            for run in self.runs.values():
                run.lost = True
            return
        if mask & IGNORED:
            self.folders.pop(number, None)
            return
        folder = self.folders.get(number)
        if folder is None or not name:
            return
        path = folder + b"/" + name
        if mask & ISDIR:
            if mask & (CREATE | MOVED_TO) and name not in self.skipped and number not in self.filtered:
                self._enter(path)
            return
        if number in self.filtered and path not in self.targets:
            return
        for run in self.runs.values():
            run.note(path, mask, self.apart)
        if mask & CREATE and os.path.islink(path):  # noqa: PTH114
            self._follow(path)

    def _enter(self, folder: bytes) -> None:
        """A folder came; files that came into it before its watch are found by looking."""
        runs = list(self.runs.values())
        self.walk(folder, runs[0] if runs else None)
        for other in runs[1:]:
            self.walk(folder, other)

    def find_lost(self) -> None:
        """Where events were lost, look for the folders that came meanwhile; not while a run waits for its events."""
        if self.lost and not self.runs:
            self.lost, self.refused = False, 0
            self.walk(self.root)

    # -- runs --------------------------------------------------------------------------------

    def begin(self, run: int) -> dict[str, Any]:
        """Listen for a run; says what can't be watched. `begun` goes on beside the kernel."""
        self.drain()
        self.find_lost()
        self.runs[run] = Run()
        self.runs[run].before = self._held()
        return {"watches": len(self.folders), "refused": self.refused}

    def begun(self, run: int) -> None:
        """Look what the kernel had mapped when the run began: to read that takes a millisecond."""
        if run in self.runs:
            self.runs[run].maps = self.handles.mapped(*self._asked())

    def _held(self) -> dict[bytes, tuple[bytes, int, int]]:
        found: dict[bytes, tuple[bytes, int, int]] = self.handles.held(*self._asked())
        return found

    def _asked(self) -> tuple[int, bytes, bytes]:
        return self.pid, self.root + b"/", self.root + b"/.mlx/"

    def end(self, run: int) -> dict[str, Any]:
        """What happened since `begin`."""
        self.drain()
        found = self.runs.pop(run, None) or Run()
        links = {path: self.targets[path] for path in {*found.files, *found.maps} if path in self.targets}
        return {
            "files": found.files,
            "maps": found.maps,
            "before": found.before,
            "after": self._held(),
            "links": links,
            "led": self.led,
            "lost": found.lost,
            "refused": self.refused,
        }


class Run:
    """What happened while one run listened."""

    def __init__(self) -> None:
        self.files: dict[bytes, int] = {}
        self.before: dict[bytes, tuple[bytes, int, int]] = {}
        """The kernel's open files."""
        self.maps: dict[bytes, bool] = {}
        """Files that the kernel had mapped → whether what is written to the map is written to the file."""
        self.lost = False

    def note(self, path: bytes, mask: int, apart: int) -> None:
        """Something happened to a file."""
        before = self.files.get(path, 0)
        bits = before | apart
        for events, meaning in MEANINGS:
            if mask & events:
                bits |= meaning
        if bits & WRITTEN and not before & (READ | WRITTEN):
            bits |= WRITTEN_FIRST
        self.files[path] = bits


def _handles() -> Any:
    """The module beside this script, which is part of no package here."""
    from importlib.machinery import SourceFileLoader

    folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    return SourceFileLoader("handles", os.path.join(folder, "handles.py")).load_module()  # noqa: PTH118


def serve(watcher: Watcher, kernel: socket.socket) -> None:
    """Answer the kernel until it ends."""
    watcher.walk(watcher.root)
    watcher.drain()
    _answer(kernel, {"ready": True, "problem": watcher.problem, "watches": len(watcher.folders)})
    poll = select.poll()
    poll.register(kernel, select.POLLIN)
    alive = _alive(watcher.pid)
    if alive >= 0:
        poll.register(alive, select.POLLIN)
    rest = -1.0
    while True:
        if rest < 0 and watcher.fd >= 0:
            poll.register(watcher.fd, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(None if rest < 0 else rest * 1000)}
        if alive in ready:
            return
        if kernel.fileno() in ready:
            if not _command(watcher, kernel):
                return
            rest = -1.0
        elif watcher.fd in ready:
            # let events gather: to be woken by each of them would cost more than they do
            poll.unregister(watcher.fd)
            rest = BUSY_S if watcher.runs else IDLE_S
        elif rest >= 0:
            watcher.drain()
            watcher.find_lost()
            rest = -1.0


def _command(watcher: Watcher, kernel: socket.socket) -> bool:
    request = _receive(kernel)
    if request is None:
        return False
    verb, run = request
    if verb in ("ours", "theirs"):
        watcher.drain()
        watcher.apart = APART if verb == "theirs" else 0
        _answer(kernel, {})
    elif verb == "begin":
        _answer(kernel, watcher.begin(run))
        watcher.begun(run)
    else:
        _answer(kernel, watcher.end(run))
    return True


def _receive(kernel: socket.socket) -> tuple[str, int] | None:
    head = _exactly(kernel, LENGTH.size)
    body = _exactly(kernel, LENGTH.unpack(head)[0]) if head else None
    # marshal: both ends are the same interpreter, on a socket that only they have
    return marshal.loads(body) if body else None  # noqa: S302


def _exactly(kernel: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        part = kernel.recv(size - len(data))
        if not part:
            return None
        data += part
    return data


def _answer(kernel: socket.socket, value: dict[str, Any]) -> None:
    data = marshal.dumps(value)
    kernel.sendall(LENGTH.pack(len(data)) + data)


def _alive(pid: int) -> int:
    """What becomes readable when the kernel ends; -1 where the system has no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def main() -> None:
    """Leave the kernel's family and serve it."""
    if os.fork():
        os._exit(0)
    fd, pid, root = int(sys.argv[1]), int(sys.argv[2]), os.fsencode(sys.argv[3])
    kernel = socket.socket(fileno=fd)
    try:
        serve(Watcher(root, pid, frozenset(os.fsencode(name) for name in sys.argv[4:])), kernel)
    except (OSError, EOFError):
        # the kernel has gone
        return


if __name__ == "__main__":
    main()
