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
from functools import cache
from typing import Any

_past: list[object] = []


def reopened(old: Any, argv: list[str]) -> Any:
    """The application of a kernel around the shell of `old`, which was another process's; not started yet."""
    kernel, shell = old.kernel, old.shell
    _past.extend([old, kernel, shell.history_manager.db])
    for callback in (old.close, old.iopub_thread.stop):
        atexit.unregister(callback)
    _renew_loop(kernel.io_loop.asyncio_loop)
    _forget_history(shell.history_manager)
    user = sys.stdout, sys.stderr, sys.displayhook, sys.excepthook
    owned = kernel._stdout, kernel._stderr, old.displayhook, old.excepthook
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    type(old).clear_instance()
    type(kernel).clear_instance()
    app = _application().instance(
        config=old.config.copy(), log=old.log, profile_dir=old.profile_dir, user_ns=shell.user_ns
    )
    app.former = old
    app.parse_command_line(argv)
    app.parent_handle = os.getppid()
    app.open()
    # where the notebook had put something of its own, it stays
    sys.stdout, sys.stderr, sys.displayhook, sys.excepthook = (
        new if theirs == own else theirs
        for new, theirs, own in zip((sys.stdout, sys.stderr, app.displayhook, app.excepthook), user, owned, strict=True)
    )
    shell.kernel = shell.parent = app.kernel
    old_parts = {id(old), id(kernel)}
    shell.configurables[:] = {id(each): each for each in shell.configurables if id(each) not in old_parts}.values()
    return app


@cache
def _application() -> Any:
    from ipykernel.kernelapp import IPKernelApp
    from traitlets import Any as Anything
    from traitlets.utils.importstring import import_item

    class ReopenedApp(IPKernelApp):
        """Begins as `IPKernelApp` does, but for what has been done to the shell, the streams and the interpreter."""

        former = Anything()

        def open(self) -> None:
            """Bind the sockets, start the threads, make the kernel."""
            self.init_connection_file()
            self.init_poller()
            self.init_sockets()
            self.init_heartbeat()
            self.write_connection_file()
            self.log_connection_info()
            self.init_io()
            self.init_signal()
            self.init_kernel()
            self.init_shell()

        def init_io(self) -> None:
            """The same streams, which handlers of logging and others hold, on the new thread."""
            for stream, name in ((self.former.kernel._stdout, "stdout"), (self.former.kernel._stderr, "stderr")):
                stream.__init__(self.session, self.iopub_thread, name, watchfd=self.capture_fd_output)
            sys.stdout, sys.stderr = self.former.kernel._stdout, self.former.kernel._stderr
            self.displayhook = import_item(str(self.displayhook_class))(self.session, self.iopub_socket)

        def _configure_logging(self) -> None:
            """It would close the notebook's handlers."""

        def configure_tornado_logger(self) -> None:
            """It has its handler."""

    return ReopenedApp


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
