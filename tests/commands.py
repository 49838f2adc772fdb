"""Commands as copies of one process that has imported the command line: most of a short command is imports.

A copy has a session, folder, environment and streams of its own, begins with
the signals of a new process, and runs `jupyter_mlx.cli.main` as `__main__`.
What Python reads only as it starts can't be given to a copy: see `AT_START`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from importlib import import_module

from waiting import PATIENCE_S

from jupyter_mlx.starting import leave_out

MAIN = "jupyter_mlx.cli.main"
AT_START = ("PYTHON", "LANG", "LC_", "TZ")
"""How the variables begin that a process reads as it starts, and not again."""
PACKAGES = ("capture", "cli", "config", "data", "ledger", "pipelines", "reporting", "reproducing", "store")
"""Those of ours whose modules commands import when they need them."""
NOT_BEFORE = {MAIN, "jupyter_mlx.pipelines.engine", "jupyter_mlx.store.fsspec_blobs"}
"""Modules of theirs that few commands need, and that take long."""
LIBRARIES = ("glob", "jupytext", "psutil", "rich.console", "rich.table", "ruamel.yaml")
NUMBER = struct.Struct("!i")


class Commands:
    """Starts commands of `jmlx`, each a copy of a process that begins with the first."""

    def __init__(self):
        self._beginning = threading.Lock()
        self._server = self._folder = None
        self._address = ""
        self._at_start = {}

    def close(self):
        """End the process; copies that are left go on."""
        if self._server is not None:
            self._server.kill()
            self._server.communicate()
            self._server = None
            self._folder.cleanup()

    def run(self, *words, cwd=None, env=None, timeout=PATIENCE_S):
        """What ended, with `.stdout`, `.stderr`, `.returncode`; `env` is beside our own."""
        command = self.start(*words, cwd=cwd, env={**os.environ, **(env or {})})
        try:
            said = command.communicate(timeout=timeout)
        finally:
            command.kill()
        return subprocess.CompletedProcess(words, command.returncode, *said)

    def start(self, *words, cwd=None, env=None):
        """A command that has begun: what `subprocess.Popen` would give, with pipes as its outputs."""
        words = [os.fsdecode(word) for word in words]
        cwd, env = os.fsdecode(cwd or os.getcwd()), dict(env or os.environ)
        self._serve(env)
        if _at_start(env) != self._at_start:
            return subprocess.Popen(
                [sys.executable, "-m", MAIN, *words],
                cwd=cwd, env=env, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        outputs = [os.pipe(), os.pipe()]
        try:
            connection = self._asked([words, cwd, env], [end for _, end in outputs])
        finally:
            for _, end in outputs:
                os.close(end)
        return Command(words, connection, *(open(end, encoding="utf-8") for end, _ in outputs))

    def need(self, library):
        """Import a library that the commands from now on would import, each for itself."""
        self._serve(os.environ)
        with self._asked([library]) as connection:
            connection.recv(NUMBER.size)

    def _asked(self, request, outputs=()):
        message = json.dumps(request).encode()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        socket.send_fds(connection, [NUMBER.pack(len(message))], outputs)
        connection.sendall(message)
        return connection

    def _serve(self, env):
        with self._beginning:
            if self._server is None:
                self._begin(env)

    def _begin(self, env):
        self._at_start = _at_start(env)
        self._folder = tempfile.TemporaryDirectory(prefix="mlx-commands-")
        self._address = f"{self._folder.name}/socket"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self._address)
            listening.listen(64)
            self._server = subprocess.Popen(
                [sys.executable, __file__, str(listening.fileno())],
                env=env, cwd="/", stdin=subprocess.PIPE,  # which ends with us
                pass_fds=[listening.fileno()], start_new_session=True,
            )  # fmt: skip


def _at_start(env):
    return {name: value for name, value in env.items() if name.startswith(AT_START)}


COMMANDS = Commands()
"""Those of this process and its tests."""


class Command:
    """A command that has begun, with what of `subprocess.Popen` tests use."""

    def __init__(self, words, connection, stdout, stderr):
        self.args, self.stdout, self.stderr = words, stdout, stderr
        self._connection, self._said = connection, {stdout: [], stderr: []}
        self.returncode = None
        self.pid = self._told()

    def _told(self):
        data = self._connection.recv(NUMBER.size, socket.MSG_WAITALL)
        if len(data) < NUMBER.size:
            raise RuntimeError("the process that commands are copies of has ended")
        return NUMBER.unpack(data)[0]

    def poll(self):
        """Its exit code, or None."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout=None):
        """Its exit code, when it has ended."""
        if self.returncode is None:
            with selectors.DefaultSelector() as waiting:
                waiting.register(self._connection, selectors.EVENT_READ)
                if not waiting.select(timeout):
                    raise subprocess.TimeoutExpired(self.args, timeout)
            self.returncode = self._told()
            self._connection.close()
        return self.returncode

    def send_signal(self, number):
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout=None):
        """Both outputs to their ends, when it has ended."""
        end = None if timeout is None else time.monotonic() + timeout
        with selectors.DefaultSelector() as waiting:
            for stream in (stream for stream in self._said if not stream.closed):
                waiting.register(stream, selectors.EVENT_READ)
            while waiting.get_map():
                left = None if end is None else max(end - time.monotonic(), 0)
                ready = waiting.select(left)
                if not ready:
                    raise subprocess.TimeoutExpired(self.args, timeout)
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    self._said[key.fileobj].append(data)
                    if not data:
                        waiting.unregister(key.fileobj)
                        key.fileobj.close()
        self.wait(None if end is None else max(end - time.monotonic(), 1))
        return tuple(b"".join(parts).decode() for parts in self._said.values())


