"""What the copy of a warm process does to be a kernel like any other, and how it leaves."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib.util
import io
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final, NoReturn

PR_SET_PDEATHSIG: Final = 1

here: list[Any] = []
"""In a kernel that is a copy: its application, and what was asked for."""


def become_kernel(request: Mapping[str, Any], streams: list[int], conversation: socket.socket) -> NoReturn:
    """Be the kernel that was asked for, until it is told to stop."""
    code = 1
    try:
        be_a_process_of_its_own(request, streams, conversation)
        _take_place(request)
        _be_as_if_new(request)
        code = _run(request, conversation)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # as the interpreter would: shown, and then out
        sys.excepthook(*sys.exc_info())
    leave(code)


def be_a_process_of_its_own(
    request: Mapping[str, Any], streams: list[int], conversation: socket.socket
) -> None:
    """Let go of what belongs to the process that this one was copied from."""
    os.setsid()
    # no orphan where the warm process, which watches over us, is killed
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != request["warm_pid"]:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDWR)
    for target, source in enumerate([nothing, *streams, nothing, nothing][:3]):
        os.dup2(source, target)
    for extra in (nothing, *streams):
        if extra > 2:
            os.close(extra)
    os.set_inheritable(conversation.fileno(), False)


def _take_place(request: Mapping[str, Any]) -> None:
    """Take over what a new process would have inherited from the one that asked."""
    import resource

    os.umask(request["umask"])
    os.chdir(request["cwd"])
    for number, wanted in request["limits"]:
        with contextlib.suppress(ValueError, OSError):
            if resource.getrlimit(number) != tuple(wanted):
                resource.setrlimit(number, tuple(wanted))
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, request["nice"])
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, request["processors"])


def _be_as_if_new(request: Mapping[str, Any]) -> None:
    """Have Python see what a new interpreter would."""
    set_by_imports = dict(os.environ)
    os.environ.clear()
    os.environ.update(request["env"])
    for name in request["imported_env"]:
        # scikit-learn and others set variables when they are imported; the notebook's own win
        os.environ.setdefault(name, set_by_imports[name])
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    launcher = importlib.util.find_spec("ipykernel_launcher")
    sys.argv = [str(launcher and launcher.origin), *request["argv"]]
    sys.orig_argv[:] = request["command"]
    sys.path[:] = request["path"]
    importlib.invalidate_caches()
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        # else all copies would draw the same numbers from numpy's global generator
        numpy_random.seed()
    # what was imported stays frozen: its pages are shared with the other kernels
    gc.enable()


def _run(request: Mapping[str, Any], conversation: socket.socket) -> int:
    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    # its default was taken from the environment when the class was made
    app.parent_handle = os.getppid()
    app.initialize(list(request["argv"]))
    # sockets are bound: who connects now need not try again
    conversation.sendall(b"ready\n")
    conversation.close()
    here[:] = [app, request]
    while True:
        try:
            app.start()
        except SystemExit as left:
            # in a copy that is to sleep until it is asked to be a kernel again; see `asleep.Asleep`
            sleep = getattr(left, "sleep", None)
            if sleep is None:
                raise
            left.__traceback__ = None
        else:
            return 0
        app = sleep()


def leave(code: int) -> NoReturn:
    """End as the interpreter does, but for freeing what the system frees anyway.

    Threads are waited for, exit handlers run (IPython's own lets go of the
    notebook's variables, so that their files are closed), what is buffered is
    written, and then the exit handlers of C libraries run.
    """
    with contextlib.suppress(BaseException):
        getattr(threading, "_shutdown", lambda: None)()
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    with contextlib.suppress(BaseException):
        gc.collect()
        for thing in gc.get_objects():
            if isinstance(thing, io.IOBase) and not thing.closed and thing.writable():
                with contextlib.suppress(BaseException):
                    thing.flush()
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
        sys.stderr.flush()
        # holding the interpreter's lock: no thread of Python runs any more
        ctypes.PyDLL(None).exit(code)
    os._exit(code)
