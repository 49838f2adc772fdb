"""A process that kernels are copies of: it answers calls, one at a time, and watches over its copies.

It serves processes of the same user alone. A call is a line of JSON (with the
caller's stdout and stderr for a kernel), answered in lines: `pid N`, `ready`,
`exit N`; or `no REASON`, and the caller starts an ordinary kernel. It ends when
nobody called for a while, or when a file that it imported has changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

REQUEST_S: Final = 5.0
"""How long a caller may take to say what it wants."""


@dataclass(slots=True)
class Kernel:
    """One copy, seen from the process that it was made from."""

    conversation: socket.socket
    started_at: float
    cwd: str


class Original:
    """Answers calls, one at a time, and watches over the kernels that came of them."""

    def __init__(self, listening: socket.socket, path: str, idle_s: float) -> None:
        self.listening, self.path, self.idle_s = listening, path, idle_s
        self.kernels: dict[int, Kernel] = {}
        self.started_at = self.called_at = time.time()
        self.inode = os.stat(path).st_ino
        self.served = 0
        self.closing = False
        self._stamps: dict[str, tuple[int, int]] = {}
        self._selector = selectors.DefaultSelector()
        self._alarm, self._bell = os.pipe()

    # -- what each kind has of its own -------------------------------------------------------

    def get_ready(self) -> None:
        """Do what is to be done once, before the first call."""

    def refusal(self, request: Mapping[str, Any]) -> str:
        """Why no copy of this process can be the kernel, empty where one can."""
        raise NotImplementedError

    def become(self, request: Mapping[str, Any], streams: list[int], conversation: socket.socket) -> None:
        """In a copy: be the kernel that was asked for; it does not return, but may raise what is no `Exception`."""
        raise NotImplementedError

    def described(self) -> dict[str, Any]:
        """What it says of itself beside what all do."""
        return {}

    # -- serving -----------------------------------------------------------------------------

    def serve(self) -> None:
        """Answer until nobody calls any more."""
        self.get_ready()
        self._listen()
        while not (self.closing and not self.kernels):
            events = self._selector.select(self._patience())
            if not events and self._is_idle():
                break
            for key, _ in events:
                if key.fileobj is self.listening:
                    self._answer()
                elif key.fileobj == self._alarm:
                    self._reap()
                elif isinstance(key.data, int):
                    self._lost(key.data)
                else:
                    key.data()
        self.close()

    def close(self) -> None:
        """Take no more calls; the kernels go on."""
        if self.closing:
            # the socket's inode may be that of the next warm process by now
            return
        self.closing = True
        with contextlib.suppress(OSError):
            # another may have taken the place since
            if os.stat(self.path).st_ino == self.inode:
                os.unlink(self.path)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(self.listening)
        self.listening.close()

    def remember_files(self) -> None:
        """Remember the files that the modules came from."""
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and file not in self._stamps:
                self._stamps[file] = _stamp(file)

    @property
    def is_stale(self) -> bool:
        """Whether a file that a module came from has changed."""
        return any(_stamp(file) != stamp for file, stamp in self._stamps.items())

    def _listen(self) -> None:
        os.set_blocking(self._alarm, False)
        os.set_blocking(self._bell, False)
        signal.set_wakeup_fd(self._bell)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(self.listening, selectors.EVENT_READ)
        self._selector.register(self._alarm, selectors.EVENT_READ)

    @property
    def is_busy(self) -> bool:
        """Whether it is needed though nobody calls."""
        return bool(self.kernels)

    def _patience(self) -> float | None:
        if self.is_busy:
            return None
        return max(0.0, self.called_at + self.idle_s - time.time())

    def _is_idle(self) -> bool:
        return not self.is_busy and time.time() - self.called_at >= self.idle_s

    # -- calls -------------------------------------------------------------------------------

    def _answer(self) -> None:
        conversation, _ = self.listening.accept()
        streams: list[int] = []
        try:
            if _peer(conversation) != os.getuid():
                conversation.close()
                return
            conversation.settimeout(REQUEST_S)
            request, streams = _heard(conversation)
            if request["ask"] == "kernel":
                self.called_at = time.time()
                self.idle_s = request["idle_s"]
                self._start(request, streams, conversation)
            else:
                reply = self._status() if request["ask"] == "status" else self._stop(request["now"])
                conversation.sendall(json.dumps(reply).encode() + b"\n")
                conversation.close()
        except (OSError, ValueError, KeyError) as error:
            print(f"a call was not understood: {error!r}", file=sys.stderr, flush=True)  # noqa: T201
            conversation.close()
        finally:
            for stream in streams:
                with contextlib.suppress(OSError):
                    os.close(stream)

    def _start(self, request: Mapping[str, Any], streams: list[int], conversation: socket.socket) -> None:
        refusal = self.refusal(request)
        if refusal:
            conversation.sendall(f"no {refusal}\n".encode())
            conversation.close()
            return
        sys.stdout.flush()
        sys.stderr.flush()
        request = {**request, "warm_pid": os.getpid()}
        pid = os.fork()
        if pid == 0:
            try:
                self.forget()
                self.become(request, [streams.pop(0) for _ in tuple(streams)], conversation)
            except Exception:
                # a copy must never go on as what it was copied from
                sys.excepthook(*sys.exc_info())
            os._exit(1)
        self.served += 1
        self.kernels[pid] = Kernel(conversation, time.time(), request["cwd"])
        self._selector.register(conversation, selectors.EVENT_READ, pid)
        with contextlib.suppress(OSError):
            conversation.sendall(f"pid {pid}\n".encode())

    def forget(self) -> None:
        """In a copy: let go of what is this process's own."""
        signal.set_wakeup_fd(-1)
        self.listening.close()
        self._selector.close()
        os.close(self._alarm)
        os.close(self._bell)
        for kernel in self.kernels.values():
            kernel.conversation.close()

    def _status(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "python": sys.executable,
            "started_at": self.started_at,
            "called_at": self.called_at,
            "idle_s": self.idle_s,
            "served": self.served,
            "busy": self.is_busy,
            "kernels": [
                {"pid": pid, "started_at": kernel.started_at, "cwd": kernel.cwd}
                for pid, kernel in self.kernels.items()
            ],
            **self.described(),
        }

    def _stop(self, now: bool) -> dict[str, Any]:
        self.close()
        if now:
            for pid in self.kernels:
                _kill(pid)
        return {"pid": os.getpid(), "kernels": len(self.kernels)}

    # -- kernels -----------------------------------------------------------------------------

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._alarm, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            kernel = self.kernels.pop(pid, None)
            if kernel is not None:
                self._selector.unregister(kernel.conversation)
                with contextlib.suppress(OSError):
                    kernel.conversation.sendall(f"exit {os.waitstatus_to_exitcode(status)}\n".encode())
                kernel.conversation.close()
            self.called_at = time.time()

    def _lost(self, pid: int) -> None:
        """Whoever asked for a kernel has gone: nobody will stop it but us."""
        kernel = self.kernels.get(pid)
        if kernel is None:
            return
        with contextlib.suppress(BlockingIOError, OSError):
            if kernel.conversation.recv(64):
                return
        _kill(pid)
        self._selector.unregister(kernel.conversation)
        self.kernels.pop(pid)
        kernel.conversation.close()


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def _stamp(file: str) -> tuple[int, int]:
    try:
        found = os.stat(file)
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def _peer(conversation: socket.socket) -> int:
    """The user id of whoever called."""
    packed = conversation.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", packed)[1])


def _heard(conversation: socket.socket) -> tuple[Mapping[str, Any], list[int]]:
    data, streams, _, _ = socket.recv_fds(conversation, 1 << 16, 2)
    while not data.endswith(b"\n"):
        more = conversation.recv(1 << 20)
        if not more:
            for stream in streams:
                os.close(stream)
            msg = "it ended in the middle"
            raise ValueError(msg)
        data += more
    return json.loads(data), streams
