"""New channels around the shell of a kernel that was copied: its threads and sockets are not in the copy.

What the notebook may hold on to stays the same object: the shell, asyncio's
loop, `sys.stdout` and `sys.stderr`. Application, kernel, session, threads and
ZeroMQ's context are new. The old ones are kept, for their end would tidy up what
is not theirs here.
"""

from __future__ import annotations

import atexit
import os
import selectors
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_past: list[object] = []


def reopened(old: Any, argv: list[str]) -> Any:
    """The application of a kernel around the shell of `old`, which was another process's; not started yet."""
    from ipykernel.kernelapp import IPKernelApp
    from zmq.utils import garbage

    kernel, shell = old.kernel, old.shell
    _past.extend([old, kernel, shell.history_manager.db, garbage.gc._push, garbage.gc._context])
    for callback in (old.close, old.iopub_thread.stop):
        atexit.unregister(callback)
    _renew_loop(kernel.io_loop.asyncio_loop)
    _forget_history(shell.history_manager)
    type(old).clear_instance()
    type(kernel).clear_instance()
    kind = _application()
    with _streams_of(old) as renewed:
        app = kind.instance(
            config=old.config.copy(), log=old.log, profile_dir=old.profile_dir, user_ns=shell.user_ns
        )
        app.parse_command_line(argv)
        app.parent_handle = os.getppid()
        app.open(kernel._stdout, kernel._stderr)
        renewed(app)
    # from here on it is like any other, to whoever looks
    app.__class__, kind._instance = IPKernelApp, None
    shell.kernel = shell.parent = app.kernel
    parts = {id(each): each for each in shell.configurables if each is not old and each is not kernel}
    shell.configurables[:] = parts.values()
    return app


@cache
def _application() -> Any:
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.utils.importstring import import_item

    app_class: Any = IPKernelApp

    class ReopenedApp(app_class):  # type: ignore[misc]
        """Begins as `IPKernelApp` does, but for what has been done to the shell, the streams and the interpreter."""

        def open(self, *streams: Any) -> None:
            """Bind the sockets, start the threads, make the kernel; the streams are to write to it."""
            self.init_connection_file()
            self.init_poller()
            self.init_sockets()
            self.init_heartbeat()
            self.write_connection_file()
            self.log_connection_info()
            for stream, name in zip(streams, ("stdout", "stderr"), strict=True):
                # in place: handlers of logging and others hold it
                stream.__init__(self.session, self.iopub_thread, name, watchfd=self.capture_fd_output)
            sys.stdout, sys.stderr = streams
            sys.displayhook = self.displayhook = import_item(str(self.displayhook_class))(
                self.session, self.iopub_socket
            )
            self.init_signal()
            self.init_kernel()
            self.init_shell()

        def _configure_logging(self) -> None:
            """It would close the notebook's handlers."""

        def configure_tornado_logger(self) -> None:
            """It has its handler."""

    return ReopenedApp


@contextmanager
def _streams_of(old: Any) -> Iterator[Any]:
    """Put the interpreter's own streams in the place of the notebook's, and what the notebook has changed back."""
    names = ("stdout", "stderr", "displayhook", "excepthook")
    found = [getattr(sys, name) for name in names]
    owned = [old.kernel._stdout, old.kernel._stderr, old.displayhook, old.excepthook]

    def renewed(app: Any) -> None:
        made = [app.kernel._stdout, app.kernel._stderr, app.displayhook, app.excepthook]
        for name, now, then, new in zip(names, found, owned, made, strict=True):
            setattr(sys, name, new if now == then else now)

    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    yield renewed


def _renew_loop(loop: Any) -> None:
    """Have asyncio's loop wait for files of this process; what is bound to it stays so."""
    _past.extend([loop._selector, loop._ssock, loop._csock, *loop._ready])
    loop._ready.clear()
    loop._selector = selectors.DefaultSelector()
    loop._internal_fds = 0
    loop._make_self_pipe()


def _forget_history(manager: Any) -> None:
    """Write no more into the file of IPython's history: its connection is the other process's."""
    from IPython.core.history import DummyDB

    manager.enabled = manager.using_thread = False
    manager.db = DummyDB()
