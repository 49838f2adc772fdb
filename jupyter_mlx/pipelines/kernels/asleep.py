"""A forked checkpoint: a copy of a kernel between two cells, which sleeps until a kernel is asked of it.

The kernel forks in its main thread, when the message that it was asked last is
answered. The copy leaves the event loop by an exception, so that it stands where
`becoming` stood before its first message; lets go of all that is the kernel's;
and is from then on an `Original`, as a warm process is: each kernel that is asked
of it is a copy of the copy, which `reopening` gives new channels.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import signal
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jupyter_mlx.caching import inherited, making
from jupyter_mlx.caching.copier import Order
from jupyter_mlx.caching.memory import DoubtError
from jupyter_mlx.capture.lineage import audit
from jupyter_mlx.pipelines import observing

from . import calling
from .family import private_folder
from .originals import Original

ANOTHER: Final = frozenset(
    {"_", "SHLVL", "PWD", "OLDPWD", "COLUMNS", "LINES", "JPY_PARENT_PID", "JPY_SESSION_NAME"}
)
"""Variables that differ from one command to the next, beside our own."""
_OURS: Final = "JUPYTER_MLX_"
_QUIET: Final = tuple(
    getattr(signal, name) for name in ("SIGCHLD", "SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)
)
"""While a copy sleeps, the notebook's handlers of these are not called."""


def begin(place: dict[str, Any]) -> None:
    """See `making.begin`."""
    making.begin(place, _copier())


def go_on(place: dict[str, Any], number: str, *, recorded: bool) -> None:
    """See `making.go_on`."""
    making.go_on(place, number, _copier(), recorded=recorded)


def _copier() -> KernelCopier | None:
    """What copies this kernel; None where it is no copy of a warm process itself."""
    becoming = sys.modules.get(f"{__package__}.becoming")
    return KernelCopier(becoming.here) if becoming is not None and becoming.here else None


class Asleep(SystemExit):
    """Raised in a copy of the kernel, to leave its event loop."""

    def __init__(self, listening: socket.socket, order: Order, kernel: int) -> None:
        super().__init__(1)
        self.listening, self.order, self.kernel = listening, order, kernel

    def sleep(self) -> Any:
        """Sleep until a kernel is asked for; in the process that is to be it, return its application."""
        try:
            return self._sleep()
        except BaseException:
            # the end of a process that is none any more is not to be tidied up
            traceback.print_exc(file=sys.__stderr__)
            os._exit(1)

    def _sleep(self) -> Any:
        from .becoming import be_a_process_of_its_own, here
        from .reopening import reopened

        app, before = here
        woken, handlers = _slept(self, before)
        request = woken.request
        be_a_process_of_its_own(request, woken.streams, woken.conversation)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        _renew(before, request)
        app = reopened(app, list(request["argv"]))
        here[:] = [app, {**before, **request}]
        woken.conversation.sendall(b"ready\n")
        woken.conversation.close()
        return app


class Woken(SystemExit):
    """Raised in the copy of a copy that is to be a kernel, to leave the sleep."""

    def __init__(self, request: Mapping[str, Any], streams: list[int], conversation: socket.socket) -> None:
        super().__init__(1)
        self.request, self.streams, self.conversation = request, streams, conversation


