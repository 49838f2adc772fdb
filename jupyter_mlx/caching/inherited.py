"""What a copy (`fork`) of the process would share with it, or lack, without knowing: then there must be none.

A copy has the memory and one thread. It shares open files with the position in
them, sockets, devices and memory that is mapped to be shared; it lacks all other
threads, child processes, timers. What the process does at its end to the world
outside, the copy will not expect.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .memory import DoubtError
from .surroundings import RECORDER, children, strangers, tasks

NEVER: Final = frozenset(
    {"torch", "tensorflow", "jax", "jaxlib", "cupy", "cudf", "rmm", "pycuda", "tensorrt", "mxnet", "onnxruntime",
     "pyspark", "ray", "distributed", "grpc", "mpi4py", "rpy2", "vtk", "gi", "tkinter", "wx", "PyQt5", "PyQt6",
     "PySide2", "PySide6"}
)  # fmt: skip
"""Packages with a context, a service or a temporary folder that is one process's alone.

torch remembers that it was forked: after the first `backward()` the copy's would raise, without any thread.
"""
SHARE: Final = 0.5
"""Of the memory that is available: how large a process may be that is copied."""

_PACKAGE: Final = str(Path(__file__).parent.parent)
_HARMLESS: Final = frozenset({"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"})
"""Files without a position or a state."""
_EVENT: Final = "anon_inode:[eventfd]"
_LIBRARY: Final = re.compile(r"\.so(\.[\w.]+)?( \(deleted\))?$|^\[")
_SERVICE: Final = ("ZMQbg", "jemalloc_bg_thd")
"""Beginnings of the names of native threads that a copy starts anew: of ZeroMQ's contexts, of an allocator."""
_TIMERS: Final = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF) if os.name == "posix" else ()
_GONE_S: Final = 0.2
"""How long a thread that has ended may still be counted."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the kernel holds by itself, before the first cell; no copy keeps it."""

    threads: frozenset[int]
    children: frozenset[str]
    files: frozenset[tuple[str, str]]
    maps: frozenset[str]
    timers: int
    """Of asyncio's loop."""
    tasks: int
    finalizers: int
    events: int
    """Files of the kind by which ZeroMQ wakes a thread, beyond those that the kernel counts itself."""
    own: tuple[str, ...] = ()
    """How the paths begin of the kernel's own sockets and files, which come and go."""

    @classmethod
    def now(cls, events: int, *own: str) -> Held:
        """As it is."""
        return cls(
            frozenset(id(thread) for thread in threading.enumerate()), frozenset(children()), frozenset(_files()),
            frozenset(_maps()), _timers(), tasks(), _finalizers(), _events() - events, tuple(filter(None, own)),
        )  # fmt: skip


def check(held: Held, events: int, share: float = SHARE) -> None:
    """Make sure that a copy can go on as the process would; `events` as for `Held.now`.

    Raises:
        DoubtError: it could not.
    """
    for name in (RECORDER, *sorted(NEVER)):
        if name in sys.modules:
            told = "something was logged or tracked" if name == RECORDER else f"{name} is loaded"
            raise DoubtError(f"{told}, whose state is the process's own")
    for what in (
        _threads(held),
        _processes(held),
        _open(held, events),
        _mapped(held),
        _pending(held),
        _at_the_end(held),
    ):
        if what:
            raise DoubtError(what)
    size, available = _resident_bytes(), available_bytes()
    if size > share * available:
        raise DoubtError(
            f"a copy of {size >> 20} MiB might not fit into the {available >> 20} MiB that are free"
        )


def foreign_threads() -> int:
    """How many threads there are that neither Python nor a service of its own accounts for.

    To be asked after a fork: OpenBLAS ends its pool before one, and starts it
    again when it is needed; what is there then belongs to somebody else.
    """
    deadline = time.monotonic() + _GONE_S
    while (count := sum(1 for _ in _natives())) and time.monotonic() < deadline:
        time.sleep(0.002)
    return count


def tidies(source: str) -> bool:
    """Whether a text may ask for something to be done when the process ends, or is copied."""
    return "atexit" in source or "register_at_fork" in source


def tidying_modules(root: str) -> bool:
    """Whether one of the project's own modules may."""
    for module in list(sys.modules.values()):
        file = str(getattr(module, "__file__", None) or "")
        if file.startswith(root) and "site-packages" not in file and not file.startswith(_PACKAGE):
            with contextlib.suppress(OSError):
                if tidies(Path(file).read_text("utf-8", "replace")):
                    return True
    return False


def _threads(held: Held) -> str:
    for thread in strangers(held.threads):
        return f"the thread {thread.name} runs"
    more = sum(1 for _ in _natives()) - _of_openblas()
    return f"{more} threads of a library run" if more > 0 else ""


def _processes(held: Held) -> str:
    return "a child process runs" if set(children()) - held.children else ""


