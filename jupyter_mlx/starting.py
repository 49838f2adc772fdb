"""How a process of our own begins: with our modules, and with none of the folder that it begins in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

# -c puts the current folder first on the path: a project's own random.py must not be imported
_BOOT: Final = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; sys.path.append(sys.argv.pop()); "
    "from importlib import import_module; import_module(sys.argv.pop()).main(*sys.argv[1:])"
)
_PACKAGE_PARENT: Final = str(Path(__file__).resolve().parents[1])


def command(module: str, *arguments: str) -> list[str]:
    """The command of a Python process that calls `main(*arguments)` of one of our modules."""
    return [sys.executable, "-c", _BOOT, *arguments, module, _PACKAGE_PARENT]