class KernelCopier:
    """Makes copies of this kernel; see `Copier`."""

    def __init__(self, here: list[Any]) -> None:
        self._here = here
        """Of `becoming`: the application and what was asked for, another one after each waking."""

    @property
    def app(self) -> Any:
        """The kernel's application."""
        return self._here[0]

    @property
    def own(self) -> tuple[str, ...]:
        """See `Copier.own`."""
        return (str(self.app.ip),) if self.app.transport == "ipc" else ()

    @property
    def events(self) -> int:
        """See `Copier.events`."""
        return len(self.app.iopub_thread._event_pipes)

    def prepare(self) -> None:
        """See `Copier.prepare`: the first large message starts a thread of pyzmq's."""
        import zmq

        zmq.Frame(bytes(2 * zmq.COPY_THRESHOLD), copy=False)

    def check(self) -> None:
        """See `Copier.check`."""
        import asyncio

        import comm
        from ipykernel._version import version_info

        loop: Any = self.app.kernel.io_loop.asyncio_loop
        known = type(loop).__module__.startswith("asyncio.") and isinstance(loop, asyncio.SelectorEventLoop)
        if not known or int(str(version_info[0])) < 7:
            raise DoubtError("it is another event loop, or an older ipykernel")
        manager: Any = comm.get_comm_manager()
        if manager.comms:
            raise DoubtError("widgets are open")
        shell = self.app.shell
        if self.app.kernel.eventloop is not None or shell.tempfiles or shell.tempdirs:
            raise DoubtError("IPython holds a window or a temporary file")

    def copy_later(self, order: Order) -> None:
        """See `Copier.copy_later`."""
        self.app.kernel.io_loop.asyncio_loop.call_soon(self._copy, order)

    def end(self, key: str) -> None:
        """See `Copier.end`."""
        calling.stop_warm_process(key, now=False)

    def _copy(self, order: Order) -> None:
        with audit.quiet():
            try:
                self._copy_now(order)
            except Exception as error:
                # nobody's cell fails because its kernel could not be copied
                order.refused(f"{type(error).__name__}: {error}")

    def _copy_now(self, order: Order) -> None:
        if self.app.kernel._main_asyncio_lock.locked():
            order.refused("the next cell began at once")
            return
        if not all(map(_is_kernels, self.app.kernel.io_loop.asyncio_loop._ready)):
            order.refused("something runs beside the cells (asyncio)")
            return
        key = secrets.token_hex(10)
        path = private_folder() / f"{key}.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(str(path))
            path.chmod(0o600)
            listening.listen(16)
            doubt = _forked(listening, order)
        if doubt:
            path.unlink(missing_ok=True)
            order.refused(doubt)
            return
        try:
            order.made(key)
        except BaseException:
            self.end(key)
            raise


def _forked(listening: socket.socket, order: Order) -> str:
    """Copy the process; why the copy was given up, empty where it sleeps. In the copy it raises `Asleep`."""
    heard, say = os.pipe()
    kernel = os.getpid()
    try:
        child = _fork()
        if child:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
            # the copy has one thread: what those of a library were doing, it will not
            more = inherited.foreign_threads()
            os.write(say, b"n" if more else b"y")
            return f"{more} threads of a library run" if more else ""
    finally:
        # without a word the copy ends
        os.close(say)
        if os.getpid() == kernel:
            os.close(heard)
    try:
        # no child of the kernel, whose cells may look at its children
        if os.fork():
            os._exit(0)
        os.setsid()
        if os.read(heard, 1) != b"y":
            os._exit(0)
        os.close(heard)
        order.copied()
    except BaseException:
        os._exit(1)
    raise Asleep(listening.dup(), order, kernel)


def _fork() -> int:
    """Fork, without the warning that other threads are not copied: that is known."""
    # not by a filter: to change those has warnings told again that were told
    shown = vars(warnings).get("_showwarnmsg")
    vars(warnings)["_showwarnmsg"] = lambda _: None
    try:
        return os.fork()
    finally:
        vars(warnings)["_showwarnmsg"] = shown


def _is_kernels(handle: Any) -> bool:
    """Whether what asyncio's loop is about to call belongs to the kernel: it waits for a message, or reads one."""
    import ipykernel

    task: Any = getattr(handle._callback, "__self__", None)
    # a message that has come, and is not read yet, is the other process's; a notebook's own sockets make no copy
    if getattr(handle._callback, "__name__", "") in {"_handle_events", "_read_from_self"}:
        return type(task).__module__.startswith(("tornado.", "asyncio."))
    code = getattr(task.get_coro(), "cr_code", None) if hasattr(task, "get_coro") else None
    return code is not None and Path(code.co_filename).is_relative_to(Path(str(ipykernel.__file__)).parent)