def serve(listening):
    """Copy this process for each connection, until what started it has ended; in a copy, what it is to be.

    Each connection is told the copy's pid, and in the end its exit code.
    """
    ended, wake = socket.socketpair()
    for each in (ended, wake):
        each.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    living = {}
    with selectors.DefaultSelector() as waiting:
        for each in (listening, ended, sys.stdin):
            waiting.register(each, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in waiting.select()]
            if sys.stdin in ready:
                os._exit(0)
            if ended in ready:
                ended.recv(4096)
                _tell_ended(living)
            if listening in ready:
                connection, _ = listening.accept()
                try:
                    asked, outputs = _asked(connection)
                except (OSError, ValueError, struct.error):  # who asked was stopped in the middle
                    connection.close()
                    continue
                if not outputs:
                    import_module(*asked)
                    gc.freeze()
                    connection.close()
                    continue
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    for each in (listening, ended, wake, connection, *living.values()):
                        each.close()
                    return asked, outputs
                living[pid] = connection
                with contextlib.suppress(OSError):
                    connection.sendall(NUMBER.pack(pid))
                for end in outputs:
                    os.close(end)


def _asked(connection):
    header, outputs, _, _ = socket.recv_fds(connection, NUMBER.size, 2)
    message = connection.recv(NUMBER.unpack(header)[0], socket.MSG_WAITALL)
    return json.loads(message), outputs


def _tell_ended(living):
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with contextlib.suppress(OSError):  # nobody waits for it any more
            living[pid].sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))
        living.pop(pid).close()


def become(asked, outputs):
    """Run the command in this process, as if it had begun with it."""
    words, cwd, env = asked
    os.setsid()
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for end, target in zip(outputs, (1, 2), strict=True):
        os.dup2(end, target)
        os.close(end)
    # the old ones know whether they lead to files
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[0] = cwd
    sys.argv = ["jmlx", *words]
    try:
        runpy.run_module(MAIN, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if not isinstance(ended.code, int):
            raise
        # as Python ends, but for taking hundreds of modules apart
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code)


def main():
    """Import what commands need, and serve."""
    leave_out()
    for package in PACKAGES:
        path = import_module(f"jupyter_mlx.{package}").__path__
        for found in pkgutil.iter_modules(path, f"jupyter_mlx.{package}."):
            if found.name not in NOT_BEFORE:
                import_module(found.name)
    for name in LIBRARIES:
        import_module(name)
    gc.freeze()
    become(*serve(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
