"""What a module hears that asks, while it is imported ahead, which front end it is in.

In a kernel `get_ipython` is a builtin, and pandas reads there whether it is in
one: its `display.max_columns` is another in a terminal. A question that every
kernel answers alike is answered as the kernel would; any other is a fault.
"""

from __future__ import annotations

import builtins
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

ASKS: Final = "asks which front end it is in"
KEEPS: Final = "keeps the shell of its front end"


@contextmanager
def listening(faults: list[str]) -> Iterator[None]:
    """Note in `faults` what is asked of IPython, while the block runs, that only the notebook's kernel can tell."""
    restore = _listen_to_function(faults)
    answer, shell = _builtin(faults)
    vars(builtins)["get_ipython"] = answer
    del answer
    try:
        yield
    finally:
        vars(builtins).pop("get_ipython", None)
        restore()
        if shell() is not None:
            faults.append(KEEPS)


def _builtin(faults: list[str]) -> tuple[Callable[[], Any], weakref.ref[Any]]:
    """The builtin `get_ipython`, and the shell that it returns, which is gone unless somebody keeps it."""

    def asked(shell: object, name: str) -> object:
        if name == "kernel":
            return shell
        faults.append(ASKS)
        raise AttributeError(name)

    # of the name of the true one: its type can be asked unheard
    kind = type("ZMQInteractiveShell", (), {"__module__": "ipykernel.zmqshell", "__getattribute__": asked})
    shell = kind()
    return (lambda: shell), weakref.ref(shell)


def _listen_to_function(faults: list[str]) -> Callable[[], None]:
    """Have `IPython.get_ipython` note who asks; its code is exchanged, for modules keep the function itself."""
    from IPython.core import getipython

    own = getipython.get_ipython
    code = own.__code__

    def asked() -> None:
        __mlx_asked__()  # type: ignore[name-defined] # noqa: F821

    vars(getipython)["__mlx_asked__"] = lambda: faults.append(ASKS)
    own.__code__ = asked.__code__

    def restore() -> None:
        own.__code__ = code
        vars(getipython).pop("__mlx_asked__", None)

    return restore
