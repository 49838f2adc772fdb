"""Imports in the warm process: what may be imported before it is known which notebook comes.

A module is imported ahead only where its import could not be told from the one
that the notebook does later: an installed distribution, never a project's own
file; nothing that starts threads of its own, prints, warns, or asks where it
runs. What cannot be known beforehand is watched, and a module that misbehaved
is refused from then on.
"""

from __future__ import annotations

import importlib
import importlib.util
import locale
import logging
import os
import re
import sys
import sysconfig
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .front_end import listening

NEVER: Final = frozenset({
    "torch", "tensorflow", "jax", "jaxlib", "keras", "cupy", "cudf", "rmm", "pycuda", "tensorrt", "mxnet",
    "onnxruntime", "polars", "pyarrow", "duckdb", "grpc", "pyspark", "dask", "distributed", "ray", "psycopg",
    "psycopg2", "pymongo", "redis", "cv2", "vtk", "gi", "PyQt5", "PyQt6", "PySide2", "PySide6", "wx", "tkinter",
    "mpi4py",
})  # fmt: skip
"""Distributions with a context, a pool or a connection that no copy of a process may share."""

CANNOT: Final = "cannot be imported"

_PROCESSORS: Final = os.cpu_count() or 1
_POOLS: Final = (
    (re.compile(r"openblas|mkl_rt|blis"), _PROCESSORS - 1),
    # numexpr looks whether it was copied, and then starts its threads anew
    (re.compile(r"numexpr/interpreter"), _PROCESSORS),
    # the one of jemalloc, which knows how to be copied
    (re.compile(r"/libarrow\.so"), 1),
)
"""Libraries that start threads when they are loaded, and go on in a copy; how many threads at most."""


def libraries(names: Iterable[str]) -> tuple[str, ...]:
    """Of modules that a notebook imports, the installed packages that may be imported ahead, in order."""
    tops = {name.partition(":")[0].partition(".")[0] for name in names}
    return tuple(sorted(top for top in tops if _is_installed(top)))


def modules_of(names: Iterable[str]) -> tuple[str, ...]:
    """Of what a notebook imports, the modules of `libraries` with their sub-modules, in order; none is imported."""
    found: set[str] = set()
    for name in names:
        module, _, part = name.partition(":")
        if _is_installed(module.partition(".")[0]):
            whole = f"{module}.{part}" if part and _is_file(module, part) else module
            words = whole.split(".")
            found.update(".".join(words[:count]) for count in range(1, len(words) + 1))
    return tuple(sorted(found))


def _is_file(module: str, part: str) -> bool:
    """Whether `from module import part` imports a file; what Python itself would ask it would import `module` for."""
    top, _, rest = module.partition(".")
    homes = getattr(_found(top), "submodule_search_locations", None) or ()
    paths = (Path(home, *rest.split("."), part) if rest else Path(home, part) for home in homes)
    return any((path / "__init__.py").exists() or path.with_suffix(".py").exists() for path in paths)


def preload(names: list[str], refused: dict[str, str]) -> bool:
    """Import what may be; False where the process is spoilt by what one of them did.

    A name is `module`, or `module:name` for `from module import name`.
    `refused` says why of each that was not imported, and gains new ones.
    """
    for name in names:
        module, _, part = name.partition(":")
        if not _is_installed(module.partition(".")[0]):
            continue
        for wanted in [module, f"{module}.{part}"] if part else [module]:
            if wanted in refused or (wanted != module and not _found(wanted)):
                break
            fault = _observed(wanted)
            if fault:
                refused[wanted] = fault
                if fault != CANNOT:
                    return False
                break
    return True


def _is_installed(top: str) -> bool:
    """Whether a top module is a package's, which may be imported ahead."""
    if top in NEVER:
        return False
    if top == "jupyter_mlx" or top in sys.stdlib_module_names:
        # the standard library's own modules are quick, and some of them act: this, antigravity, idlelib
        return top == "jupyter_mlx"
    origin = getattr(_found(top), "origin", None) or ""
    homes = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return any(Path(origin).is_relative_to(home) for home in homes)


def _found(module: str) -> Any:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None


def _observed(module: str) -> str:
    """Import a module; return what it did that a copy would not show, empty where nothing."""
    if module in sys.modules:
        return ""
    faults: list[str] = []
    before, threads = _state(), _foreign_threads()
    with _watched(faults):
        try:
            importlib.import_module(module)
        except BaseException:  # whatever a module raises, the notebook will meet it itself
            return CANNOT
    after = _state()
    faults += [what for what, value in before.items() if after[what] != value]
    if _foreign_threads() > threads:
        faults.append("starts threads")
    return ", ".join(faults)


def _state() -> dict[str, Any]:
    """What an import must leave as it is, by what is said where it does not."""
    return {
        "starts Python threads": threading.active_count(),
        "changes the locale": locale.setlocale(locale.LC_ALL),
        "sets up logging": len(logging.getLogger().handlers),
        "changes the folder": Path.cwd(),
        "changes the umask": _umask(),
    }


def _foreign_threads() -> int:
    """How many threads there are that no library of `_POOLS` can account for."""
    mapped = {line[line.find("/") :] for line in Path("/proc/self/maps").read_text("utf-8").splitlines()}
    known = sum(count for pattern, count in _POOLS for file in mapped if pattern.search(file))
    return max(0, sum(1 for _ in Path("/proc/self/task").iterdir()) - 1 - known)


def _umask() -> int:
    mask = os.umask(0o77)
    os.umask(mask)
    return mask


@contextmanager
def _watched(faults: list[str]) -> Iterator[None]:
    """Note what is printed, warned, and asked of IPython while the block runs."""
    shown, streams = warnings.showwarning, (sys.stdout, sys.stderr)
    warnings.showwarning = lambda *_, **__: faults.append("warns")
    sys.stdout = sys.stderr = _Ear(faults)
    try:
        with listening(faults):
            yield
    finally:
        warnings.showwarning = shown
        sys.stdout, sys.stderr = streams


class _Ear:
    """A stream that only notes that it was written to."""

    encoding = "utf-8"

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults

    def write(self, text: str) -> int:
        if text.strip():
            self.faults.append("prints")
        return len(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return 1
