"""Calls to warm processes: a kernel, please; who is there; stop.

A warm process is made by whoever needs it first. Its listening socket is there
before it is, so that calls made meanwhile wait in the socket's own queue.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from jupyter_mlx.starting import command as own_command

from .family import Family, place, private_folder

IDLE_S: Final = 600.0
"""After how long without a kernel a warm process ends."""
START_S: Final = 60.0
"""How long a warm process may take to import what a notebook imports."""
STATUS_S: Final = 5.0


class NotWarmError(Exception):
    """No warm process makes this kernel; an ordinary one will do."""


class WarmKernel:
    """A kernel that is a copy of a warm process; to its caller, as much of a `Popen` as is asked for."""

    stdin: IO[bytes] | None = None
    stdout: IO[bytes] | None = None
    stderr: IO[bytes] | None = None

    def __init__(self, conversation: socket.socket, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._conversation = conversation
        conversation.setblocking(False)

    def fileno(self) -> int:
        """What becomes readable when the kernel has ended."""
        return self._conversation.fileno()

    def poll(self) -> int | None:
        """How it ended, None while it goes on; a signal is negative."""
        if self.returncode is None:
            try:
                said = self._conversation.recv(64)
            except BlockingIOError:
                return None
            except OSError:
                said = b""
            # without a word, the warm process itself was killed, and its kernels with it
            self.returncode = int(said.split()[1]) if said.startswith(b"exit") else -int(signal.SIGKILL)
            self._conversation.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        if self.poll() is None:
            is_readable(self._conversation.fileno(), timeout)
            if self.poll() is None:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)


def is_readable(fd: int, timeout_s: float | None) -> bool:
    """Wait until there is something to read from a file, or its other end is closed."""
    # not `select`, which knows the first 1,024 files alone
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))


@dataclass(frozen=True, slots=True)
class Request:
    """What a kernel is to be."""

    command: Sequence[str]
    """As an ordinary kernel would be started."""
    env: Mapping[str, str]
    cwd: str
    preload: Sequence[str] = ()
    idle_s: float = IDLE_S


def warm_kernel(family: Family, request: Request) -> WarmKernel:
    """Have a kernel made by the family's warm process; start that where there is none.

    Raises:
        NotWarmError: it does not work here, or not for this notebook.
    """
    try:
        folder = private_folder()
        # once more where the packages have changed, or an import has spoilt the process
        for _ in range(3):
            answer = _asked(_reached(family, folder, request.idle_s), request, _remembered(folder, family))
            if isinstance(answer, WarmKernel):
                return answer
            reason, _, detail = answer.partition(" ")
            if reason == "spoilt":
                (folder / f"{family.key}.refused").write_text(detail, "utf-8")
            elif reason != "stale":
                break
    except (OSError, ValueError) as error:
        raise NotWarmError(str(error)) from error
    raise NotWarmError(answer)


def copied_kernel(key: str, request: Request) -> WarmKernel:
    """Have a kernel made by the copy of a kernel that sleeps after some of its cells.

    Raises:
        NotWarmError: it is not there any more, or not for this kernel.
    """
    try:
        answer = _asked(_connected(private_folder() / f"{key}.sock"), request, {})
    except (OSError, ValueError) as error:
        raise NotWarmError(str(error)) from error
    if isinstance(answer, WarmKernel):
        return answer
    raise NotWarmError(answer)


def described(key: str) -> dict[str, Any] | None:
    """What the process with this key says of itself; None where there is none."""
    try:
        path = private_folder() / f"{key}.sock"
    except OSError:
        return None
    found = _said(path, {"ask": "status"})
    if found is None:
        # of one that was killed
        path.unlink(missing_ok=True)
    return found


def warm_processes() -> dict[str, dict[str, Any]]:
    """The warm processes of this user, by their keys, as each describes itself.

    Raises:
        OSError: their folder cannot be read.
    """
    found = {}
    for path in sorted(private_folder().glob("*.sock")):
        status = _said(path, {"ask": "status"})
        if status is not None:
            found[path.stem] = status
    return found


def stop_warm_process(key: str, *, now: bool) -> bool:
    """Have a warm process end when its kernels have, or `now` with them; False where there is none."""
    return _said(private_folder() / f"{key}.sock", {"ask": "stop", "now": now}) is not None


def _said(path: Path, request: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        with _connected(path) as conversation:
            conversation.settimeout(STATUS_S)
            conversation.sendall(json.dumps(request).encode() + b"\n")
            with conversation.makefile("rb") as lines:
                said: dict[str, Any] = json.loads(lines.readline())
                return said
    except (OSError, ValueError):
        return None


def _connected(path: Path) -> socket.socket:
    conversation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        conversation.connect(str(path))
        _check_peer(conversation)
    except BaseException:
        conversation.close()
        raise
    return conversation


def _check_peer(conversation: socket.socket) -> None:
    packed = conversation.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    if struct.unpack("3i", packed)[1] != os.getuid():
        msg = "the socket is another user's"
        raise PermissionError(msg)


def _reached(family: Family, folder: Path, idle_s: float) -> socket.socket:
    path = folder / f"{family.key}.sock"
    with suppress(ConnectionError, FileNotFoundError):
        return _connected(path)
    import fcntl

    with (folder / f"{family.key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(ConnectionError, FileNotFoundError):
            return _connected(path)
        path.unlink(missing_ok=True)
        _start(family, path, idle_s)
        return _connected(path)


def _start(family: Family, path: Path, idle_s: float) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(128)
        python, *rest = own_command(f"{__package__}.warm", str(path), str(idle_s))
        with path.with_suffix(".log").open("wb") as log:
            started = subprocess.Popen(
                [python, *family.command[1:], *rest],
                stdin=listening.fileno(),
                stdout=log,
                stderr=log,
                env=dict(family.env),
                cwd="/",
                umask=0o077,
                start_new_session=True,
            )
            # it goes on in a child of its own
            started.wait()


def _remembered(folder: Path, family: Family) -> dict[str, str]:
    """The modules that spoilt an earlier process of this family."""
    try:
        known: dict[str, str] = json.loads((folder / f"{family.key}.refused").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known


def _asked(conversation: socket.socket, request: Request, refused: Mapping[str, str]) -> WarmKernel | str:
    """The kernel, ready to be spoken to, or why there is none."""
    try:
        conversation.settimeout(START_S)
        data = json.dumps(_whole(request, refused)).encode() + b"\n"
        sent = socket.send_fds(conversation, [data[: 1 << 15]], [_stream(1), _stream(2)])
        if sent < len(data):
            # not where nothing is left: it may have refused and gone, and that is no broken conversation
            conversation.sendall(data[sent:])
        # read by the byte: what follows belongs to the kernel's end
        first = _line(conversation).split(maxsplit=1)
        if first[:1] == ["pid"]:
            pid = int(first[1])
            ready = _line(conversation)
            if ready == "ready":
                return WarmKernel(conversation, pid)
            first = ["no", f"ended {ready}"]
    except BaseException:
        conversation.close()
        raise
    conversation.close()
    return first[1] if first[:1] == ["no"] else "stale"


def _stream(number: int) -> int:
    """A standard stream of ours, or nothing where it is closed."""
    try:
        os.fstat(number)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
    return number


def _line(conversation: socket.socket) -> str:
    found = bytearray()
    while (byte := conversation.recv(1)) not in {b"\n", b""}:
        found += byte
    return found.decode("utf-8", "replace")


def _whole(request: Request, refused: Mapping[str, str]) -> dict[str, Any]:
    import resource

    command = list(request.command)
    numbers = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
    return {
        "ask": "kernel",
        "at": time.time(),
        "command": command,
        "argv": command[command.index("ipykernel_launcher") + 1 :],
        "env": dict(request.env),
        "cwd": request.cwd,
        "preload": list(request.preload),
        "refused": dict(refused),
        "idle_s": request.idle_s,
        "place": place(),
        "umask": _umask(),
        "limits": [[number, resource.getrlimit(number)] for number in sorted(set(numbers))],
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "processors": sorted(os.sched_getaffinity(0)),
    }


def _umask() -> int:
    """This process's umask, read where threads that make files cannot meet it changed."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1], 8) for line in lines if line.startswith("Umask:"))