def _renew(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Have the variables of the environment that differ each time; what the cells have set stays theirs."""
    then, today = ({**each["env"], "JPY_PARENT_PID": str(each["warm_pid"])} for each in (before, now))
    for name in then.keys() | today.keys():
        if then.get(name) != today.get(name) and os.environ.get(name) == then.get(name):
            os.environ.pop(name, None)
            if name in today:
                os.environ[name] = today[name]
    if sys.argv[1:] == list(before["argv"]):
        sys.argv[1:] = now["argv"]


def _slept(copy: Asleep, request: Mapping[str, Any]) -> tuple[Woken, dict[int, Any]]:
    """Sleep; return in the process that is to be a kernel, with its handlers of signals."""
    streams = sys.stdout, sys.stderr
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in _QUIET}
    for number in _QUIET:
        signal.signal(number, signal.SIG_DFL)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    _let_go(copy.listening.fileno())
    observing.let_go()
    try:
        Sleeper(copy, request).serve()
    except Woken as woken:
        sys.stdout, sys.stderr = streams
        return woken, handlers
    os._exit(0)


def _let_go(listening: int) -> None:
    """Close what is the kernel's, but leave the numbers taken: whoever still holds one closes nothing of ours."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number in {listening, nothing}:
            continue
        with contextlib.suppress(OSError):
            os.dup2(nothing, number, inheritable=number < 3)
    os.close(nothing)


class Sleeper(Original):
    """The copy of a kernel, asleep; see `Original`."""

    def __init__(self, copy: Asleep, request: Mapping[str, Any]) -> None:
        super().__init__(copy.listening, copy.listening.getsockname(), request["idle_s"])
        self.about, self.request, self._kernel = copy.order.about, request, copy.kernel
        self._watched, self._score = -1, ""

    def get_ready(self) -> None:
        """See `Original.get_ready`."""
        self.remember_files()
        # it is the first to go where the machine has no memory left
        self._score = _scored("1000")
        with contextlib.suppress(OSError, AttributeError):
            # while the kernel works on, nobody needs the copy, and it does not count as idle
            self._watched = os.pidfd_open(self._kernel)
            self._selector.register(self._watched, selectors.EVENT_READ, self._kernel_ended)

    def _kernel_ended(self) -> None:
        self._selector.unregister(self._watched)
        os.close(self._watched)
        self._watched = -1
        self.called_at = time.time()

    @property
    def is_busy(self) -> bool:
        """See `Original.is_busy`."""
        return bool(self.kernels) or self._watched >= 0

    def refusal(self, request: Mapping[str, Any]) -> str:
        """See `Original.refusal`."""
        if self.is_stale:
            self.close()
            return "stale"
        for what in ("cwd", "umask", "limits", "nice", "processors", "place"):
            if request[what] != self.request[what]:
                return f"another {what}"
        at = list(request["command"]).index("ipykernel_launcher")
        if request["command"][:at] != self.request["command"][:at]:
            return "another interpreter"
        changed = _changed(self.request["env"], request["env"])
        if changed:
            return f"another {changed[0]}"
        # from now on a kernel ends with it
        _scored(self._score)
        return ""

    def become(self, request: Mapping[str, Any], streams: list[int], conversation: socket.socket) -> None:
        """See `Original.become`."""
        raise Woken(request, streams, conversation)

    def forget(self) -> None:
        """See `Original.forget`."""
        super().forget()
        if self._watched >= 0:
            os.close(self._watched)

    def described(self) -> dict[str, Any]:
        """See `Original.described`."""
        return {**self.about, "stale": self.is_stale, "private_bytes": _private_bytes()}


def _scored(score: str) -> str:
    """Say how gladly this process may be ended for want of memory; what was said before."""
    path = Path("/proc/self/oom_score_adj")
    before = ""
    with contextlib.suppress(OSError):
        before = path.read_text("ascii")
        if score:
            path.write_text(score)
    return before


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The variables that a kernel would have otherwise, but for those that differ each time."""
    return sorted(
        name
        for name in before.keys() | now.keys()
        if before.get(name) != now.get(name) and name not in ANOTHER and not name.startswith(_OURS)
    )


def _private_bytes() -> int:
    """The memory that no other process shares with it."""
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