def _open(held: Held, events: int) -> str:
    if _events() > held.events + events:
        return "an eventfd is open"
    for number, target in sorted(set(_files()) - held.files):
        path = _socket_path(target) if target.startswith("socket:") else target
        if target not in _HARMLESS and target != _EVENT and not (held.own and path.startswith(held.own)):
            return f"{target} is open (as {number})"
    import resource

    if sum(1 for _ in _files()) > resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2:
        return "half of the files that may be open are"
    return ""


def _mapped(held: Held) -> str:
    return next((f"{found} is mapped into the memory" for found in _maps() if found not in held.maps), "")


def _pending(held: Held) -> str:
    if tasks() > held.tasks or _timers() > held.timers:
        return "something runs beside the cells (asyncio)"
    if any(signal.getitimer(timer) != (0.0, 0.0) for timer in _TIMERS):
        return "a timer runs"
    if (wakeup := signal.set_wakeup_fd(-1)) != -1:
        signal.set_wakeup_fd(wakeup)
        return "asyncio waits for signals"
    if signal.getsignal(signal.SIGCHLD) not in {signal.SIG_DFL, signal.SIG_IGN}:
        return "SIGCHLD has a handler"
    return ""


def _at_the_end(held: Held) -> str:
    return "an object is to be tidied up when the kernel ends" if _finalizers() > held.finalizers else ""


def _files() -> Iterator[tuple[str, str]]:
    for number in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(number.readlink())
            # the one that lists them
            if not target.endswith("/fd") or not target.startswith("/proc/"):
                yield number.name, target


def _events() -> int:
    return sum(1 for _, target in _files() if target == _EVENT)


def _socket_path(target: str) -> str:
    """Where a Unix socket is bound, empty where it is another kind of socket."""
    inode = target[len("socket:[") : -1]
    for line in Path("/proc/net/unix").read_text("utf-8", "replace").splitlines()[1:]:
        words = line.split(maxsplit=7)
        if words[6] == inode:
            return words[7] if len(words) > 7 else ""
    return ""


def _maps() -> Iterator[str]:
    """What is mapped that another process changes, or a file that is no library."""
    for line in Path("/proc/self/maps").read_text("utf-8", "replace").splitlines():
        words = line.split(maxsplit=5)
        path = words[5] if len(words) > 5 else ""
        shared = words[1].endswith("s")
        own = path.startswith(("/usr/", "/lib", "/opt/", sys.prefix, sys.base_prefix)) and words[1][1] == "-"
        if not own and (shared or (path and not _LIBRARY.search(path) and path not in _EXECUTABLE)):
            yield path or "shared memory"


_EXECUTABLE: Final = frozenset({os.path.realpath(sys.executable), sys.executable})


def _natives() -> Iterator[str]:
    """The names of the threads that are not Python's."""
    # a process that was forked does not correct the number of its main thread in every version of Python
    known = {os.getpid(), *(thread.native_id for thread in threading.enumerate())}
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) not in known:
            with contextlib.suppress(OSError):
                name = (task / "comm").read_text("utf-8", "replace").strip()
                if not name.startswith(_SERVICE):
                    yield name


def _of_openblas() -> int:
    """How many threads the copies of OpenBLAS that are loaded have at most."""
    found = 0
    paths = {line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text("utf-8").splitlines()}
    for path in paths:
        if "openblas" in path:
            with contextlib.suppress(OSError):
                library = ctypes.CDLL(path)
                for symbol in ("scipy_openblas_get_num_threads64_", "scipy_openblas_get_num_threads",
                               "openblas_get_num_threads64_", "openblas_get_num_threads"):  # fmt: skip
                    if hasattr(library, symbol):
                        found += getattr(library, symbol)() - 1
                        break
    return found


def _timers() -> int:
    """Calls that asyncio's loop has been asked for later."""
    import asyncio

    try:
        loop: Any = asyncio.get_running_loop()
    except RuntimeError:
        return 0
    return sum(1 for handle in getattr(loop, "_scheduled", ()) if not handle.cancelled())


def _finalizers() -> int:
    """Objects whose end removes something outside: temporary folders, and what the notebook itself asked for."""
    registry: dict[Any, Any] = getattr(weakref.finalize, "_registry", {})
    found = 0
    for info in list(registry.values()):
        function = getattr(info.func, "__func__", info.func)
        module = str(getattr(function, "__module__", ""))
        file = str(getattr(sys.modules.get(module), "__file__", None) or "")
        if info.atexit and (
            module in {"tempfile", "shutil", "os", "posix"} or not _is_installed(module, file)
        ):
            found += 1
    return found


def _is_installed(module: str, file: str) -> bool:
    return "site-packages" in file or module.partition(".")[0] in sys.stdlib_module_names


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def available_bytes() -> int:
    """The memory that is available: of the machine, or of the control group where that has less."""
    lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    found = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):
            group = Path("/sys/fs/cgroup")
            found = min(found, int((group / limit).read_text()) - int((group / used).read_text()))
    return max(found, 0)
