"""Where a run happened: Python, packages, machine; environment variables by an allow-list."""

from __future__ import annotations

import os
import platform
import re
import sys
from functools import cache
from typing import Any

ALLOWED = ("CUDA_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "JAX_", "TF_", "XLA_", "MLX_", "PYTHONHASHSEED")
"""Beginnings of the environment variables whose values are kept: they change results and hold no secrets."""

_SEPARATORS = re.compile(r"[-_.]+")
"""Names are compared as PEP 503 normalises them."""


def capture() -> dict[str, Any]:
    """The environment of this process, without what differs from run to run: equal ones are one object."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "os": platform.platform(),
        "machine": platform.machine(),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "packages": packages(),
        "variables": {key: value for key, value in sorted(os.environ.items()) if key.startswith(ALLOWED)},
    }


def packages() -> dict[str, str]:
    """Every installed distribution with its version, by name."""
    return dict(_packages(_installed_state()))


def _installed_state() -> tuple[tuple[str, int], ...]:
    """What changes when a package is installed or removed: the folders of sys.path and their times."""
    found = []
    for folder in sys.path:
        try:
            found.append((folder, os.stat(folder or ".").st_mtime_ns))  # noqa: PTH116 (much faster than Path)
        except OSError:
            continue
    return tuple(found)


@cache
def _packages(state: tuple[tuple[str, int], ...]) -> tuple[tuple[str, str], ...]:
    from importlib.metadata import distributions

    del state
    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            # the first on the path is the one that is imported
            found.setdefault(_SEPARATORS.sub("-", name).lower(), distribution.version)
    return tuple(sorted(found.items()))


@cache
def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
