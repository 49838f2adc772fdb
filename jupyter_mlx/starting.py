"""How a process of our own begins: with our modules, and with none of the folder that it begins in."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# -c puts the current folder first on the path: a project's own random.py must not be imported
_BOOT: Final = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; sys.path.append(sys.argv.pop()); "
    "from importlib import import_module; import_module(sys.argv.pop()).main(*sys.argv[1:])"
)
_NEVER_USED: Final = (
    "rfc3987_syntax", "rfc3986_validator", "isoduration", "papermill.s3", "papermill.adl", "papermill.abs",
)  # fmt: skip
"""Grammars that jsonschema has compiled for each process, and papermill's clouds: half of the processor time of a
short command. Notebooks are local here, and have no addresses or durations that would be checked."""
_PAPERMILLS: Final = ("gcsfs", "pyarrow", "github")
"""Libraries that papermill imports, for clouds as well, and that a remote or a table of ours may need later."""
_PACKAGE_PARENT: Final = str(Path(__file__).resolve().parents[1])


def command(module: str, *arguments: str) -> list[str]:
    """The command of a Python process that calls `main(*arguments)` of one of our modules."""
    return [sys.executable, "-c", _BOOT, *arguments, module, _PACKAGE_PARENT]


def leave_out() -> None:
    """Have this process, which must be one of our own, not import optional parts of libraries that it never uses."""
    modules: dict[str, Any] = sys.modules
    for module in _NEVER_USED:
        modules.setdefault(module, None)  # the language's way to say that it is not there


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Have the imports of the block do without optional modules, where these are not imported yet."""
    modules: dict[str, Any] = sys.modules
    absent = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            modules.pop(name, None)


def for_papermill() -> AbstractContextManager[None]:
    """Import papermill without the libraries of its clouds, where `leave_out` said that this process is our own."""
    is_own = sys.modules.get(_NEVER_USED[-1], "not said") is None
    return without(*(_PAPERMILLS if is_own else ()))
