"""What a session is made of beside its variables, as words that can be compared with those of another one.

What cannot be compared (threads, child processes, open files) must not be there at all.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .memory import DoubtError
from .modules import digest_of, modules, words

_OPAQUE: Final = frozenset(
    {"torch", "tensorflow", "jax", "pyspark", "ray", "distributed", "cupy", "rpy2", "numba"}
)
"""Packages that keep state in native code, which nobody sees from here."""
RECORDER: Final = "jupyter_mlx.recorder"
"""It is loaded where something was logged or tracked, in a run that is not the one to come."""
_SERVICES: Final = frozenset({"IPython.core.history", "zmq.utils.garbage"})
"""Where threads of the kernel's own are made, that begin anew where they are missed."""


@dataclass(frozen=True, slots=True)
class Base:
    """What is there before the first cell: the kernel's own."""

    threads: frozenset[int]
    children: frozenset[str]
    files: frozenset[str]
    tasks: int
    own: str = ""
    """The file of IPython's history, which it opens when it wants to."""

    @classmethod
    def now(cls, own: str = "") -> Base:
        """As it is."""
        threads = frozenset(id(thread) for thread in threading.enumerate())
        return cls(threads, frozenset(children()), frozenset(_open_files()), tasks(), own)


def check(base: Base) -> None:
    """Make sure that the session holds nothing that ends with its process.

    Raises:
        DoubtError: it does.
    """
    for name in (*_OPAQUE, RECORDER):
        if name in sys.modules:
            told = "something was logged or tracked" if name == RECORDER else f"{name} is loaded"
            raise DoubtError(f"{told}, whose state cannot be kept")
    for thread in strangers(base.threads):
        raise DoubtError(f"the thread {thread.name} runs")
    if set(children()) - base.children:
        raise DoubtError("a child process runs")
    for opened in sorted(set(_open_files()) - base.files):
        target = opened.partition(" ")[2]
        if not (base.own and target.startswith(base.own)):
            raise DoubtError(f"{target} is open")
    if tasks() > base.tasks:
        raise DoubtError("something runs beside the cells (asyncio)")


def look(shell: Any, root: str, exits: int = 0) -> dict[str, str]:
    """The session in words: what → its digest. Two that say the same are taken to be the same.

    `exits` is how many exit handlers were the kernel's own.
    """
    found = {f"the module {name}": digest_of(words(name, module, root)) for name, module in modules()}
    found |= {name: digest_of(said) for name, said in _process(exits)}
    found["IPython's settings"] = digest_of(_ipython(shell))
    return found


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The first thing that is not as it was, or empty; what is there in addition does no harm."""
    return next((what for what, digest in before.items() if now.get(what) != digest), "")


def chance() -> dict[str, Any]:
    """Where the generators of random numbers stand that everybody shares."""
    import random

    found: dict[str, Any] = {"random": random.getstate()}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        found["numpy"] = numpy.random.get_state(legacy=False)
    return found


def set_chance(state: dict[str, Any]) -> None:
    """Have them stand there again."""
    import random

    random.setstate(state["random"])
    if "numpy" in state:
        sys.modules["numpy"].random.set_state(state["numpy"])


def _process(exits: int) -> Iterator[tuple[str, list[str]]]:
    import atexit
    import decimal
    import gc
    import locale
    import logging
    import warnings

    mask = os.umask(0o077)
    os.umask(mask)
    yield "the umask", [str(mask)]
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    yield "the handlers of signals", [f"{int(n)} {_name(handler)}" for n, handler in sorted(handlers.items())]
    yield "the filters of warnings", [repr(each) for each in warnings.filters]
    yield "the settings of logging", list(_loggers(logging))
    yield "the locale", [locale.setlocale(locale.LC_ALL)]
    yield "decimal's context", [repr(decimal.getcontext())]
    yield (
        "hooks of the interpreter",
        [
            _name(sys.gettrace()),
            _name(sys.getprofile()),
            str(sys.getrecursionlimit()),
            str(gc.isenabled()),
            str(len(gc.callbacks)),
            _name(sys.stdin),
        ],
    )
    yield "what is done at exit", [str(atexit._ncallbacks() - exits)]
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        yield (
            "numpy's settings",
            [repr(numpy.geterr()), repr(sorted(numpy.get_printoptions().items(), key=str))],
        )


def _loggers(logging: Any) -> Iterator[str]:
    known = {"": logging.getLogger(), **logging.getLogger().manager.loggerDict}
    for name, logger in sorted(known.items()):
        if isinstance(logger, logging.Logger) and name.partition(".")[0] not in {
            "tornado",
            "asyncio",
            "traitlets",
        }:
            held = [type(handler).__qualname__ for handler in logger.handlers]
            yield f"{name} {logger.level} {logger.disabled} {logger.propagate} {held}"


def _ipython(shell: Any) -> Iterator[str]:
    yield from (
        f"{name}={value!r}"
        for name, value in sorted(shell.trait_values().items())
        if isinstance(value, (bool, int, str)) and name != "execution_count"
    )
    yield repr(sorted(shell.extension_manager.loaded))
    for kind in ("line", "cell"):
        yield repr(sorted(shell.magics_manager.magics[kind]))
    for event, callbacks in sorted(shell.events.callbacks.items()):
        yield f"{event} {[_name(callback) for callback in callbacks]}"
    for hooks in (shell.input_transformers_cleanup, shell.input_transformers_post, shell.ast_transformers):
        yield repr([_name(hook) for hook in hooks])
    for mime, formatter in sorted(shell.display_formatter.formatters.items()):
        kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in formatter.type_printers]
        yield f"{mime} {formatter.enabled} {sorted(kinds)} {sorted(map(str, formatter.deferred_printers))}"


def _name(thing: Any) -> str:
    """What something that is called is called."""
    if isinstance(thing, (int, str, type(None))):
        return str(thing)
    found = getattr(thing, "__func__", thing)
    return f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', type(found).__qualname__)}"


def strangers(known: frozenset[int]) -> Iterator[threading.Thread]:
    """The threads beyond those that were known by their ids, and those that the kernel starts at any time."""
    for thread in threading.enumerate():
        if id(thread) not in known and type(thread).__module__ not in _SERVICES:
            yield thread


def _open_files() -> Iterator[str]:
    """`number target` of what is open and belongs to somebody; nothing where the system does not say it."""
    folder = "/proc/self/fd"
    with suppress(OSError):
        for number in Path(folder).iterdir():
            with suppress(OSError):
                target = str(number.readlink())
                # fonts and such: a library that is imported anew opens its own files again
                ours = "/site-packages/" in target or target.startswith(
                    ("/dev/", "/proc/", "/usr/", "anon_inode:")
                )
                if not ours:
                    yield f"{number.name} {target}"


def children() -> Iterator[str]:
    """The numbers of the child processes; nothing where the system does not say it."""
    with suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            with suppress(OSError):
                yield from (task / "children").read_text("ascii").split()


def tasks() -> int:
    """Tasks of asyncio in this thread's loop."""
    import asyncio

    try:
        return len(asyncio.all_tasks(asyncio.get_running_loop()))
    except RuntimeError:
        return 0
